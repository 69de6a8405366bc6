/* Runs the case files in tests/data/decode: a config, a body, and what must come out, as text.
 *
 * To add a case, add lines to one of those files; tests/data/decode/README.md says how.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_writer.h"
#include "ingest/decode/decode.h"

enum { MAX_TEXT = 1 << 20, MAX_ROWS = 1000 };

struct test_case {
    char name[200];
    char format[20];
    char type[200]; /* the content type that it came with; "" = none, and `format` counts */
    int64_t received_at_us;
    struct ww_buf config, body, expected;
};

static const char *const data_dir = WW_SOURCE_DIR "/tests/data/decode/";

static void add_place(struct ww_buf *out, struct ww_raw_place place) {
    char x[32], y[32];
    if (isnan(place.x))
        return;
    ww_double_text(place.x, x);
    ww_double_text(place.y, y);
    ww_buf_printf(out, " place=%s,%s", x, y);
}

static void show_batch(const struct ww_batch *b, struct ww_buf *out) {
    for (uint32_t i = 0; i < b->n_rows; i++) {
        const struct ww_series_name *s = &b->series[b->series_of[i]];
        char time[40], value[32];
        ww_instant_text(b->time_us[i], time);
        ww_double_text(b->value[i], value);
        ww_buf_printf(out, "row %llu: %.*s %.*s [%.*s] %s %ds %s %c", (unsigned long long)b->line[i],
                      WW_STR_ARG(s->thing), WW_STR_ARG(s->property), WW_STR_ARG(s->unit), time,
                      b->interval_s[i], value, b->flag[i]);
        if (s->statistic.len > 0)
            ww_buf_printf(out, " statistic=%.*s", WW_STR_ARG(s->statistic));
        if (s->interval_s != 0)
            ww_buf_printf(out, " series=%ds", s->interval_s);
        if (b->place)
            add_place(out, b->place[i]);
        if (b->ward_code && b->ward_code[i].len > 0)
            ww_buf_printf(out, " ward=%.*s", WW_STR_ARG(b->ward_code[i]));
        if (b->detail && b->detail[i].len > 0)
            ww_buf_printf(out, " detail=%.*s", WW_STR_ARG(b->detail[i]));
        ww_buf_char(out, '\n');
    }
    for (uint32_t i = 0; i < b->n_dead; i++) {
        const struct ww_dead_row *d = &b->dead[i];
        ww_buf_printf(out, "dead %llu:%llu %s: %s | ", (unsigned long long)d->line,
                      (unsigned long long)d->column, *d->field ? d->field : "-", d->reason);
        for (size_t k = 0; k < d->raw.len; k++) {
            uint8_t c = (uint8_t)d->raw.ptr[k];
            if (c < 0x20 || c >= 0x7F)
                ww_buf_printf(out, "\\x%02X", c);
            else
                ww_buf_char(out, (char)c);
        }
        ww_buf_char(out, '\n');
    }
    ww_buf_printf(out, "received %llu\n", (unsigned long long)b->n_received);
}

