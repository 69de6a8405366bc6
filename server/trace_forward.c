/* Downstream of a discharge; see trace_forward.h. */
#include "server/trace_forward.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"

struct passing {
    struct ww_str name;
    bool is_sensor;
    struct ww_spot at;
    struct ww_passage passage;
    struct ww_arrival arrival;
};

static int by_front(const void *pa, const void *pb) {
    const struct passing *a = pa, *b = pb;
    return a->arrival.front_s < b->arrival.front_s ? -1 : a->arrival.front_s > b->arrival.front_s;
}

static void put_time(struct ww_json *w, const char *key, double t_s) {
    char text[40];
    ww_instant_text((int64_t)(t_s * 1e6), text);
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void put(struct ww_json *w, const char *key, double value) {
    ww_json_key(w, key);
    ww_json_double(w, value);
}

static void put_passing(struct ww_json *w, const struct ww_trace_input *in, const struct passing *p) {
    ww_json_object(w);
    ww_json_key(w, p->is_sensor ? "sensor" : "end_of_reach");
    ww_json_str(w, p->name);
    ww_json_key(w, "reach");
    ww_json_str(w, in->reach_id[p->at.reach]);
    put(w, "at_m", p->at.at_m);
    put(w, "share", p->passage.share);
    put(w, "travel_s", p->passage.tau_s);
    put_time(w, "front", p->arrival.front_s);
    put_time(w, "peak", p->arrival.peak_s);
    put_time(w, "rear", p->arrival.rear_s);
    put(w, "peak_mg_l", p->arrival.peak_g_m3);
    ww_json_end_object(w);
}

/* Is a spot below another one of the same reach? That piece alone, not all of the reach, lies between. */
static struct ww_passage passage_to(const struct ww_trace_input *in, struct ww_spot to, struct ww_spot from,
                                    struct ww_passage *above) {
    ww_net_above(in->net, to, above);
    return ww_net_passage(in->net, to, above, from);
}

enum ww_status ww_trace_forward(const struct ww_trace_input *in, struct ww_spot from,
                                struct ww_release release, struct ww_dispersal how, struct ww_buf *out,
                                struct ww_error *err) {
    uint32_t n = 0;
    size_t most = (size_t)in->n_reaches + in->n_points;
    struct passing *all = ww_arena_calloc(in->arena, most + 1, sizeof *all);
    struct ww_passage *above = ww_arena_calloc(in->arena, in->n_reaches + (size_t)1, sizeof *above);
    if (!all || !above)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u reaches", in->n_reaches);
    for (uint32_t i = 0; i < most; i++) {
        bool is_sensor = i >= in->n_reaches;
        const struct ww_trace_point *point = is_sensor ? &in->point[i - in->n_reaches] : NULL;
        if (point && !point->is_sensor)
            continue;
        struct ww_spot at = point ? point->at : (struct ww_spot){i, ww_net_reach(in->net, i)->length_m};
        struct passing p = {.name = point ? point->id : in->reach_id[i], .is_sensor = is_sensor, .at = at};
        p.passage = passage_to(in, at, from, above);
        if (!(p.passage.share > 0))
            continue;
        p.arrival = ww_plume_arrival(p.passage, ww_net_reach(in->net, at.reach)->flow_m3s, release, how);
        all[n++] = p;
    }
    qsort(all, n, sizeof *all, by_front);
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    put_time(&w, "start", release.start_s);
    put(&w, "duration_s", release.duration_s);
    put(&w, "rate_g_s", release.rate_g_s);
    ww_json_key(&w, "arrivals");
    ww_json_array(&w);
    for (uint32_t i = 0; i < n; i++)
        put_passing(&w, in, &all[i]);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
    return WW_OK;
}
