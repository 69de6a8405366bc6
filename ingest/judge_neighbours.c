/* Who is comparable to whom: the nearest sensors of the same property and thing class that one rule watches.
 */
#include <stdlib.h>

#include "geo/near.h"
#include "ingest/judge_internal.h"

/* One sensor of a rule that has a place. */
struct placed {
    int64_t datastream_id; /* equally near ones are taken in this order, whenever they came to be known */
    uint32_t watch;
    uint32_t kind; /* property and class: comparable ones are alike */
    double at[2];
};

static int by_kind(const void *a, const void *b) {
    const struct placed *x = a;
    const struct placed *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->datastream_id < y->datastream_id ? -1 : x->datastream_id > y->datastream_id;
}

/* A link that was there keeps what it knows. */
static void link_to(struct ww_links *links, uint32_t place, const struct neighbour_watch *old, uint32_t watch,
                    double metres) {
    ww_links_set(links, (int)place, watch, metres);
    for (uint32_t i = 0; i < old->n_links; i++)
        if (old->links.index[i] == watch)
            ww_links_copy(links, (int)place, &old->links, (int)i);
}

static void link_one(struct ww_judge *j, const struct placed *group, const struct ww_near *near, uint32_t i) {
    struct ww_near_hit hits[WW_NEIGHBOURS + 1];
    struct ww_links links;
    struct neighbour_watch *own = j->learned[group[i].watch].neighbour;
    uint32_t n = 0, found = ww_near_nearest(near, group[i].at, WW_NEIGHBOURS + 1, hits);
    ww_links_init(&links);
    for (uint32_t k = 0; k < found && n < WW_NEIGHBOURS; k++)
        if (hits[k].index != i)
            link_to(&links, n++, own, group[hits[k].index].watch, hits[k].metres);
    own->links = links;
    own->n_links = n;
}

static void link_group(struct ww_judge *j, const struct placed *group, uint32_t n) {
    double(*at)[2] = ww_must_calloc(n, sizeof *at);
    for (uint32_t i = 0; i < n; i++)
        memcpy(at[i], group[i].at, sizeof at[i]);
    struct ww_near *near = ww_near_new((const double(*)[2])at, n, WW_NEAR_EARTH_M);
    assert(near);
    for (uint32_t i = 0; i < n; i++)
        link_one(j, group, near, i);
    ww_near_free(near);
    ww_free(at);
}

static uint32_t place_watches(const struct ww_judge *j, uint32_t rule, struct placed *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->n_learned; i++) {
        if (j->learned[i].rule != rule)
            continue;
        const struct ww_cat_datastream *ds = &j->catalog->datastreams[j->learned[i].datastream];
        const struct ww_cat_thing *thing = &j->catalog->things[ds->thing];
        struct ww_place place;
        if (!ww_catalog_place(j->catalog, thing, &place))
            continue;
        out[n++] = (struct placed){.datastream_id = ds->id,
                                   .watch = i,
                                   .kind = (uint32_t)ds->property << 16 | thing->class_index,
                                   .at = {place.lon_deg, place.lat_deg}};
    }
    return n;
}

void neighbours_find(struct ww_judge *j) {
    struct placed *placed = ww_must_calloc(j->n_learned + 1, sizeof *placed);
    for (uint32_t r = 0; r < j->n_rules; r++) {
        if (!j->rules[r].learns || j->rules[r].learned.detector != WW_LEARNED_NEIGHBOUR)
            continue;
        uint32_t n = place_watches(j, r, placed);
        qsort(placed, n, sizeof *placed, by_kind);
        for (uint32_t from = 0, to; from < n; from = to) {
            for (to = from; to < n && placed[to].kind == placed[from].kind; to++) {
            }
            link_group(j, placed + from, to - from);
        }
    }
    ww_free(placed);
    j->neighbours_stale = false;
}
