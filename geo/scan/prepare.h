/* From the rows of the files to the table that a scan works on: places, intervals, expectations.
 *
 * Ids at one coordinate become one place. Time is cut into intervals from the end of the period backwards, so
 * that the last one is whole; what is left at the beginning makes the first one longer. The population
 * between two censuses is taken as linear, before the first and after the last as constant; a census given as
 * a year counts as 1 July of it, as a month as the 15th. A group that a census date leaves out counts as 0
 * then. Covariates adjust as in indirect standardisation: the expected cases of a cell are the sum over
 * groups of the group's overall rate times the cell's person-time. These are the rules of the field's
 * reference program; the published answers hold only under them.
 */
#ifndef WW_SCAN_PREPARE_H
#define WW_SCAN_PREPARE_H

#include "geo/scan/input.h"
#include "geo/scan/scan.h"

struct ww_scan_setup {
    enum ww_scan_model model;
    enum ww_scan_unit unit; /* NONE: purely spatial */
    uint32_t unit_length;   /* units in an interval, from 1 */
    bool temporal;          /* purely temporal: all places are one */
    bool has_start, has_end;
    int64_t start_day, end_day; /* inclusive; without: from the first case to the last */
    /* Expectation without .pop: the baseline is learned from the intervals before these last ones. */
    uint32_t judged;
};

struct ww_scan_table_data {
    struct ww_scan_data data;
    uint32_t *place_of; /* [n_ids] */
    uint32_t *count;    /* owned arrays behind `data` */
    double *measure;
    uint32_t *case_place, *case_time, *stratum_end;
    double (*at)[3];   /* [n_places]; NULL without coordinates */
    double *weight;    /* [n_places] measure of all times: what a share of the population is of */
    int64_t *boundary; /* [n_times + 1] first day of each interval, and the day after the last */
    uint32_t n_units;  /* in the whole period */
    uint64_t cases_outside, controls_outside; /* of the period, left out */
    uint64_t cases_unexpected;                /* expectation: in cells without baseline, left out */
};

enum ww_status ww_scan_prepare(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                               struct ww_scan_table_data **out, struct ww_error *err) WW_MUST_CHECK;
void ww_scan_table_free(struct ww_scan_table_data *table); /* NULL is allowed */

/* Joins all intervals but the last `keep` into one at the front: windows that end now need no more. */
void ww_scan_table_keep_last(struct ww_scan_table_data *table, uint32_t keep);

/* population.c: person-time of every cell into expected cases. */
enum ww_status ww_scan_expect_population(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                         struct ww_scan_table_data *table,
                                         struct ww_error *err) WW_MUST_CHECK;
/* The date of a case or control, a two-digit year with its century. */
struct ww_scan_date ww_scan_case_date(const struct ww_scan_setup *setup, const struct ww_scan_row *row);
/* The interval of a date; false: outside of the period. */
bool ww_scan_interval_of(const struct ww_scan_table_data *table, const struct ww_scan_date *date,
                         uint32_t *out);

#endif
