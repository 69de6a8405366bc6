/* A long series as a chart of some pixels' width shows it: M4.
 *
 * A line chart that is W pixels wide has W columns. Whatever a column's readings are, what is drawn of them
 * is settled by four: the first and the last, to which the lines from the columns beside it go, and the
 * smallest and the largest, between which the column is filled. So a chart of these at most 4 W points is,
 * pixel by pixel, the chart of all; a mean or every n-th reading is not: it loses the peak that everybody
 * looks for.
 *
 *   U. Jugel, Z. Jerzak, G. Hackenbroich, V. Markl: M4: A Visualization-Oriented Time Series Data
 * Aggregation. Proceedings of the VLDB Endowment 7 (10), 2014, pages 797-808.
 *
 * One pass over readings in the order of time, in constant memory; of readings of equal time the order of
 * coming counts; of equal values the first is the smallest (or largest).
 *
 *   struct ww_m4 m4;
 *   ww_m4_init(&m4, from_us, to_us, 800);                     // from is within, to is not
 *   while (…) n = ww_m4_push(&m4, time_us, value, points);    // 0, or the 1 to 4 points of a column that is
 * complete n = ww_m4_end(&m4, points);                               // of the last one
 *
 * Example, two columns of two seconds each: readings at 0.0, 0.5, 1.0, 1.5, 2.0 s of 3, 9, 1, 4, 7 give
 * (0.0, 3) (0.5, 9) (1.0, 1) (1.5, 4) for the first column, told when 2.0 s comes, and (2.0, 7) for the
 * second.
 *
 * Column k holds the times t with floor((t - from) W / (to - from)) = k, reckoned exactly. Points come in
 * their order, none twice. Pure.
 */
#ifndef WW_GEO_SERIES_M4_H
#define WW_GEO_SERIES_M4_H

#include <stddef.h>
#include <stdint.h>

struct ww_m4_point {
    int64_t time_us;
    double value;
};

struct ww_m4 {
    int64_t from_us, to_us;
    uint32_t columns, column; /* `column`: of the readings that are held */
    uint64_t held;            /* readings of that column so far */
    uint64_t taken;           /* of all */
    struct {
        struct ww_m4_point point;
        uint64_t at; /* which of the column's readings it is */
    } first, min, max, last;
};

/* to_us > from_us, both of years 1 to 9999; columns ≥ 1. */
void ww_m4_init(struct ww_m4 *m4, int64_t from_us, int64_t to_us, uint32_t columns);
/* Times do not go back. A time outside [from, to), and a value that is no number, is passed over. */
size_t ww_m4_push(struct ww_m4 *m4, int64_t time_us, double value, struct ww_m4_point out[4]);
size_t ww_m4_end(struct ww_m4 *m4, struct ww_m4_point out[4]);

#endif
