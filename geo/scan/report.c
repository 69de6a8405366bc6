/* Clusters as JSON and GeoJSON. */
#include "geo/scan/report.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/json_writer.h"

static const char *const model_names[] = {"poisson", "bernoulli", "stp", "ebp"};
static const char *const unit_names[] = {"none", "year", "month", "day", "number"};

static void key_int(struct ww_json *w, const char *key, uint64_t v) {
    ww_json_key(w, key);
    ww_json_int(w, (int64_t)v);
}

static void key_double(struct ww_json *w, const char *key, double v) {
    ww_json_key(w, key);
    ww_json_double(w, v);
}

static void key_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void key_day(struct ww_json *w, const char *key, int64_t day, enum ww_scan_unit unit) {
    char text[24];
    (void)ww_scan_day_text(day, unit, text);
    key_text(w, key, text);
}

/* Time plays a part, or at least bounds what was counted. */
static bool has_period(const struct ww_scan_table_data *t) {
    return t->boundary[0] < t->boundary[t->data.n_times];
}

static void write_method(struct ww_json *w, const struct ww_scan_report *r) {
    const struct ww_scan_setup *s = r->setup;
    ww_json_key(w, "method");
    ww_json_object(w);
    key_text(w, "model", model_names[s->model]);
    key_text(w, "analysis",
             s->unit == WW_SCAN_NONE ? "purely spatial"
             : s->temporal          ? r->windows->now_only ? "prospective purely temporal" : "purely temporal"
             : r->windows->now_only ? "prospective space-time"
                                    : "retrospective space-time");
    key_text(w, "zones", r->zone_kind);
    key_text(w, "coordinates", !r->input->has_geo ? "none" : r->input->degrees ? "degrees" : "plane");
    key_double(w, r->input->degrees ? "max_radius_m" : "max_radius", r->max_radius);
    key_double(w, "max_share", r->max_share);
    key_text(w, "time_unit", unit_names[s->unit]);
    key_int(w, "unit_length", s->unit_length);
    key_int(w, "min_intervals", r->windows->min_length);
    key_int(w, "max_intervals", r->windows->max_length);
    key_int(w, "min_cases", r->rules->min_cases);
    key_text(w, "secondary", r->rules->any_window ? "any window" : "best window of each centre");
    key_int(w, "replicas", r->result->replicas);
    key_int(w, "stop_after", r->rules->stop_after);
    ww_json_key(w, "seed"); /* as text: a reader in doubles would round it */
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->rules->seed);
    ww_json_text(w, seed);
    ww_json_key(w, "days_between_runs");
    if (r->rules->days_between_runs > 0)
        ww_json_double(w, r->rules->days_between_runs);
    else
        ww_json_null(w);
    key_text(w, "form", r->form);
    key_text(w, "program", "wardwatch " WW_VERSION);
    ww_json_end_object(w);
}

static void write_input(struct ww_json *w, const struct ww_scan_report *r) {
    const struct ww_scan_table_data *t = r->table;
    ww_json_key(w, "input");
    ww_json_object(w);
    key_int(w, "ids", r->input->n_ids);
    key_int(w, "places", t->data.n_places);
    key_int(w, "intervals", t->data.n_times);
    if (has_period(t)) {
        key_day(w, "start", t->boundary[0], r->setup->unit);
        key_day(w, "end", t->boundary[t->data.n_times] - 1, r->setup->unit);
    }
    key_int(w, "cases", (uint64_t)r->result->totals.cases);
    if (r->setup->model == WW_SCAN_BERNOULLI)
        key_int(w, "controls", (uint64_t)(r->result->totals.measure - r->result->totals.cases));
    if (r->setup->model == WW_SCAN_EXPECTATION)
        key_double(w, "expected", r->result->totals.measure);
    key_int(w, "cases_outside_period", t->cases_outside);
    key_int(w, "controls_outside_period", t->controls_outside);
    key_int(w, "cases_without_expectation", t->cases_unexpected);
    key_int(w, "strata", r->input->n_strata);
    key_int(w, "zones", r->result->n_zones);
    key_int(w, "windows", r->result->n_windows);
    ww_json_end_object(w);
}

static bool in_cluster(const struct ww_scan_report *r, const struct ww_scan_cluster *c, uint32_t place) {
    uint64_t first = r->zones->start[c->chain];
    for (uint64_t i = first; i < first + c->length; i++)
        if (r->zones->place[i] == place)
            return true;
    return false;
}

