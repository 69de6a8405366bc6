/* Scores the rows of a table as they come: the core of `wardwatch score`, without files.
 *
 *   ww_score_new(&config, &header_row, &score, &err);      // resolves columns
 *   ww_score_row(score, &row, &out, &err);                 // appends one line of CSV to out; the first call
 * the head ww_score_free(score);
 *
 * One baseline (geo/detect/baseline.h) a value column, 1 KB each; several columns are judged together by
 * geo/detect/row_score.h and row_alarm.h. Every row gives exactly one line, whatever is in it. Memory does
 * not grow with rows.
 */
#ifndef WW_SERVER_SCORE_ROWS_H
#define WW_SERVER_SCORE_ROWS_H

#include "geo/base/buf.h"
#include "geo/detect/baseline.h"
#include "server/csv_stream.h"

#define WW_SCORE_COLUMNS 256 /* values judged together; 16 for the time */
#define WW_SCORE_TIMES   16

struct ww_score_config {
    const char *time[WW_SCORE_TIMES]; /* names (or numbers from 1); several are joined by a blank */
    size_t n_time;
    const char *value[WW_SCORE_COLUMNS];
    size_t n_value;          /* 0 = every other column whose first cell is a number or missing */
    const char *time_format; /* "", "epoch", "epoch_ms" or strptime-like */
    const struct ww_zone *zone;
    char decimal;                /* '.' or ','; 0 = ',' where cells are not parted by commas and look so */
    char separator;              /* of the input, for that */
    bool chinese;                /* reasons */
    bool strict;                 /* what can't be read is an error, not a reason */
    double false_alarms_a_month; /* alarm = rarer than that */
    struct ww_baseline_params baseline;
};

struct ww_score_counts {
    uint64_t rows, judged, learning, late, missing, unread_values, unread_times, alarm_rows, alarms;
};

struct ww_score;

/* WW_BAD_INPUT naming the column that is not there. Config and its strings outlive the score. */
enum ww_status ww_score_new(const struct ww_score_config *config, const struct ww_csv_row *header,
                            struct ww_score **out, struct ww_error *err) WW_MUST_CHECK;
void ww_score_free(struct ww_score *score);
/* WW_BAD_INPUT only when strict: what can't be read, with line and column. What was passed over instead is
 * told through `notice` (may be NULL). */
enum ww_status ww_score_row(struct ww_score *score, const struct ww_csv_row *row, struct ww_buf *out,
                            struct ww_error *err) WW_MUST_CHECK;
struct ww_score_counts ww_score_count(const struct ww_score *score);
/* The first thing that could not be read in this row, when ww_score_row passed over it; NULL: all was read.
 */
const struct ww_error *ww_score_notice(const struct ww_score *score);

/* In words, for one column: "pH 7.1 is below 8.2 to 8.5 (…)". */
void ww_score_words(struct ww_buf *out, struct ww_str name, const struct ww_baseline_verdict *verdict,
                    bool chinese);

#endif
