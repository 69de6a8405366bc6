/* ww_link: ww_server
 * Any bytes as a table to score: every row gives one line, however the bytes come; errors have a place. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "server/score_rows.h"

struct source {
    const uint8_t *data;
    size_t len, at, most;
};

static size_t read_source(void *from, char *out, size_t cap) {
    struct source *s = from;
    size_t n = s->len - s->at;
    n = n < cap ? n : cap;
    n = n < s->most ? n : s->most;
    if (n > 0)
        memcpy(out, s->data + s->at, n);
    s->at += n;
    return n;
}

/* A line ends at a newline outside quotes. */
static uint64_t count_lines(struct ww_str text) {
    uint64_t lines = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted ^= text.ptr[i] == '"';
        lines += !quoted && text.ptr[i] == '\n';
    }
    return lines;
}

static void score(const uint8_t *data, size_t size, size_t most, bool strict, struct ww_buf *out) {
    static struct ww_score_config config;
    config = (struct ww_score_config){.time = {"1"},
                                      .n_time = 1,
                                      .strict = strict,
                                      .chinese = strict,
                                      .false_alarms_a_month = 1,
                                      .baseline = ww_baseline_params_default};
    struct source source = {data, size, 0, most};
    struct ww_csv_stream *stream;
    struct ww_csv_row row;
    struct ww_score *score = NULL;
    struct ww_error err = {0};
    enum ww_status st;
    if (ww_csv_stream_new(read_source, &source, 0, &stream) != WW_OK)
        return;
    if (ww_csv_stream_next(stream, &row, &st, &err) && st == WW_OK) {
        config.separator = ww_csv_stream_separator(stream);
        st = ww_score_new(&config, &row, &score, &err);
    }
    while (score && st == WW_OK && ww_csv_stream_next(stream, &row, &st, &err) && st == WW_OK)
        st = ww_score_row(score, &row, out, &err);
    if (st == WW_BAD_INPUT)
        assert(err.message[0]);
    if (score) {
        struct ww_score_counts counts = ww_score_count(score);
        if (ww_buf_status(out) == WW_OK && st == WW_OK && counts.rows > 0)
            assert(count_lines(ww_buf_str(out)) == counts.rows + 1);
    }
    ww_score_free(score);
    ww_csv_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_buf whole, parts;
    if (size < 1)
        return 0;
    bool strict = data[0] & 1;
    size_t most = (size_t)(data[0] >> 1) + 1;
    ww_buf_init(&whole, 16 << 20);
    ww_buf_init(&parts, 16 << 20);
    score(data + 1, size - 1, size, strict, &whole);
    score(data + 1, size - 1, most, strict, &parts);
    assert(ww_str_eq(ww_buf_str(&whole), ww_buf_str(&parts)));
    ww_buf_clear(&whole);
    ww_buf_clear(&parts);
    return 0;
}
