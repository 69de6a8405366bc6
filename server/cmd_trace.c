/* wardwatch trace: from readings below to ranked sources above, on files, without a database. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "server/commands.h"
#include "server/trace_forward.h"
#include "server/trace_input.h"
#include "server/trace_line.h"

static const char help[] =
    "usage: wardwatch trace --network FILE --points FILE --readings FILE [OPTIONS]\n\n"
    "Ranks the places from which a discharge may have come, from what sensors saw and what others did not.\n"
    "Files are CSV with a head or GeoJSON:\n"
    "  network    id, downstream (a reach; \"a:0.3;b:0.7\" at a split; empty at the end), flow_m3s, "
    "velocity_ms,\n"
    "             length_m (else from the LineString), dispersion_m2s\n"
    "  points     id, kind (sensor, site, outfall), reach, at_m from its upper end; weight of a site (1); "
    "usual level\n"
    "             and sd of a sensor (else the median of its readings, and their spread)\n"
    "  readings   sensor, time, value\n"
    "  --velocity M/S     where the network has none     --piece M      pieces of reaches, default 250\n"
    "  --back H           releases up to H hours before the first reading, default 24\n"
    "  --share S          prior of places that nobody has registered, default 0.3\n"
    "  --zone ZONE        of times without one, default Asia/Shanghai      --top N   default 10\n"
    "  --decay PER_H      rate of first-order decay: 0.1 leaves e^-0.1 after an hour; default 0\n"
    "  --discharges FILE  known discharges: site, from, to, times (how much likelier, 20)\n"
    "  --geojson          the answer as features for a map; the network then needs lines\n"
    "  --forward SITE --start TIME --duration S --rate G/S   instead: when does a discharge pass where? no "
    "readings\n"
    "  --wind FILE        instead, for air: time, from_deg, speed_ms, spread_deg of each hour; points with "
    "lon, lat; no\n"
    "                     network\n"
    "The answer is JSON: a place, or a stretch with where to take the next sample, or nothing; then the "
    "ranked\n"
    "candidates, the release that fits each, and what each sensor says to it.\n\n"
    "由下游超标读数逆流溯源：按概率排出排口与河段，并给出到达时间；只有一个传感器时给出河段与下一采样点。\n"
    "--decay 衰减；--discharges 已知排放；--geojson 地图要素；--forward 排口：正向预报到达时间与浓度；--wind "
    "风：大气与异味溯源。\n";

enum { MAX_OUT = 256 << 20 };

struct job {
    const char *network, *points, *readings, *zone, *velocity, *piece, *back, *share, *top;
    const char *decay, *discharges, *forward, *start, *duration, *rate, *wind;
    bool geojson;
    double velocity_ms, piece_m, back_h, prior, n_top, decay_per_h, duration_s, rate_g_s;
    struct ww_trace_input in;
    struct ww_source *source;
    struct ww_source_candidate *candidate;
    uint32_t n, n_sites, n_sensors;
    uint32_t *sensor_point, *site_point; /* into in.point */
    double *usual, *probability;
    struct ww_error err;
};

/* ---- Usual levels ---- */

static int by_value(const void *pa, const void *pb) {
    double a = *(const double *)pa, b = *(const double *)pb;
    return a < b ? -1 : a > b;
}

