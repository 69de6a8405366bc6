/* Newest values into means by place, Gi* and Moran kept up, p and q over the map. */
#include "ingest/space/hotspot_watch.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/map.h"
#include "geo/hotspot/hex.h"
#include "geo/hotspot/live.h"
#include "geo/hotspot/tail.h"

enum { LAYERS = 2, MOST_OPEN = 256, MOST_MEMBERS = 50 };
#define EXPIRE_US (30 * WW_SECOND_US) /* values grow old by themselves */
#define SKEWED    0.1                 /* beyond it the normal law misleads */

struct thing {
    int64_t id, time_us;
    double value;
    uint32_t spot[LAYERS]; /* WW_SPOT_NONE: nowhere */
    bool counts;
};

struct place {
    double sum;
    uint32_t n;
    struct ww_hotspot_place now;     /* as settled last */
    struct ww_hotspot_place written; /* as the database has it */
    bool is_written;
    int64_t hot_since_us;
    struct ww_known hot_since_known;
};

/* Wards or hexagons. */
struct layer {
    struct ww_scan_spots *spots;
    const struct ww_scan_spot *spot;
    uint32_t n;
    struct ww_weights *weights;
    struct ww_live *live;
    struct place *place;
    /* the map that is being settled: places with a value alone */
    uint32_t *which;
    bool *keep;
    double *value, *z, *p, *q, *moran_z, *moran_p, *moran_q;
    uint32_t n_map;
    bool failed;
};

struct open_alert {
    int64_t ward;
    double peak;
};

struct ww_hotspot_watch {
    struct ww_arena *arena;
    int32_t rule_id, version, severity;
    struct ww_str code, config, unit;
    struct ww_hotspot_rule how;
    struct layer layer[LAYERS];
    struct ww_map *thing_by_id;
    struct thing *thing;
    uint32_t n_things, cap_things;
    uint32_t *by_id; /* indexes of things */
    uint32_t cap_by_id;
    bool is_dirty;
    int64_t begun_us, expired_us;
    struct ww_known known; /* when it began */
    struct open_alert open[MOST_OPEN];
    uint32_t n_open;
};

/* ---- Life ---- */

static void clear_layer(struct layer *l) {
    ww_live_free(l->live);
    ww_weights_free(l->weights);
    ww_scan_spots_free(l->spots);
    ww_free(l->place);
    ww_free(l->which);
    ww_free(l->keep);
    ww_free(l->value);
}

void ww_hotspot_watch_free(struct ww_hotspot_watch *w) {
    if (!w)
        return;
    for (int i = 0; i < LAYERS; i++)
        clear_layer(&w->layer[i]);
    ww_map_free(w->thing_by_id);
    ww_free(w->thing);
    ww_free(w->by_id);
    ww_arena_free(w->arena);
    ww_free(w);
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the hot spots");
}

/* Wards that touch; hexagons by rings. */
static enum ww_status make_layer(struct layer *l, uint32_t rings, bool hexagons, struct ww_error *err) {
    struct ww_scan_lists lists;
    l->spot = ww_scan_spots_list(l->spots, &l->n, &lists);
    enum ww_status st;
    if (hexagons) {
        st = ww_scan_spots_rings(l->spots, rings, &l->weights, err);
    } else {
        uint32_t n_pairs = lists.start[lists.n];
        struct ww_weight_pair *pairs = ww_try_calloc((size_t)n_pairs + 1, sizeof *pairs);
        if (!pairs)
            return no_memory(err);
        for (uint32_t i = 0; i < lists.n; i++)
            for (uint32_t k = lists.start[i]; k < lists.start[i + 1]; k++)
                pairs[k] = (struct ww_weight_pair){i, lists.item[k], 1};
        st = ww_weights_from_pairs(pairs, n_pairs, l->n, &l->weights, err);
        ww_free(pairs);
    }
    if (st != WW_OK)
        return st;
    l->live = ww_live_new(l->weights, WW_LIVE_ROWS_STANDARDISED);
    l->place = ww_try_calloc((size_t)l->n + 1, sizeof *l->place);
    l->which = ww_try_calloc((size_t)l->n + 1, sizeof *l->which);
    l->keep = ww_try_calloc((size_t)l->n + 1, sizeof *l->keep);
    l->value = ww_try_calloc(7 * (size_t)l->n + 1, sizeof *l->value);
    if (!l->live || !l->place || !l->which || !l->keep || !l->value)
        return no_memory(err);
    double **parts[] = {&l->z, &l->p, &l->q, &l->moran_z, &l->moran_p, &l->moran_q};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        *parts[i] = l->value + (i + 1) * l->n;
    for (uint32_t i = 0; i < l->n; i++)
        l->place[i].now.value = NAN;
    return WW_OK;
}

