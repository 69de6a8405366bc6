/* Copies what of a feed's configuration says which broker to subscribe at, so that catalogs can be compared.
 */
#include <stdio.h>

#include "ingest/gateway/mqtt_client_internal.h"

enum { MAX_PLAN = 1 << 20, MAX_KEY = 512 << 10, MAX_FILTER = 4096 };

static bool copy(struct ww_arena *arena, struct ww_str *text) {
    *text = ww_arena_copy(arena, *text);
    return text->ptr != NULL;
}

/* $share/GROUP/FILTER, or the filter. */
static bool make_filter(struct client_plan *plan, struct ww_str filter) {
    char shared[MAX_FILTER];
    struct ww_str share = plan->source.share;
    if (share.len > 0) {
        int n = snprintf(shared, sizeof shared, "$share/%.*s/%.*s", WW_STR_ARG(share), WW_STR_ARG(filter));
        if (n < 0 || n >= (int)sizeof shared)
            return false;
        filter = (struct ww_str){shared, (size_t)n};
    }
    struct ww_str *out = &plan->filters[plan->n_filters++];
    *out = filter;
    return copy(plan->arena, out);
}

static bool copy_source(struct client_plan *plan) {
    struct ww_mqtt_source *s = &plan->source;
    plan->filters = ww_arena_calloc(plan->arena, s->n_topics + 1, sizeof *plan->filters);
    if (!plan->filters)
        return false;
    for (uint32_t i = 0; i < s->n_topics; i++)
        if (!make_filter(plan, s->topics[i].filter))
            return false;
    s->topics = NULL; /* the catalog's */
    s->n_topics = 0;
    return copy(plan->arena, &s->host) && copy(plan->arena, &s->client_id) &&
           copy(plan->arena, &s->username) && copy(plan->arena, &s->password) &&
           copy(plan->arena, &s->ca_file) && copy(plan->arena, &s->share) &&
           copy(plan->arena, &plan->content_type);
}

static void put_text(struct ww_buf *key, struct ww_str text) {
    ww_buf_be64(key, text.len);
    ww_buf_str_add(key, text);
}

static bool make_key(struct client_plan *plan) {
    const struct ww_mqtt_source *s = &plan->source;
    const struct ww_str texts[] = {s->host,    s->client_id, s->username,       s->password,
                                   s->ca_file, s->share,     plan->content_type};
    const int numbers[] = {s->port, s->version,      s->qos,         s->keep_alive_s,
                           s->tls,  s->has_username, s->has_password};
    struct ww_buf key;
    ww_buf_init(&key, MAX_KEY);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        put_text(&key, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ww_buf_be32(&key, (uint32_t)numbers[i]);
    for (uint32_t i = 0; i < plan->n_filters; i++)
        put_text(&key, plan->filters[i]);
    bool ok = ww_buf_status(&key) == WW_OK;
    plan->key = ww_arena_copy(plan->arena, ww_buf_str(&key));
    ww_buf_clear(&key);
    return ok && plan->key.ptr;
}

enum ww_status client_plan_make(const struct ww_cat_feed *feed, struct client_plan *out) {
    *out = (struct client_plan){.arena = ww_arena_new(MAX_PLAN),
                                .source = ww_feed_config_source(feed->config)->mqtt,
                                .content_type = ww_feed_config_content_type(feed->config)};
    snprintf(out->feed, sizeof out->feed, "%s", feed->name);
    if (out->arena && copy_source(out) && make_key(out))
        return WW_OK;
    client_plan_clear(out);
    return WW_NO_MEMORY;
}

void client_plan_clear(struct client_plan *plan) {
    ww_arena_free(plan->arena);
    plan->arena = NULL;
}
