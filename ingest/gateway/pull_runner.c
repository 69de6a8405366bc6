/* One pulled feed: waits, asks page after page, has each stored, and only then moves its position on. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/decode/decode.h"
#include "ingest/gateway/pull_internal.h"
#include "ingest/gateway/pull_schedule.h"

static const int64_t MAX_WAIT_US = 3600 * WW_SECOND_US; /* then the wall clock is looked at again */
enum {
    SPREAD_S = 5,          /* of feeds that all missed their moment, after a start */
    RETRY_US = 500 * 1000, /* pull_state could not be read or written */
    MAX_VALIDATOR = 1024,
    MAX_CONTENT_TYPE = 200
};

/* A query that may outlive its runner. */
struct runner_call {
    struct runner *runner; /* NULL: gone meanwhile */
};

static void fail(struct runner *r, int64_t retry_after_us, const char *reason);
static void note(struct runner *r);
static void on_timer(evutil_socket_t fd, short what, void *arg);

/* ---- States ---- */

static void set_state(struct runner *r, enum runner_state state) {
    if (r->state == RUNNER_READY)
        TAILQ_REMOVE(&r->pull->ready, r, ready);
    if (state == RUNNER_READY)
        TAILQ_INSERT_TAIL(&r->pull->ready, r, ready);
    r->state = state;
    r->shown.fetching = state == RUNNER_FETCHING || state == RUNNER_STORING || state == RUNNER_SAVING;
}

static void wait_us(struct runner *r, int64_t us) {
    if (us > MAX_WAIT_US)
        us = MAX_WAIT_US;
    if (us < 0)
        us = 0;
    const struct timeval wait = {us / WW_SECOND_US, us % WW_SECOND_US};
    evtimer_add(r->timer, &wait);
}

static void wait_until(struct runner *r, int64_t at_us) {
    if (r->pull->is_stopping) {
        set_state(r, RUNNER_STOPPED);
        return;
    }
    set_state(r, RUNNER_WAITING);
    r->shown.next_us = at_us;
    wait_us(r, at_us - pull_now_us());
}

/* More of the round is due at once, as far as there is room. */
static void get_ready(struct runner *r) {
    if (r->pull->is_stopping) {
        set_state(r, RUNNER_STOPPED);
        return;
    }
    set_state(r, RUNNER_READY);
    (void)runner_begin(r);
}

static void end_round(struct runner *r) {
    int64_t now_us = pull_now_us();
    if (r->is_reported)
        ww_log(WW_LOG_INFO, "pull=recovered feed=%s failures=%u", r->plan.feed, r->failures_in_a_row);
    r->in_round = false;
    r->is_reported = false;
    r->failures_in_a_row = 0;
    r->shown.last_error[0] = '\0';
    r->shown.last_ok_us = now_us;
    note(r);
    wait_until(r, ww_pull_next_us(ww_str_of(r->plan.feed), r->plan.source.every_s, now_us));
}

static void fail(struct runner *r, int64_t retry_after_us, const char *reason) {
    struct ww_str feed = ww_str_of(r->plan.feed);
    int64_t wait = ww_pull_backoff_us(feed, r->plan.source.every_s, ++r->failures_in_a_row);
    if (wait < retry_after_us)
        wait = retry_after_us;
    r->in_round = false;
    r->shown.failures++;
    if (!r->is_reported || strncmp(reason, r->shown.last_error, sizeof r->shown.last_error - 1) != 0)
        ww_log(WW_LOG_WARN, "pull=failed feed=%s failures=%u again_s=%.1f reason=\"%s\"", r->plan.feed,
               r->failures_in_a_row, (double)wait / 1e6, reason);
    r->is_reported = true;
    snprintf(r->shown.last_error, sizeof r->shown.last_error, "%s", reason);
    note(r);
    wait_until(r, pull_now_us() + wait);
}

/* ---- pull_state ---- */