enum ww_status ww_hotspot_watch_new(const struct ww_hotspot_setup *setup, struct ww_hotspot_watch **out,
                                    struct ww_error *err) {
    struct ww_hotspot_watch *w = ww_try_calloc(1, sizeof *w);
    *out = NULL;
    if (!w) {
        ww_scan_spots_free(setup->wards);
        ww_scan_spots_free(setup->hexagons);
        return no_memory(err);
    }
    w->layer[0].spots = setup->wards;
    w->layer[1].spots = setup->hexagons;
    w->rule_id = setup->rule_id;
    w->version = setup->version;
    w->severity = setup->severity;
    w->how = setup->how; /* its texts are not looked at any more */
    w->arena = ww_arena_new((size_t)1 << 20);
    w->thing_by_id = ww_map_new(256);
    enum ww_status st = w->arena ? WW_OK : no_memory(err);
    if (st == WW_OK) {
        w->code = ww_arena_copy(w->arena, setup->code);
        w->config = ww_arena_copy(w->arena, setup->config);
        w->unit = ww_arena_copy(w->arena, setup->property_unit);
        w->how.property = ww_arena_copy(w->arena, setup->how.property);
        if (!w->code.ptr || !w->config.ptr || !w->unit.ptr || !w->how.property.ptr)
            st = no_memory(err);
    }
    for (int i = 0; i < LAYERS && st == WW_OK; i++)
        if (w->layer[i].spots)
            st = make_layer(&w->layer[i], (uint32_t)w->how.rings, i == 1, err);
    if (st != WW_OK) {
        ww_hotspot_watch_free(w);
        w = NULL;
    }
    *out = w;
    return st;
}

/* ---- Readings ---- */

static void change_place(struct layer *l, uint32_t spot, double by, int things) {
    struct place *p = &l->place[spot];
    p->sum += by;
    p->n += (uint32_t)things;
    if (p->n == 0) {
        p->sum = 0;
        ww_live_forget(l->live, spot);
    } else {
        ww_live_set(l->live, spot, p->sum / p->n);
    }
}

static void take_out(struct ww_hotspot_watch *w, struct thing *t) {
    for (int i = 0; i < LAYERS && t->counts; i++)
        if (t->spot[i] != WW_SPOT_NONE)
            change_place(&w->layer[i], t->spot[i], -t->value, -1);
    t->counts = false;
}

static struct thing *find_thing(struct ww_hotspot_watch *w, int64_t id) {
    char room[24];
    uint64_t index;
    struct ww_str key = {room, (size_t)snprintf(room, sizeof room, "%lld", (long long)id)};
    if (ww_map_get(w->thing_by_id, key, &index))
        return &w->thing[index];
    if (!ww_grown(&w->thing, w->n_things, &w->cap_things, sizeof *w->thing) ||
        !ww_grown(&w->by_id, w->n_things, &w->cap_by_id, sizeof *w->by_id) ||
        ww_map_put(w->thing_by_id, key, w->n_things) != WW_OK)
        return NULL;
    w->thing[w->n_things] = (struct thing){.id = id, .time_us = WW_INSTANT_NONE};
    uint32_t at = w->n_things; /* mostly they come in order */
    for (; at > 0 && w->thing[w->by_id[at - 1]].id > id; at--)
        w->by_id[at] = w->by_id[at - 1];
    w->by_id[at] = w->n_things;
    return &w->thing[w->n_things++];
}

/* Sums are made anew in the order of things and places, so that the map is a function of the values and not
 * of the order in which they came: with what was known the same map can be made again. */
static void recount(struct ww_hotspot_watch *w) {
    for (int i = 0; i < LAYERS; i++)
        for (uint32_t p = 0; w->layer[i].live && p < w->layer[i].n; p++)
            w->layer[i].place[p].sum = 0;
    for (uint32_t k = 0; k < w->n_things; k++) {
        const struct thing *t = &w->thing[w->by_id[k]];
        for (int i = 0; i < LAYERS && t->counts; i++)
            if (t->spot[i] != WW_SPOT_NONE)
                w->layer[i].place[t->spot[i]].sum += t->value;
    }
    for (int i = 0; i < LAYERS; i++) {
        struct layer *l = &w->layer[i];
        for (uint32_t p = 0; l->live && p < l->n; p++)
            l->value[p] = l->place[p].n > 0 ? l->place[p].sum / l->place[p].n : NAN;
        if (l->live)
            ww_live_renew(l->live, l->value);
    }
}

