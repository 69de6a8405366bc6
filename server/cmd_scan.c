/* wardwatch scan: the space-time scan statistic on the field's files, without a database.
 *
 * Files become rows (geo/scan/input.h), rows a table (prepare.h), places chains of zones (zones.h), and the
 * run (scan.h) finds the clusters. What the options leave open is taken from the files and said in the
 * output.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/buf.h"
#include "geo/scan/quick.h"
#include "geo/scan/report.h"
#include "server/commands.h"
#include "server/scan_options.h"

enum { N_TEXTS = 8, MAX_OUT = 512 << 20 };

struct scan {
    struct ww_scan_options o;
    struct ww_buf text[N_TEXTS]; /* ids point into them */
    int n_texts;
    struct ww_scan_input *in;
    struct ww_scan_table_data *table;
    struct ww_scan_zones *zones;
    struct ww_scan_run *run; /* one of the two */
    struct ww_scan_quick *quick;
    struct ww_scan_result result;
    struct ww_scan_windows windows;
    const char *zone_kind;
    double max_weight;
    const char *at_file; /* that an error is about */
    struct ww_error err;
};

static enum ww_status read_text(struct scan *s, const char *path, struct ww_str *out) {
    struct ww_buf *buf = &s->text[s->n_texts++];
    s->at_file = path;
    enum ww_status st = ww_read_file(path, WW_SCAN_MAX_FILE, buf, &s->err);
    *out = ww_buf_str(buf);
    return st;
}

static enum ww_status read_lists(struct scan *s) {
    const char *path = s->o.borders ? s->o.borders : s->o.neighbours ? s->o.neighbours : s->o.river;
    struct ww_str text;
    enum ww_status st = path ? read_text(s, path, &text) : WW_OK;
    return path && st == WW_OK ? ww_scan_read_lists(s->in, text, &s->err) : st;
}

static enum ww_status read_counts(struct scan *s, enum ww_scan_file file, const char *path,
                                  enum ww_scan_times times) {
    struct ww_str text;
    enum ww_status st = path ? read_text(s, path, &text) : WW_OK;
    return path && st == WW_OK ? ww_scan_read_counts(s->in, file, text, times, &s->err) : st;
}

static enum ww_status read_files(struct scan *s) {
    struct ww_scan_options *o = &s->o;
    enum ww_scan_times times = o->times;
    if (times == WW_SCAN_TIMES_AUTO && o->setup.unit == WW_SCAN_NUMBER)
        times = WW_SCAN_TIMES_NUMBERS;
    else if (times == WW_SCAN_TIMES_AUTO && (o->unit_given || o->prospective || o->setup.temporal))
        times = WW_SCAN_TIMES_DATES;
    struct ww_str text;
    enum ww_status st = read_lists(s);
    if (st == WW_OK && o->geo && (st = read_text(s, o->geo, &text)) == WW_OK)
        st = ww_scan_read_geo(s->in, text, o->coordinates, &s->err);
    if (st == WW_OK)
        st = read_counts(s, WW_SCAN_CASES, o->cas, times);
    if (st == WW_OK)
        st = read_counts(s, WW_SCAN_CONTROLS, o->ctl, times);
    /* the dates of a population are dates, also where cases have none */
    if (st == WW_OK)
        st = read_counts(s, WW_SCAN_POPULATION, o->pop,
                         times == WW_SCAN_TIMES_NUMBERS ? times : WW_SCAN_TIMES_AUTO);
    if (st == WW_OK)
        s->at_file = NULL;
    return st;
}

/* ---- What the options left open ---- */

static enum ww_status settle_time(struct scan *s) {
    struct ww_scan_options *o = &s->o;
    const struct ww_scan_rows *cases = &s->in->rows[WW_SCAN_CASES];
    bool needs_time = o->prospective || o->setup.temporal || o->setup.model == WW_SCAN_PERMUTATION;
    if (!cases->has_dates && needs_time)
        return ww_error_set(&s->err, WW_BAD_INPUT, "the cases of %s have no dates (third field)", o->cas);
    if (o->purely_spatial || !cases->has_dates)
        o->setup.unit = WW_SCAN_NONE;
    else if (!o->unit_given)
        o->setup.unit = ww_scan_date_unit(&cases->row[0].date);
    if (o->setup.model == WW_SCAN_BERNOULLI && o->setup.unit != WW_SCAN_NONE &&
        !s->in->rows[WW_SCAN_CONTROLS].has_dates)
        return ww_error_set(&s->err, WW_BAD_INPUT, "the controls of %s have no dates (third field)", o->ctl);
    if (o->setup.model == WW_SCAN_BERNOULLI && s->in->n_strata > 1)
        return ww_error_set(&s->err, WW_BAD_INPUT, "--model bernoulli has no covariates");
    if (o->setup.model == WW_SCAN_EXPECTATION && o->setup.unit == WW_SCAN_NONE && !o->pop)
        return ww_error_set(&s->err, WW_BAD_INPUT,
                            "--model ebp without time needs --pop with expected counts");
    return WW_OK;
}