static void on_noted(void *arg, enum ww_status status, const struct ww_pg_result *result,
                     const struct ww_error *err) {
    (void)result;
    (void)err;
    struct runner_call *call = arg;
    struct runner *r = call->runner;
    ww_free(call);
    if (!r)
        return;
    r->note = NULL;
    if (status != WW_OK)
        return; /* the next end of a round says it again */
    snprintf(r->noted, sizeof r->noted, "%s", r->noting);
    note(r);
}

/* Why the feed fails, or that it doesn't any more, into its row: for people. Written when it changes. */
static void note(struct runner *r) {
    if (r->note || r->state == RUNNER_STOPPED || strcmp(r->noted, r->shown.last_error) == 0)
        return;
    struct ww_pg_args args;
    struct runner_call *call = ww_try_calloc(1, sizeof *call);
    snprintf(r->noting, sizeof r->noting, "%s", r->shown.last_error);
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(r->plan.feed));
    ww_pg_arg_str(&args, ww_str_of(r->noting));
    if (call &&
        ww_pg_pool_query(r->pull->pool, ww_sql_find("pull_state_note"), &args, on_noted, call) == WW_OK) {
        call->runner = r;
        r->note = call;
    } else {
        ww_free(call);
    }
    ww_pg_args_clear(&args);
}

static bool query(struct runner *r, const char *name, struct ww_pg_args *args, ww_pg_cb cb) {
    struct runner_call *call = ww_try_calloc(1, sizeof *call);
    bool sent = call && ww_pg_pool_query(r->pull->pool, ww_sql_find(name), args, cb, call) == WW_OK;
    ww_pg_args_clear(args);
    if (!sent) {
        ww_free(call);
        wait_us(r, RETRY_US);
        return false;
    }
    call->runner = r;
    r->call = call;
    return true;
}

/* The runner of an answered query; NULL: it is gone. */
static struct runner *answered(void *arg) {
    struct runner_call *call = arg;
    struct runner *r = call->runner;
    ww_free(call);
    if (r)
        r->call = NULL;
    return r;
}

static void set_text(struct ww_buf *buf, struct ww_str text) {
    ww_buf_reset(buf);
    ww_buf_str_add(buf, text);
}

static void on_loaded(void *arg, enum ww_status status, const struct ww_pg_result *result,
                      const struct ww_error *err) {
    (void)err;
    struct runner *r = answered(arg);
    if (!r || r->state != RUNNER_LOADING)
        return;
    if (status != WW_OK) {
        wait_us(r, RETRY_US);
        return;
    }
    int64_t last_us = 0;
    if (ww_pg_rows(result) > 0) {
        set_text(&r->etag, ww_pg_str(result, 0, 0));
        set_text(&r->last_modified, ww_pg_str(result, 0, 1));
        ww_pull_round_set_position(&r->round, ww_pg_str(result, 0, 2));
        last_us = ww_pg_i64(result, 0, 3);
        snprintf(r->noted, sizeof r->noted, "%.*s", WW_STR_ARG(ww_pg_str(result, 0, 4)));
        memcpy(r->shown.last_error, r->noted, sizeof r->noted);
    }
    wait_until(r, ww_pull_first_us(ww_str_of(r->plan.feed), r->plan.source.every_s, last_us, pull_now_us(),
                                   SPREAD_S));
}

static void load(struct runner *r) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(r->plan.feed));
    ww_pg_arg_str(&args, ww_str_of(r->plan.source_id));
    (void)query(r, "pull_state_read", &args, on_loaded);
}

static void go_on(struct runner *r) {
    if (r->page_error.status != WW_OK)
        fail(r, 0, r->page_error.message);
    else if (r->round.more)
        get_ready(r);
    else
        end_round(r);
    pull_wake(r->pull);
}

/* What is wrong with a page that is stored all the same. */
static const char *page_fault(const struct runner *r) {
    return r->page_error.status != WW_OK ? r->page_error.message : "";
}

