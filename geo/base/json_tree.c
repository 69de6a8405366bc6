/* Builds the small JSON tree of configuration and request bodies from the pull reader's events.
 *
 * Nodes live in the caller's arena. Two equal keys in one object are refused: in a
 * configuration they are always a mistake, and different readers would take different ones.
 */
#include <stdlib.h>

#include "geo/base/json_reader.h"

/* An object's keys are compared each with each up to this many, sorted beyond. */
#define COMPARED_PAIRWISE 12

struct level {
    struct ww_json_node *container;
    struct ww_json_node *last;
    size_t n_children;
};

struct builder {
    struct ww_arena *arena;
    struct ww_json_reader reader;
    struct ww_str pending_key;
    struct ww_json_node *root;
    unsigned depth;
    struct level levels[WW_JSON_MAX_DEPTH];
};

static enum ww_status fail_at(const struct builder *b, size_t offset, const char *message, struct ww_str key,
                              struct ww_error *err) {
    if (err) {
        (void)ww_error_set(err, WW_BAD_INPUT, "%s", message);
        ww_error_at_field(err, key, WW_STR_NONE);
        ww_text_place(b->reader.input, offset, &err->line, &err->column);
        err->offset = offset;
    }
    return WW_BAD_INPUT;
}

static int compare_keys(const void *a, const void *b) {
    const struct ww_json_node *x = *(struct ww_json_node *const *)a, *y = *(struct ww_json_node *const *)b;
    if (x->key.len != y->key.len)
        return x->key.len < y->key.len ? -1 : 1;
    int order = x->key.len == 0 ? 0 : memcmp(x->key.ptr, y->key.ptr, x->key.len);
    if (order != 0)
        return order;
    return x->offset < y->offset ? -1 : 1;
}

/* The second of two children with one key, or NULL. WW_NO_MEMORY through `st`. */
static const struct ww_json_node *find_duplicate(struct builder *b, const struct level *level,
                                                 enum ww_status *st) {
    *st = WW_OK;
    if (level->n_children <= COMPARED_PAIRWISE) {
        for (const struct ww_json_node *x = level->container->child; x; x = x->next)
            for (const struct ww_json_node *y = x->next; y; y = y->next)
                if (ww_str_eq(x->key, y->key))
                    return y;
        return NULL;
    }
    const struct ww_json_node **sorted = ww_arena_calloc(b->arena, level->n_children, sizeof *sorted);
    if (!sorted) {
        *st = WW_NO_MEMORY;
        return NULL;
    }
    size_t n = 0;
    for (const struct ww_json_node *x = level->container->child; x; x = x->next)
        sorted[n++] = x;
    qsort(sorted, n, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (ww_str_eq(sorted[i - 1]->key, sorted[i]->key))
            return sorted[i];
    return NULL;
}

static enum ww_status close_level(struct builder *b, struct ww_error *err) {
    struct level *level = &b->levels[--b->depth];
    struct ww_json_node *container = level->container;
    container->text.ptr = b->reader.input.ptr + container->offset;
    container->text.len = b->reader.pos - container->offset;
    if (container->type != WW_JSON_OBJECT)
        return WW_OK;
    enum ww_status st;
    const struct ww_json_node *twice = find_duplicate(b, level, &st);
    if (st != WW_OK)
        return ww_error_set(err, st, "no memory to compare %zu JSON keys", level->n_children);
    if (twice)
        return fail_at(b, twice->offset, "an object has the same key twice", twice->key, err);
    return WW_OK;
}

static enum ww_status add_node(struct builder *b, const struct ww_json_event *ev, struct ww_error *err) {
    struct ww_json_node *node = ww_arena_calloc(b->arena, 1, sizeof *node);
    if (!node)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a JSON text of %zu bytes", b->reader.input.len);
    node->type = ev->type;
    node->key = b->pending_key;
    node->offset = ev->offset;
    node->text = ev->text;
    b->pending_key = WW_STR_NONE;
    if (b->depth == 0) {
        b->root = node;
    } else {
        struct level *level = &b->levels[b->depth - 1];
        if (level->last)
            level->last->next = node;
        else
            level->container->child = node;
        level->last = node;
        level->n_children++;
    }
    if (ev->type == WW_JSON_OBJECT || ev->type == WW_JSON_ARRAY)
        b->levels[b->depth++] = (struct level){.container = node};
    if (ev->type == WW_JSON_STRING)
        return ww_json_unescape(b->arena, ev, &node->text, err);
    return WW_OK;
}

enum ww_status ww_json_parse(struct ww_arena *arena, struct ww_str text, struct ww_json_node **root,
                             struct ww_error *err) {
    struct builder b = {.arena = arena};
    ww_json_reader_init(&b.reader, text);
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&b.reader, &ev, err);
        if (st != WW_OK)
            return st;
        switch (ev.type) {
        case WW_JSON_END:
            *root = b.root;
            return WW_OK;
        case WW_JSON_KEY:
            st = ww_json_unescape(arena, &ev, &b.pending_key, err);
            break;
        case WW_JSON_END_OBJECT:
        case WW_JSON_END_ARRAY:
            st = close_level(&b, err);
            break;
        default:
            st = add_node(&b, &ev, err);
            break;
        }
        if (st != WW_OK)
            return st;
    }
}

const struct ww_json_node *ww_json_get(const struct ww_json_node *object, const char *key) {
    if (!object || object->type != WW_JSON_OBJECT)
        return NULL;
    struct ww_str wanted = ww_str_of(key);
    for (const struct ww_json_node *child = object->child; child; child = child->next)
        if (ww_str_eq(child->key, wanted))
            return child;
    return NULL;
}

bool ww_json_as_str(const struct ww_json_node *node, struct ww_str *out) {
    if (!node || node->type != WW_JSON_STRING)
        return false;
    *out = node->text;
    return true;
}

bool ww_json_as_double(const struct ww_json_node *node, double *out) {
    return node && node->type == WW_JSON_NUMBER && ww_str_to_double(node->text, out);
}

bool ww_json_as_i64(const struct ww_json_node *node, int64_t *out) {
    return node && node->type == WW_JSON_NUMBER && ww_str_to_i64(node->text, out);
}

bool ww_json_as_bool(const struct ww_json_node *node, bool *out) {
    if (!node || (node->type != WW_JSON_TRUE && node->type != WW_JSON_FALSE))
        return false;
    *out = node->type == WW_JSON_TRUE;
    return true;
}
