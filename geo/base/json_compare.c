/* Walks two JSON trees side by side. */
#include "geo/base/json_compare.h"

#include <stdio.h>

enum { PATH_ROOM = 512 };

struct walk {
    char path[PATH_ROOM];
    ww_json_difference_cb each;
    void *arg;
    uint32_t compared;
};

static struct ww_str text_of(const struct ww_json_node *node) {
    if (!node)
        return WW_STR("");
    switch (node->type) {
    case WW_JSON_TRUE:
        return WW_STR("true");
    case WW_JSON_FALSE:
        return WW_STR("false");
    case WW_JSON_NULL:
        return WW_STR("null");
    default:
        return node->text;
    }
}

static bool is_leaf(const struct ww_json_node *node) {
    return !node || (node->type != WW_JSON_OBJECT && node->type != WW_JSON_ARRAY);
}

static bool leaves_equal(const struct ww_json_node *a, const struct ww_json_node *b) {
    double x, y;
    if (!a || !b || a->type != b->type)
        return false;
    if (ww_json_as_double(a, &x) && ww_json_as_double(b, &y))
        return x == y;
    return ww_str_eq(text_of(a), text_of(b));
}

static void compare(struct walk *w, const struct ww_json_node *a, const struct ww_json_node *b);

/* Runs `compare` one step further down the path. */
static void compare_at(struct walk *w, const char *step, const struct ww_json_node *a,
                       const struct ww_json_node *b) {
    size_t len = strlen(w->path);
    snprintf(w->path + len, sizeof w->path - len, "%s%s", len > 0 && step[0] != '[' ? "." : "", step);
    compare(w, a, b);
    w->path[len] = '\0';
}

static const struct ww_json_node *member(const struct ww_json_node *object, struct ww_str key) {
    for (const struct ww_json_node *m = object->child; m; m = m->next)
        if (ww_str_eq(m->key, key))
            return m;
    return NULL;
}

static void compare_member(struct walk *w, struct ww_str key, const struct ww_json_node *a,
                           const struct ww_json_node *b) {
    char step[128];
    snprintf(step, sizeof step, "%.*s", key.len < 120 ? (int)key.len : 120, key.ptr);
    compare_at(w, step, a, b);
}

static void compare_objects(struct walk *w, const struct ww_json_node *a, const struct ww_json_node *b) {
    for (const struct ww_json_node *m = a->child; m; m = m->next)
        compare_member(w, m->key, m, member(b, m->key));
    for (const struct ww_json_node *m = b->child; m; m = m->next)
        if (!member(a, m->key))
            compare_member(w, m->key, NULL, m);
}

static void compare_arrays(struct walk *w, const struct ww_json_node *a, const struct ww_json_node *b) {
    const struct ww_json_node *x = a->child, *y = b->child;
    for (unsigned i = 0; x || y; i++) {
        char step[16];
        snprintf(step, sizeof step, "[%u]", i);
        compare_at(w, step, x, y);
        x = x ? x->next : NULL;
        y = y ? y->next : NULL;
    }
}

static void compare(struct walk *w, const struct ww_json_node *a, const struct ww_json_node *b) {
    if (!is_leaf(a) && !is_leaf(b) && a->type == b->type) {
        if (a->type == WW_JSON_OBJECT)
            compare_objects(w, a, b);
        else
            compare_arrays(w, a, b);
        return;
    }
    w->compared++;
    if (!leaves_equal(a, b))
        w->each(w->arg, w->path, text_of(a), text_of(b));
}

uint32_t ww_json_compare(const struct ww_json_node *a, const struct ww_json_node *b,
                         ww_json_difference_cb each, void *arg) {
    struct walk w = {.each = each, .arg = arg};
    compare(&w, a, b);
    return w.compared;
}
