/* One known MN: which connections speak for it, what it is used to, how right its clock is.
 *
 * When a station comes (its first link), the database is told: commands that a server left in the middle are
 * put back, and those of the first connection (HJ 212-2017, 6.7) are queued before all others: time, time-out
 * and repeats, intervals, real-time data, facility states; each only when its record says so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum {
    SETUP_EVERY_MS = 3600 * 1000, /* a station that reconnects all the time is not set up all the time */
    CLOCK_EVERY_MS = 600 * 1000,  /* because it is off */
    CLOCK_ASKED_EVERY_MS = 10000, /* because it asks */
    EVENTS_AN_HOUR = 60,
    LINKS_AN_HOUR = 1000,
    HABIT_FRAMES = 100 /* after so many without, a deviation is a change of habit */
};

/* ---- Finding ---- */

struct station *ww_hj212_station_named(struct ww_hj212_gateway *gateway, struct ww_str mn) {
    uint64_t at;
    return ww_map_get(gateway->by_mn, mn, &at) ? (struct station *)(uintptr_t)at : NULL;
}

struct station *ww_hj212_station_known(struct ww_hj212_gateway *gateway, struct ww_str mn) {
    struct station *station = ww_hj212_station_named(gateway, mn);
    if (station || mn.len >= sizeof station->mn)
        return station;
    station = ww_try_calloc(1, sizeof *station);
    if (!station)
        return NULL;
    memcpy(station->mn, mn.ptr, mn.len);
    LIST_INIT(&station->links);
    if (ww_map_put(gateway->by_mn, mn, (uint64_t)(uintptr_t)station) != WW_OK) {
        ww_free(station);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&gateway->stations, station, all);
    return station;
}

void ww_hj212_station_free(struct station *station) {
    if (station->run)
        ww_hj212_run_free(station->run);
    ww_free(station);
}

struct link *ww_hj212_station_newest(const struct station *station) {
    struct link *link;
    LIST_FOREACH(link, &station->links, of_station)
    if (link->session->state == SESSION_OPEN)
        return link;
    return NULL;
}

/* ---- Events ---- */

/* Comings and goings have a bound of their own: what asks for gaps looks at the last of them. */
static bool may_tell(struct station *station, const char *kind) {
    int64_t now = ww_hj212_now_ms();
    bool is_link = strcmp(kind, "connected") == 0 || strcmp(kind, "disconnected") == 0;
    if (station->events_ms == 0 || now - station->events_ms > 3600 * 1000) {
        station->events_ms = now;
        station->events_left = EVENTS_AN_HOUR;
        station->links_left = LINKS_AN_HOUR;
    }
    int *left = is_link ? &station->links_left : &station->events_left;
    return *left > 0 && (*left)-- > 0;
}

static void write_details(struct ww_json *w, const struct ww_hj212_detail *details, size_t n) {
    ww_json_object(w);
    for (size_t i = 0; i < n; i++) {
        ww_json_key(w, details[i].key);
        if (details[i].text)
            ww_json_text(w, details[i].text);
        else
            ww_json_int(w, details[i].number);
    }
    ww_json_end_object(w);
}

void ww_hj212_station_event(struct ww_hj212_gateway *gateway, struct station *station, const char *kind,
                            const struct ww_hj212_detail *details, size_t n) {
    struct ww_json w;
    char at[40];
    if (!station || !may_tell(station, kind) || !ww_hj212_batch_begin_row(&gateway->events, &w))
        return;
    (void)ww_instant_text(ww_hj212_clock_us(), at);
    ww_json_object(&w);
    ww_json_key(&w, "mn");
    ww_json_text(&w, station->mn);
    ww_json_key(&w, "kind");
    ww_json_text(&w, kind);
    ww_json_key(&w, "at");
    ww_json_text(&w, at);
    ww_json_key(&w, "detail");
    write_details(&w, details, n);
    ww_json_end_object(&w);
}

void ww_hj212_station_event_of(struct ww_hj212_gateway *gateway, struct ww_str mn, const char *kind,
                               const struct ww_hj212_detail *details, size_t n) {
    ww_hj212_station_event(gateway, ww_hj212_station_known(gateway, mn), kind, details, n);
}

/* ---- First connection ---- */

