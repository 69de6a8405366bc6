/* Rows of the database that are the events and values of rules about space: the same live (space_load.c,
 * hotspot_keeper.c) and when an alert of theirs is computed again (recompute_space.c). Their places: see
 * space_places.h.
 *
 * `ask` functions fill a query's arguments and name it; `take` functions hand its rows on. A moment says how
 * long ago: what is remembered, or how old a value may be, counts back from now_us, and things are as they
 * were at things_at_us (INT64_MAX: as they are). `known` says up to where (WW_KNOWN_ALL: all); what was asked
 * with that says what there was.
 */
#ifndef WW_INGEST_SPACE_ROWS_H
#define WW_INGEST_SPACE_ROWS_H

#include "ingest/space/hotspot_watch.h"
#include "ingest/space_rules.h"
#include "sql/pg.h"

struct space_moment {
    int64_t now_us, things_at_us;
    struct ww_known known;
};

/* All there is, as it is. */
struct space_moment space_moment_now(int64_t now_us);
void space_ask_things_at(const struct space_moment *when, struct ww_pg_args *args); /* one argument */

/* Of a scan: counted events. */
struct space_event {
    int64_t message_id; /* live: of the message that brought it */
    int64_t thing_id, day;
    uint32_t ward_id;
    int32_t n;
    bool has_place;
    struct ww_place place;
};
const char *space_ask_events(const struct ww_scan_rule *rule, const struct space_moment *when,
                             struct ww_pg_args *args);
enum space_row { SPACE_EVENT, SPACE_MESSAGE, SPACE_NEWEST };
/* One row: an event; a message (its id) that the snapshot held; or the newest of all that it did (`seen`). */
enum space_row space_take_event(const struct ww_pg_result *r, int row, struct space_event *event,
                                int64_t *message_id, struct ww_known *seen);

/* Of hot spots: newest values. */
const char *space_ask_values(const struct ww_hotspot_rule *rule, const struct space_moment *when,
                             struct ww_pg_args *args);
void space_take_values(const struct ww_pg_result *r, struct ww_hotspot_watch *watch, struct ww_known *seen);

#endif