/* The longest window in intervals, of a period of so many units. */
static uint32_t longest_window(const struct ww_scan_options *o, uint32_t n_units, uint32_t n_times) {
    double units = o->window_is_share ? n_units * o->max_window : o->max_window;
    double n = floor(units / o->setup.unit_length + 1e-9);
    return n > n_times ? n_times : n < 0 ? 0 : (uint32_t)n;
}

static enum ww_status settle_windows(struct scan *s, uint32_t n_units, uint32_t n_times) {
    struct ww_scan_options *o = &s->o;
    uint32_t length = o->setup.unit_length;
    s->windows = (struct ww_scan_windows){1, 1, o->prospective};
    if (o->setup.unit == WW_SCAN_NONE)
        return WW_OK;
    s->windows.max_length = longest_window(o, n_units, n_times);
    s->windows.min_length = (o->min_window + length - 1) / length;
    if (s->windows.max_length < s->windows.min_length)
        return ww_error_set(&s->err, WW_BAD_INPUT,
                            "the longest window (%u intervals of %u) is shorter than the shortest (%u)",
                            s->windows.max_length, n_times, s->windows.min_length);
    return WW_OK;
}

static bool max_days_is_sensible(const struct ww_scan_options *o) {
    return o->window_is_share || o->setup.unit != WW_SCAN_NONE;
}

/* A baseline that is learned needs to know which intervals it must not learn from; their number depends on
 * the period, which the first pass finds. */
static enum ww_status make_table(struct scan *s) {
    struct ww_scan_options *o = &s->o;
    if (!max_days_is_sensible(o))
        return ww_error_set(&s->err, WW_BAD_INPUT, "a longest window needs cases with dates");
    if (o->setup.model == WW_SCAN_EXPECTATION && !o->pop) {
        struct ww_scan_setup only_time = o->setup;
        only_time.model = WW_SCAN_PERMUTATION;
        enum ww_status st = ww_scan_prepare(s->in, &only_time, &s->table, &s->err);
        if (st != WW_OK)
            return st;
        o->setup.judged = longest_window(o, s->table->n_units, s->table->data.n_times);
        ww_scan_table_free(s->table);
        s->table = NULL;
        if (!o->prospective)
            return ww_error_set(
                &s->err, WW_BAD_INPUT,
                "--model ebp needs --pop with expected counts, or --prospective to learn them");
    }
    enum ww_status st = ww_scan_prepare(s->in, &o->setup, &s->table, &s->err);
    if (st == WW_OK)
        st = settle_windows(s, s->table->n_units, s->table->data.n_times);
    return st;
}

/* Expectation-based: only what is judged counts, so that replicas and totals do not hold the past. */
static void narrow(struct scan *s) {
    for (uint32_t p = 0;
         s->o.setup.model == WW_SCAN_EXPECTATION && s->windows.now_only && p < s->table->data.n_places; p++) {
        uint32_t T = s->table->data.n_times;
        for (uint32_t t = 0; t + s->windows.max_length < T; t++) {
            s->table->count[(size_t)p * T + t] = 0;
            s->table->measure[(size_t)p * T + t] = 0;
        }
    }
}

/* ---- Zones ---- */

static enum ww_status one_zone(struct scan *s) {
    s->zones = ww_scan_zones_new(1, false);
    s->zone_kind = "all places";
    if (!s->zones)
        return ww_error_set(&s->err, WW_NO_MEMORY, "no memory for the zones");
    enum ww_status st = ww_scan_zones_open(s->zones, 0, 1, &s->err);
    return st == WW_OK ? ww_scan_zones_step(s->zones, 0, 0, &s->err) : st;
}

/* Ids of lists become places; ids that are one place must not appear twice in a chain. */
static enum ww_status check_lists(struct scan *s) {
    if (s->table->data.n_places != s->in->n_ids)
        return ww_error_set(&s->err, WW_BAD_INPUT,
                            "two ids of the lists stand at one coordinate: leave --geo out, or move one");
    return WW_OK;
}

static enum ww_status make_zones(struct scan *s) {
    struct ww_scan_options *o = &s->o;
    struct ww_scan_limits limits = {o->max_radius, s->table->weight, 0};
    double all = 0;
    for (uint32_t p = 0; p < s->table->data.n_places; p++)
        all += s->table->weight[p];
    limits.max_weight = s->max_weight = all * o->max_share * (1 + 1e-12);
    if (o->setup.temporal)
        return one_zone(s);
    if (s->in->list_start) {
        struct ww_scan_lists lists = {s->in->n_ids, s->in->list_start, s->in->list_item};
        enum ww_status st = check_lists(s);
        s->zone_kind = o->borders ? "connected sets" : o->river ? "river" : "given order";
        if (st != WW_OK)
            return st;
        return o->borders ? ww_scan_zones_connected(&lists, o->connected, &limits, &s->zones, &s->err)
               : o->river ? ww_scan_zones_river(&lists, 50, &limits, &s->zones, &s->err)
                          : ww_scan_zones_given(&lists, &limits, &s->zones, &s->err);
    }
    if (s->in->degrees && o->radius_given && !o->radius_has_unit && o->max_radius < 100)
        return ww_error_set(&s->err, WW_BAD_INPUT,
                            "--max-radius %g would be metres: say %gkm, or %gm if that is meant",
                            o->max_radius, o->max_radius, o->max_radius);
    if (!s->in->degrees && o->radius_has_unit)
        return ww_error_set(
            &s->err, WW_BAD_INPUT,
            "--max-radius: coordinates of a plane have their own unit, give it without m or km");
    struct ww_scan_places places = {s->table->data.n_places, s->in->degrees,
                                    (const double(*)[3])s->table->at};
    s->zone_kind = "circles";
    return ww_scan_zones_circles(&places, &limits, &s->zones, &s->err);
}