/* Ids in the order of the chain: the centre first, then nearest first. */
static void write_members(struct ww_json *w, const struct ww_scan_report *r,
                          const struct ww_scan_cluster *c) {
    uint64_t first = r->zones->start[c->chain];
    ww_json_key(w, "members");
    ww_json_array(w);
    bool one_each = r->table->data.n_places == r->input->n_ids;
    for (uint64_t i = first; i < first + c->length; i++) {
        if (one_each) { /* then places are numbered as ids are */
            ww_json_str(w, r->input->name[r->zones->place[i]]);
            continue;
        }
        for (uint32_t id = 0; id < r->input->n_ids; id++)
            if (r->table->place_of[id] == r->zones->place[i])
                ww_json_str(w, r->input->name[id]);
    }
    ww_json_end_array(w);
}

static uint32_t first_id_of(const struct ww_scan_report *r, uint32_t place) {
    uint32_t id = 0;
    while (r->table->place_of[id] != place)
        id++;
    return id;
}

static double reach_of(const struct ww_scan_report *r, const struct ww_scan_cluster *c) {
    return r->zones->reach_m ? (double)r->zones->reach_m[r->zones->start[c->chain] + c->length - 1] : NAN;
}

static void write_sentence(struct ww_json *w, const struct ww_scan_cluster *c) {
    char text[160];
    if (!(c->recurrence_days > 0) || !isfinite(c->recurrence_days))
        return;
    if (c->recurrence_days >= WW_SCAN_MOST_RECURRENCE_DAYS) {
        key_text(w, "says_en", "by chance, something as extreme appears less than once in 100 years");
        key_text(w, "says_zh", "若无异常，同等极端的聚集百年也难得偶然出现一次");
        return;
    }
    bool years = c->recurrence_days >= 365;
    double n = years ? c->recurrence_days / 365.25 : c->recurrence_days;
    (void)snprintf(text, sizeof text, "by chance, something as extreme appears once in %.*f %s", n < 10, n,
                   years ? "years" : "days");
    key_text(w, "says_en", text);
    (void)snprintf(text, sizeof text, "若无异常，同等极端的聚集平均 %.*f %s才会偶然出现一次", n < 10, n,
                   years ? "年" : "天");
    key_text(w, "says_zh", text);
}

static void write_numbers(struct ww_json *w, const struct ww_scan_report *r, const struct ww_scan_cluster *c,
                          uint32_t rank) {
    const struct ww_scan_table_data *t = r->table;
    key_int(w, "rank", rank);
    uint32_t centre = first_id_of(r, r->zones->centre[c->chain]);
    ww_json_key(w, "centre");
    ww_json_str(w, r->input->name[centre]);
    if (t->at && !isnan(r->input->at[centre][0])) {
        key_double(w, r->input->degrees ? "longitude" : "x", r->input->at[centre][0]);
        key_double(w, r->input->degrees ? "latitude" : "y", r->input->at[centre][1]);
    }
    key_int(w, "places", c->length);
    if (r->zones->reach_m)
        key_double(w, r->input->degrees ? "radius_m" : "radius", reach_of(r, c));
    if (has_period(t)) {
        key_day(w, "start", t->boundary[c->time_from], r->setup->unit);
        key_day(w, "end", t->boundary[c->time_end] - 1, r->setup->unit);
    }
    key_int(w, "intervals", c->time_end - c->time_from);
    key_int(w, "cases", (uint64_t)c->cases);
    key_double(w, "expected", c->expected);
    key_double(w, "observed_over_expected", c->cases / c->expected);
    key_double(w, "relative_risk", c->relative_risk);
    if (r->setup->model == WW_SCAN_BERNOULLI)
        key_int(w, "cases_and_controls", (uint64_t)c->measure);
    key_double(w, "llr", c->llr);
    if (r->result->replicas > 0) {
        key_double(w, "p", c->p);
        key_double(w, "p_rank", c->p_rank);
        key_double(w, "p_gumbel", c->p_gumbel);
        key_int(w, "replicas_reached", c->reached);
        if (r->rules->days_between_runs > 0) {
            key_double(w, "recurrence_days", c->recurrence_days);
            write_sentence(w, c);
        }
    }
}

