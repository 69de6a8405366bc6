/* ww_link: ww_decode
 * Any pattern and topic, with a line end between: the match must be the one of MQTT's own filter, which an
 * oracle decides by recursion. */
#include <assert.h>
#include <stdlib.h>

#include "ingest/decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ww_str head(struct ww_str text, struct ww_str *rest, bool *more) {
    size_t n = 0;
    while (n < text.len && text.ptr[n] != '/')
        n++;
    *more = n < text.len;
    *rest = *more ? (struct ww_str){text.ptr + n + 1, text.len - n - 1} : WW_STR_NONE;
    return (struct ww_str){text.ptr, n};
}

static bool oracle(struct ww_str filter, struct ww_str topic, bool has_topic) {
    struct ww_str filters, topics = WW_STR_NONE;
    bool more_filter, more_topic = false;
    struct ww_str f = head(filter, &filters, &more_filter);
    if (ww_str_is(f, "#"))
        return true;
    if (!has_topic)
        return false;
    struct ww_str t = head(topic, &topics, &more_topic);
    if (!ww_str_is(f, "+") && !ww_str_eq(f, t))
        return false;
    return more_filter ? oracle(filters, topics, more_topic) : !more_topic;
}

static bool starts_with_dollar(struct ww_str text) {
    return text.len > 0 && text.ptr[0] == '$';
}

static void check_carried(struct ww_str topic) {
    struct ww_buf out;
    ww_buf_init(&out, 1 << 16);
    assert(ww_content_type_with_topic(WW_STR("text/plain"), topic, &out) == WW_OK);
    assert(ww_format_of_content_type(ww_buf_str(&out)) == WW_FORMAT_TEXT);
    ww_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_str text = {(const char *)data, size};
    const char *cut = size > 0 ? memchr(data, '\n', size) : NULL;
    struct ww_str pattern = {text.ptr, cut ? (size_t)(cut - text.ptr) : size};
    struct ww_str topic = cut ? (struct ww_str){cut + 1, size - pattern.len - 1} : WW_STR_NONE;
    struct ww_arena *arena = ww_arena_new(1 << 18);
    struct ww_topic_pattern p;
    struct ww_error err;
    if (ww_topic_pattern_parse(pattern, arena, &p, &err) == WW_OK) {
        struct ww_str values[64];
        bool wild_first = p.levels[0].kind != WW_TOPIC_TEXT;
        bool expected = oracle(p.filter, topic, true) && !(starts_with_dollar(topic) && wild_first);
        assert(ww_topic_pattern_match(&p, topic, values) == expected);
        uint32_t n = 0;
        for (uint32_t i = 0; expected && i < p.n_levels; i++)
            if (p.levels[i].kind == WW_TOPIC_NAME) {
                assert(!values[n].len || !memchr(values[n].ptr, '/', values[n].len));
                n++;
            }
    } else {
        assert(err.message[0] != '\0');
    }
    check_carried(topic);
    ww_arena_free(arena);
    return 0;
}
