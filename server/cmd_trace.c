/* wardwatch trace: from readings below to ranked sources above, on files, without a database. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "server/commands.h"
#include "server/trace_input.h"

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
    "The answer is JSON: a place, or a stretch with where to take the next sample, or nothing; then the "
    "ranked\n"
    "candidates, the release that fits each, and what each sensor says to it.\n\n"
    "由下游超标读数逆流溯源：按概率排出排口与河段，并给出到达时间；只有一个传感器时给出河段与下一采样点。\n";

enum { MAX_OUT = 256 << 20 };

struct job {
    const char *network, *points, *readings, *zone, *velocity, *piece, *back, *share, *top;
    double velocity_ms, piece_m, back_h, prior, n_top;
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
    enum ww_status st =
        ww_source_candidates(in->net, sites, j->n_sites, j->piece_m, j->prior, &j->candidate, &j->n, &j->err);
    if (st == WW_OK)
        st = ww_source_new(in->net, j->candidate, j->n, sensors, j->n_sensors, &o, &j->source, &j->err);
    return st;
}

static enum ww_status compute(struct job *j, struct ww_source_summary *sum) {
    enum ww_status st = prepare(j);
    if (st != WW_OK)
        return st;
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

static void write_answer(const struct job *j, const struct ww_source_summary *sum, struct ww_buf *out) {
    static const char *const verdicts[] = {"nothing", "stretch", "place"};
    struct ww_json w;
    bool *done = ww_must_calloc(j->n + (size_t)1, sizeof *done);
    ww_json_init(&w, out);
    ww_json_object(&w);
    put_str(&w, "verdict", ww_str_of(verdicts[sum->verdict]));
    put(&w, "sensors_that_saw_it", sum->saw);
    put(&w, "stretch_m", sum->stretch_m);
    put(&w, "places_with_90_percent", sum->n_stretch);
    ww_json_key(&w, "next_sample");
    ww_json_object(&w);
    put_spot(&w, j, sum->sample);
    put(&w, "probability_above", sum->sample_above);
    ww_json_end_object(&w);
    ww_json_key(&w, "candidates");
    ww_json_array(&w);
    for (uint32_t i = 0; i < j->n && i < j->n_top; i++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t c = 0; c < j->n; c++)
            if (!done[c] && (best == UINT32_MAX || j->probability[c] > j->probability[best]))
                best = c;
        done[best] = true;
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

static int run(struct job *j) {
    struct ww_zone *zone = NULL;
    struct ww_source_summary sum;
    struct ww_buf out;
    enum ww_status st = ww_zone_open(ww_str_of(j->zone ? j->zone : "Asia/Shanghai"), &zone, &j->err);
    if (st == WW_OK)
        st = ww_trace_read(&j->in, j->network, j->points, j->readings, j->velocity_ms, zone, &j->err);
    const char *file = j->in.file;
    ww_zone_close(zone);
    if (st == WW_OK) {
        file = NULL;
        st = compute(j, &sum);
    }
    if (st == WW_OK) {
        ww_buf_init(&out, MAX_OUT);
        write_answer(j, &sum, &out);
        st = ww_buf_status(&out);
        if (st != WW_OK || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
            st = ww_error_set(&j->err, WW_UNAVAILABLE, "can't write to standard output");
        ww_buf_clear(&out);
    }
    int code = st == WW_OK ? 0 : ww_complain("trace", file, &j->err);
    ww_source_free(j->source);
    ww_free(j->candidate);
    ww_trace_clear(&j->in);
    return code;
}

int ww_cmd_trace(int argc, char **argv) {
    struct job j = {.velocity_ms = NAN, .piece_m = 250, .back_h = 24, .prior = 0.3, .n_top = 10};
    const struct ww_option options[] = {{"network", &j.network, NULL},   {"points", &j.points, NULL},
                                        {"readings", &j.readings, NULL}, {"zone", &j.zone, NULL},
                                        {"velocity", &j.velocity, NULL}, {"piece", &j.piece, NULL},
                                        {"back", &j.back, NULL},         {"share", &j.share, NULL},
                                        {"top", &j.top, NULL},           {NULL, NULL, NULL}};
    int n_rest, code = ww_options_take(argc, argv, options, help, &n_rest);
    if (code >= 0)
        return code;
    if (n_rest > 0 || !j.network || !j.points || !j.readings) {
        fputs(
            "wardwatch trace: --network, --points and --readings are needed, and nothing else (try --help)\n",
            stderr);
        return 2;
    }
    if (!take_number("velocity", j.velocity, 1e-4, 20, &j.velocity_ms) ||
        !take_number("piece", j.piece, 1, 1e6, &j.piece_m) ||
        !take_number("back", j.back, 0, 8760, &j.back_h) ||
        !take_number("share", j.share, 1e-6, 1, &j.prior) || !take_number("top", j.top, 1, 1e6, &j.n_top))
        return 2;
    return run(&j);
}