void ww_scan_report_json(const struct ww_scan_report *r, struct ww_buf *out) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    write_method(&w, r);
    write_input(&w, r);
    ww_json_key(&w, "null_maxima");
    ww_json_object(&w);
    key_double(&w, "mean", r->result->null_mean);
    key_double(&w, "sd", r->result->null_sd);
    ww_json_end_object(&w);
    ww_json_key(&w, "clusters");
    ww_json_array(&w);
    for (uint32_t k = 0; k < r->result->n_clusters; k++) {
        ww_json_object(&w);
        write_numbers(&w, r, &r->result->clusters[k], k + 1);
        write_members(&w, r, &r->result->clusters[k]);
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}

/* ---- GeoJSON ---- */

static void write_position(struct ww_json *w, double x, double y) {
    ww_json_array(w);
    ww_json_double(w, x);
    ww_json_double(w, y);
    ww_json_end_array(w);
}

/* A ring of 64 points at the radius, counter-clockwise; along great circles for degrees. */
static void write_circle(struct ww_json *w, const double *centre, double radius, bool degrees) {
    enum { POINTS = 64 };
    double lon = centre[0] * (M_PI / 180), lat = centre[1] * (M_PI / 180), arc = radius / WW_SCAN_EARTH_M;
    ww_json_array(w);
    ww_json_array(w);
    for (int i = 0; i <= POINTS; i++) {
        double turn = -2 * M_PI * (i % POINTS) / POINTS; /* bearings run clockwise */
        if (!degrees) {
            write_position(w, centre[0] + radius * cos(-turn), centre[1] + radius * sin(-turn));
            continue;
        }
        double to = asin(sin(lat) * cos(arc) + cos(lat) * sin(arc) * cos(turn));
        double by = atan2(sin(turn) * sin(arc) * cos(lat), cos(arc) - sin(lat) * sin(to));
        write_position(w, (lon + by) * (180 / M_PI), to * (180 / M_PI));
    }
    ww_json_end_array(w);
    ww_json_end_array(w);
}

static void open_feature(struct ww_json *w, const char *type) {
    ww_json_object(w);
    key_text(w, "type", "Feature");
    ww_json_key(w, "geometry");
    ww_json_object(w);
    key_text(w, "type", type);
    ww_json_key(w, "coordinates");
}

static void write_cluster_feature(struct ww_json *w, const struct ww_scan_report *r, uint32_t k) {
    const struct ww_scan_cluster *c = &r->result->clusters[k];
    const double *centre = r->table->at[r->zones->centre[c->chain]];
    double radius = reach_of(r, c);
    if (radius > 0) {
        open_feature(w, "Polygon");
        write_circle(w, centre, radius, r->input->degrees);
    } else {
        open_feature(w, "Point");
        write_position(w, centre[0], centre[1]);
    }
    ww_json_end_object(w);
    ww_json_key(w, "properties");
    ww_json_object(w);
    key_text(w, "kind", "cluster");
    write_numbers(w, r, c, k + 1);
    write_members(w, r, c);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void write_member_features(struct ww_json *w, const struct ww_scan_report *r, uint32_t k) {
    for (uint32_t id = 0; id < r->input->n_ids; id++) {
        if (!in_cluster(r, &r->result->clusters[k], r->table->place_of[id]))
            continue;
        open_feature(w, "Point");
        write_position(w, r->input->at[id][0], r->input->at[id][1]);
        ww_json_end_object(w);
        ww_json_key(w, "properties");
        ww_json_object(w);
        key_text(w, "kind", "member");
        key_int(w, "rank", k + 1);
        ww_json_key(w, "id");
        ww_json_str(w, r->input->name[id]);
        ww_json_end_object(w);
        ww_json_end_object(w);
    }
}

void ww_scan_report_geojson(const struct ww_scan_report *r, struct ww_buf *out) {
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    key_text(&w, "type", "FeatureCollection");
    if (r->table->at && !r->input->degrees)
        key_text(&w, "coordinates", "plane");
    write_method(&w, r);
    write_input(&w, r);
    ww_json_key(&w, "features");
    ww_json_array(&w);
    for (uint32_t k = 0; k < r->result->n_clusters && r->table->at; k++) {
        write_cluster_feature(&w, r, k);
        write_member_features(&w, r, k);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}
