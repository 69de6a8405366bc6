/* Runs tests/data/decode/hj212.frames: what becomes of a frame, from its segment to rows and dead rows.
 *
 * To add a case, add lines there; its head says how.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_writer.h"
#include "ingest/decode/decode.h"
#include "ingest/hj212/stations.h"

enum { MAX_TEXT = 1 << 16, FEED = 1 };

struct frame_case {
    char name[200], type[100];
    struct ww_buf feed, station, segment, expected;
};

static void show_rows(const struct ww_batch *b, struct ww_buf *out) {
    for (uint32_t i = 0; i < b->n_rows; i++) {
        const struct ww_series_name *s = &b->series[b->series_of[i]];
        char time[40], value[32];
        ww_instant_text(b->time_us[i] + 8 * 3600 * WW_SECOND_US, time);
        ww_double_text(b->value[i], value);
        ww_buf_printf(out, "row %.*s %.*s%s%.*s %.*s %ds %s %.*s %c", WW_STR_ARG(s->thing),
                      WW_STR_ARG(s->property), s->statistic.len ? "/" : "", WW_STR_ARG(s->statistic), 19,
                      time, b->interval_s[i], value, s->unit.len ? (int)s->unit.len : 1,
                      s->unit.len ? s->unit.ptr : "-", b->flag[i]);
        if (b->detail && b->detail[i].len > 0)
            ww_buf_printf(out, " %.*s", WW_STR_ARG(b->detail[i]));
        ww_buf_char(out, '\n');
    }
    for (uint32_t i = 0; i < b->n_dead; i++)
        ww_buf_printf(out, "dead %s | %s\n", b->dead[i].field, b->dead[i].reason);
}

static void show_deviations(unsigned bits, struct ww_buf *out) {
    if (bits == 0)
        return;
    ww_buf_text(out, "deviates");
    for (int bit = 0; bit < WW_HJ212_N_DEVIATIONS; bit++)
        if (bits >> bit & 1)
            ww_buf_printf(out, " %s", ww_hj212_deviation_name(bit));
    ww_buf_char(out, '\n');
}

static void frame_of(struct ww_str segment, struct ww_buf *out) {
    ww_buf_printf(out, "##%04zu", segment.len);
    ww_buf_str_add(out, segment); /* which may hold zero bytes */
    ww_buf_printf(out, "%04X\r\n", ww_hj212_crc(segment));
}

static bool run_case(const struct frame_case *c) {
    struct ww_buf got, frame;
    struct ww_error err = {0};
    struct ww_feed_config *feed = NULL;
    struct ww_batch batch;
    struct ww_arena *arena = ww_arena_new(4 << 20);
    struct ww_hj212_stations *stations = ww_hj212_stations_new();
    ww_buf_init(&got, MAX_TEXT);
    ww_buf_init(&frame, MAX_TEXT);
    frame_of(ww_buf_str(&c->segment), &frame);
    assert_int_equal(ww_feed_config_parse(ww_buf_str(&c->feed), &feed, &err), WW_OK);
    enum ww_status st = ww_hj212_stations_add(stations, WW_STR("M"), FEED, true, WW_STR_NONE, WW_STR_NONE,
                                              WW_STR_NONE, ww_buf_str(&c->station), &err);
    if (st != WW_OK)
        fail_msg("%s: %s", c->name, err.message);
    ww_feed_config_set_stations(feed, stations, FEED);
    struct ww_surroundings around = {c->type[0] ? ww_str_of(c->type) : WW_STR("application/hj212"), 0};
    st = ww_decode_message(feed, &around, ww_buf_str(&frame), 1000, arena, &batch, &err);
    if (st == WW_OK) {
        show_deviations(batch.deviations, &got);
        show_rows(&batch, &got);
    } else {
        ww_buf_printf(&got, "error %s: %s\n", err.field, err.message);
    }
    bool same = ww_str_eq(ww_buf_str(&got), ww_buf_str(&c->expected));
    if (!same)
        (void)fprintf(stderr, "\"%s\":\n--- expected\n%s--- got\n%s", c->name,
                      c->expected.len ? c->expected.data : "", got.len ? got.data : "");
    ww_feed_config_free(feed);
    ww_hj212_stations_free(stations);
    ww_arena_free(arena);
    ww_buf_clear(&got);
    ww_buf_clear(&frame);
    return same;
}

static void set_text(struct ww_buf *buf, const char *text) {
    ww_buf_reset(buf);
    ww_buf_text(buf, text);
}

static int hex(char c) {
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* \xHH stands for a byte. */
static void set_segment(struct ww_buf *buf, const char *line) {
    ww_buf_reset(buf);
    for (const char *p = line; *p; p++) {
        bool is_escape = p[0] == '\\' && p[1] == 'x';
        ww_buf_char(buf, is_escape ? (char)(hex(p[2]) * 16 + hex(p[3])) : *p);
        p += is_escape ? 3 : 0;
    }
}

static void frames_become_what_their_file_says(void **state) {
    (void)state;
    struct frame_case c = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int n_cases = 0, n_bad = 0;
    FILE *f = fopen(WW_SOURCE_DIR "/tests/data/decode/hj212.frames", "r");
    assert_non_null(f);
    ww_buf_init(&c.feed, MAX_TEXT);
    ww_buf_init(&c.station, MAX_TEXT);
    ww_buf_init(&c.segment, MAX_TEXT);
    ww_buf_init(&c.expected, MAX_TEXT);
    while ((len = getline(&line, &room, f)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (strncmp(line, "== ", 3) == 0) {
            if (c.name[0])
                n_bad += !run_case(&c);
            (void)snprintf(c.name, sizeof c.name, "%s", line + 3);
            c.type[0] = '\0';
            ww_buf_reset(&c.expected);
            n_cases++;
        } else if (strncmp(line, "feed ", 5) == 0) {
            set_text(&c.feed, line + 5);
        } else if (strncmp(line, "station ", 8) == 0) {
            set_text(&c.station, line + 8);
        } else if (strncmp(line, "type ", 5) == 0) {
            (void)snprintf(c.type, sizeof c.type, "%s", line + 5);
        } else if (strncmp(line, "segment ", 8) == 0) {
            set_segment(&c.segment, line + 8);
        } else if (*line && *line != '#') {
            ww_buf_text(&c.expected, line);
            ww_buf_char(&c.expected, '\n');
        }
    }
    n_bad += !run_case(&c);
    free(line);
    (void)fclose(f);
    ww_buf_clear(&c.feed);
    ww_buf_clear(&c.station);
    ww_buf_clear(&c.segment);
    ww_buf_clear(&c.expected);
    assert_true(n_cases > 30);
    assert_int_equal(n_bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_become_what_their_file_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