bool ww_hotspot_watch_set(struct ww_hotspot_watch *w, int64_t thing_id, uint32_t ward_id,
                          const struct ww_place *place, int64_t time_us, double value) {
    uint32_t spot[LAYERS] = {WW_SPOT_NONE, WW_SPOT_NONE};
    for (int i = 0; i < LAYERS; i++)
        if (w->layer[i].spots)
            spot[i] = ww_scan_spots_find(w->layer[i].spots, thing_id, ward_id, place);
    if (spot[0] == WW_SPOT_UNKNOWN || spot[1] == WW_SPOT_UNKNOWN)
        return false;
    struct thing *t = find_thing(w, thing_id);
    if (!t || time_us < t->time_us)
        return true;
    bool moved = t->counts && (t->spot[0] != spot[0] || t->spot[1] != spot[1]);
    if (moved)
        take_out(w, t);
    for (int i = 0; i < LAYERS; i++)
        if (spot[i] != WW_SPOT_NONE)
            change_place(&w->layer[i], spot[i], value - (t->counts ? t->value : 0), !t->counts);
    *t = (struct thing){thing_id, time_us, value, {spot[0], spot[1]}, true};
    w->is_dirty = true;
    return true;
}

/* ---- Settling ---- */

int64_t ww_hotspot_watch_due_us(const struct ww_hotspot_watch *w, int64_t rest_us) {
    int64_t old_us = w->expired_us + (rest_us > EXPIRE_US ? rest_us : EXPIRE_US);
    return w->is_dirty && w->begun_us + rest_us < old_us ? w->begun_us + rest_us : old_us;
}

static void expire(struct ww_hotspot_watch *w, int64_t now_us) {
    w->expired_us = now_us;
    for (uint32_t k = 0; k < w->n_things; k++)
        if (w->thing[k].counts && (double)(now_us - w->thing[k].time_us) > w->how.max_age_s * 1e6)
            take_out(w, &w->thing[k]);
}

void ww_hotspot_watch_begin(struct ww_hotspot_watch *w, int64_t now_us, const struct ww_known *known) {
    w->begun_us = now_us;
    w->known = *known;
    expire(w, now_us);
    recount(w);
    w->is_dirty = false;
    for (int i = 0; i < LAYERS; i++) {
        struct layer *l = &w->layer[i];
        l->n_map = 0;
        for (uint32_t p = 0; l->live && p < l->n; p++) {
            l->keep[p] = l->place[p].n > 0;
            if (!l->keep[p])
                continue;
            l->which[l->n_map] = p;
            l->value[l->n_map] = l->place[p].sum / l->place[p].n;
            l->z[l->n_map] = ww_live_gstar(l->live, p);
            l->moran_z[l->n_map++] = ww_live_local_moran(l->live, p).z;
        }
    }
}

static enum ww_status settle(struct ww_hotspot_watch *w, struct layer *l) {
    struct ww_weights *weights = NULL;
    struct ww_deal *deal = NULL;
    double skewness = 0;
    ww_hotspot_p(l->z, l->n_map, WW_TWO_SIDED, l->p);
    ww_hotspot_p(l->moran_z, l->n_map, WW_TWO_SIDED, l->moran_p);
    enum ww_status st = ww_weights_keep(l->weights, l->keep, &weights, NULL);
    if (st == WW_OK && l->n_map >= w->how.min_places) {
        deal = ww_deal_new(l->value, l->n_map);
        st = deal ? ww_deal_skewness(deal, weights, &skewness) : WW_NO_MEMORY;
        if (st == WW_OK && skewness > SKEWED)
            st = ww_deal_p_gstar(deal, weights, WW_TWO_SIDED, l->p);
        if (st == WW_OK && skewness > SKEWED)
            st = ww_deal_p_g(deal, weights, WW_TWO_SIDED, l->moran_p);
    }
    if (st == WW_OK)
        st = ww_hotspot_q(l->p, l->n_map, l->q);
    if (st == WW_OK)
        st = ww_hotspot_q(l->moran_p, l->n_map, l->moran_q);
    ww_deal_free(deal);
    ww_weights_free(weights);
    return st;
}