static void on_saved(void *arg, enum ww_status status, const struct ww_pg_result *result,
                     const struct ww_error *err) {
    (void)result;
    struct runner *r = answered(arg);
    if (!r || r->state != RUNNER_SAVING)
        return;
    if (status == WW_OK) {
        snprintf(r->noted, sizeof r->noted, "%.*s", (int)sizeof r->noted - 1, page_fault(r));
        go_on(r);
    } else if (status == WW_UNAVAILABLE || status == WW_BUSY) {
        wait_us(r, RETRY_US);
    } else {
        fail(r, 0, err->message);
    }
}

static void save(struct runner *r) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(r->plan.feed));
    ww_pg_arg_str(&args, ww_str_of(r->plan.source_id));
    ww_pg_arg_str(&args, ww_buf_str(&r->etag));
    ww_pg_arg_str(&args, ww_buf_str(&r->last_modified));
    ww_pg_arg_str(&args, ww_buf_str(&r->round.position));
    ww_pg_arg_str(&args, ww_str_of(page_fault(r)));
    set_state(r, RUNNER_SAVING);
    (void)query(r, "pull_state_save", &args, on_saved);
}

/* The page at hand is stored, or there was nothing to store. */
static void move_on(struct runner *r) {
    if (r->page_error.status == WW_OK) {
        ww_pull_round_move(&r->round);
        set_text(&r->etag, ww_buf_str(&r->new_etag));
        set_text(&r->last_modified, ww_buf_str(&r->new_last_modified));
    }
    save(r);
}

/* ---- Storing ---- */

static void on_stored(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                      const struct ww_error *err) {
    (void)tag;
    (void)receipt;
    struct runner *r = arg;
    assert(r->state == RUNNER_STORING);
    if (status != WW_OK) {
        fail(r, 0, err->message);
        return;
    }
    r->shown.pages++;
    r->shown.bytes += r->page_bytes;
    move_on(r);
}

static bool is_plain(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20 || (uint8_t)text.ptr[i] >= 0x7F)
            return false;
    return true;
}

/* Kept only if the next round begins with the very same address, and if they are fit to be sent back. */
static void take_validators(struct runner *r, const struct ww_fetch_answer *a) {
    ww_buf_reset(&r->new_etag);
    ww_buf_reset(&r->new_last_modified);
    if (!ww_pull_round_stays(&r->round, pull_zone_of(r->pull, r->plan.feed)))
        return;
    if (a->etag.len <= MAX_VALIDATOR && is_plain(a->etag))
        ww_buf_str_add(&r->new_etag, a->etag);
    if (a->last_modified.len <= MAX_VALIDATOR && is_plain(a->last_modified))
        ww_buf_str_add(&r->new_last_modified, a->last_modified);
}

static struct ww_str type_of(const struct runner *r, struct ww_str sent) {
    if (r->plan.content_type.len > 0)
        return r->plan.content_type; /* GeoJSON comes as application/json, CSV as text/plain … */
    return sent.len > 0 && sent.len <= MAX_CONTENT_TYPE && is_plain(sent)
               ? sent
               : WW_STR("application/octet-stream");
}

static enum ww_format format_of(const struct runner *r, struct ww_str type) {
    return r->plan.format != WW_FORMAT_AUTO ? r->plan.format : ww_format_of_content_type(type);
}

static void read_page(struct runner *r, const struct ww_fetch_answer *a) {
    struct ww_str type = type_of(r, a->content_type);
    const struct ww_pull_page page = {.url = a->url,
                                      .body = a->body,
                                      .link = a->link,
                                      .format = format_of(r, type),
                                      .records = r->plan.records};
    r->page_error.status = WW_OK;
    if (ww_pull_round_read(&r->round, &page, &r->page_error) == WW_OK)
        take_validators(r, a);
    r->page_bytes = a->body.len;
    if (a->body.len == 0) {
        move_on(r);
        return;
    }
    const struct ww_message message = {
        .feed = ww_str_of(r->plan.feed), .content_type = type, .body = a->body};
    struct ww_error err;
    set_state(r, RUNNER_STORING);
    if (ww_inlet_take(r->inlet, &message, on_stored, 0, &err) != WW_OK)
        fail(r, 0, err.message); /* filled up since: the page is fetched again */
}

