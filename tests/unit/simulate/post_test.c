/* The posting client and the load generator against a small server that fails in every way. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "geo/base/buf.h"
#include "ingest/simulate/load.h"
#include "ingest/simulate/post.h"
#include "ingest/simulate/replay.h"

/* One connection at a time; answers the n-th request with plan[n], repeating the last: a status, 0 = cut the
 * connection after reading, 1 = cut it in the middle of the answer. */
struct sink {
    int listener;
    char url[64];
    pthread_t thread;
    const int *plan;
    int n_plan;
    atomic_int n_requests;
    atomic_bool over;
    struct ww_buf seen; /* bodies that were answered with 200, with | behind each */
};

static bool read_request(int fd, struct ww_buf *body) {
    static char text[1 << 20];
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        char *head_end = strstr(text, "\r\n\r\n");
        char *length = strcasestr(text, "content-length:");
        if (!head_end || !length)
            continue;
        size_t head = (size_t)(head_end + 4 - text), size = strtoul(length + 15, NULL, 10);
        if (len < head + size)
            continue;
        ww_buf_reset(body);
        ww_buf_add(body, text + head, size);
        return true;
    }
}

/* False when the connection is to be closed. */
static bool answer(struct sink *sink, int fd, const struct ww_buf *body) {
    int n = atomic_fetch_add(&sink->n_requests, 1);
    int what = sink->plan[n < sink->n_plan ? n : sink->n_plan - 1];
    char text[512];
    const char *receipt = "{\"received\":3,\"stored\":2,\"corrections\":0,\"duplicates\":1,\"dead\":0}";
    if (what == 0)
        return false;
    if (what == 200) {
        ww_buf_str_add(&sink->seen, ww_buf_str(body));
        ww_buf_char(&sink->seen, '|');
    }
    int len =
        snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s",
                 what == 1 ? 200 : what, strlen(receipt), what == 429 ? "Retry-After: 0\r\n" : "", receipt);
    if (what == 1)
        len -= 20;
    return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len && what != 1;
}

static void *run_sink(void *arg) {
    struct sink *sink = arg;
    struct ww_buf body;
    ww_buf_init(&body, 1 << 20);
    while (!sink->over) {
        int fd = accept(sink->listener, NULL, NULL);
        if (fd < 0)
            break;
        while (read_request(fd, &body) && answer(sink, fd, &body))
            ;
        close(fd);
    }
    ww_buf_clear(&body);
    return NULL;
}

static void start_sink(struct sink *sink, const int *plan, int n_plan) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *sink = (struct sink){.plan = plan, .n_plan = n_plan};
    ww_buf_init(&sink->seen, 1 << 24);
    sink->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(sink->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(sink->listener, 16), 0);
    assert_int_equal(getsockname(sink->listener, (struct sockaddr *)&at, &len), 0);
    snprintf(sink->url, sizeof sink->url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&sink->thread, NULL, run_sink, sink), 0);
}

static void stop_sink(struct sink *sink) {
    sink->over = true;
    shutdown(sink->listener, SHUT_RDWR);
    pthread_join(sink->thread, NULL);
    close(sink->listener);
    ww_buf_clear(&sink->seen);
}

static struct ww_poster *open_poster(const struct sink *sink) {
    struct ww_poster *poster = NULL;
    struct ww_error err;
    assert_int_equal(
        ww_poster_new(&(struct ww_poster_options){.server = sink->url, .in_flight = 1}, &poster, &err),
        WW_OK);
    return poster;
}

static void a_lane_keeps_its_order_through_every_failure(void **state) {
    (void)state;
    static const int plan[] = {503, 429, 0, 200, 1, 200, 500, 200};
    struct sink sink;
    start_sink(&sink, plan, 8);
    struct ww_poster *poster = open_poster(&sink);
    assert_int_equal(ww_poster_send(poster, 0, "f", "text/csv", WW_STR("one"), 1, NULL, NULL), WW_OK);
    assert_int_equal(ww_poster_send(poster, 0, "f", "text/csv", WW_STR("two"), 2, NULL, NULL), WW_OK);
    assert_int_equal(ww_poster_send(poster, 0, "f", "text/csv", WW_STR("three"), 3, NULL, NULL), WW_OK);
    ww_poster_wait(poster, 0, NULL);
    const struct ww_post_totals *t = ww_poster_totals(poster);
    assert_int_equal(t->bodies, 3);
    assert_int_equal(t->received, 9);
    assert_int_equal(t->stored, 6);
    assert_int_equal(t->duplicates, 3);
    assert_int_equal(t->refused, 0);
    /* One of the five is libcurl's own: a kept connection that was cut before any answer. */
    assert_true(t->retries >= 4);
    assert_int_equal(sink.n_requests, 8);
    ww_poster_free(poster);
    assert_string_equal(sink.seen.data, "one|two|three|");
    stop_sink(&sink);
}

struct said {
    int status;
    uint64_t mark;
};

static void remember(void *arg, const struct ww_post_answer *got) {
    *(struct said *)arg = (struct said){got->http_status, got->mark};
}