void ww_hotspot_watch_settle(struct ww_hotspot_watch *w) {
    for (int i = 0; i < LAYERS; i++)
        if (w->layer[i].n_map > 0)
            w->layer[i].failed = settle(w, &w->layer[i]) != WW_OK;
}

static enum ww_moran_class moran_class(double value, double mean, double z) {
    if (z > 0)
        return value > mean ? WW_MORAN_HIGH_HIGH : WW_MORAN_LOW_LOW;
    return value > mean ? WW_MORAN_HIGH_LOW : WW_MORAN_LOW_HIGH;
}

static void end_layer(struct ww_hotspot_watch *w, struct layer *l) {
    double mean = 0;
    bool enough = l->n_map >= w->how.min_places;
    uint32_t k = 0;
    for (uint32_t i = 0; i < l->n_map; i++)
        mean += l->value[i] / l->n_map;
    for (uint32_t p = 0; p < l->n; p++) {
        struct ww_hotspot_place *now = &l->place[p].now;
        *now = (struct ww_hotspot_place){.value = NAN};
        if (k < l->n_map && l->which[k] == p) {
            *now = (struct ww_hotspot_place){.value = l->value[k],
                                             .n_things = l->place[p].n,
                                             .z = l->z[k],
                                             .p = l->p[k],
                                             .q = l->q[k],
                                             .moran_z = l->moran_z[k],
                                             .moran_p = l->moran_p[k],
                                             .moran_q = l->moran_q[k]};
            if (enough && now->q <= w->how.q)
                now->class = now->z > 0 ? WW_CLASS_HOT : WW_CLASS_COLD;
            if (enough && now->moran_q <= w->how.q)
                now->moran = moran_class(now->value, mean, now->moran_z);
            k++;
        } else {
            continue; /* without a value it is neither hot nor cooled down */
        }
        if (now->class != WW_CLASS_HOT)
            l->place[p].hot_since_us = 0;
        else if (l->place[p].hot_since_us == 0) {
            l->place[p].hot_since_us = w->begun_us;
            l->place[p].hot_since_known = w->known;
        }
    }
}

void ww_hotspot_watch_end(struct ww_hotspot_watch *w) {
    for (int i = 0; i < LAYERS; i++)
        if (w->layer[i].live && !w->layer[i].failed)
            end_layer(w, &w->layer[i]);
}

struct ww_hotspot_place ww_hotspot_watch_place(const struct ww_hotspot_watch *w, bool hexagon, uint32_t n) {
    return w->layer[hexagon].place[n].now;
}

/* ---- Rows ---- */

static double short_number(double x) {
    if (!isfinite(x) || x == 0)
        return x;
    double unit = pow(10, floor(log10(fabs(x))) - 3);
    return round(x / unit) * unit;
}

static bool is_news(const struct place *p) {
    const struct ww_hotspot_place *a = &p->now, *b = &p->written;
    if (isnan(a->value))
        return p->is_written;
    return !p->is_written || a->class != b->class || a->moran != b->moran || a->n_things != b->n_things ||
           short_number(a->value) != short_number(b->value) || fabs(a->z - b->z) >= 0.05 ||
           fabs(a->moran_z - b->moran_z) >= 0.05 || isnan(a->z) != isnan(b->z);
}

static void put_number(struct ww_json *w, const char *key, double x) {
    ww_json_key(w, key);
    ww_json_double(w, x);
}

static void put_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static const char *const class_words[] = {NULL, "hot", "cold"};
static const char *const moran_words[] = {NULL, "high-high", "low-low", "high-low", "low-high"};

static void write_ring(const struct layer *l, uint32_t n, struct ww_json *w) {
    struct ww_place corner[6];
    ww_scan_spots_corners(l->spots, n, corner);
    ww_json_key(w, "ring");
    ww_json_array(w);
    for (int i = 0; i <= 6; i++) {
        ww_json_array(w);
        ww_json_double(w, round(corner[i % 6].lon_deg * 1e7) / 1e7);
        ww_json_double(w, round(corner[i % 6].lat_deg * 1e7) / 1e7);
        ww_json_end_array(w);
    }
    ww_json_end_array(w);
}