static enum ww_format format_of(const char *name) {
    static const char *const names[] = {"auto", "ndjson",       "json",    "geojson", "csv",
                                        "text", "sensorthings", "ngsi-ld", "hj212"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (enum ww_format)i;
    fail_msg("unknown format \"%s\"", name);
    return WW_FORMAT_AUTO;
}

static enum ww_status decode_case(const struct ww_feed_config *config, const struct test_case *c,
                                  struct ww_arena *arena, struct ww_batch *batch, struct ww_error *err) {
    struct ww_surroundings around = {ww_str_of(c->type), c->received_at_us};
    if (c->type[0] || c->received_at_us)
        return ww_decode_message(config, &around, ww_buf_str(&c->body), MAX_ROWS, arena, batch, err);
    return ww_decode(config, format_of(c->format), ww_buf_str(&c->body), MAX_ROWS, arena, batch, err);
}

static bool run_case(const char *file, struct test_case *c) {
    struct ww_buf got;
    struct ww_error err;
    struct ww_feed_config *config = NULL;
    ww_buf_init(&got, MAX_TEXT);
    enum ww_status st = ww_feed_config_parse(ww_buf_str(&c->config), &config, &err);
    struct ww_arena *arena = ww_arena_new(8 << 20);
    struct ww_batch batch;
    if (st != WW_OK) {
        ww_buf_printf(&got, "config error %s %s: %s\n", ww_status_name(st), err.field, err.message);
    } else {
        st = decode_case(config, c, arena, &batch, &err);
        if (st == WW_OK)
            show_batch(&batch, &got);
        else
            ww_buf_printf(&got, "error %s %llu:%llu %s: %s\n", ww_status_name(st),
                          (unsigned long long)err.line, (unsigned long long)err.column,
                          *err.field ? err.field : "-", err.message);
    }
    bool same = ww_str_eq(ww_buf_str(&got), ww_buf_str(&c->expected));
    if (!same)
        (void)fprintf(stderr, "%s, \"%s\":\n--- expected\n%s--- got\n%s", file, c->name,
                      c->expected.len ? c->expected.data : "", got.len ? got.data : "");
    ww_feed_config_free(config);
    ww_arena_free(arena);
    ww_buf_clear(&got);
    return same;
}

static int hex(char c) {
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* \n \r \t \\ \xHH; the line end itself is not part of the body. */
static void add_escaped(struct ww_buf *out, const char *line) {
    for (const char *p = line; *p; p++) {
        if (*p != '\\') {
            ww_buf_char(out, *p);
        } else if (p[1] == 'x') {
            ww_buf_char(out, (char)(hex(p[2]) * 16 + hex(p[3])));
            p += 3;
        } else {
            p++;
            ww_buf_char(out, *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p);
        }
    }
}

static void clear_case(struct test_case *c) {
    ww_buf_clear(&c->config);
    ww_buf_clear(&c->body);
    ww_buf_clear(&c->expected);
    c->name[0] = '\0';
    c->type[0] = '\0';
    c->received_at_us = 0;
    (void)strcpy(c->format, "auto");
}

static void run_file(const char *name) {
    char path[400], *line = NULL;
    size_t room = 0;
    ssize_t len;
    (void)snprintf(path, sizeof path, "%s%s", data_dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot open %s", path);
    enum { NOTHING, CONFIG, BODY, ESCAPED, EXPECT } section = NOTHING;
    struct test_case c = {0};
    int n_bad = 0;
    ww_buf_init(&c.config, MAX_TEXT);
    ww_buf_init(&c.body, MAX_TEXT);
    ww_buf_init(&c.expected, MAX_TEXT);
    while ((len = getline(&line, &room, f)) >= 0) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (strncmp(line, "== ", 3) == 0) {
            if (c.name[0])
                n_bad += !run_case(name, &c);
            struct ww_buf config = c.config; /* a case without a config takes the one before */
            ww_buf_init(&c.config, MAX_TEXT);
            clear_case(&c);
            c.config = config;
            (void)snprintf(c.name, sizeof c.name, "%s", line + 3);
            section = NOTHING;
        } else if (strcmp(line, "-- config") == 0) {
            ww_buf_clear(&c.config);
            section = CONFIG;
        } else if (strncmp(line, "-- format ", 10) == 0) {
            (void)snprintf(c.format, sizeof c.format, "%s", line + 10);
        } else if (strncmp(line, "-- type ", 8) == 0) {
            (void)snprintf(c.type, sizeof c.type, "%s", line + 8);
        } else if (strncmp(line, "-- received ", 12) == 0) {
            assert_int_equal(ww_instant_parse(ww_str_of(line + 12), NULL, &c.received_at_us, NULL), WW_OK);
        } else if (strcmp(line, "-- body") == 0) {
            section = BODY;
        } else if (strcmp(line, "-- body escaped") == 0) {
            section = ESCAPED;
        } else if (strcmp(line, "-- expect") == 0) {
            section = EXPECT;
        } else if (section == ESCAPED) {
            add_escaped(&c.body, line);
        } else if (section == CONFIG || section == BODY || (section == EXPECT && *line)) {
            struct ww_buf *to = section == CONFIG ? &c.config : section == BODY ? &c.body : &c.expected;
            ww_buf_text(to, line);
            ww_buf_char(to, '\n');
        }
    }
    assert_true(c.name[0] != '\0');
    n_bad += !run_case(name, &c);
    clear_case(&c);
    free(line);
    (void)fclose(f);
    assert_int_equal(n_bad, 0);
}

static void csv_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("csv.cases");
}

static void ndjson_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("ndjson.cases");
}

static void json_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("json.cases");
}

static void geojson_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("geojson.cases");
}

static void mapping_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("mapping.cases");
}

static void feed_config_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("feed_config.cases");
}

static void feed_source_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("feed_source.cases");
}

static void text_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("text.cases");
}

static void surroundings_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("surroundings.cases");
}

static void sensorthings_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("sensorthings.cases");
}

static void ngsi_ld_cases_come_out_as_their_file_says(void **state) {
    (void)state;
    run_file("ngsi_ld.cases");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_cases_come_out_as_their_file_says),
        cmocka_unit_test(ndjson_cases_come_out_as_their_file_says),
        cmocka_unit_test(json_cases_come_out_as_their_file_says),
        cmocka_unit_test(geojson_cases_come_out_as_their_file_says),
        cmocka_unit_test(mapping_cases_come_out_as_their_file_says),
        cmocka_unit_test(feed_config_cases_come_out_as_their_file_says),
        cmocka_unit_test(feed_source_cases_come_out_as_their_file_says),
        cmocka_unit_test(text_cases_come_out_as_their_file_says),
        cmocka_unit_test(sensorthings_cases_come_out_as_their_file_says),
        cmocka_unit_test(ngsi_ld_cases_come_out_as_their_file_says),
        cmocka_unit_test(surroundings_cases_come_out_as_their_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
