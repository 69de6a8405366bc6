/* What a new judge takes over from the one before it: the states of detectors that learn, where neither rule
 * nor series has changed. After a change of rules, limits or wards only what is new must be learned from the
 * past.
 *
 * A state goes along when rule, version and datastream are the same; links between neighbours with it, by the
 * new places of their watches. Which alerts are open is told afterwards, as after a replay.
 */
#include "ingest/judge_internal.h"

struct donor {
    const struct ww_judge *judge;
    struct ww_map *watches; /* rule id, version, datastream id → index */
    uint32_t *new_of_old;   /* WW_CATALOG_NONE: gone */
};

enum { KEY = 16 };
static struct ww_str key_of(char bytes[KEY], const struct ww_judge *j, const struct learned_watch *w) {
    const struct rule_row *rule = &j->rules[w->rule];
    memcpy(bytes, &rule->id, 4);
    memcpy(bytes + 4, &rule->version, 4);
    memcpy(bytes + 8, &j->catalog->datastreams[w->datastream].id, 8);
    return (struct ww_str){bytes, KEY};
}

void ww_judge_inherit(struct ww_judge *j, const struct ww_judge *from) {
    char bytes[KEY];
    if (from->n_learned == 0)
        return;
    struct donor *d = ww_must_calloc(1, sizeof *d);
    d->judge = from;
    d->watches = ww_map_new(from->n_learned);
    d->new_of_old = ww_must_calloc(from->n_learned, sizeof *d->new_of_old);
    for (uint32_t i = 0; i < from->n_learned; i++) {
        d->new_of_old[i] = WW_CATALOG_NONE;
        enum ww_status st = ww_map_put(d->watches, key_of(bytes, from, &from->learned[i]), i);
        assert(st == WW_OK);
        (void)st;
    }
    j->donor = d;
}

void inherit_state(struct ww_judge *j, uint32_t index) {
    char bytes[KEY];
    uint64_t found;
    struct learned_watch *w = &j->learned[index];
    if (!j->donor || !ww_map_get(j->donor->watches, key_of(bytes, j, w), &found))
        return;
    const struct learned_watch *old = &j->donor->judge->learned[found];
    struct rule_row *rule = &j->rules[w->rule];
    j->donor->new_of_old[found] = index;
    w->inherited = true;
    w->firing = old->firing;
    w->muted = old->muted;
    if (w->muted) {
        w->figures = old->figures;
        w->peak_off = old->peak_off;
        w->ward = old->ward;
    }
    w->since_us = old->since_us;
    w->n = old->n;
    switch (rule->learned.detector) {
    case WW_LEARNED_BASELINE:
        *w->baseline = *old->baseline;
        break;
    case WW_LEARNED_NEIGHBOUR:
        *w->neighbour = *old->neighbour;
        j->voices[index] = j->donor->judge->voices[found];
        break;
    case WW_LEARNED_QUALITY:
        w->quality->state = old->quality->state;
        w->quality->never_marked = old->quality->never_marked;
        rule->n_seen += old->quality->state.n + old->quality->state.marked;
        rule->n_marked += old->quality->state.marked;
        break;
    }
}

static void move_links(const struct donor *d, struct neighbour_watch *w) {
    struct ww_links links;
    uint32_t n = 0;
    ww_links_init(&links);
    for (uint32_t i = 0; i < w->n_links; i++) {
        uint32_t now = d->new_of_old[w->links.index[i]];
        if (now == WW_CATALOG_NONE)
            continue;
        ww_links_copy(&links, (int)n, &w->links, (int)i);
        links.index[n++] = now;
    }
    w->links = links;
    w->n_links = n;
}

void inherit_end(struct ww_judge *j) {
    struct donor *d = j->donor;
    if (!d)
        return;
    for (uint32_t i = 0; i < j->n_learned; i++)
        if (j->learned[i].inherited && j->rules[j->learned[i].rule].learned.detector == WW_LEARNED_NEIGHBOUR)
            move_links(d, j->learned[i].neighbour);
    ww_map_free(d->watches);
    ww_free(d->new_of_old);
    ww_free(d);
    j->donor = NULL;
}