/* ---- Answers ---- */

/* Nothing of the address that the round begins with has changed. Headers say whether there is more. */
static void not_modified(struct runner *r, const struct ww_fetch_answer *a) {
    const struct ww_pull_page page = {.url = a->url, .link = a->link, .format = WW_FORMAT_AUTO};
    r->shown.not_modified++;
    if (r->plan.source.paging != WW_PAGING_LINK ||
        ww_pull_round_read(&r->round, &page, &r->page_error) != WW_OK || !r->round.more) {
        end_round(r);
        return;
    }
    ww_buf_reset(&r->new_etag);
    ww_buf_reset(&r->new_last_modified);
    move_on(r);
}

/* A position that the endpoint gave and knows no more: the next round begins at the beginning. */
static void forget_position(struct runner *r, long code) {
    bool lost = code == 400 || code == 404 || code == 410 || code == 422;
    if (!lost || !ww_pull_round_forget(&r->round))
        return;
    ww_buf_reset(&r->etag);
    ww_buf_reset(&r->last_modified);
    ww_log(WW_LOG_WARN, "pull=begins_again feed=%s status=%ld", r->plan.feed, code);
}

static void refused(struct runner *r, const struct ww_fetch_answer *a) {
    char reason[sizeof r->shown.last_error];
    int64_t wait_us_asked =
        a->code == 429 || a->code == 503 ? ww_pull_retry_after_us(a->retry_after, pull_now_us()) : -1;
    if (wait_us_asked >= 0)
        snprintf(reason, sizeof reason, "the endpoint answered %ld and asked to wait %" PRId64 " s", a->code,
                 wait_us_asked / WW_SECOND_US);
    else
        snprintf(reason, sizeof reason, "the endpoint answered %ld", a->code);
    forget_position(r, a->code);
    fail(r, wait_us_asked, reason);
}

static void on_answer(void *arg, const struct ww_fetch_answer *a) {
    struct runner *r = arg;
    bool was_conditional = r->round.n_asked == 1 && (r->etag.len > 0 || r->last_modified.len > 0);
    r->fetch = NULL;
    r->page_error.status = WW_OK;
    if (a->status != WW_OK)
        fail(r, 0, a->reason);
    else if (a->code == 200 || a->code == 203 || a->code == 204)
        read_page(r, a);
    else if (a->code == 304 && was_conditional)
        not_modified(r, a);
    else
        refused(r, a);
    pull_wake(r->pull);
}

/* ---- Asking ---- */

static bool may_read(void *arg) {
    const struct runner *r = arg;
    return ww_path_is_ready(r->pull->path) && !ww_inlet_is_full(r->inlet);
}

static void ask_failed(struct runner *r, enum ww_status status, const struct ww_error *err) {
    /* A ring of pages: from the beginning. Ten thousand pages: the rest next time. */
    if (status == WW_CONFLICT && ww_pull_round_forget(&r->round)) {
        ww_buf_reset(&r->etag);
        ww_buf_reset(&r->last_modified);
    }
    fail(r, 0, err->message);
}

