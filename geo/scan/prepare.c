/* Places, intervals and cells from the rows of the files. */
#include "geo/scan/prepare.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/civil.h"

enum { MAX_INTERVALS = 20000 };

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the table of the scan");
}

void ww_scan_table_free(struct ww_scan_table_data *t) {
    if (!t)
        return;
    ww_free(t->place_of);
    ww_free(t->count);
    ww_free(t->measure);
    ww_free(t->case_place);
    ww_free(t->case_time);
    ww_free(t->stratum_end);
    ww_free(t->at);
    ww_free(t->weight);
    ww_free(t->boundary);
    ww_free(t);
}

/* ---- Places ---- */

struct located {
    const double *at;
    uint32_t id;
};

static int by_place(const void *left, const void *right) {
    const struct located *a = left, *b = right;
    for (int i = 0; i < 3; i++)
        if (a->at[i] != b->at[i])
            return a->at[i] < b->at[i] ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Ids at one coordinate are one place, numbered by their first id. */
static enum ww_status make_places(const struct ww_scan_input *in, bool temporal, struct ww_scan_table_data *t,
                                  struct ww_error *err) {
    uint32_t n = in->n_ids;
    t->place_of = ww_try_calloc((size_t)n + 1, sizeof *t->place_of);
    struct located *sorted = ww_try_calloc((size_t)n + 1, sizeof *sorted);
    uint32_t *first_of = ww_try_calloc((size_t)n + 1, sizeof *first_of);
    if (in->has_geo && !temporal)
        t->at = ww_try_calloc((size_t)n + 1, sizeof *t->at);
    bool good = t->place_of && sorted && first_of && (t->at || !in->has_geo || temporal);
    if (good) {
        for (uint32_t i = 0; i < n; i++) {
            sorted[i] = (struct located){in->at[i], i};
            first_of[i] = i;
        }
        if (t->at) {
            qsort(sorted, n, sizeof *sorted, by_place);
            for (uint32_t i = 1; i < n; i++)
                if (memcmp(sorted[i].at, sorted[i - 1].at, 3 * sizeof(double)) == 0)
                    first_of[sorted[i].id] = first_of[sorted[i - 1].id];
        }
        for (uint32_t i = 0; i < n; i++) {
            if (temporal) {
                t->place_of[i] = 0;
            } else if (first_of[i] != i) {
                t->place_of[i] = t->place_of[first_of[i]];
            } else {
                if (t->at)
                    memcpy(t->at[t->data.n_places], in->at[i], sizeof *t->at);
                t->place_of[i] = t->data.n_places++;
            }
        }
        if (temporal)
            t->data.n_places = 1;
    }
    ww_free(sorted);
    ww_free(first_of);
    return good ? WW_OK : no_memory(err);
}

/* ---- Time ---- */

static int year_of(int64_t day) {
    int year, month, of_month;
    ww_date_of(day, &year, &month, &of_month);
    return year;
}

struct ww_scan_date ww_scan_case_date(const struct ww_scan_setup *setup, const struct ww_scan_row *row) {
    struct ww_scan_date date = row->date;
    if (date.short_year && setup->has_start && setup->has_end)
        ww_scan_date_settle(&date, year_of(setup->start_day), year_of(setup->end_day));
    else
        ww_scan_date_settle(&date, 1, 0);
    return date;
}

static enum ww_status check_dates(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                  enum ww_scan_file file, struct ww_error *err) {
    static const char *const names[] = {"none", "year", "month", "day", "number"};
    const struct ww_scan_rows *rows = &in->rows[file];
    if (setup->unit == WW_SCAN_NONE || rows->n == 0)
        return WW_OK;
    for (uint32_t i = 0; i < rows->n; i++) {
        enum ww_scan_unit exact = ww_scan_date_unit(&rows->row[i].date);
        if (exact >= setup->unit && (exact == WW_SCAN_NUMBER) == (setup->unit == WW_SCAN_NUMBER))
            continue;
        enum ww_status st =
            ww_error_set(err, WW_BAD_INPUT, "%s: row with %s, but time is counted in units of a %s",
                         file == WW_SCAN_CASES ? ".cas" : ".ctl",
                         exact == WW_SCAN_NONE ? "no date" : "a date that is less exact", names[setup->unit]);
        if (err) {
            ww_error_at_field(err, WW_STR("date"), WW_STR_NONE);
            err->line = rows->row[i].line;
            err->column = 3;
        }
        return st;
    }
    return WW_OK;
}

static void widen(const struct ww_scan_setup *setup, const struct ww_scan_rows *rows, int64_t *start,
                  int64_t *end) {
    for (uint32_t i = 0; i < rows->n; i++) {
        struct ww_scan_date date = ww_scan_case_date(setup, &rows->row[i]);
        if (ww_scan_date_unit(&date) == WW_SCAN_NONE)
            continue;
        int64_t first = ww_scan_date_first(&date), last = ww_scan_date_last(&date);
        *start = first < *start ? first : *start;
        *end = last > *end ? last : *end;
    }
}

static enum ww_status make_intervals(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                     struct ww_scan_table_data *t, struct ww_error *err) {
    int64_t start = INT64_MAX, end = INT64_MIN;
    widen(setup, &in->rows[WW_SCAN_CASES], &start, &end);
    widen(setup, &in->rows[WW_SCAN_CONTROLS], &start, &end);
    if (setup->has_start)
        start = setup->start_day;
    if (setup->has_end)
        end = setup->end_day;
    if (start == INT64_MAX && end == INT64_MIN) { /* no time at all */
        start = 0;
        end = -1;
    }
    if (start > end && setup->unit != WW_SCAN_NONE)
        return ww_error_set(err, WW_BAD_INPUT, "the period ends before it starts");
    t->boundary = ww_try_calloc(MAX_INTERVALS + 2, sizeof *t->boundary);
    if (!t->boundary)
        return no_memory(err);
    uint32_t n = 0; /* from the end backwards */
    t->boundary[n++] = end + 1;
    if (setup->unit != WW_SCAN_NONE) {
        int64_t at;
        while ((at = ww_scan_day_back(end + 1, setup->unit, (int64_t)n * setup->unit_length)) > start) {
            if (n == MAX_INTERVALS)
                return ww_error_set(err, WW_TOO_LARGE, "the period has more than %d intervals",
                                    MAX_INTERVALS);
            t->boundary[n++] = at;
        }
        if (at < start && n > 1)
            n--; /* what is left over makes the first interval longer */
        for (t->n_units = 0; ww_scan_day_back(end + 1, setup->unit, (int64_t)t->n_units + 1) >= start;)
            t->n_units++;
    }
    t->boundary[n] = start;
    t->data.n_times = n;
    for (uint32_t i = 0, j = n; i < j; i++, j--) {
        int64_t b = t->boundary[i];
        t->boundary[i] = t->boundary[j];
        t->boundary[j] = b;
    }
    return WW_OK;
}

bool ww_scan_interval_of(const struct ww_scan_table_data *t, const struct ww_scan_date *date, uint32_t *out) {
    uint32_t n = t->data.n_times;
    if (ww_scan_date_unit(date) == WW_SCAN_NONE) {
        *out = 0;
        return n == 1;
    }
    int64_t day = ww_scan_date_first(date);
    if (day < t->boundary[0] || day >= t->boundary[n])
        return false;
    uint32_t low = 0, high = n; /* boundary[low] <= day < boundary[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (t->boundary[middle] <= day)
            low = middle;
        else
            high = middle;
    }
    *out = low;
    return true;
}

/* ---- Cells ---- */

static size_t n_cells(const struct ww_scan_table_data *t) {
    return (size_t)t->data.n_places * t->data.n_times;
}

static enum ww_status count_rows(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                 struct ww_scan_table_data *t, enum ww_scan_file file, double *into,
                                 uint64_t *outside, struct ww_error *err) {
    const struct ww_scan_rows *rows = &in->rows[file];
    double total = 0;
    for (uint32_t i = 0; i < rows->n; i++) {
        const struct ww_scan_row *row = &rows->row[i];
        struct ww_scan_date date = ww_scan_case_date(setup, row);
        uint32_t time;
        if (!ww_scan_interval_of(t, &date, &time)) {
            *outside += (uint64_t)row->amount;
            continue;
        }
        into[(size_t)t->place_of[row->id] * t->data.n_times + time] += row->amount;
        total += row->amount;
    }
    return total <= WW_SCAN_MAX_CASES ? WW_OK
                                      : ww_error_set(err, WW_TOO_LARGE, "more than %u %s", WW_SCAN_MAX_CASES,
                                                     file == WW_SCAN_CASES ? "cases" : "controls");
}

static enum ww_status make_counts(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                  struct ww_scan_table_data *t, struct ww_error *err) {
    if (t->data.n_places == 0 || t->data.n_places > WW_SCAN_MAX_CELLS / t->data.n_times)
        return ww_error_set(err, WW_TOO_LARGE, "%u places by %u intervals are too many cells",
                            t->data.n_places, t->data.n_times);
    t->count = ww_try_calloc(n_cells(t), sizeof *t->count);
    t->measure = ww_try_calloc(n_cells(t), sizeof *t->measure);
    if (!t->count || !t->measure)
        return no_memory(err);
    enum ww_status st = count_rows(in, setup, t, WW_SCAN_CASES, t->measure, &t->cases_outside, err);
    for (size_t i = 0; i < n_cells(t) && st == WW_OK; i++) {
        t->count[i] = (uint32_t)t->measure[i];
        t->measure[i] = 0;
    }
    return st;
}

/* ---- The permutation form: cases one by one, expectations from the margins of each stratum ---- */

struct one_case {
    uint32_t stratum, place, time, n;
};

static int by_stratum(const void *left, const void *right) {
    const struct one_case *a = left, *b = right;
    if (a->stratum != b->stratum)
        return a->stratum < b->stratum ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->time < b->time ? -1 : a->time > b->time;
}

static uint32_t rows_as_cases(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                              const struct ww_scan_table_data *t, struct one_case *out, uint64_t *n_cases) {
    const struct ww_scan_rows *rows = &in->rows[WW_SCAN_CASES];
    uint32_t n = 0;
    *n_cases = 0;
    for (uint32_t i = 0; i < rows->n; i++) {
        struct ww_scan_date date = ww_scan_case_date(setup, &rows->row[i]);
        uint32_t time;
        if (!ww_scan_interval_of(t, &date, &time))
            continue;
        out[n++] = (struct one_case){rows->row[i].stratum, t->place_of[rows->row[i].id], time,
                                     (uint32_t)rows->row[i].amount};
        *n_cases += (uint64_t)rows->row[i].amount;
    }
    qsort(out, n, sizeof *out, by_stratum);
    return n;
}

static bool expect_stratum(struct ww_scan_table_data *t, const struct one_case *row, uint32_t n) {
    uint32_t T = t->data.n_times;
    double *of_time = ww_try_calloc(T, sizeof *of_time);
    if (!of_time)
        return false;
    double all = 0;
    for (uint32_t i = 0; i < n; i++) {
        of_time[row[i].time] += row[i].n;
        all += row[i].n;
    }
    for (uint32_t i = 0; i < n && all > 0;) {
        uint32_t place = row[i].place;
        double of_place = 0;
        for (; i < n && row[i].place == place; i++)
            of_place += row[i].n;
        for (uint32_t time = 0; time < T; time++)
            t->measure[(size_t)place * T + time] += of_place * of_time[time] / all;
    }
    ww_free(of_time);
    return true;
}

static enum ww_status expect_permutation(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                         struct ww_scan_table_data *t, struct ww_error *err) {
    struct one_case *row = ww_try_calloc((size_t)in->rows[WW_SCAN_CASES].n + 1, sizeof *row);
    if (!row)
        return no_memory(err);
    uint64_t n_cases;
    uint32_t n = rows_as_cases(in, setup, t, row, &n_cases), at = 0;
    t->case_place = ww_try_calloc(n_cases + 1, sizeof *t->case_place);
    t->case_time = ww_try_calloc(n_cases + 1, sizeof *t->case_time);
    t->stratum_end = ww_try_calloc(in->n_strata, sizeof *t->stratum_end);
    bool good = t->case_place && t->case_time && t->stratum_end;
    for (uint32_t i = 0; i < n && good;) {
        uint32_t first = i;
        for (; i < n && row[i].stratum == row[first].stratum; i++)
            for (uint32_t k = 0; k < row[i].n; k++, at++) {
                t->case_place[at] = row[i].place;
                t->case_time[at] = row[i].time;
            }
        good = expect_stratum(t, row + first, i - first);
        t->stratum_end[t->data.n_strata++] = at;
    }
    ww_free(row);
    return good ? WW_OK : no_memory(err);
}

/* ---- The other forms ---- */

static enum ww_status expect_bernoulli(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                       struct ww_scan_table_data *t, struct ww_error *err) {
    enum ww_status st = count_rows(in, setup, t, WW_SCAN_CONTROLS, t->measure, &t->controls_outside, err);
    for (size_t i = 0; i < n_cells(t); i++)
        t->measure[i] += t->count[i];
    return st;
}

/* The .pop of the expectation-based form: expected counts, an interval each, or the same for all. */
static enum ww_status read_baseline(const struct ww_scan_input *in, struct ww_scan_table_data *t,
                                    struct ww_error *err) {
    const struct ww_scan_rows *rows = &in->rows[WW_SCAN_POPULATION];
    uint32_t T = t->data.n_times;
    for (uint32_t i = 0; i < rows->n; i++) {
        struct ww_scan_date date = rows->row[i].date;
        uint32_t time;
        double *cell = t->measure + (size_t)t->place_of[rows->row[i].id] * T;
        ww_scan_date_settle(&date, year_of(t->boundary[0]), year_of(t->boundary[T] - 1));
        if (!rows->has_dates) {
            for (time = 0; time < T; time++)
                cell[time] += rows->row[i].amount;
        } else if (ww_scan_interval_of(t, &date, &time)) {
            if (T > 1 && ww_scan_date_last(&date) >= t->boundary[time + 1]) {
                enum ww_status st =
                    ww_error_set(err, WW_BAD_INPUT, ".pop: an expected count for longer than one interval");
                if (err)
                    err->line = rows->row[i].line;
                return st;
            }
            cell[time] += rows->row[i].amount;
        }
    }
    return WW_OK;
}

/* A baseline from what came before the judged intervals: the place's own mean, drawn towards that of all
 * places as if it had been seen for SHRINK further intervals (so that no place expects nothing), times the
 * share of the interval's weekday when intervals are days and there are four weeks of history. */
enum { SHRINK = 7, DAYS_OF_WEEK = 7, WEEKS = 4 };

static enum ww_status learn_baseline(struct ww_scan_table_data *t, const struct ww_scan_setup *setup,
                                     struct ww_error *err) {
    uint32_t T = t->data.n_times, n_places = t->data.n_places;
    if (setup->judged >= T)
        return ww_error_set(err, WW_BAD_INPUT,
                            "%u intervals are judged and %u are there: none is left to learn from",
                            setup->judged, T);
    uint32_t past = T - setup->judged;
    bool daily = setup->unit == WW_SCAN_DAY && setup->unit_length == 1 && past >= WEEKS * DAYS_OF_WEEK;
    double all = 0, of_day[DAYS_OF_WEEK] = {0}, days[DAYS_OF_WEEK] = {0};
    for (uint32_t time = 0; time < past; time++) {
        size_t weekday = daily ? (size_t)((t->boundary[time] % 7 + 7) % 7) : 0;
        days[weekday]++;
        for (uint32_t p = 0; p < n_places; p++) {
            all += t->count[(size_t)p * T + time];
            of_day[weekday] += t->count[(size_t)p * T + time];
        }
    }
    double mean = all / ((double)n_places * past);
    for (uint32_t p = 0; p < n_places; p++) {
        double own = 0;
        for (uint32_t time = 0; time < past; time++)
            own += t->count[(size_t)p * T + time];
        double base = (own + SHRINK * mean) / (past + SHRINK);
        for (uint32_t time = 0; time < T; time++) {
            size_t weekday = daily ? (size_t)((t->boundary[time] % 7 + 7) % 7) : 0;
            double factor = daily && all > 0 ? of_day[weekday] / days[weekday] / (all / past) : 1;
            t->measure[(size_t)p * T + time] = base * factor;
        }
    }
    return all > 0 ? WW_OK
                   : ww_error_set(err, WW_BAD_INPUT,
                                  "there are no cases before the judged intervals to learn from");
}

static void drop_unexpected(struct ww_scan_table_data *t) {
    for (size_t i = 0; i < n_cells(t); i++)
        if (t->measure[i] <= 0 && t->count[i] > 0) {
            t->cases_unexpected += t->count[i];
            t->count[i] = 0;
        }
}

static enum ww_status expect(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                             struct ww_scan_table_data *t, struct ww_error *err) {
    enum ww_status st = WW_OK;
    switch (setup->model) {
    case WW_SCAN_POISSON:
        return ww_scan_expect_population(in, setup, t, err);
    case WW_SCAN_BERNOULLI:
        return expect_bernoulli(in, setup, t, err);
    case WW_SCAN_PERMUTATION:
        return expect_permutation(in, setup, t, err);
    case WW_SCAN_EXPECTATION:
        st = in->rows[WW_SCAN_POPULATION].n > 0 ? read_baseline(in, t, err) : learn_baseline(t, setup, err);
        drop_unexpected(t);
        break;
    }
    return st;
}

static enum ww_status weigh(struct ww_scan_table_data *t, struct ww_error *err) {
    t->weight = ww_try_calloc((size_t)t->data.n_places + 1, sizeof *t->weight);
    if (!t->weight)
        return no_memory(err);
    for (size_t i = 0; i < n_cells(t); i++)
        t->weight[i / t->data.n_times] += t->measure[i];
    return WW_OK;
}

enum ww_status ww_scan_prepare(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                               struct ww_scan_table_data **out, struct ww_error *err) {
    struct ww_scan_table_data *t = ww_try_calloc(1, sizeof *t);
    enum ww_status st = t ? WW_OK : no_memory(err);
    assert(setup->unit_length > 0);
    if (st == WW_OK)
        st = make_places(in, setup->temporal, t, err);
    if (st == WW_OK)
        st = check_dates(in, setup, WW_SCAN_CASES, err);
    if (st == WW_OK)
        st = check_dates(in, setup, WW_SCAN_CONTROLS, err);
    if (st == WW_OK)
        st = make_intervals(in, setup, t, err);
    if (st == WW_OK)
        st = make_counts(in, setup, t, err);
    if (st == WW_OK)
        st = expect(in, setup, t, err);
    if (st == WW_OK)
        st = weigh(t, err);
    if (st != WW_OK) {
        ww_scan_table_free(t);
        t = NULL;
    } else {
        t->data.model = setup->model;
        t->data.count = t->count;
        t->data.measure = t->measure;
        t->data.case_place = t->case_place;
        t->data.case_time = t->case_time;
        t->data.stratum_end = t->stratum_end;
    }
    *out = t;
    return st;
}

void ww_scan_table_keep_last(struct ww_scan_table_data *t, uint32_t keep) {
    uint32_t T = t->data.n_times;
    if (keep + 1 >= T)
        return;
    uint32_t joined = T - keep, now = keep + 1;
    for (uint32_t p = 0; p < t->data.n_places; p++)
        for (uint32_t time = 0; time < T; time++) {
            size_t from = (size_t)p * T + time,
                   to = (size_t)p * now + (time < joined ? 0 : time - joined + 1);
            uint32_t count = t->count[from];
            double measure = t->measure[from];
            if (time == 0 || time >= joined) {
                t->count[to] = count;
                t->measure[to] = measure;
            } else {
                t->count[to] += count;
                t->measure[to] += measure;
            }
        }
    for (uint32_t i = 0; t->case_time && t->data.n_strata > 0 && i < t->stratum_end[t->data.n_strata - 1];
         i++)
        t->case_time[i] = t->case_time[i] < joined ? 0 : t->case_time[i] - joined + 1;
    memmove(t->boundary + 1, t->boundary + joined, (keep + 1) * sizeof *t->boundary);
    t->data.n_times = now;
}
