/* ww_link: ww_ingest
 * What feed health costs: a reading noted on the hot path, a thing looked at, a row written; 20,000 things
 * that send each in its turn, messages of 2,000 readings, as in ingest_bench.py. Beside it, in the same run:
 * the least that anything about a reading can cost, one write to a random place of as much memory.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "ingest/health.h"
#include "ingest/health_internal.h"

enum { THINGS = 20000, ROWS = 2000, MESSAGES = 20000 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ww_catalog *make_catalog(void) {
    struct ww_catalog *c = ww_catalog_new(1);
    struct ww_error err;
    c->n_properties = c->n_feeds = 1;
    c->properties = ww_must_calloc(1, sizeof *c->properties);
    c->feeds = ww_must_calloc(1, sizeof *c->feeds);
    c->feeds[0] = (struct ww_cat_feed){.id = 1, .name = "bench", .enabled = true};
    if (ww_feed_config_parse(WW_STR("{\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"time\":\"at\"}"),
                             &c->feeds[0].config, &err) != WW_OK)
        abort();
    for (int i = 0; i < THINGS; i++) {
        char key[16];
        snprintf(key, sizeof key, "t%d", i);
        struct ww_cat_thing thing = {.id = i + 1, .feed_id = 1, .raw = {NAN, NAN}};
        uint32_t index = ww_catalog_add_thing(c, ww_str_of(key), &thing);
        ww_catalog_add_datastream(c, &(struct ww_cat_datastream){.id = i + 1, .thing = index});
    }
    return c;
}

int main(void) {
    struct ww_catalog *catalog = make_catalog();
    struct ww_health_rules *rules = ww_health_rules_new();
    struct ww_health *health = ww_health_new();
    struct ww_error err;
    if (ww_health_add_rule(rules, WW_SENSOR_SILENCE, 1, 1, 1, WW_STR("s"),
                           WW_STR("{\"multiple\":3,\"after_s\":900}"), &err) != WW_OK ||
        ww_health_add_rule(rules, WW_SENSOR_CLOCK_DRIFT, 2, 1, 1, WW_STR("c"), WW_STR("{\"limit_s\":300}"),
                           &err) != WW_OK)
        abort();
    ww_health_attach(health, catalog, rules);

    static uint32_t row[ROWS], datastream[ROWS];
    static int64_t time_us[ROWS];
    static int32_t interval_s[ROWS];
    struct ww_batch batch = {
        .n_rows = ROWS, .time_us = time_us, .interval_s = interval_s, .sender_time_us = WW_INSTANT_NONE};
    struct ww_located located = {.n_rows = ROWS, .row = row, .datastream = datastream};
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = i;
    int64_t at_us = INT64_C(1767225600) * WW_SECOND_US;
    double noting = 0, touching = 0, begin;
    char *memory = ww_must_calloc(THINGS, sizeof(struct health_thing));
    for (int m = 0; m < MESSAGES; m++) {
        at_us += 7000;
        for (uint32_t i = 0; i < ROWS; i++) {
            datastream[i] = ((uint32_t)m * ROWS + i) % THINGS;
            time_us[i] = at_us;
        }
        struct ww_health_message message = {
            .feed = 0, .received_us = at_us + 1000, .batch = &batch, .located = &located};
        begin = now_s();
        ww_health_note(health, &message);
        noting += now_s() - begin;
        begin = now_s();
        for (uint32_t i = 0; i < ROWS; i++)
            memory[(size_t)datastream[i] * sizeof(struct health_thing)]++;
        touching += now_s() - begin;
    }
    double rows = (double)MESSAGES * ROWS;
    printf("things=%d bytes a thing=%zu\n", THINGS, sizeof(struct health_thing));
    printf("noted: %.1f ns a reading (one write to as much memory: %.1f)\n", noting * 1e9 / rows,
           touching * 1e9 / rows);

    begin = now_s();
    int passes = 50;
    for (int i = 0; i < passes; i++)
        while (!ww_health_sweep(health, at_us += WW_SECOND_US, 5000, true)) {
        }
    printf("looked at: %.1f ns a thing\n", (now_s() - begin) * 1e9 / passes / THINGS);
    begin = now_s();
    uint32_t written = 0;
    struct ww_health_page page;
    do {
        (void)ww_health_write_page(health, at_us, &page);
        written += page.n_things;
        ww_buf_clear(&page.things);
        ww_buf_clear(&page.feeds);
        ww_buf_clear(&page.actions);
    } while (page.n_things > 0);
    printf("written: %.2f us a row (%u rows)\n", (now_s() - begin) * 1e6 / written, written);
    ww_free(memory);
    ww_health_free(health);
    ww_health_rules_free(rules);
    ww_catalog_free(catalog);
    return 0;
}
