/* Fills the cells of a record straight from JSON events, without a tree.
 *
 * Senders write their members in one order for ever, so each member is first compared with
 * the wanted one that follows the last find; only when that fails are all of them searched.
 */
#include "ingest/decode/decode_internal.h"

#include <math.h>

static enum ww_status read_members(struct decoder *d, struct ww_json_reader *r,
                                   const struct field_node *parent, struct ww_error *err);
static enum ww_status read_items(struct decoder *d, struct ww_json_reader *r, const struct field_node *parent,
                                 struct ww_error *err);

const struct field_node *ww_json_wanted(const struct field_node *parent, struct ww_str key) {
    for (const struct field_node *n = parent->child; n; n = n->next)
        if (ww_str_eq(n->key, key))
            return n;
    return NULL;
}

static enum ww_status read_children(struct decoder *d, struct ww_json_reader *r, enum ww_json_type type,
                                    const struct field_node *node, struct ww_error *err) {
    return type == WW_JSON_OBJECT ? read_members(d, r, node, err) : read_items(d, r, node, err);
}

enum ww_status ww_json_take(struct decoder *d, struct ww_json_reader *r, const struct ww_json_event *ev,
                            const struct field_node *node, struct ww_error *err) {
    static const uint8_t types[] = {
        [WW_JSON_OBJECT] = CELL_CONTAINER, [WW_JSON_ARRAY] = CELL_CONTAINER, [WW_JSON_STRING] = CELL_TEXT,
        [WW_JSON_NUMBER] = CELL_NUMBER,    [WW_JSON_TRUE] = CELL_BOOL,       [WW_JSON_FALSE] = CELL_BOOL,
        [WW_JSON_NULL] = CELL_NULL};
    struct cell cell = {
        .text = ev->text, .at = r->input.ptr + ev->offset, .type = types[ev->type], .escaped = ev->escaped};
    if (cell.type == CELL_CONTAINER) {
        if (node->field < 0)
            return read_children(d, r, ev->type, node, err);
        struct ww_json_reader inside = *r; /* to read it again for the children */
        enum ww_status st = ww_json_skip(r, ev, &cell.text, err);
        if (st == WW_OK && node->child)
            st = read_children(d, &inside, ev->type, node, err);
        if (st != WW_OK)
            return st;
    }
    if (node->field >= 0)
        ww_record_set(d, (uint32_t)node->field, cell);
    return WW_OK;
}

static const struct field_node *find_member(const struct field_node *parent, const struct field_node *guess,
                                            struct ww_str key) {
    if (guess && ww_str_eq(guess->key, key))
        return guess;
    return ww_json_wanted(parent, key);
}

static enum ww_status read_members(struct decoder *d, struct ww_json_reader *r,
                                   const struct field_node *parent, struct ww_error *err) {
    const struct field_node *guess = parent->child;
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(r, &ev, err);
        if (st != WW_OK || ev.type == WW_JSON_END_OBJECT)
            return st;
        struct ww_str key = ev.text;
        if (ev.escaped && (st = ww_json_unescape(d->arena, &ev, &key, err)) != WW_OK)
            return st;
        const struct field_node *node = find_member(parent, guess, key);
        if (node) {
            guess = node->next ? node->next : parent->child;
            st = ww_json_next(r, &ev, err);
            if (st == WW_OK)
                st = ww_json_take(d, r, &ev, node, err);
        } else {
            st = ww_json_skip(r, &ev, NULL, err);
        }
        if (st != WW_OK)
            return st;
    }
}

static const struct field_node *find_item(const struct field_node *parent, uint64_t index) {
    for (const struct field_node *n = parent->child; n; n = n->next)
        if (n->is_index && n->index == index)
            return n;
    return NULL;
}

static enum ww_status read_items(struct decoder *d, struct ww_json_reader *r, const struct field_node *parent,
                                 struct ww_error *err) {
    for (uint64_t index = 0;; index++) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(r, &ev, err);
        if (st != WW_OK || ev.type == WW_JSON_END_ARRAY)
            return st;
        const struct field_node *node = find_item(parent, index);
        st = node ? ww_json_take(d, r, &ev, node, err) : ww_json_skip(r, &ev, NULL, err);
        if (st != WW_OK)
            return st;
    }
}

enum ww_status ww_json_fields(struct decoder *d, struct ww_json_reader *r, struct ww_error *err) {
    return read_members(d, r, &d->config->root, err);
}

enum ww_status ww_json_fields_at(struct decoder *d, struct ww_json_reader *r, const struct field_node *node,
                                 struct ww_error *err) {
    return read_members(d, r, node, err);
}

/* jsonb has no character U+0000. */
static enum ww_status read_clean_text(struct ww_arena *arena, const struct ww_json_event *ev,
                                      struct ww_str *out) {
    enum ww_status st = ww_json_unescape(arena, ev, out, NULL);
    if (st != WW_OK || out->len == 0 || !memchr(out->ptr, '\0', out->len))
        return st;
    char *copy = ww_arena_alloc(arena, out->len);
    if (!copy)
        return WW_NO_MEMORY;
    for (size_t i = 0; i < out->len; i++)
        copy[i] = out->ptr[i] ? out->ptr[i] : '?';
    out->ptr = copy;
    return WW_OK;
}

/* jsonb's numbers end near 1e131072 and have at most 16383 decimals: what is beyond a double
 * or absurdly long is kept as text. */
static void write_clean_number(struct ww_str digits, struct ww_json *w) {
    double v;
    bool fits = digits.len <= 300 && ww_str_to_double(digits, &v);
    if (fits && fabs(v) < 1e-300)
        fits = !memchr(digits.ptr, 'e', digits.len) && !memchr(digits.ptr, 'E', digits.len);
    if (fits)
        ww_json_raw(w, digits);
    else
        ww_json_str(w, digits);
}

static enum ww_status write_clean_event(struct ww_arena *arena, const struct ww_json_event *ev,
                                        struct ww_json *w) {
    struct ww_str text = ev->text;
    enum ww_status st = WW_OK;
    if (ev->type == WW_JSON_KEY || ev->type == WW_JSON_STRING)
        st = read_clean_text(arena, ev, &text);
    if (st != WW_OK)
        return st;
    switch (ev->type) {
    case WW_JSON_OBJECT:
        ww_json_object(w);
        break;
    case WW_JSON_END_OBJECT:
        ww_json_end_object(w);
        break;
    case WW_JSON_ARRAY:
        ww_json_array(w);
        break;
    case WW_JSON_END_ARRAY:
        ww_json_end_array(w);
        break;
    case WW_JSON_KEY:
        ww_json_key_str(w, text);
        break;
    case WW_JSON_STRING:
        ww_json_str(w, text);
        break;
    case WW_JSON_NUMBER:
        write_clean_number(text, w);
        break;
    default:
        ww_json_raw(w, text);
        break;
    }
    return WW_OK;
}

enum ww_status ww_json_clean(struct ww_arena *arena, struct ww_str json, struct ww_json *w) {
    struct ww_json_reader r;
    ww_json_reader_init(&r, json);
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&r, &ev, NULL);
        if (st != WW_OK || ev.type == WW_JSON_END)
            return st;
        st = write_clean_event(arena, &ev, w);
        if (st != WW_OK)
            return st;
    }
}
