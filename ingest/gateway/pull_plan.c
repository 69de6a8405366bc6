/* Copies what of a feed's configuration says how to pull it, so that a new catalog can be compared with it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/buf.h"
#include "ingest/gateway/pull_internal.h"

enum { MAX_PLAN = 1 << 20, MAX_KEY = 512 << 10 };

static bool copy(struct ww_arena *arena, struct ww_str *text) {
    *text = ww_arena_copy(arena, *text);
    return text->ptr != NULL;
}

static bool copy_source(struct ww_arena *arena, struct ww_pull_source *s) {
    struct ww_header_line *headers = ww_arena_calloc(arena, s->n_headers + 1, sizeof *headers);
    if (!headers)
        return false;
    if (s->n_headers > 0)
        memcpy(headers, s->headers, s->n_headers * sizeof *headers);
    s->headers = headers;
    for (uint32_t i = 0; i < s->n_headers; i++)
        if (!copy(arena, &headers[i].name) || !copy(arena, &headers[i].value))
            return false;
    return copy(arena, &s->url) && copy(arena, &s->username) && copy(arena, &s->password) &&
           copy(arena, &s->ca_file) && copy(arena, &s->param) && copy(arena, &s->field) &&
           copy(arena, &s->size_param) && copy(arena, &s->from) && copy(arena, &s->to) &&
           copy(arena, &s->time_format);
}

static void put_text(struct ww_buf *key, struct ww_str text) {
    ww_buf_be64(key, text.len);
    ww_buf_str_add(key, text);
}

/* What a position in the pages belongs to. */
static void put_pages(struct ww_buf *key, const struct ww_pull_source *s) {
    put_text(key, s->url);
    put_text(key, s->param);
    put_text(key, s->field);
    put_text(key, s->from);
    put_text(key, s->to);
    ww_buf_be32(key, (uint32_t)s->paging);
    ww_buf_be64(key, (uint64_t)s->first);
    ww_buf_be64(key, (uint64_t)s->size);
    ww_buf_be64(key, (uint64_t)s->start_us);
}

static void put_rest(struct ww_buf *key, const struct pull_plan *plan) {
    const struct ww_pull_source *s = &plan->source;
    put_text(key, s->username);
    put_text(key, s->password);
    put_text(key, s->ca_file);
    put_text(key, s->size_param);
    put_text(key, s->time_format);
    put_text(key, plan->content_type);
    put_text(key, plan->records);
    for (uint32_t i = 0; i < s->n_headers; i++) {
        put_text(key, s->headers[i].name);
        put_text(key, s->headers[i].value);
    }
    ww_buf_be32(key, (uint32_t)s->every_s);
    ww_buf_be32(key, (uint32_t)s->timeout_s);
    ww_buf_be32(key, (uint32_t)s->window_s);
    ww_buf_be32(key, (uint32_t)s->overlap_s);
    ww_buf_be64(key, s->max_bytes);
}

static bool make_key(struct pull_plan *plan) {
    struct ww_buf key;
    ww_buf_init(&key, MAX_KEY);
    put_pages(&key, &plan->source);
    snprintf(plan->source_id, sizeof plan->source_id, "%016" PRIx64, ww_str_hash(ww_buf_str(&key)));
    put_rest(&key, plan);
    bool ok = ww_buf_status(&key) == WW_OK;
    plan->key = ww_arena_copy(plan->arena, ww_buf_str(&key));
    ww_buf_clear(&key);
    return ok && plan->key.ptr;
}

enum ww_status pull_plan_make(const struct ww_cat_feed *feed, struct pull_plan *out) {
    *out = (struct pull_plan){.arena = ww_arena_new(MAX_PLAN),
                              .source = ww_feed_config_source(feed->config)->pull,
                              .content_type = ww_feed_config_content_type(feed->config),
                              .format = ww_feed_config_format(feed->config),
                              .records = ww_feed_config_records(feed->config)};
    snprintf(out->feed, sizeof out->feed, "%s", feed->name);
    if (out->format == WW_FORMAT_AUTO)
        out->content_type = WW_STR("");
    if (out->arena && copy_source(out->arena, &out->source) && copy(out->arena, &out->content_type) &&
        copy(out->arena, &out->records) && make_key(out))
        return WW_OK;
    pull_plan_clear(out);
    return WW_NO_MEMORY;
}

void pull_plan_clear(struct pull_plan *plan) {
    ww_arena_free(plan->arena);
    plan->arena = NULL;
}