static double median(double *v, uint32_t n) {
    qsort(v, n, sizeof *v, by_value);
    return n == 0 ? NAN : n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Median, and 1.48 times the median distance below it: what rises above does not count. */
static void usual_of(const struct job *j, uint32_t sensor, double *scratch, double *usual, double *sd) {
    uint32_t n = 0, below = 0;
    for (uint32_t i = 0; i < j->in.n_readings; i++)
        if (j->in.reading[i].sensor == sensor)
            scratch[n++] = j->in.reading[i].value;
    *usual = median(scratch, n);
    for (uint32_t i = 0; i < n && scratch[i] <= *usual; i++, below++)
        scratch[i] = *usual - scratch[i];
    *sd = below > 0 ? 1.4826 * median(scratch, below) : NAN;
    if (!(*sd > 0.02 * fabs(*usual))) /* finer than readings are */
        *sd = 0.02 * fabs(*usual) > 0 ? 0.02 * fabs(*usual) : 0.01;
}

/* ---- Computing ---- */

static enum ww_status prepare(struct job *j) {
    struct ww_trace_input *in = &j->in;
    struct ww_source_site *sites = ww_arena_calloc(in->arena, in->n_points, sizeof *sites);
    struct ww_source_sensor *sensors = ww_arena_calloc(in->arena, in->n_points, sizeof *sensors);
    double *scratch = ww_arena_calloc(in->arena, in->n_readings, sizeof *scratch);
    j->usual = ww_arena_calloc(in->arena, in->n_points, sizeof *j->usual);
    j->sensor_point = ww_arena_calloc(in->arena, in->n_points, sizeof *j->sensor_point);
    j->site_point = ww_arena_calloc(in->arena, in->n_points, sizeof *j->site_point);
    if (!sites || !sensors || !scratch || !j->usual || !j->sensor_point || !j->site_point)
        return ww_error_set(&j->err, WW_NO_MEMORY, "no memory for the points");
    for (uint32_t i = 0; i < in->n_points; i++) {
        const struct ww_trace_point *p = &in->point[i];
        if (!p->is_sensor) {
            j->site_point[j->n_sites] = i;
            sites[j->n_sites++] = (struct ww_source_site){p->at, p->weight};
            continue;
        }
        double usual, sd;
        usual_of(j, j->n_sensors, scratch, &usual, &sd);
        j->sensor_point[j->n_sensors] = i;
        j->usual[j->n_sensors] = isnan(p->usual) ? usual : p->usual;
        sensors[j->n_sensors++] =
            (struct ww_source_sensor){p->at, isnan(p->sd) ? (isnan(sd) ? 1 : sd) : p->sd};
    }
    double first = in->reading[0].t_s, last = in->reading[in->n_readings - 1].t_s;
    struct ww_source_options o = ww_source_usual(first - j->back_h * 3600, fmax(last, first + 60));
    o.how.decay_per_s = j->decay_per_h / 3600;
    enum ww_status st =
        ww_source_candidates(in->net, sites, j->n_sites, j->piece_m, j->prior, &j->candidate, &j->n, &j->err);
    if (st == WW_OK)
        st = ww_source_new(in->net, j->candidate, j->n, sensors, j->n_sensors, &o, &j->source, &j->err);
    return st;
}

/* Sites stand at the end of the candidates, in the points' order. */
static enum ww_status tell_known(struct job *j, const struct ww_zone *zone) {
    struct ww_trace_discharge *known;
    uint32_t n;
    if (!j->discharges)
        return WW_OK;
    enum ww_status st = ww_trace_read_discharges(&j->in, j->discharges, zone, &known, &n, &j->err);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        for (uint32_t k = 0; k < j->n_sites && st == WW_OK; k++)
            if (j->site_point[k] == known[i].point)
                st = ww_source_known(j->source, j->n - j->n_sites + k, known[i].from_s, known[i].to_s,
                                     known[i].times);
    return st;
}

static enum ww_status compute(struct job *j, const struct ww_zone *zone, struct ww_source_summary *sum) {
    enum ww_status st = prepare(j);
    if (st == WW_OK)
        st = tell_known(j, zone);
    if (st != WW_OK)
        return st;
    j->in.file = NULL; /* what goes wrong from here on is no file's fault */
    for (uint32_t i = 0; i < j->in.n_readings; i++) {
        const struct ww_trace_reading *r = &j->in.reading[i];
        ww_source_add(j->source, r->sensor, r->t_s, r->value - j->usual[r->sensor]);
    }
    j->probability = ww_arena_calloc(j->in.arena, j->n, sizeof *j->probability);
    if (!j->probability || ww_source_posterior(j->source, j->probability) != WW_OK ||
        ww_source_summary(j->source, j->probability, sum) != WW_OK)
        return ww_error_set(&j->err, WW_NO_MEMORY, "no memory for %u candidates", j->n);
    return WW_OK;
}

/* ---- Printing ---- */

static void put(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}
static void put_time(struct ww_json *w, const char *key, double t_s) {
    char text[40];
    ww_instant_text((int64_t)(t_s * 1e6), text);
    ww_json_key(w, key);
    ww_json_text(w, text);
}
static void put_str(struct ww_json *w, const char *key, struct ww_str text) {
    ww_json_key(w, key);
    ww_json_str(w, text);
}

static void put_spot(struct ww_json *w, const struct job *j, struct ww_spot spot) {
    put_str(w, "reach", j->in.reach_id[spot.reach]);
    put(w, "at_m", spot.at_m);
}

static void put_reasons(struct ww_json *w, const struct job *j, uint32_t c, const struct ww_source_fit *fit) {
    ww_json_key(w, "sensors");
    ww_json_array(w);
    for (uint32_t k = 0; k < j->n_sensors; k++) {
        struct ww_source_reason r = ww_source_reason(j->source, c, fit, k);
        ww_json_object(w);
        put_str(w, "sensor", j->in.point[j->sensor_point[k]].id);
        ww_json_key(w, "below");
        ww_json_bool(w, r.below);
        put(w, "seen_above_usual", r.seen);
        put(w, "usual", j->usual[k]);
        if (r.below) {
            put(w, "share", r.passage.share);
            put(w, "travel_s", r.passage.tau_s);
            put_time(w, "front", r.arrival.front_s);
            put_time(w, "peak", r.arrival.peak_s);
            put_time(w, "rear", r.arrival.rear_s);
            put(w, "predicted_above_usual", r.arrival.peak_g_m3);
            put(w, "log_likelihood", r.llr);
        }
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

static void put_candidate(struct ww_json *w, const struct job *j, uint32_t c) {
    struct ww_source_fit fit = ww_source_fit(j->source, c);
    bool site = c >= j->n - j->n_sites;
    ww_json_object(w);
    put_str(w, "kind", site ? WW_STR("site") : WW_STR("stretch"));
    if (site)
        put_str(w, "id", j->in.point[j->site_point[c - (j->n - j->n_sites)]].id);
    put_spot(w, j, j->candidate[c].at);
    put(w, "length_m", j->candidate[c].length_m);
    put(w, "probability", j->probability[c]);
    put(w, "log_likelihood", fit.llr);
    if (fit.llr > 0) {
        put_time(w, "start", fit.release.start_s);
        put(w, "duration_s", fit.release.duration_s);
        put(w, "rate_g_s", fit.release.rate_g_s);
        put(w, "velocity_factor", fit.velocity_factor);
        put_reasons(w, j, c, &fit);
    }
    ww_json_end_object(w);
}

/* The members of an object that was begun, up to the candidates. */
static void put_summary(struct ww_json *w, const struct job *j, const struct ww_source_summary *sum) {
    static const char *const verdicts[] = {"nothing", "stretch", "place"};
    put_str(w, "verdict", ww_str_of(verdicts[sum->verdict]));
    put(w, "sensors_that_saw_it", sum->saw);
    put(w, "stretch_m", sum->stretch_m);
    put(w, "places_with_90_percent", sum->n_stretch);
    ww_json_key(w, "next_sample");
    ww_json_object(w);
    put_spot(w, j, sum->sample);
    put(w, "probability_above", sum->sample_above);
    ww_json_end_object(w);
}

/* The geometry of a piece or place; null where the reach has no line. */
static void put_geometry(struct ww_json *w, struct job *j, struct ww_spot at, double length_m) {
    struct ww_trace_line line;
    double whole = ww_net_reach(j->in.net, at.reach)->length_m, half = length_m / 2;
    ww_json_key(w, "geometry");
    if (ww_trace_line_read(j->in.arena, j->in.network.rows[at.reach].geometry, &line))
        ww_trace_line_put(w, &line, (at.at_m - half) / whole, (at.at_m + half) / whole);
    else
        ww_json_null(w);
}

/* A feature: its properties are what the plain answer says of it. */
static void put_feature(struct ww_json *w, struct job *j, uint32_t c, uint32_t rank) {
    ww_json_object(w);
    put_str(w, "type", WW_STR("Feature"));
    put(w, "id", rank);
    put_geometry(w, j, j->candidate[c].at, j->candidate[c].length_m);
    ww_json_key(w, "properties");
    put_candidate(w, j, c);
    ww_json_end_object(w);
}

static void put_sample_feature(struct ww_json *w, struct job *j, const struct ww_source_summary *sum) {
    ww_json_object(w);
    put_str(w, "type", WW_STR("Feature"));
    put_geometry(w, j, sum->sample, 0);
    ww_json_key(w, "properties");
    ww_json_object(w);
    put_str(w, "kind", WW_STR("next sample"));
    put_spot(w, j, sum->sample);
    put(w, "probability_above", sum->sample_above);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void write_answer(struct job *j, const struct ww_source_summary *sum, struct ww_buf *out) {
    struct ww_json w;
    bool *done = ww_must_calloc(j->n + (size_t)1, sizeof *done);
    ww_json_init(&w, out);
    ww_json_object(&w);
    if (j->geojson)
        put_str(&w, "type", WW_STR("FeatureCollection"));
    put_summary(&w, j, sum);
    ww_json_key(&w, j->geojson ? "features" : "candidates");
    ww_json_array(&w);
    if (j->geojson && sum->verdict != WW_SOURCE_NOTHING)
        put_sample_feature(&w, j, sum);
    for (uint32_t i = 0; i < j->n && i < j->n_top; i++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < j->n; c++)
            if (!done[c] && (best == UINT32_MAX || j->probability[c] > j->probability[best]))
                best = c;
        done[best] = true;
        if (j->geojson)
            put_feature(&w, j, best, i + 1);
        else
            put_candidate(&w, j, best);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
    ww_free(done);
}

static bool take_number(const char *name, const char *text, double least, double most, double *out) {
    if (!text || (ww_str_to_double(ww_str_of(text), out) && *out >= least && *out <= most))
        return true;
    fprintf(stderr, "wardwatch trace: --%s must be a number from %g to %g, not %s\n", name, least, most,
            text);
    return false;
}

static enum ww_status trace_back(struct job *j, const struct ww_zone *zone, struct ww_buf *out) {
    struct ww_source_summary sum;
    enum ww_status st =
        ww_trace_read(&j->in, j->network, j->points, j->readings, j->velocity_ms, zone, &j->err);
    if (st == WW_OK)
        st = compute(j, zone, &sum);
    if (st == WW_OK)
        write_answer(j, &sum, out);
    return st;
}

static enum ww_status trace_forward(struct job *j, const struct ww_zone *zone, struct ww_buf *out) {
    struct ww_dispersal how = WW_DISPERSAL_USUAL;
    int64_t start_us;
    enum ww_status st = ww_trace_read(&j->in, j->network, j->points, NULL, j->velocity_ms, zone, &j->err);
    if (st != WW_OK)
        return st;
    j->in.file = NULL;
    const struct ww_trace_point *site = ww_trace_site(&j->in, ww_str_of(j->forward));
    if (!site)
        return ww_error_set(&j->err, WW_BAD_INPUT, "there is no site \"%.60s\" among the points", j->forward);
    st = ww_instant_parse(ww_str_of(j->start), zone, &start_us, &j->err);
    if (st != WW_OK)
        return st;
    how.decay_per_s = j->decay_per_h / 3600;
    return ww_trace_forward(&j->in, site->at,
                            (struct ww_release){(double)start_us / 1e6, j->duration_s, j->rate_g_s}, how, out,
                            &j->err);
}

static int run(struct job *j) {
    struct ww_zone *zone = NULL;
    struct ww_buf out;
    ww_buf_init(&out, MAX_OUT);
    enum ww_status st = ww_zone_open(ww_str_of(j->zone ? j->zone : "Asia/Shanghai"), &zone, &j->err);
    if (st == WW_OK && j->wind)
        st = ww_trace_wind(j->points, j->readings, j->wind, zone, &out, &j->in.file, &j->err);
    else if (st == WW_OK)
        st = j->forward ? trace_forward(j, zone, &out) : trace_back(j, zone, &out);
    ww_zone_close(zone);
    if (st == WW_OK)
        st = ww_buf_status(&out);
    if (st == WW_OK && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        st = ww_error_set(&j->err, WW_UNAVAILABLE, "can't write to standard output");
    int code = st == WW_OK ? 0 : ww_complain("trace", j->in.file, &j->err);
    ww_buf_clear(&out);
    ww_source_free(j->source);
    ww_free(j->candidate);
    if (!j->wind)
        ww_trace_clear(&j->in);
    return code;
}

/* Which files go together. */
static bool is_complete(const struct job *j) {
    if (j->wind)
        return j->points && j->readings && !j->network && !j->forward && !j->geojson;
    if (j->forward)
        return j->network && j->points && j->start && j->duration && j->rate && !j->readings && !j->geojson;
    return j->network && j->points && j->readings && !j->start && !j->duration && !j->rate;
}

int ww_cmd_trace(int argc, char **argv) {
    struct job j = {.velocity_ms = NAN, .piece_m = 250, .back_h = 24, .prior = 0.3, .n_top = 10};
    const struct ww_option options[] = {
        {"network", &j.network, NULL}, {"points", &j.points, NULL},     {"readings", &j.readings, NULL},
        {"zone", &j.zone, NULL},       {"velocity", &j.velocity, NULL}, {"piece", &j.piece, NULL},
        {"back", &j.back, NULL},       {"share", &j.share, NULL},       {"top", &j.top, NULL},
        {"decay", &j.decay, NULL},     {"geojson", NULL, &j.geojson},   {"discharges", &j.discharges, NULL},
        {"forward", &j.forward, NULL}, {"start", &j.start, NULL},       {"duration", &j.duration, NULL},
        {"rate", &j.rate, NULL},       {"wind", &j.wind, NULL},         {NULL, NULL, NULL}};
    int n_rest, code = ww_options_take(argc, argv, options, help, &n_rest);
    if (code >= 0)
        return code;
    if (n_rest > 0 || !is_complete(&j)) {
        fputs("wardwatch trace: --network, --points and --readings are needed; or --network, --points, "
              "--forward, --start, "
              "--duration and --rate; or --wind, --points and --readings (try --help)\n",
              stderr);
        return 2;
    }
    if (!take_number("velocity", j.velocity, 1e-4, 20, &j.velocity_ms) ||
        !take_number("piece", j.piece, 1, 1e6, &j.piece_m) ||
        !take_number("back", j.back, 0, 8760, &j.back_h) ||
        !take_number("share", j.share, 1e-6, 1, &j.prior) || !take_number("top", j.top, 1, 1e6, &j.n_top) ||
        !take_number("decay", j.decay, 0, 1000, &j.decay_per_h) ||
        !take_number("duration", j.duration, 1, 1e8, &j.duration_s) ||
        !take_number("rate", j.rate, 1e-9, 1e12, &j.rate_g_s))
        return 2;
    return run(&j);
}
