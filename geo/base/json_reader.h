/* Reads JSON (RFC 8259) by pulling one event after another from a buffer.
 *
 * Strict: UTF-8, no comments, no trailing comma, no duplicate-key check, numbers as the
 * grammar says, depth at most WW_JSON_MAX_DEPTH. Nothing is allocated; strings are views
 * into the input, still escaped when `escaped` is set (ww_json_unescape decodes them).
 *
 *   struct ww_json_reader r;
 *   ww_json_reader_init(&r, body);
 *   struct ww_json_event ev;
 *   while ((st = ww_json_next(&r, &ev, &err)) == WW_OK && ev.type != WW_JSON_END) …
 *
 * An error names line, column (both from 1, columns in bytes) and offset.
 */
#ifndef WW_BASE_JSON_READER_H
#define WW_BASE_JSON_READER_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

#define WW_JSON_MAX_DEPTH 64

enum ww_json_type {
    WW_JSON_END, /* the one value is complete and only white space followed */
    WW_JSON_OBJECT,
    WW_JSON_END_OBJECT,
    WW_JSON_ARRAY,
    WW_JSON_END_ARRAY,
    WW_JSON_KEY,
    WW_JSON_STRING,
    WW_JSON_NUMBER,
    WW_JSON_TRUE,
    WW_JSON_FALSE,
    WW_JSON_NULL
};

struct ww_json_event {
    enum ww_json_type type;
    struct ww_str text; /* KEY, STRING: between the quotes; NUMBER: its digits; else the token */
    bool escaped;       /* KEY, STRING: holds a backslash */
    size_t offset;      /* of the token's first byte */
};

struct ww_json_reader {
    struct ww_str input;
    size_t pos;
    uint64_t is_object; /* one bit a depth */
    unsigned depth;
    int state;
};

void ww_json_reader_init(struct ww_json_reader *r, struct ww_str input);
enum ww_status ww_json_next(struct ww_json_reader *r, struct ww_json_event *ev,
                            struct ww_error *err) WW_MUST_CHECK;
/* After an OBJECT, ARRAY or KEY event: passes over that container (or the key's value).
 * `span` (may be NULL) receives the value's bytes. After a scalar it does nothing. */
enum ww_status ww_json_skip(struct ww_json_reader *r, const struct ww_json_event *ev, struct ww_str *span,
                            struct ww_error *err) WW_MUST_CHECK;
/* Decodes escapes into the arena; lone surrogates become U+FFFD. */
enum ww_status ww_json_unescape(struct ww_arena *arena, const struct ww_json_event *ev, struct ww_str *out,
                                struct ww_error *err) WW_MUST_CHECK;
/* Line and column of a byte offset, for error messages. */
void ww_text_place(struct ww_str input, size_t offset, uint64_t *line, uint64_t *column);

/* ---- A small tree, for configuration and request bodies (not for bulk data) ---- */

struct ww_json_node {
    enum ww_json_type type; /* OBJECT ARRAY STRING NUMBER TRUE FALSE NULL */
    struct ww_str key;      /* inside an object, unescaped */
    struct ww_str text;     /* STRING unescaped; NUMBER its digits; containers: their bytes */
    size_t offset;
    struct ww_json_node *child; /* first child */
    struct ww_json_node *next;  /* next sibling */
};

/* Parses one whole text; nodes live in the arena. Refuses duplicate keys. */
enum ww_status ww_json_parse(struct ww_arena *arena, struct ww_str text, struct ww_json_node **root,
                             struct ww_error *err) WW_MUST_CHECK;
/* NULL when `object` is NULL, no object, or has no such key. */
const struct ww_json_node *ww_json_get(const struct ww_json_node *object, const char *key);
/* Typed reads; false when node is NULL or of another type. */
bool ww_json_as_str(const struct ww_json_node *node, struct ww_str *out);
bool ww_json_as_double(const struct ww_json_node *node, double *out);
bool ww_json_as_i64(const struct ww_json_node *node, int64_t *out);
bool ww_json_as_bool(const struct ww_json_node *node, bool *out);

#endif
