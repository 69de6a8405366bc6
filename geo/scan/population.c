/* Person-time between censuses, and the expected cases that follow from it.
 *
 * A group (place, covariates) has a population at each census date of the file; where the file leaves it out
 * it is 0. Between two dates it is linear, outside of them constant. The person-time of an interval is the
 * integral over its days.
 */
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/civil.h"
#include "geo/scan/prepare.h"

struct census_row {
    uint32_t stratum, place;
    uint32_t census; /* index into the dates */
    double people;
};

struct census {
    int64_t *day; /* [n_days] in order */
    uint32_t n_days;
    struct census_row *row; /* [n] by stratum, place, census */
    uint32_t n;
};

static int by_day(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static int by_group(const void *left, const void *right) {
    const struct census_row *a = left, *b = right;
    if (a->stratum != b->stratum)
        return a->stratum < b->stratum ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->census < b->census ? -1 : a->census > b->census;
}

static int64_t day_of(const struct ww_scan_table_data *t, const struct ww_scan_row *row, bool dated) {
    struct ww_scan_date date = row->date;
    if (!dated)
        return 0;
    if (t->boundary[0] < t->boundary[t->data.n_times]) {
        int first, last, month, day;
        ww_date_of(t->boundary[0], &first, &month, &day);
        ww_date_of(t->boundary[t->data.n_times] - 1, &last, &month, &day);
        ww_scan_date_settle(&date, first, last);
    } else {
        ww_scan_date_settle(&date, 1, 0);
    }
    return ww_scan_date_middle(&date);
}

static bool open_census(const struct ww_scan_input *in, const struct ww_scan_table_data *t,
                        struct census *c) {
    const struct ww_scan_rows *rows = &in->rows[WW_SCAN_POPULATION];
    c->n = rows->n;
    c->row = ww_try_calloc((size_t)rows->n + 1, sizeof *c->row);
    c->day = ww_try_calloc((size_t)rows->n + 1, sizeof *c->day);
    if (!c->row || !c->day)
        return false;
    for (uint32_t i = 0; i < rows->n; i++)
        c->day[i] = day_of(t, &rows->row[i], rows->has_dates);
    qsort(c->day, rows->n, sizeof *c->day, by_day);
    for (uint32_t i = 0; i < rows->n; i++)
        if (i == 0 || c->day[i] != c->day[c->n_days - 1])
            c->day[c->n_days++] = c->day[i];
    for (uint32_t i = 0; i < rows->n; i++) {
        int64_t day = day_of(t, &rows->row[i], rows->has_dates);
        int64_t *found = bsearch(&day, c->day, c->n_days, sizeof *c->day, by_day);
        c->row[i] = (struct census_row){rows->row[i].stratum, t->place_of[rows->row[i].id],
                                        (uint32_t)(found - c->day), rows->row[i].amount};
    }
    qsort(c->row, c->n, sizeof *c->row, by_group);
    return true;
}

/* The people of one group at each census; returns the first row behind the group. */
static uint32_t people_of_group(const struct census *c, uint32_t first, double *people) {
    memset(people, 0, c->n_days * sizeof *people);
    uint32_t i = first;
    for (; i < c->n && c->row[i].stratum == c->row[first].stratum && c->row[i].place == c->row[first].place;
         i++)
        people[c->row[i].census] += c->row[i].people;
    return i;
}

/* The integral of the population over the days from…to, in person-days. */
static double person_days(const struct census *c, const double *people, double from, double to) {
    uint32_t last = c->n_days - 1;
    double sum = 0, first_day = (double)c->day[0], last_day = (double)c->day[last];
    if (from < first_day)
        sum += people[0] * ((to < first_day ? to : first_day) - from);
    if (to > last_day)
        sum += people[last] * (to - (from > last_day ? from : last_day));
    for (uint32_t i = 0; i < last; i++) {
        double a = (double)c->day[i], b = (double)c->day[i + 1];
        double low = from > a ? from : a, high = to < b ? to : b;
        if (low < high) {
            double slope = (people[i + 1] - people[i]) / (b - a);
            double middle = people[i] + slope * ((low + high) / 2 - a);
            sum += middle * (high - low);
        }
    }
    return sum;
}

struct rates {
    double *cases, *time; /* [n_strata] */
};

static void time_of_interval(const struct ww_scan_table_data *t, uint32_t i, double *from, double *to) {
    *from = (double)t->boundary[i];
    *to = (double)t->boundary[i + 1];
    if (*to <= *from) /* a scan without time: the population as it is */
        *to = *from + 1;
}

static void each_cell(const struct census *c, struct ww_scan_table_data *t, struct rates *rates,
                      double *people, bool expected) {
    for (uint32_t i = 0; i < c->n;) {
        uint32_t first = i, stratum = c->row[first].stratum;
        i = people_of_group(c, first, people);
        for (uint32_t time = 0; time < t->data.n_times; time++) {
            double from, to;
            time_of_interval(t, time, &from, &to);
            double days = person_days(c, people, from, to);
            if (!expected)
                rates->time[stratum] += days;
            else if (rates->time[stratum] > 0)
                t->measure[(size_t)c->row[first].place * t->data.n_times + time] +=
                    rates->cases[stratum] / rates->time[stratum] * days;
        }
    }
}

static enum ww_status count_cases(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                  const struct ww_scan_table_data *t, struct rates *rates,
                                  struct ww_error *err) {
    const struct ww_scan_rows *rows = &in->rows[WW_SCAN_CASES];
    for (uint32_t i = 0; i < rows->n; i++) {
        struct ww_scan_date date = ww_scan_case_date(setup, &rows->row[i]);
        uint32_t time, stratum = rows->row[i].stratum;
        if (!ww_scan_interval_of(t, &date, &time))
            continue;
        if (rows->row[i].amount > 0 && rates->time[stratum] <= 0) {
            (void)ww_error_set(err, WW_BAD_INPUT,
                               ".cas: a case of a group (covariates) that has no population in .pop");
            if (err)
                err->line = rows->row[i].line;
            return WW_BAD_INPUT;
        }
        rates->cases[stratum] += rows->row[i].amount;
    }
    return WW_OK;
}

/* Without .pop (a purely temporal scan) the population is constant. */
static void expect_constant(struct ww_scan_table_data *t) {
    double cases = 0, days = 0, from, to;
    size_t n = (size_t)t->data.n_places * t->data.n_times;
    for (size_t i = 0; i < n; i++)
        cases += t->count[i];
    for (uint32_t time = 0; time < t->data.n_times; time++) {
        time_of_interval(t, time, &from, &to);
        days += to - from;
    }
    for (size_t i = 0; i < n; i++) {
        time_of_interval(t, (uint32_t)(i % t->data.n_times), &from, &to);
        t->measure[i] = cases * (to - from) / (days * t->data.n_places);
    }
}

static enum ww_status check_cells(const struct ww_scan_input *in, const struct ww_scan_table_data *t,
                                  struct ww_error *err) {
    for (uint32_t id = 0; id < in->n_ids; id++)
        for (uint32_t time = 0; time < t->data.n_times; time++) {
            size_t cell = (size_t)t->place_of[id] * t->data.n_times + time;
            if (t->count[cell] > 0 && t->measure[cell] <= 0)
                return ww_error_set(err, WW_BAD_INPUT,
                                    ".pop: the id %.*s has %u cases in interval %u but no population then",
                                    WW_STR_ARG(in->name[id]), t->count[cell], time + 1);
        }
    return WW_OK;
}

enum ww_status ww_scan_expect_population(const struct ww_scan_input *in, const struct ww_scan_setup *setup,
                                         struct ww_scan_table_data *t, struct ww_error *err) {
    if (in->rows[WW_SCAN_POPULATION].n == 0) {
        expect_constant(t);
        return WW_OK;
    }
    struct census c = {0};
    struct rates rates = {ww_try_calloc(in->n_strata, sizeof(double)),
                          ww_try_calloc(in->n_strata, sizeof(double))};
    double *people = NULL;
    enum ww_status st = WW_OK;
    if (!rates.cases || !rates.time || !open_census(in, t, &c) ||
        !(people = ww_try_calloc(c.n_days, sizeof *people)))
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for the population");
    if (st == WW_OK && setup->unit == WW_SCAN_NONE && c.n_days > 1 && t->boundary[0] >= t->boundary[1])
        st = ww_error_set(err, WW_BAD_INPUT,
                          ".pop has %u census dates: say which period the cases are of (start and end)",
                          c.n_days);
    if (st == WW_OK) {
        each_cell(&c, t, &rates, people, false);
        st = count_cases(in, setup, t, &rates, err);
    }
    if (st == WW_OK) {
        each_cell(&c, t, &rates, people, true);
        st = check_cells(in, t, err);
    }
    ww_free(c.row);
    ww_free(c.day);
    ww_free(people);
    ww_free(rates.cases);
    ww_free(rates.time);
    return st;
}