static void write_setup(struct ww_json *w, int cn, const char *const *names, const int *values, int n) {
    char text[16];
    ww_json_object(w);
    ww_json_key(w, "cn");
    ww_json_int(w, cn);
    ww_json_key(w, "fields");
    ww_json_array(w);
    for (int i = 0; i < n; i++) {
        ww_json_array(w);
        ww_json_text(w, names[i]);
        snprintf(text, sizeof text, "%d", values[i]);
        ww_json_text(w, text);
        ww_json_end_array(w);
    }
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void write_setups(struct ww_json *w, const struct ww_hj212_station *r) {
    const struct {
        bool wanted;
        int cn, n;
        const char *names[2];
        int values[2];
    } setups[] = {{r->set_clock, 1012, 0, {NULL}, {0}}, /* the time is written when it is sent */
                  {r->set_over_time, 1000, 2, {"OverTime", "ReCount"}, {r->over_time_s, r->re_count}},
                  {r->set_rtd_interval, 1062, 1, {"RtdInterval"}, {r->rtd_interval_s}},
                  {r->set_minute_interval, 1064, 1, {"MinInterval"}, {r->minute_interval_s / 60}},
                  {r->set_realtime, 2011, 0, {NULL}, {0}},
                  {r->set_facility, 2021, 0, {NULL}, {0}}};
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++)
        if (setups[i].wanted)
            write_setup(w, setups[i].cn, setups[i].names, setups[i].values, setups[i].n);
}

/* `r` NULL: only the clock. */
static bool queue_arrival(struct ww_hj212_gateway *gateway, struct station *station,
                          const struct ww_hj212_station *r, bool with_setup) {
    struct ww_json w;
    if (!ww_hj212_batch_begin_row(&gateway->arrivals, &w))
        return false;
    ww_json_object(&w);
    ww_json_key(&w, "mn");
    ww_json_text(&w, station->mn);
    ww_json_key(&w, "put_back");
    ww_json_bool(&w, r != NULL);
    ww_json_key(&w, "setup");
    ww_json_array(&w);
    if (!r)
        write_setup(&w, 1012, NULL, NULL, 0);
    else if (with_setup)
        write_setups(&w, r);
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    return true;
}

static void arrive(struct ww_hj212_gateway *gateway, struct station *station,
                   const struct ww_hj212_station *r) {
    int64_t now = ww_hj212_now_ms();
    bool with_setup = station->setup_ms == 0 || now - station->setup_ms >= SETUP_EVERY_MS;
    if (station->run) /* it runs here: nothing to put back, and claims wait for its end */
        return;
    station->is_prepared = false;
    if (!queue_arrival(gateway, station, r, with_setup)) {
        station->arrival = 0; /* with its next frame */
        return;
    }
    station->arrival = gateway->arrivals.sequence + 1;
    if (with_setup)
        station->setup_ms = station->clock_ms = now;
    ww_hj212_batch_flush(&gateway->arrivals);
}

void ww_hj212_stations_arrived(struct ww_hj212_gateway *gateway) {
    struct station *station;
    TAILQ_FOREACH(station, &gateway->stations, all) {
        if (station->arrival == 0 || station->arrival > gateway->arrivals.sequence)
            continue;
        station->arrival = 0;
        station->is_prepared = true;
        ww_hj212_command_want_look(station);
    }
}

/* ---- Links ---- */

