/* Cuts a file into bodies, paces them, posts them, and tells what became of them. */
#include "ingest/simulate/replay.h"

#include <stdio.h>
#include <unistd.h>

#include "geo/base/json_reader.h"
#include "ingest/decode/decode.h"

#define SHOWN_PROBLEMS 5
#define PACED_BODY_US  200000 /* a paced body holds at most so much of the player's time */
#define ARENA_CEILING  ((size_t)64 << 20)

struct player {
    const struct ww_replay *replay;
    struct ww_splitter *split;
    struct ww_poster *poster;
    const volatile sig_atomic_t *stop;
    struct ww_buf body;
    struct ww_buf probe; /* one record as a body of its own, to learn its time */
    uint64_t in_body, records, bodies;
    uint64_t first_line;
    int64_t first_time_us, start_us, body_due_us, last_due_us;
    int64_t last_report_us;
    unsigned shown, problems;
    char denied[256];
};

/* ---- Answers ---- */

static void clear_line(void) {
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void show_dead_letter(struct player *p, const struct ww_json_node *dead, uint64_t first_line) {
    int64_t line = 0, column = 0;
    struct ww_str field = WW_STR_NONE, reason = WW_STR_NONE;
    bool known = ww_json_as_i64(ww_json_get(dead, "line"), &line) && line > 0;
    if (ww_json_as_i64(ww_json_get(dead, "column"), &column) &&
        ww_json_as_str(ww_json_get(dead, "field"), &field) &&
        ww_json_as_str(ww_json_get(dead, "reason"), &reason) && known) {
        clear_line();
        fprintf(stderr, "dead letter at %s %llu, column %lld, field \"%.*s\": %.*s\n",
                ww_splitter_form(p->split) >= WW_SPLIT_GEOJSON ? "record" : "line",
                (unsigned long long)ww_body_line_in_file(p->split, first_line, (uint64_t)line),
                (long long)column, WW_STR_ARG(field), WW_STR_ARG(reason));
        p->shown++;
    }
}

static void show_dead_letters(struct player *p, const struct ww_post_answer *answer) {
    struct ww_arena *arena = ww_arena_new(ARENA_CEILING);
    struct ww_json_node *root = NULL;
    if (arena && ww_json_parse(arena, answer->text, &root, NULL) == WW_OK) {
        const struct ww_json_node *list = ww_json_get(root, "dead_letters");
        for (const struct ww_json_node *dead = list ? list->child : NULL; dead && p->shown < SHOWN_PROBLEMS;
             dead = dead->next)
            show_dead_letter(p, dead, answer->mark);
    }
    ww_arena_free(arena);
}

static void on_answer(void *arg, const struct ww_post_answer *answer) {
    struct player *p = arg;
    if (answer->http_status == 200) {
        if (answer->dead > 0 && p->shown < SHOWN_PROBLEMS)
            show_dead_letters(p, answer);
        return;
    }
    int shown = answer->text.len < 200 ? (int)answer->text.len : 200;
    if (p->problems++ < SHOWN_PROBLEMS) {
        clear_line();
        fprintf(stderr, "refused: the body that begins at %llu: HTTP %d: %.*s\n",
                (unsigned long long)answer->mark, answer->http_status, shown,
                answer->text.ptr ? answer->text.ptr : "");
    }
    bool hopeless = answer->http_status == 401 || answer->http_status == 403 || answer->http_status == 404;
    if (hopeless && !p->denied[0])
        snprintf(p->denied, sizeof p->denied, "HTTP %d: %.*s", answer->http_status, shown,
                 answer->text.ptr ? answer->text.ptr : "");
}

static bool is_over(const struct player *p) {
    return *p->stop || p->denied[0];
}

/* ---- Progress ---- */

static void report(struct player *p) {
    int64_t now_us = ww_monotonic_us();
    if (p->replay->quiet || !isatty(STDERR_FILENO) || now_us - p->last_report_us < 250000)
        return;
    p->last_report_us = now_us;
    const struct ww_post_totals *t = ww_poster_totals(p->poster);
    double seconds = (double)(now_us - p->start_us) / 1e6;
    uint64_t read = ww_splitter_bytes_read(p->split), total = ww_splitter_bytes_total(p->split);
    double eta_s = read > 0 && total > read ? seconds * (double)(total - read) / (double)read : 0;
    fprintf(stderr,
            "\r\033[Krecords=%llu stored=%llu duplicates=%llu dead=%llu rate=%.0f/s retries=%llu eta=%.0fs",
            (unsigned long long)p->records, (unsigned long long)t->stored, (unsigned long long)t->duplicates,
            (unsigned long long)t->dead, seconds > 0 ? (double)t->received / seconds : 0,
            (unsigned long long)t->retries, eta_s);
    fflush(stderr);
}

/* ---- Bodies ---- */

static void wait_until(struct player *p, int64_t due_us) {
    for (int64_t left_us; !is_over(p) && (left_us = due_us - ww_monotonic_us()) > 0; report(p))
        ww_poster_work(p->poster, left_us < 1000000 ? left_us / 1000 + 1 : 1000, p->stop);
}

static enum ww_status send_body(struct player *p, struct ww_error *err) {
    if (p->in_body == 0)
        return WW_OK;
    ww_body_end(p->split, &p->body);
    enum ww_status st = ww_buf_status(&p->body);
    if (st == WW_OK && p->replay->config)
        wait_until(p, p->body_due_us);
    const char *type = p->replay->content_type ? p->replay->content_type : ww_splitter_content_type(p->split);
    if (st == WW_OK)
        st = ww_poster_send(p->poster, (unsigned)(p->bodies++ % p->replay->lanes), p->replay->feed, type,
                            ww_buf_str(&p->body), p->first_line, on_answer, p);
    if (st != WW_OK)
        return ww_error_set(err, st, "a request body does not fit into memory");
    p->in_body = 0;
    /* One body more than can be on its way: the next is cut while the server works. */
    ww_poster_wait(p->poster, p->replay->lanes, p->stop);
    report(p);
    return WW_OK;
}

/* The newest time in a record, decoded as the server will; WW_INSTANT_NONE when it has none. */
static int64_t time_of(struct player *p, struct ww_str record) {
    int64_t newest_us = WW_INSTANT_NONE;
    struct ww_batch batch;
    struct ww_arena *arena = ww_arena_new(ARENA_CEILING);
    ww_body_begin(p->split, &p->probe);
    ww_body_add(p->split, &p->probe, 0, record);
    ww_body_end(p->split, &p->probe);
    const char *type = p->replay->content_type ? p->replay->content_type : ww_splitter_content_type(p->split);
    if (arena && ww_buf_status(&p->probe) == WW_OK &&
        ww_decode(p->replay->config, ww_format_of_content_type(ww_str_of(type)), ww_buf_str(&p->probe),
                  100000, arena, &batch, NULL) == WW_OK)
        for (uint32_t i = 0; i < batch.n_rows; i++)
            newest_us = batch.time_us[i] > newest_us ? batch.time_us[i] : newest_us;
    ww_arena_free(arena);
    return newest_us;
}

/* When a record is due, in monotonic time; one without a time, or older than the last, at once. */
static int64_t due_of(struct player *p, struct ww_str record) {
    int64_t time_us = time_of(p, record);
    if (time_us == WW_INSTANT_NONE)
        return p->last_due_us;
    if (p->first_time_us == WW_INSTANT_NONE)
        p->first_time_us = time_us;
    int64_t due_us = p->start_us + (int64_t)((double)(time_us - p->first_time_us) / p->replay->speed);
    p->last_due_us = due_us > p->last_due_us ? due_us : p->last_due_us;
    return p->last_due_us;
}

static enum ww_status take_record(struct player *p, struct ww_str record, struct ww_error *err) {
    int64_t due_us = p->replay->config ? due_of(p, record) : 0;
    bool full = p->in_body > 0 && p->body.len + record.len > p->replay->batch_bytes;
    if (full || (p->in_body > 0 && due_us - p->body_due_us > PACED_BODY_US)) {
        enum ww_status st = send_body(p, err);
        if (st != WW_OK)
            return st;
    }
    if (p->in_body == 0) {
        ww_body_begin(p->split, &p->body);
        p->first_line = ww_splitter_line(p->split);
        p->body_due_us = due_us;
    }
    ww_body_add(p->split, &p->body, p->in_body++, record);
    p->records++;
    return WW_OK;
}

enum ww_status ww_replay_run(const struct ww_replay *replay, struct ww_splitter *split,
                             struct ww_poster *poster, const volatile sig_atomic_t *stop,
                             struct ww_replay_result *out, struct ww_error *err) {
    struct player p = {.replay = replay, .split = split, .poster = poster, .stop = stop};
    struct ww_str record = WW_STR("");
    enum ww_status st = WW_OK;
    ww_buf_init(&p.body, WW_SPLIT_RECORD_MAX + replay->batch_bytes + 4096);
    ww_buf_init(&p.probe, WW_SPLIT_RECORD_MAX + ((size_t)2 << 20));
    p.start_us = p.last_due_us = ww_monotonic_us();
    p.first_time_us = WW_INSTANT_NONE;
    while (st == WW_OK && record.ptr && !is_over(&p)) {
        st = ww_splitter_next(split, &record, err);
        if (st == WW_OK && record.ptr)
            st = take_record(&p, record, err);
    }
    /* What was read before a broken place goes out all the same. */
    enum ww_status sent = is_over(&p) ? WW_OK : send_body(&p, st == WW_OK ? err : NULL);
    st = st == WW_OK ? sent : st;
    while (ww_poster_pending(poster) > 0 && !is_over(&p)) {
        ww_poster_work(poster, 200, stop);
        report(&p);
    }
    clear_line();
    *out = (struct ww_replay_result){p.records, p.problems, (double)(ww_monotonic_us() - p.start_us) / 1e6};
    ww_buf_clear(&p.body);
    ww_buf_clear(&p.probe);
    if (st == WW_OK && p.denied[0])
        return ww_error_set(err, WW_DENIED, "the server takes nothing: %s", p.denied);
    return st;
}
