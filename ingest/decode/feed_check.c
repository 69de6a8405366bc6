/* Faults of a feed's configuration, and typed reads of its members. */
#include "ingest/decode/feed_check.h"

#include <stdio.h>

enum { MAX_PATH_TEXT = 96 };

enum ww_status ww_feed_bad(struct ww_error *err, const char *path, const struct ww_json_node *node,
                           const char *message) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s %s", path, message);
    ww_error_at_field(err, ww_str_of(path), node ? node->text : WW_STR_NONE);
    if (err && node)
        err->offset = node->offset;
    return WW_BAD_INPUT;
}

enum ww_status ww_feed_no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for a feed configuration");
}

uint32_t ww_feed_count(const struct ww_json_node *node) {
    uint32_t n = 0;
    for (const struct ww_json_node *c = node->child; c; c = c->next)
        n++;
    return n;
}

static void join_path(char out[MAX_PATH_TEXT], const char *path, struct ww_str name) {
    (void)snprintf(out, MAX_PATH_TEXT, "%s%s%.*s", path, *path ? "." : "",
                   (int)(name.len > 40 ? 40 : name.len), name.ptr ? name.ptr : "");
}

static bool is_listed(struct ww_str name, const char *list) {
    while (*list) {
        size_t len = strcspn(list, " ");
        if (ww_str_eq(name, (struct ww_str){list, len}))
            return true;
        list += len + (list[len] == ' ');
    }
    return false;
}

enum ww_status ww_feed_members(struct ww_error *err, const struct ww_json_node *object, const char *path,
                               const char *allowed) {
    if (object->type != WW_JSON_OBJECT)
        return ww_feed_bad(err, path, object, "must be an object");
    for (const struct ww_json_node *m = object->child; m; m = m->next) {
        if (is_listed(m->key, allowed))
            continue;
        char name[MAX_PATH_TEXT];
        join_path(name, path, m->key);
        return ww_feed_bad(err, name, m, "is not known here");
    }
    return WW_OK;
}

void ww_section_members(struct feed_section *s, const char *allowed) {
    if (s->status == WW_OK)
        s->status = ww_feed_members(s->err, s->node, s->path, allowed);
}

static const struct ww_json_node *member(struct feed_section *s, const char *name) {
    return s->status == WW_OK ? ww_json_get(s->node, name) : NULL;
}

/* What an error must not repeat: passwords, headers, addresses that hold a password. */
static bool is_secret(const char *path) {
    const char *last = strrchr(path, '.');
    return strncmp(path, "pull.headers", strlen("pull.headers")) == 0 ||
           (last && (strcmp(last, ".password") == 0 || strcmp(last, ".url") == 0));
}

void ww_section_bad(struct feed_section *s, const char *name, const char *message) {
    if (s->status != WW_OK)
        return;
    char path[MAX_PATH_TEXT];
    join_path(path, s->path, ww_str_of(name));
    s->status = ww_feed_bad(s->err, path, ww_json_get(s->node, name), message);
    if (s->err && is_secret(path))
        s->err->value[0] = '\0';
}

int ww_section_int(struct feed_section *s, const char *name, int least, int most, int usual) {
    const struct ww_json_node *node = member(s, name);
    int64_t v = usual;
    char message[80];
    if (!node) {
        if (usual == NO_DEFAULT)
            ww_section_bad(s, name, "is missing");
        return usual;
    }
    (void)snprintf(message, sizeof message, "must be a whole number from %d to %d", least, most);
    if (!ww_json_as_i64(node, &v) || v < least || v > most) {
        ww_section_bad(s, name, message);
        return usual;
    }
    return (int)v;
}

double ww_section_number(struct feed_section *s, const char *name, double most) {
    const struct ww_json_node *node = member(s, name);
    double v = 0;
    char message[80];
    if (!node)
        return 0;
    (void)snprintf(message, sizeof message, "must be a number from 0 to %.0f", most);
    if (!ww_json_as_double(node, &v) || !(v >= 0 && v <= most)) {
        ww_section_bad(s, name, message);
        return 0;
    }
    return v;
}

bool ww_section_bool(struct feed_section *s, const char *name, bool usual) {
    const struct ww_json_node *node = member(s, name);
    bool v = usual;
    if (node && !ww_json_as_bool(node, &v))
        ww_section_bad(s, name, "must be true or false");
    return v;
}

static bool is_plain_text(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return false;
    return ww_str_is_utf8(text);
}

struct ww_str ww_section_text(struct feed_section *s, const char *name, size_t most, const char *usual) {
    const struct ww_json_node *node = member(s, name);
    struct ww_str text;
    char message[80];
    if (!node) {
        if (!usual)
            ww_section_bad(s, name, "is missing");
        return usual ? ww_str_of(usual) : WW_STR("");
    }
    (void)snprintf(message, sizeof message, "must be a text of 1 to %zu bytes without control characters",
                   most);
    if (!ww_json_as_str(node, &text) || text.len == 0 || text.len > most || !is_plain_text(text)) {
        ww_section_bad(s, name, message);
        return WW_STR("");
    }
    text = ww_arena_copy(s->arena, text);
    if (!text.ptr)
        s->status = ww_feed_no_memory(s->err);
    return text.ptr ? text : WW_STR("");
}

int ww_section_choice(struct feed_section *s, const char *name, const char *const *names) {
    const struct ww_json_node *node = member(s, name);
    if (!node)
        return 0;
    for (int i = 0; names[i]; i++)
        if (node->type == WW_JSON_STRING && ww_str_is(node->text, names[i]))
            return i;
    char message[160] = "must be ";
    for (int i = 0; names[i]; i++) {
        size_t n = strlen(message);
        (void)snprintf(message + n, sizeof message - n, "%s%s",
                       i == 0         ? ""
                       : names[i + 1] ? ", "
                                      : " or ",
                       names[i]);
    }
    ww_section_bad(s, name, message);
    return 0;
}