static void copy_text(char *to, size_t room, struct ww_str text) {
    if (text.len >= room)
        return;
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

static void say_linked(struct ww_hj212_gateway *gateway, struct link *link, bool came) {
    const struct ww_hj212_detail details[] = {{"address", link->session->peer, 0}};
    gateway->counters.stations += came ? 1 : -1;
    ww_hj212_station_event(gateway, link->station, came ? "connected" : "disconnected", details, 1);
}

struct link *ww_hj212_station_link(struct session *session, const struct ww_hj212_station *record,
                                   const struct ww_hj212_message *message) {
    struct ww_hj212_gateway *gateway = session->gateway;
    struct link *link;
    SLIST_FOREACH(link, &session->links, of_session)
    if (ww_str_is(record->mn, link->station->mn))
        break;
    if (!link) {
        struct station *station = ww_hj212_station_known(gateway, record->mn);
        link = station && session->n_links < HJ212_MAX_LINKS ? ww_try_calloc(1, sizeof *link) : NULL;
        if (!link)
            return NULL;
        bool is_first = LIST_EMPTY(&station->links);
        link->session = session;
        link->station = station;
        LIST_INSERT_HEAD(&station->links, link, of_station);
        SLIST_INSERT_HEAD(&session->links, link, of_session);
        session->n_links++;
        if (is_first)
            say_linked(gateway, link, true);
        link->is_new = is_first;
    }
    struct station *station = link->station;
    if (!ww_str_is(message->st, "91") ||
        !station->st[0]) { /* replies carry 91, and Flag 4 in every edition */
        copy_text(station->st, sizeof station->st, message->st);
        station->version = message->version;
    }
    copy_text(station->pw, sizeof station->pw, message->pw);
    if (link->is_new || (!station->is_prepared && station->arrival == 0))
        arrive(gateway, station, record);
    link->is_new = false;
    return link;
}

static void unlink_one(struct link *link) {
    struct station *station = link->station;
    struct session *session = link->session;
    LIST_REMOVE(link, of_station);
    SLIST_REMOVE(&session->links, link, link, of_session);
    session->n_links--;
    if (!session->gateway->is_gone) {
        ww_hj212_command_link_lost(link);
        if (LIST_EMPTY(&station->links))
            say_linked(session->gateway, link, false);
    }
    ww_free(link);
}

void ww_hj212_station_unlink_all(struct session *session) {
    struct link *link;
    while ((link = SLIST_FIRST(&session->links)))
        unlink_one(link);
}

/* ---- Habits and clocks ---- */

static void note_habits(struct ww_hj212_gateway *gateway, struct station *station, unsigned deviations) {
    unsigned fresh = deviations & ~station->habits;
    station->habits |= deviations;
    if (station->frames++ < HABIT_FRAMES)
        return;
    for (int bit = 0; fresh && bit < WW_HJ212_N_DEVIATIONS; bit++) {
        if (!(fresh >> bit & 1))
            continue;
        const struct ww_hj212_detail details[] = {{"deviation", ww_hj212_deviation_name(bit), 0},
                                                  {"frames_before", NULL, (int64_t)station->frames - 1}};
        ww_hj212_station_event(gateway, station, "habit", details, 2);
    }
}

void ww_hj212_station_tally(struct station *station, unsigned deviations) {
    station->counted[0]++;
    for (unsigned left = deviations; left; left &= left - 1)
        station->counted[1 + __builtin_ctz(left)]++;
}

static bool tell_count(struct ww_hj212_gateway *gateway, const struct station *station, const char *kind,
                       uint32_t frames) {
    struct ww_json w;
    char at[40];
    if (!ww_hj212_batch_begin_row(&gateway->deviations, &w))
        return false;
    (void)ww_instant_text(ww_hj212_clock_us(), at);
    ww_json_object(&w);
    ww_json_key(&w, "mn");
    ww_json_text(&w, station->mn);
    ww_json_key(&w, "kind");
    ww_json_text(&w, kind);
    ww_json_key(&w, "frames");
    ww_json_int(&w, frames);
    ww_json_key(&w, "at");
    ww_json_text(&w, at);
    ww_json_end_object(&w);
    return true;
}

/* What does not fit waits in `counted` for the next time. */
void ww_hj212_stations_tell_counts(struct ww_hj212_gateway *gateway) {
    struct station *station;
    TAILQ_FOREACH(station, &gateway->stations, all) {
        for (int i = 0; station->counted[0] > 0 && i <= WW_HJ212_N_DEVIATIONS; i++) {
            int at = WW_HJ212_N_DEVIATIONS - i; /* [0] last: it says whether there is anything left */
            if (station->counted[at] == 0)
                continue;
            if (ww_hj212_batch_is_full(&gateway->deviations) ||
                !tell_count(gateway, station, at == 0 ? "frames" : ww_hj212_deviation_name(at - 1),
                            station->counted[at]))
                return;
            station->counted[at] = 0;
        }
    }
}

/* Frames that are sent as they are made; what is sent late may carry the QN of its own time. */
static bool shows_the_clock(const struct ww_hj212_message *m) {
    return !m->rf && (m->command == 2011 || m->command == 2021 || m->command == 9015);
}

void ww_hj212_station_note(struct link *link, const struct ww_hj212_station *record,
                           const struct ww_hj212_message *message) {
    struct station *station = link->station;
    note_habits(link->session->gateway, station, message->deviations);
    ww_hj212_station_tally(station, message->deviations);
    int64_t at = record->set_clock && shows_the_clock(message) ? ww_hj212_qn_time(message->qn, record->zone)
                                                               : WW_INSTANT_NONE;
    if (at == WW_INSTANT_NONE)
        return;
    int64_t off_ms = (at - ww_hj212_clock_us()) / 1000;
    if (llabs(off_ms) > record->clock_tolerance_s * INT64_C(1000))
        ww_hj212_station_set_clock(link, "drift", off_ms);
}

void ww_hj212_station_set_clock(struct link *link, const char *why, int64_t off_ms) {
    struct ww_hj212_gateway *gateway = link->session->gateway;
    struct station *station = link->station;
    int64_t now = ww_hj212_now_ms(), every = off_ms ? CLOCK_EVERY_MS : CLOCK_ASKED_EVERY_MS;
    if (off_ms && station->clock_ms && now - station->clock_ms < every)
        return;
    if (!off_ms && station->clock_asked_ms && now - station->clock_asked_ms < every)
        return;
    if (!queue_arrival(gateway, station, NULL, false))
        return;
    station->arrival = gateway->arrivals.sequence + 1; /* then it is looked for */
    station->clock_ms = now;
    if (!off_ms)
        station->clock_asked_ms = now;
    ww_log(WW_LOG_INFO, "hj212=clock mn=%s why=%s off_ms=%" PRId64, station->mn, why, off_ms);
    if (off_ms) {
        const struct ww_hj212_detail details[] = {{"off_ms", NULL, off_ms}};
        ww_hj212_station_event(gateway, station, "clock_off", details, 1);
    }
    ww_hj212_batch_flush(&gateway->arrivals);
}