static void write_place(const struct layer *l, uint32_t n, bool hexagon, struct ww_json *w) {
    const struct ww_hotspot_place *now = &l->place[n].now;
    ww_json_object(w);
    put_text(w, "places", hexagon ? "hexagon" : "ward");
    ww_json_key(w, "key");
    ww_json_str(w, l->spot[n].key);
    ww_json_key(w, "ward");
    ww_json_int(w, l->spot[n].ward_id);
    put_number(w, "value", now->value);
    if (!isnan(now->value)) {
        ww_json_key(w, "things");
        ww_json_int(w, now->n_things);
        put_number(w, "z", short_number(now->z));
        put_number(w, "p", short_number(now->p));
        put_number(w, "q", short_number(now->q));
        put_text(w, "class", class_words[now->class]);
        put_number(w, "mz", short_number(now->moran_z));
        put_number(w, "mp", short_number(now->moran_p));
        put_number(w, "mq", short_number(now->moran_q));
        put_text(w, "moran", moran_words[now->moran]);
        if (hexagon)
            write_ring(l, n, w);
    }
    ww_json_end_object(w);
}

bool ww_hotspot_watch_write(struct ww_hotspot_watch *w, bool all, struct ww_buf *rows) {
    struct ww_json json;
    bool some = false;
    ww_json_init(&json, rows);
    ww_json_array(&json);
    for (int i = 0; i < LAYERS; i++)
        for (uint32_t n = 0; w->layer[i].live && n < w->layer[i].n; n++) {
            struct place *p = &w->layer[i].place[n];
            if (!(all ? !isnan(p->now.value) : is_news(p)))
                continue;
            write_place(&w->layer[i], n, i == 1, &json);
            p->written = p->now;
            p->is_written = !isnan(p->now.value);
            some = true;
        }
    ww_json_end_array(&json);
    return some;
}

/* ---- Alerts ---- */

void ww_hotspot_watch_take_open(struct ww_hotspot_watch *w, int64_t ward) {
    if (w->n_open < MOST_OPEN)
        w->open[w->n_open++] = (struct open_alert){ward, 0};
}

/* What is hot in a ward. */
struct ward_heat {
    uint32_t known, hot, silent; /* places with a value; hot ones; that were hot and have no value now */
    bool long_enough;
    const struct place *longest; /* hot */
    const struct layer *layer;   /* of the hottest */
    uint32_t place;
};

static struct ward_heat heat_of(const struct ww_hotspot_watch *w, uint32_t ward, int64_t now_us) {
    struct ward_heat h = {0};
    double most = 0;
    for (int i = 0; i < LAYERS; i++)
        for (uint32_t n = 0; w->layer[i].live && n < w->layer[i].n; n++) {
            const struct place *p = &w->layer[i].place[n];
            if (w->layer[i].spot[n].ward_id != ward)
                continue;
            h.known += isnan(p->now.value) ? 0 : 1;
            if (p->hot_since_us == 0)
                continue;
            if (isnan(p->now.value)) {
                h.silent++;
                continue;
            }
            h.hot++;
            h.long_enough = h.long_enough || (double)(now_us - p->hot_since_us) >= w->how.alert_for_s * 1e6;
            if (!h.longest || p->hot_since_us < h.longest->hot_since_us)
                h.longest = p;
            if (!h.layer || p->now.z > most) {
                h.layer = &w->layer[i];
                h.place = n;
                most = p->now.z;
            }
        }
    return h;
}

static void put_instant(struct ww_json *w, const char *key, int64_t at_us) {
    char text[40];
    ww_instant_text(at_us, text);
    put_text(w, key, text);
}

static void begin_action(const struct ww_hotspot_watch *w, struct ww_buf *out, struct ww_json *j,
                         const char *op, int64_t ward) {
    if (out->len > 0)
        ww_buf_char(out, ',');
    ww_json_init(j, out);
    ww_json_object(j);
    put_text(j, "op", op);
    ww_json_key(j, "rule");
    ww_json_int(j, w->rule_id);
    put_text(j, "kind", "ward");
    ww_json_key(j, "subject");
    ww_json_int(j, ward);
}

static void put_level(const struct ww_hotspot_watch *w, struct ww_json *j, const char *key, const char *of,
                      double x) {
    ww_json_key(j, key);
    ww_json_object(j);
    if (strcmp(of, "upper") == 0)
        put_number(j, "lower", NAN);
    put_number(j, of, short_number(x));
    ww_json_key(j, "unit");
    ww_json_str(j, w->unit);
    ww_json_end_object(j);
}

