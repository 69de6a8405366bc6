/* Zones of a river: all that flows into a reach, and the runs downstream from one.
 *
 * A pollution that enters somewhere is seen from there down: a run. A source that is spread over a catchment
 * is seen everywhere upstream of a point: an upstream set. Both are few (about the number of reaches times
 * the length of a run), so all of them are looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/zones.h"

struct walk {
    const struct ww_scan_lists *into;
    const struct ww_scan_limits *limits;
    struct ww_scan_zones *zones;
    uint32_t *from_start, *from_item; /* the reaches that flow into each */
    uint32_t *path;                   /* the run, or the queue of a flood */
    bool *seen;
    uint32_t max_run;
    struct ww_error *err;
};

static bool open_upstream(struct walk *w) {
    uint32_t n = w->into->n, m = w->into->start[n];
    w->from_start = ww_try_calloc((size_t)n + 2, sizeof *w->from_start);
    w->from_item = ww_try_calloc((size_t)m + 1, sizeof *w->from_item);
    w->path = ww_try_calloc((size_t)n + 1, sizeof *w->path);
    w->seen = ww_try_calloc((size_t)n + 1, sizeof *w->seen);
    if (!w->from_start || !w->from_item || !w->path || !w->seen)
        return false;
    for (uint32_t j = 0; j < m; j++)
        w->from_start[w->into->item[j] + 1]++;
    for (uint32_t i = 0; i < n; i++)
        w->from_start[i + 1] += w->from_start[i];
    uint32_t *fill = w->path; /* not in use yet */
    memcpy(fill, w->from_start, n * sizeof *fill);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = w->into->start[i]; j < w->into->start[i + 1]; j++)
            w->from_item[fill[w->into->item[j]]++] = i;
    return true;
}

static enum ww_status add_chain(struct walk *w, const uint32_t *place, uint32_t n, uint32_t eval_from) {
    double weight = 0;
    for (uint32_t i = 0; w->limits->weight && i < n; i++)
        weight += w->limits->weight[place[i]];
    if (w->limits->weight && weight > w->limits->max_weight)
        return WW_OK;
    enum ww_status st = ww_scan_zones_open(w->zones, place[0], eval_from, w->err);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        st = ww_scan_zones_step(w->zones, place[i], 0, w->err);
    return st;
}

/* The reach and all above it: one zone, judged at its end. */
static enum ww_status add_upstream(struct walk *w, uint32_t reach) {
    uint32_t n = 0;
    w->path[n++] = reach;
    w->seen[reach] = true;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = w->from_start[w->path[i]]; j < w->from_start[w->path[i] + 1]; j++) {
            uint32_t above = w->from_item[j];
            if (!w->seen[above]) {
                w->seen[above] = true;
                w->path[n++] = above;
            }
        }
    for (uint32_t i = 0; i < n; i++)
        w->seen[w->path[i]] = false;
    return n > 1 ? add_chain(w, w->path, n, n) : WW_OK; /* alone it is a run already */
}

/* Runs from the first reach of the path. Each is a zone of its own; where the river parts, each arm goes on
 * from there, and what both share was judged once. */
static enum ww_status add_runs(struct walk *w, uint32_t n) {
    uint32_t last = w->path[n - 1];
    enum ww_status st = add_chain(w, w->path, n, n);
    for (uint32_t j = w->into->start[last]; j < w->into->start[last + 1] && n < w->max_run && st == WW_OK;
         j++) {
        uint32_t next = w->into->item[j];
        if (w->seen[next])
            continue; /* a circle */
        w->path[n] = next;
        w->seen[next] = true;
        st = add_runs(w, n + 1);
        w->seen[next] = false;
    }
    return st;
}

enum ww_status ww_scan_zones_river(const struct ww_scan_lists *into, uint32_t max_run,
                                   const struct ww_scan_limits *limits, struct ww_scan_zones **out,
                                   struct ww_error *err) {
    struct walk w = {.into = into,
                     .limits = limits,
                     .zones = ww_scan_zones_new(into->n, false),
                     .max_run = max_run,
                     .err = err};
    enum ww_status st = WW_OK;
    if (!w.zones || !open_upstream(&w))
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for the zones");
    for (uint32_t i = 0; i < into->n && st == WW_OK; i++) {
        st = add_upstream(&w, i);
        w.path[0] = i;
        w.seen[i] = true;
        if (st == WW_OK)
            st = add_runs(&w, 1);
        w.seen[i] = false;
    }
    ww_free(w.from_start);
    ww_free(w.from_item);
    ww_free(w.path);
    ww_free(w.seen);
    if (st != WW_OK) {
        ww_scan_zones_free(w.zones);
        w.zones = NULL;
    }
    *out = w.zones;
    return st;
}
