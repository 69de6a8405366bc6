/* ww_link: ww_base
 * Any bytes as JSON: the pull reader, its skipping and the tree must agree, and what they take
 * must come out of the writer as JSON that reads the same again. */
#include <assert.h>
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    uint64_t hash; /* of every event's type and text, escapes decoded */
    size_t n;
};

static void count(struct tally *t, int type, struct ww_str text) {
    t->hash = (t->hash * 31 + (uint64_t)type) * 31 + ww_str_hash(text);
    t->n++;
}

static void write_event(struct ww_json *w, const struct ww_json_event *ev, struct ww_str text) {
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
    default:
        ww_json_raw(w, text);
        break;
    }
}

static enum ww_status pull(struct ww_arena *arena, struct ww_str input, struct tally *t, struct ww_json *w) {
    struct ww_json_reader r;
    struct ww_error err;
    ww_json_reader_init(&r, input);
    for (;;) {
        struct ww_json_event ev;
        enum ww_status st = ww_json_next(&r, &ev, &err);
        if (st != WW_OK) {
            assert(err.line > 0 && err.column > 0 && err.offset <= input.len);
            return st;
        }
        assert(r.pos <= input.len);
        if (ev.type == WW_JSON_END)
            return WW_OK;
        struct ww_str text;
        if (ww_json_unescape(arena, &ev, &text, &err) != WW_OK)
            abort();
        count(t, (int)ev.type, text);
        if (w)
            write_event(w, &ev, text);
    }
}

static void count_tree(const struct ww_json_node *node, bool has_key, struct tally *t) {
    if (has_key)
        count(t, WW_JSON_KEY, node->key);
    bool object = node->type == WW_JSON_OBJECT, array = node->type == WW_JSON_ARRAY;
    count(t, (int)node->type, object ? WW_STR("{") : array ? WW_STR("[") : node->text);
    for (const struct ww_json_node *c = node->child; c; c = c->next)
        count_tree(c, object, t);
    if (object || array)
        count(t, object ? WW_JSON_END_OBJECT : WW_JSON_END_ARRAY, object ? WW_STR("}") : WW_STR("]"));
}

static enum ww_status skip(struct ww_str input) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    struct ww_str span;
    ww_json_reader_init(&r, input);
    enum ww_status st = ww_json_next(&r, &ev, NULL);
    if (st == WW_OK)
        st = ww_json_skip(&r, &ev, &span, NULL);
    if (st == WW_OK) {
        assert(span.ptr >= input.ptr && span.ptr + span.len <= input.ptr + input.len);
        st = ww_json_next(&r, &ev, NULL);
        assert(st != WW_OK || ev.type == WW_JSON_END);
    }
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_str input = {(const char *)data, size};
    struct ww_arena *arena = ww_arena_new(16 << 20);
    struct ww_buf out;
    struct ww_json w;
    struct tally pulled = {0}, built = {0}, again = {0};
    struct ww_json_node *root = NULL;
    ww_buf_init(&out, 16 << 20);
    ww_json_init(&w, &out);
    enum ww_status st = pull(arena, input, &pulled, &w);
    assert(skip(input) == st);
    enum ww_status tree = ww_json_parse(arena, input, &root, NULL);
    assert(st == WW_OK || tree == st);
    if (tree == WW_OK) {
        count_tree(root, false, &built);
        assert(built.n == pulled.n && built.hash == pulled.hash);
    }
    if (st == WW_OK) {
        assert(ww_buf_status(&out) == WW_OK);
        assert(pull(arena, ww_buf_str(&out), &again, NULL) == WW_OK);
        assert(again.n == pulled.n && again.hash == pulled.hash);
    }
    ww_buf_clear(&out);
    ww_arena_free(arena);
    return 0;
}
