/* Connected sets of wards: every set of at most k that holds its centre and hangs together.
 *
 * Around each centre the k nearest by borders crossed are the candidates; each subset of them is a bit
 * pattern, at most 2^(k-1) with the centre. A pattern hangs together when a flood from the centre along
 * shared borders reaches all of it. The same set found from two centres is judged once: it belongs to the
 * centre with the lowest index that could make it, so that no set is missed and none counted twice.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/scan/zones.h"

struct near_set {
    uint32_t n;
    uint32_t place[WW_SCAN_MAX_CONNECTED];   /* the centre first */
    uint32_t touches[WW_SCAN_MAX_CONNECTED]; /* bit j: place i touches place j */
};

/* Borders taken both ways, in compressed form. */
struct borders {
    uint32_t *start, *item;
};

static bool open_borders(const struct ww_scan_lists *lists, struct borders *b) {
    uint32_t n = lists->n, m = lists->start[n];
    b->start = ww_try_calloc((size_t)n + 2, sizeof *b->start);
    b->item = ww_try_calloc((size_t)m * 2 + 1, sizeof *b->item);
    if (!b->start || !b->item)
        return false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = lists->start[i]; j < lists->start[i + 1]; j++) {
            b->start[i + 2]++; /* two on: filling moves each start to its own */
            b->start[lists->item[j] + 2]++;
        }
    for (uint32_t i = 1; i <= n + 1; i++)
        b->start[i] += b->start[i - 1];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = lists->start[i]; j < lists->start[i + 1]; j++) {
            b->item[b->start[i + 1]++] = lists->item[j];
            b->item[b->start[lists->item[j] + 1]++] = i;
        }
    return true;
}

static bool holds(const struct near_set *set, uint32_t place) {
    for (uint32_t i = 0; i < set->n; i++)
        if (set->place[i] == place)
            return true;
    return false;
}

/* Breadth first: ring by ring, of a ring the lower index first. */
static void find_nearest(const struct borders *b, uint32_t centre, uint32_t k, struct near_set *set) {
    *set = (struct near_set){.n = 1, .place = {centre}};
    for (uint32_t ring = 0; ring < set->n && set->n < k;) {
        uint32_t ring_end = set->n;
        for (;;) { /* the lowest of the next ring that is not in yet */
            uint32_t lowest = UINT32_MAX;
            for (uint32_t i = ring; i < ring_end; i++)
                for (uint32_t j = b->start[set->place[i]]; j < b->start[set->place[i] + 1]; j++)
                    if (b->item[j] < lowest && !holds(set, b->item[j]))
                        lowest = b->item[j];
            if (lowest == UINT32_MAX || set->n == k)
                break;
            set->place[set->n++] = lowest;
        }
        ring = ring_end;
    }
    for (uint32_t i = 0; i < set->n; i++)
        for (uint32_t j = b->start[set->place[i]]; j < b->start[set->place[i] + 1]; j++)
            for (uint32_t other = 0; other < set->n; other++)
                if (set->place[other] == b->item[j])
                    set->touches[i] |= UINT32_C(1) << other;
}

static bool hangs_together(const struct near_set *set, uint32_t pattern) {
    uint32_t reached = 1, before = 0;
    while (reached != before) {
        before = reached;
        for (uint32_t i = 0; i < set->n; i++)
            if (reached >> i & 1)
                reached |= set->touches[i] & pattern;
    }
    return reached == pattern;
}

/* True when `other` as a centre would find the same set. */
static bool also_of(const struct near_set *of_other, const struct near_set *set, uint32_t pattern) {
    for (uint32_t i = 0; i < set->n; i++)
        if (pattern >> i & 1 && !holds(of_other, set->place[i]))
            return false;
    return true;
}

static bool belongs_here(const struct near_set *all, const struct near_set *set, uint32_t pattern) {
    for (uint32_t i = 1; i < set->n; i++)
        if (pattern >> i & 1 && set->place[i] < set->place[0] && also_of(&all[set->place[i]], set, pattern))
            return false;
    return true;
}

static enum ww_status add_sets(struct ww_scan_zones *zones, const struct near_set *all, uint32_t centre,
                               const struct ww_scan_limits *limits, struct ww_error *err) {
    const struct near_set *set = &all[centre];
    enum ww_status st = WW_OK;
    for (uint32_t pattern = 1; pattern < UINT32_C(1) << set->n && st == WW_OK; pattern += 2) {
        double weight = 0;
        uint32_t length = 0;
        for (uint32_t i = 0; i < set->n; i++)
            if (pattern >> i & 1) {
                weight += limits->weight ? limits->weight[set->place[i]] : 0;
                length++;
            }
        if ((limits->weight && weight > limits->max_weight) || !hangs_together(set, pattern) ||
            !belongs_here(all, set, pattern))
            continue;
        st = ww_scan_zones_open(zones, centre, length, err);
        for (uint32_t i = 0; i < set->n && st == WW_OK; i++)
            if (pattern >> i & 1)
                st = ww_scan_zones_step(zones, set->place[i], 0, err);
    }
    return st;
}

enum ww_status ww_scan_zones_connected(const struct ww_scan_lists *touching, uint32_t k,
                                       const struct ww_scan_limits *limits, struct ww_scan_zones **out,
                                       struct ww_error *err) {
    assert(k >= 1 && k <= WW_SCAN_MAX_CONNECTED);
    struct ww_scan_zones *zones = ww_scan_zones_new(touching->n, false);
    struct near_set *all = ww_try_calloc((size_t)touching->n + 1, sizeof *all);
    struct borders b = {0};
    enum ww_status st = WW_OK;
    if (!zones || !all || !open_borders(touching, &b))
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for the zones");
    for (uint32_t i = 0; i < touching->n && st == WW_OK; i++)
        find_nearest(&b, i, k, &all[i]);
    for (uint32_t i = 0; i < touching->n && st == WW_OK; i++)
        st = add_sets(zones, all, i, limits, err);
    ww_free(all);
    ww_free(b.start);
    ww_free(b.item);
    if (st != WW_OK) {
        ww_scan_zones_free(zones);
        zones = NULL;
    }
    *out = zones;
    return st;
}
