/* What the decoder targets share: the configurations of a target are parsed once, each input is decoded by
 * one of them, strictly and leniently, and what comes out must keep the promises of batch.h. */
#ifndef WW_TESTS_DECODE_FUZZ_H
#define WW_TESTS_DECODE_FUZZ_H

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "ingest/decode/decode.h"

enum { FUZZ_MAX_ROWS = 200, FUZZ_ARENA = 1 << 20 };

static inline struct ww_feed_config *fuzz_config(const char *json) {
    struct ww_feed_config *config = NULL;
    struct ww_error err;
    if (ww_feed_config_parse(ww_str_of(json), &config, &err) != WW_OK)
        abort();
    return config;
}

static inline void check_dead(const struct ww_dead_row *dead, struct ww_str body) {
    assert(dead->line > 0);
    assert(dead->reason[0] != '\0');
    assert(ww_str_is_utf8(ww_str_of(dead->reason)) && ww_str_is_utf8(ww_str_of(dead->field)));
    assert(dead->raw.ptr >= body.ptr && dead->raw.ptr + dead->raw.len <= body.ptr + body.len);
}

static inline void check_row(const struct ww_batch *b, uint32_t i) {
    assert(b->series_of[i] < b->n_series);
    assert(isfinite(b->value[i]));
    assert(b->interval_s[i] >= 0);
    assert(b->line[i] > 0);
    assert((b->flag[i] >= '0' && b->flag[i] <= '9') || (b->flag[i] >= 'A' && b->flag[i] <= 'z'));
    if (b->place)
        assert((isfinite(b->place[i].x) && isfinite(b->place[i].y)) || isnan(b->place[i].x));
    if (b->detail && b->detail[i].len > 0) {
        struct ww_json_reader r;
        struct ww_json_event ev = {.type = WW_JSON_NULL};
        ww_json_reader_init(&r, b->detail[i]);
        while (ev.type != WW_JSON_END)
            if (ww_json_next(&r, &ev, NULL) != WW_OK)
                abort();
    }
}

static inline void check_batch(const struct ww_batch *b, struct ww_str body, bool strict) {
    assert(b->n_received == (uint64_t)b->n_rows + b->n_dead);
    assert(b->n_received <= FUZZ_MAX_ROWS);
    assert(!strict || b->n_dead == 0);
    for (uint32_t i = 0; i < b->n_series; i++) {
        const struct ww_series_name *s = &b->series[i];
        assert(s->thing.len >= 1 && s->thing.len <= 128 && ww_str_is_utf8(s->thing));
        assert(s->property.len >= 1 && s->property.len <= 64 && ww_str_is_utf8(s->property));
        assert(ww_str_is_utf8(s->unit));
    }
    for (uint32_t i = 0; i < b->n_rows; i++)
        check_row(b, i);
    for (uint32_t i = 0; i < b->n_dead; i++)
        check_dead(&b->dead[i], body);
}

/* As a message of MQTT, whose topic every configuration here can read. */
#define FUZZ_TOPIC "; topic=city%2FW17%2Fup%2Fcod"

/* The number of rows, or -1 when the body was refused. */
static inline long fuzz_decode(const struct ww_feed_config *config, const char *content_type,
                               struct ww_str body) {
    struct ww_arena *arena = ww_arena_new(FUZZ_ARENA);
    struct ww_surroundings around = {ww_str_of(content_type), INT64_C(1700000000000000)};
    struct ww_batch batch;
    struct ww_error err;
    bool strict = ww_feed_config_is_strict(config);
    enum ww_status st = ww_decode_message(config, &around, body, FUZZ_MAX_ROWS, arena, &batch, &err);
    long rows = -1;
    if (st == WW_OK) {
        check_batch(&batch, body, strict);
        rows = (long)batch.n_rows;
    } else {
        assert(st == WW_BAD_INPUT || st == WW_TOO_LARGE);
        assert(err.status == st && err.message[0] != '\0');
    }
    ww_arena_free(arena);
    return rows;
}

/* The body is read as the configuration says whose turn its size makes it: members without "mode". What a
 * strict feed takes, a lenient one takes as well, with the same rows. */
static inline void fuzz_configs(const char *const *members, size_t n, const char *content_type,
                                const uint8_t *data, size_t size) {
    enum { MOST = 8 };
    static struct ww_feed_config *configs[MOST][2];
    static const char *const modes[] = {"lenient", "strict"};
    size_t turn = size % n;
    assert(n <= MOST);
    for (int i = 0; i < 2 && !configs[turn][1]; i++) {
        char json[2048];
        int len = snprintf(json, sizeof json, "{%s,\"mode\":\"%s\"}", members[turn], modes[i]);
        assert(len > 0 && len < (int)sizeof json);
        configs[turn][i] = fuzz_config(json);
    }
    struct ww_str body = {(const char *)data, size};
    long all = fuzz_decode(configs[turn][1], content_type, body);
    long some = fuzz_decode(configs[turn][0], content_type, body);
    assert(all < 0 || all == some);
}

#endif
