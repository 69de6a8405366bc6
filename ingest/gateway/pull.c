/* The set of pulled feeds: one runner for each that the catalog has, built again when it changes. */
#include "ingest/gateway/pull.h"

#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/pull_internal.h"

int64_t pull_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

const struct ww_zone *pull_zone_of(const struct ww_pull *pull, const char *feed) {
    const struct ww_catalog *catalog = ww_path_catalog(pull->path);
    uint32_t i = catalog ? ww_catalog_feed(catalog, ww_str_of(feed)) : WW_CATALOG_NONE;
    return i != WW_CATALOG_NONE && catalog->feeds[i].config ? ww_feed_config_zone(catalog->feeds[i].config)
                                                            : NULL;
}

void pull_wake(struct ww_pull *pull) {
    struct runner *r, *next;
    for (r = TAILQ_FIRST(&pull->ready); r && !pull->is_stopping; r = next) {
        next = TAILQ_NEXT(r, ready);
        if (!runner_begin(r) && ww_fetcher_is_full(pull->fetcher))
            return;
    }
}

/* ---- The catalog ---- */

static struct runner *find_runner(struct ww_pull *pull, const char *feed) {
    struct runner *r;
    TAILQ_FOREACH(r, &pull->all, all) {
        if (strcmp(r->plan.feed, feed) == 0)
            return r;
    }
    return NULL;
}

static void take_feed(struct ww_pull *pull, const struct ww_cat_feed *feed) {
    struct pull_plan plan;
    struct runner *old = find_runner(pull, feed->name);
    if (pull_plan_make(feed, &plan) != WW_OK) {
        ww_log(WW_LOG_ERROR, "pull=skipped feed=%s reason=\"no memory\"", feed->name);
        return;
    }
    if (old && ww_str_eq(old->plan.key, plan.key)) {
        old->is_wanted = true;
        pull_plan_clear(&plan);
        return;
    }
    struct runner *made = runner_new(pull, &plan);
    made->is_wanted = true;
    if (old) { /* what was counted goes on */
        struct ww_pull_feed_state shown = old->shown;
        made->shown = shown;
        made->shown.fetching = false;
        made->shown.next_us = 0;
        runner_free(old);
    }
    ww_log(WW_LOG_INFO, "pull=%s feed=%s every_s=%d", old ? "changed" : "added", made->plan.feed,
           made->plan.source.every_s);
}

static void compare(struct ww_pull *pull, const struct ww_catalog *catalog) {
    struct runner *r, *next;
    TAILQ_FOREACH(r, &pull->all, all)
    r->is_wanted = false;
    for (uint32_t i = 0; i < catalog->n_feeds; i++) {
        const struct ww_cat_feed *feed = &catalog->feeds[i];
        if (feed->enabled && feed->config &&
            ww_feed_config_source(feed->config)->protocol == WW_PROTOCOL_PULL)
            take_feed(pull, feed);
    }
    for (r = TAILQ_FIRST(&pull->all); r; r = next) {
        next = TAILQ_NEXT(r, all);
        if (!r->is_wanted) {
            ww_log(WW_LOG_INFO, "pull=removed feed=%s", r->plan.feed);
            runner_free(r);
        }
    }
}

/* Also told when the path begins or ceases to take. */
static void on_change(void *arg) {
    struct ww_pull *pull = arg;
    if (pull->is_stopping || !ww_path_is_ready(pull->path))
        return;
    const struct ww_catalog *catalog = ww_path_catalog(pull->path);
    if (catalog)
        compare(pull, catalog);
    struct runner *r;
    TAILQ_FOREACH(r, &pull->all, all)
    runner_resume(r);
    pull_wake(pull);
}

/* ---- Life ---- */

struct ww_pull *ww_pull_new(struct event_base *base, struct ww_intake *intake, struct ww_pg_pool *pool) {
    struct ww_pull *pull = ww_must_calloc(1, sizeof *pull);
    pull->base = base;
    pull->intake = intake;
    pull->path = ww_intake_path(intake);
    pull->pool = pool;
    pull->fetcher = ww_fetcher_new(base);
    TAILQ_INIT(&pull->all);
    TAILQ_INIT(&pull->ready);
    pull->listener = (struct ww_path_listener){.on_change = on_change, .arg = pull};
    ww_path_listen(pull->path, &pull->listener);
    on_change(pull);
    return pull;
}

void ww_pull_stop(struct ww_pull *pull) {
    struct runner *r;
    pull->is_stopping = true;
    TAILQ_FOREACH(r, &pull->all, all)
    runner_stop(r);
}

void ww_pull_free(struct ww_pull *pull) {
    if (!pull)
        return;
    struct runner *r;
    pull->is_stopping = true;
    ww_path_unlisten(pull->path, &pull->listener);
    while ((r = TAILQ_FIRST(&pull->all)))
        runner_free(r);
    ww_fetcher_free(pull->fetcher);
    ww_free(pull);
}

void ww_pull_each(const struct ww_pull *pull, void (*each)(void *arg, const struct ww_pull_feed_state *state),
                  void *arg) {
    const struct runner *r;
    TAILQ_FOREACH(r, &pull->all, all)
    each(arg, &r->shown);
}