static void a_refused_body_is_told_and_not_sent_again(void **state) {
    (void)state;
    static const int plan[] = {400, 200};
    struct sink sink;
    struct said first = {0}, second = {0};
    start_sink(&sink, plan, 2);
    struct ww_poster *poster = open_poster(&sink);
    assert_int_equal(ww_poster_send(poster, 0, "f", "text/csv", WW_STR("bad"), 7, remember, &first), WW_OK);
    assert_int_equal(ww_poster_send(poster, 0, "f", "text/csv", WW_STR("good"), 8, remember, &second), WW_OK);
    ww_poster_wait(poster, 0, NULL);
    assert_int_equal(first.status, 400);
    assert_int_equal(first.mark, 7);
    assert_int_equal(second.status, 200);
    assert_int_equal(ww_poster_totals(poster)->refused, 1);
    assert_int_equal(sink.n_requests, 2);
    ww_poster_free(poster);
    stop_sink(&sink);
}

static void replay_sends_every_record_once_and_in_order(void **state) {
    (void)state;
    static const int plan[] = {200, 503, 200, 0, 200};
    static const volatile sig_atomic_t stop = 0;
    char path[] = "/tmp/ww_replay_XXXXXX.ndjson";
    int fd = mkstemps(path, 7);
    FILE *file = fdopen(fd, "w");
    for (int i = 0; i < 100; i++)
        fprintf(file, "{\"n\":%d}\n", i);
    fclose(file);
    struct sink sink;
    struct ww_splitter *split;
    struct ww_error err;
    struct ww_replay_result result;
    start_sink(&sink, plan, 5);
    struct ww_poster *poster = open_poster(&sink);
    assert_int_equal(ww_splitter_open(path, WW_SPLIT_AUTO, &split, &err), WW_OK);
    struct ww_replay replay = {.feed = "f", .batch_bytes = 64, .lanes = 1, .quiet = true};
    assert_int_equal(ww_replay_run(&replay, split, poster, &stop, &result, &err), WW_OK);
    assert_int_equal(result.records, 100);
    assert_int_equal(result.bodies_refused, 0);
    ww_splitter_close(split);
    ww_poster_free(poster);
    const char *p = sink.seen.data;
    for (int i = 0; i < 100; i++) {
        char want[32];
        size_t n = (size_t)snprintf(want, sizeof want, "{\"n\":%d}\n", i);
        assert_memory_equal(p, want, n);
        p += n;
        p += *p == '|';
    }
    assert_int_equal(*p, '\0');
    stop_sink(&sink);
    remove(path);
}

static void replay_gives_up_when_the_token_is_wrong(void **state) {
    (void)state;
    static const int plan[] = {401};
    static const volatile sig_atomic_t stop = 0;
    char path[] = "/tmp/ww_replay_XXXXXX.ndjson";
    int fd = mkstemps(path, 7);
    assert_int_equal(write(fd, "{}\n{}\n{}\n", 9), 9);
    close(fd);
    struct sink sink;
    struct ww_splitter *split;
    struct ww_error err;
    struct ww_replay_result result;
    start_sink(&sink, plan, 1);
    struct ww_poster *poster = open_poster(&sink);
    assert_int_equal(ww_splitter_open(path, WW_SPLIT_AUTO, &split, &err), WW_OK);
    struct ww_replay replay = {.feed = "f", .batch_bytes = 1, .lanes = 1, .quiet = true};
    assert_int_equal(ww_replay_run(&replay, split, poster, &stop, &result, &err), WW_DENIED);
    ww_splitter_close(split);
    ww_poster_free(poster);
    stop_sink(&sink);
    remove(path);
}

static void load_repeats_unacknowledged_bodies_and_every_series_goes_forward(void **state) {
    (void)state;
    static const int plan[] = {200, 0, 503, 1, 200};
    static const volatile sig_atomic_t stop = 0;
    struct sink sink;
    struct ww_load_result result;
    struct ww_error err;
    char *log_text = NULL;
    size_t log_len = 0;
    start_sink(&sink, plan, 5);
    struct ww_load load = {.server = sink.url,
                           .feed = "load",
                           .connections = 1,
                           .batch_rows = 7,
                           .series = 3,
                           .rows_per_s = 7 * 20,
                           .run_us = 500000,
                           .start_ms = INT64_C(1795000800000),
                           .step_ms = 1000,
                           .ack_log = open_memstream(&log_text, &log_len)};
    assert_int_equal(ww_load_run(&load, &stop, &result, &err), WW_OK);
    fclose(load.ack_log);
    assert_true(result.acked_bodies >= 2);
    assert_int_equal(result.acked_rows, result.acked_bodies * 7);
    assert_int_equal(result.retries, 1);
    assert_true(result.reconnects >= 2);
    assert_true(result.longest_ms >= result.p99_ms && result.p99_ms >= result.p50_ms);
    uint64_t row = 0, lines = 0;
    for (const char *p = sink.seen.data; *p; p = strchr(p, '\n') + 1) {
        unsigned series;
        long long time_ms;
        double value;
        p += *p == '|';
        if (!*p)
            break;
        assert_int_equal(sscanf(p, "{\"s\":\"L%6u\",\"t\":%lld,\"v\":%lf}", &series, &time_ms, &value), 3);
        assert_int_equal(series, row % 3);
        assert_int_equal(time_ms, load.start_ms + (int64_t)(row / 3) * 1000);
        assert_true(value >= 100 && value < 200);
        row++;
    }
    assert_int_equal(row, result.acked_rows);
    for (const char *p = log_text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, result.acked_bodies + 1);
    free(log_text);
    stop_sink(&sink);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_keeps_its_order_through_every_failure),
        cmocka_unit_test(a_refused_body_is_told_and_not_sent_again),
        cmocka_unit_test(replay_sends_every_record_once_and_in_order),
        cmocka_unit_test(replay_gives_up_when_the_token_is_wrong),
        cmocka_unit_test(load_repeats_unacknowledged_bodies_and_every_series_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