/* ---- Output ---- */

static enum ww_status write_out(struct scan *s, const char *path, const struct ww_buf *buf) {
    if (ww_buf_status(buf) != WW_OK)
        return ww_error_set(&s->err, ww_buf_status(buf), "the output is too large");
    FILE *file = path ? fopen(path, "wb") : stdout;
    bool good = file && fwrite(buf->data, 1, buf->len, file) == buf->len;
    if (file && (path ? fclose(file) : fflush(file)) != 0)
        good = false;
    return good ? WW_OK
                : ww_error_set(&s->err, WW_UNAVAILABLE, "can't write %s: %s", path ? path : "standard output",
                               strerror(errno));
}

static enum ww_status print(struct scan *s) {
    struct ww_scan_report report = {.input = s->in,
                                    .table = s->table,
                                    .zones = s->zones,
                                    .result = &s->result,
                                    .form = s->quick ? "live" : "general",
                                    .setup = &s->o.setup,
                                    .rules = &s->o.rules,
                                    .windows = &s->windows,
                                    .zone_kind = s->zone_kind,
                                    .max_radius = s->o.max_radius,
                                    .max_share = s->o.max_share};
    struct ww_buf out, map;
    ww_buf_init(&out, MAX_OUT);
    ww_buf_init(&map, MAX_OUT);
    if (s->o.as_geojson || s->o.geojson)
        ww_scan_report_geojson(&report, &map);
    ww_scan_report_json(&report, &out);
    enum ww_status st = s->o.geojson ? write_out(s, s->o.geojson, &map) : WW_OK;
    if (st == WW_OK)
        st = write_out(s, NULL, s->o.as_geojson ? &map : &out);
    ww_buf_clear(&out);
    ww_buf_clear(&map);
    return st;
}

static double interval_days(const struct scan *s) {
    const struct ww_scan_table_data *t = s->table;
    return (double)(t->boundary[t->data.n_times] - t->boundary[t->data.n_times - 1]);
}

static enum ww_status scan(struct scan *s) {
    struct ww_scan_options *o = &s->o;
    s->in = ww_scan_input_new();
    if (!s->in)
        return ww_error_set(&s->err, WW_NO_MEMORY, "no memory");
    enum ww_status st = read_files(s);
    if (st == WW_OK)
        st = settle_time(s);
    if (st == WW_OK)
        st = make_table(s);
    if (st == WW_OK)
        st = make_zones(s);
    if (st != WW_OK)
        return st;
    narrow(s);
    if (o->prospective)
        o->rules.days_between_runs = o->every_days > 0 ? o->every_days : interval_days(s);
    if (!o->general && ww_scan_quick_fits(s->table, &s->windows, &o->rules)) {
        st = ww_scan_quick_run(s->table, s->zones, &s->windows, &o->rules, &s->quick, &s->result, &s->err);
        return st == WW_OK ? print(s) : st;
    }
    st = ww_scan_start(&s->table->data, s->zones, &s->windows, &o->rules, &s->run, &s->err);
    if (st != WW_OK)
        return st;
    while (!ww_scan_step(s->run, 64))
        continue;
    ww_scan_result(s->run, &s->result);
    return print(s);
}

/* The file that an error of the table is about: its message begins with the kind. */
static const char *file_of_error(const struct scan *s) {
    const char *message = s->err.message;
    return s->at_file                         ? s->at_file
           : strncmp(message, ".cas", 4) == 0 ? s->o.cas
           : strncmp(message, ".ctl", 4) == 0 ? s->o.ctl
           : strncmp(message, ".pop", 4) == 0 ? s->o.pop
                                              : NULL;
}

int ww_cmd_scan(int argc, char **argv) {
    static struct scan s;
    int code = ww_scan_options_take(argc, argv, &s.o);
    if (code >= 0)
        return code;
    code = scan(&s) == WW_OK ? 0 : ww_complain("scan", file_of_error(&s), &s.err);
    ww_scan_free(s.run);
    ww_scan_quick_free(s.quick);
    ww_scan_zones_free(s.zones);
    ww_scan_table_free(s.table);
    ww_scan_input_free(s.in);
    for (int i = 0; i < s.n_texts; i++)
        ww_buf_clear(&s.text[i]);
    return code;
}
