/* First, smallest, largest and last reading of each column of a chart: m4.h says why these. */
#include "geo/series/m4.h"

#include <assert.h>
#include <math.h>

void ww_m4_init(struct ww_m4 *m4, int64_t from_us, int64_t to_us, uint32_t columns) {
    assert(to_us > from_us && columns > 0);
    *m4 = (struct ww_m4){.from_us = from_us, .to_us = to_us, .columns = columns};
}

/* 3e17 microseconds times 4e9 columns needs more than 64 bits. */
static uint32_t column_of(const struct ww_m4 *m4, int64_t time_us) {
    const unsigned __int128 at = (unsigned __int128)(uint64_t)(time_us - m4->from_us) * m4->columns;
    return (uint32_t)(at / (uint64_t)(m4->to_us - m4->from_us));
}

/* The held points in their order, each once. */
size_t ww_m4_end(struct ww_m4 *m4, struct ww_m4_point out[4]) {
    size_t n = 0;
    if (m4->held == 0)
        return 0;
    const int min_first = m4->min.at < m4->max.at;
    const uint64_t low = min_first ? m4->min.at : m4->max.at, high = min_first ? m4->max.at : m4->min.at;
    out[n++] = m4->first.point;
    if (low != m4->first.at && low != m4->last.at)
        out[n++] = min_first ? m4->min.point : m4->max.point;
    if (high != low && high != m4->first.at && high != m4->last.at)
        out[n++] = min_first ? m4->max.point : m4->min.point;
    if (m4->last.at != m4->first.at)
        out[n++] = m4->last.point;
    m4->held = 0;
    return n;
}

size_t ww_m4_push(struct ww_m4 *m4, int64_t time_us, double value, struct ww_m4_point out[4]) {
    if (time_us < m4->from_us || time_us >= m4->to_us || !isfinite(value))
        return 0;
    const uint32_t column = column_of(m4, time_us);
    const size_t n = m4->held > 0 && column != m4->column ? ww_m4_end(m4, out) : 0;
    const struct ww_m4_point point = {time_us, value};
    if (m4->held == 0) {
        m4->column = column;
        m4->first.point = m4->min.point = m4->max.point = point;
        m4->first.at = m4->min.at = m4->max.at = 0;
    } else if (value < m4->min.point.value) {
        m4->min.point = point;
        m4->min.at = m4->held;
    } else if (value > m4->max.point.value) {
        m4->max.point = point;
        m4->max.at = m4->held;
    }
    m4->last.point = point;
    m4->last.at = m4->held++;
    m4->taken++;
    return n;
}
