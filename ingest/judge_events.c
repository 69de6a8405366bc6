/* One event, one alert: which open alert a new signal belongs to.
 *
 * An event is what happens at a place for a while; its alert is of the rule that saw it first. Others that
 * see it while it lasts join it as reasons (docs/decisions/014-detectors-as-rules.md):
 *
 *   signal of             joins an open alert that is
 *   pollution             about pollution at the same thing or site; or about the same broken series: then it
 * is the fault that was seen pollution, of an area besides: at one of its neighbours in the same ward sensor
 * about a broken sensor of the same thing; or about pollution in the same series: then it explains, and
 * changes nothing else lead                  a lead at the same thing
 *
 * An exceedance of a legal limit never joins: it has its own alert, or takes over that of a detector that
 * learns (the limit says more). An event ends when the rule that owns its alert clears and no signal that
 * joined is left; that of a limit with the limit.
 */
#include "ingest/judge_internal.h"

void events_init(struct ww_judge *j) {
    for (uint32_t i = 0; i < EVENT_BUCKETS; i++)
        j->buckets[i] = NO_EVENT;
    j->free_event = NO_EVENT;
}

/* Things of one site share a bucket, so that one walk finds what happens there. */
static uint32_t bucket_of(const struct ww_judge *j, uint32_t thing) {
    int64_t site = j->catalog->things[thing].site_id;
    uint64_t place = site > 0 ? (uint64_t)site : UINT64_C(1) << 63 | thing;
    return (uint32_t)((place * UINT64_C(0x9E3779B97F4A7C15)) >> 54);
}

uint32_t events_open(struct ww_judge *j, bool by_limit, uint32_t owner, uint32_t datastream, uint32_t ward,
                     char category) {
    struct event fresh = {.owner = owner,
                          .thing = j->catalog->datastreams[datastream].thing,
                          .datastream = datastream,
                          .ward = ward,
                          .n_active = by_limit ? 0 : 1,
                          .first_joined = NO_EVENT,
                          .by_limit = by_limit,
                          .used = true,
                          .category = category};
    uint32_t index = j->free_event, *bucket = &j->buckets[bucket_of(j, fresh.thing)];
    if (index == NO_EVENT) {
        index = j->n_events;
        PUSH(j->events, j->n_events, j->cap_events, fresh);
    } else {
        j->free_event = j->events[index].next;
        j->events[index] = fresh;
    }
    j->events[index].next = *bucket;
    *bucket = index;
    return index;
}

void events_close(struct ww_judge *j, uint32_t index) {
    struct event *e = &j->events[index];
    uint32_t *link = &j->buckets[bucket_of(j, e->thing)];
    while (*link != index)
        link = &j->events[*link].next;
    *link = e->next;
    learned_event_over(j, index);
    *e = (struct event){.next = j->free_event};
    j->free_event = index;
}

void events_join(struct ww_judge *j, uint32_t event, uint32_t watch) {
    j->learned[watch].event = event;
    j->learned[watch].next_joined = j->events[event].first_joined;
    j->events[event].first_joined = watch;
}

void events_leave(struct ww_judge *j, uint32_t watch) {
    uint32_t *link = &j->events[j->learned[watch].event].first_joined;
    while (*link != watch)
        link = &j->learned[*link].next_joined;
    *link = j->learned[watch].next_joined;
    j->learned[watch].event = NO_EVENT;
}

/* How well an event fits a signal: 0 = not at all; the same series fits best. */
static int fit(const struct ww_judge *j, const struct event *e, const struct learned_watch *w,
               char category) {
    uint32_t thing = j->catalog->datastreams[w->datastream].thing;
    int64_t site = j->catalog->things[thing].site_id;
    bool same_series = e->datastream == w->datastream;
    bool same_place = e->thing == thing || (site > 0 && j->catalog->things[e->thing].site_id == site);
    if (!same_place || e->ward != w->ward)
        return 0;
    if (e->category == category && category == 'p')
        return same_series ? 4 : e->thing == thing ? 3 : 2;
    if (e->category == category)
        return e->thing == thing ? (same_series ? 4 : 3) : 0;
    return same_series && e->category != 'l' && category != 'l' ? 1 : 0;
}

static uint32_t best_at(const struct ww_judge *j, uint32_t thing, const struct learned_watch *w,
                        char category) {
    uint32_t best = NO_EVENT;
    int best_fit = 0;
    for (uint32_t i = j->buckets[bucket_of(j, thing)]; i != NO_EVENT; i = j->events[i].next) {
        int f = fit(j, &j->events[i], w, category);
        if (f > best_fit) {
            best_fit = f;
            best = i;
        }
    }
    return best;
}

/* An area event that a neighbour has told of already. */
static uint32_t at_neighbours(const struct ww_judge *j, const struct learned_watch *w) {
    for (uint32_t k = 0; k < w->neighbour->n_links; k++) {
        const struct learned_watch *other = &j->learned[w->neighbour->links.index[k]];
        if (other->event == NO_EVENT)
            continue;
        const struct event *e = &j->events[other->event];
        if (e->category == 'p' && e->ward == w->ward && !e->by_limit)
            return other->event;
    }
    return NO_EVENT;
}

uint32_t events_of_signal(const struct ww_judge *j, const struct learned_watch *w, char category) {
    const struct ww_learned_config *config = &j->rules[w->rule].learned;
    uint32_t event = best_at(j, j->catalog->datastreams[w->datastream].thing, w, category);
    if (event == NO_EVENT && config->detector == WW_LEARNED_NEIGHBOUR && config->area)
        return at_neighbours(j, w);
    return event;
}

uint32_t events_to_raise(const struct ww_judge *j, uint32_t datastream, uint32_t ward) {
    uint32_t thing = j->catalog->datastreams[datastream].thing, other = NO_EVENT;
    for (uint32_t i = j->buckets[bucket_of(j, thing)]; i != NO_EVENT; i = j->events[i].next) {
        const struct event *e = &j->events[i];
        if (e->by_limit || e->category != 'p' || e->thing != thing || e->ward != ward)
            continue;
        if (e->datastream == datastream)
            return i;
        other = i;
    }
    return other;
}

uint32_t events_fault_at(const struct ww_judge *j, uint32_t datastream) {
    uint32_t thing = j->catalog->datastreams[datastream].thing;
    for (uint32_t i = j->buckets[bucket_of(j, thing)]; i != NO_EVENT; i = j->events[i].next)
        if (j->events[i].category == 's' && j->events[i].datastream == datastream)
            return i;
    return NO_EVENT;
}