static void put_members(const struct ww_hotspot_watch *w, struct ww_json *j, uint32_t ward) {
    int listed = 0;
    ww_json_key(j, "members");
    ww_json_array(j);
    for (int i = 0; i < LAYERS; i++)
        for (uint32_t n = 0; w->layer[i].live && n < w->layer[i].n && listed < MOST_MEMBERS; n++) {
            const struct place *p = &w->layer[i].place[n];
            if (w->layer[i].spot[n].ward_id == ward && p->now.class == WW_CLASS_HOT) {
                write_place(&w->layer[i], n, i == 1, j);
                listed++;
            }
        }
    ww_json_end_array(j);
}

static void open_alert(struct ww_hotspot_watch *w, uint32_t ward, const struct ward_heat *h, int64_t now_us,
                       struct ww_buf *actions) {
    const struct ww_hotspot_place *hottest = &h->layer->place[h->place].now;
    double mean = 0;
    struct ww_json j;
    for (uint32_t i = 0; i < h->layer->n_map; i++)
        mean += h->layer->value[i] / h->layer->n_map;
    begin_action(w, actions, &j, "open", ward);
    ww_json_key(&j, "version");
    ww_json_int(&j, w->version);
    ww_json_key(&j, "severity");
    ww_json_int(&j, w->severity);
    put_text(&j, "category", "pollution");
    put_text(&j, "detector", "hotspot");
    ww_json_key(&j, "property");
    ww_json_str(&j, w->how.property);
    ww_json_key(&j, "ward");
    ww_json_int(&j, ward);
    ww_json_key(&j, "count");
    ww_json_int(&j, h->hot);
    put_number(&j, "last", hottest->value);
    put_number(&j, "peak", hottest->value);
    put_instant(&j, "at", now_us);
    put_instant(&j, "last_at", now_us);
    put_instant(&j, "peak_at", now_us);
    ww_json_key(&j, "explanation");
    ww_json_object(&j);
    put_text(&j, "method", "hotspot");
    put_instant(&j, "looked_at", w->begun_us);
    ww_json_key(&j, "rule");
    ww_json_object(&j);
    ww_json_key(&j, "code");
    ww_json_str(&j, w->code);
    ww_json_key(&j, "version");
    ww_json_int(&j, w->version);
    ww_json_key(&j, "config");
    ww_json_raw(&j, w->config);
    ww_json_end_object(&j);
    put_level(w, &j, "expected", "upper", mean);
    put_level(w, &j, "observed", "value", hottest->value);
    put_number(&j, "z", short_number(hottest->z));
    put_number(&j, "p", short_number(hottest->p));
    put_number(&j, "q", short_number(hottest->q));
    ww_known_write(&j, "known", &w->known);
    put_instant(&j, "hot_since", h->longest->hot_since_us);
    ww_known_write(&j, "known_since", &h->longest->hot_since_known);
    put_members(w, &j, ward);
    ww_json_end_object(&j);
    ww_json_end_object(&j);
}

struct ww_hotspot_moves ww_hotspot_watch_decide(struct ww_hotspot_watch *w, int64_t now_us,
                                                struct ww_buf *actions) {
    struct ww_hotspot_moves moves = {0, 0};
    struct ww_json j;
    if (!w->how.alerts)
        return moves;
    for (uint32_t k = w->n_open; k-- > 0;) {
        struct ward_heat h = heat_of(w, (uint32_t)w->open[k].ward, now_us);
        if (h.hot + h.silent > 0 || h.known == 0) /* missing data is no good news */
            continue;
        begin_action(w, actions, &j, "clear", w->open[k].ward);
        put_instant(&j, "at", now_us);
        ww_json_end_object(&j);
        w->open[k] = w->open[--w->n_open];
        moves.cleared++;
    }
    for (uint32_t n = 0; w->layer[0].spots && n < w->layer[0].n && w->n_open < MOST_OPEN; n++) {
        uint32_t ward = (uint32_t)w->layer[0].spot[n].id;
        struct ward_heat h = heat_of(w, ward, now_us);
        bool is_open = false;
        for (uint32_t k = 0; k < w->n_open; k++)
            is_open = is_open || w->open[k].ward == ward;
        if (is_open || !h.long_enough)
            continue;
        open_alert(w, ward, &h, now_us, actions);
        ww_hotspot_watch_take_open(w, ward);
        moves.opened++;
    }
    return moves;
}
