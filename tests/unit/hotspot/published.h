/* Columns of the published tables beside the checkout (../shared/data or WW_SHARED_DATA). */
#ifndef WW_TESTS_HOTSPOT_PUBLISHED_H
#define WW_TESTS_HOTSPOT_PUBLISHED_H

#include <stdio.h>
#include <stdlib.h>

#include "geo/base/buf.h"
#include "geo/base/csv.h"

/* The file's text, or false after saying why the test is skipped. */
static inline bool published(const char *file, struct ww_buf *text) {
    char path[1024];
    const char *base = getenv("WW_SHARED_DATA");
    snprintf(path, sizeof path, "%s/detection/%s", base ? base : WW_SOURCE_DIR "/../shared/data", file);
    FILE *in = fopen(path, "rb");
    if (!in) {
        fprintf(stderr, "skipped: no %s (set WW_SHARED_DATA)\n", path);
        return false;
    }
    ww_buf_init(text, 1 << 20);
    size_t n;
    while ((n = fread(ww_buf_reserve(text, 4096), 1, 4096, in)) > 0)
        text->len += n;
    fclose(in);
    return true;
}

/* The column's numbers into out[]; returns how many. Dies when there is none. */
static inline uint32_t column(const struct ww_buf *text, const char *name, double *out, uint32_t room) {
    struct ww_arena *arena = ww_arena_new(16 << 20);
    struct ww_csv csv = ww_csv_of(ww_buf_str(text), false);
    struct ww_str cells[64];
    struct ww_error err;
    enum ww_status st;
    size_t n, at = SIZE_MAX;
    uint32_t rows = 0;
    for (bool head = true; ww_csv_row(&csv, arena, cells, 64, &n, &st, &err) && st == WW_OK; head = false) {
        for (size_t i = 0; head && i < n; i++)
            at = ww_str_is(cells[i], name) ? i : at;
        if (!head && (at >= n || rows == room || !ww_str_to_double(cells[at], &out[rows++])))
            break;
    }
    ww_arena_free(arena);
    if (rows == 0) {
        fprintf(stderr, "no column %s\n", name);
        abort();
    }
    return rows;
}

#endif