static void start_fetch(struct runner *r) {
    struct ww_error err;
    const struct ww_zone *zone = pull_zone_of(r->pull, r->plan.feed);
    if (!r->in_round)
        ww_pull_round_begin(&r->round, pull_now_us());
    r->in_round = true;
    enum ww_status st = ww_pull_round_ask(&r->round, zone, &err);
    if (st == WW_OK && r->round.nothing_to_ask) {
        end_round(r);
        return;
    }
    bool is_first = r->round.n_asked == 1;
    const struct ww_fetch_request request = {.source = &r->plan.source,
                                             .url = r->round.url.data,
                                             .etag = is_first ? ww_buf_str(&r->etag) : WW_STR(""),
                                             .last_modified =
                                                 is_first ? ww_buf_str(&r->last_modified) : WW_STR("")};
    if (st == WW_OK)
        st = ww_fetch_start(r->pull->fetcher, &request, on_answer, may_read, r, &r->fetch, &err);
    if (st != WW_OK) {
        ask_failed(r, st, &err);
        return;
    }
    r->shown.fetches++;
    set_state(r, RUNNER_FETCHING);
}

bool runner_begin(struct runner *r) {
    assert(r->state == RUNNER_READY);
    if (ww_fetcher_is_full(r->pull->fetcher) || !may_read(r))
        return false;
    start_fetch(r);
    return true;
}

void runner_resume(struct runner *r) {
    if (r->fetch && may_read(r))
        ww_fetch_resume(r->fetch);
}

static void on_room(void *arg) {
    struct runner *r = arg;
    struct ww_pull *pull = r->pull;
    runner_resume(r);
    pull_wake(pull);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct runner *r = arg;
    if (r->state == RUNNER_LOADING)
        load(r);
    else if (r->state == RUNNER_SAVING)
        save(r);
    else if (r->state == RUNNER_WAITING && pull_now_us() < r->shown.next_us)
        wait_us(r, r->shown.next_us - pull_now_us()); /* the clock was set, or the wait was a long one */
    else if (r->state == RUNNER_WAITING)
        get_ready(r);
}

/* ---- Life ---- */

struct runner *runner_new(struct ww_pull *pull, struct pull_plan *plan) {
    struct runner *r = ww_must_calloc(1, sizeof *r);
    r->pull = pull;
    r->plan = *plan;
    snprintf(r->shown.feed, sizeof r->shown.feed, "%s", plan->feed);
    TAILQ_INSERT_TAIL(&pull->all, r, all);
    r->timer = evtimer_new(pull->base, on_timer, r);
    assert(r->timer);
    const struct ww_inlet_options options = {
        .peer = "pull", .max_messages = 1, .max_bytes = SIZE_MAX, .on_room = on_room, .arg = r};
    r->inlet = ww_inlet_new(pull->intake, &options);
    ww_pull_round_init(&r->round, &r->plan.source);
    struct ww_buf *validators[] = {&r->etag, &r->last_modified, &r->new_etag, &r->new_last_modified};
    for (size_t i = 0; i < sizeof validators / sizeof *validators; i++)
        ww_buf_init(validators[i], MAX_VALIDATOR + 1);
    r->state = RUNNER_LOADING;
    load(r);
    return r;
}

void runner_stop(struct runner *r) {
    if (r->fetch)
        ww_fetch_cancel(r->fetch);
    r->fetch = NULL;
    /* What is being stored still is, and its position saved. */
    if (r->state != RUNNER_STORING && r->state != RUNNER_SAVING) {
        evtimer_del(r->timer);
        set_state(r, RUNNER_STOPPED);
    }
}

void runner_free(struct runner *r) {
    runner_stop(r);
    set_state(r, RUNNER_STOPPED);
    if (r->call)
        r->call->runner = NULL;
    if (r->note)
        r->note->runner = NULL;
    ww_inlet_free(r->inlet);
    event_free(r->timer);
    ww_pull_round_clear(&r->round);
    struct ww_buf *validators[] = {&r->etag, &r->last_modified, &r->new_etag, &r->new_last_modified};
    for (size_t i = 0; i < sizeof validators / sizeof *validators; i++)
        ww_buf_clear(validators[i]);
    TAILQ_REMOVE(&r->pull->all, r, all);
    pull_plan_clear(&r->plan);
    ww_free(r);
}
