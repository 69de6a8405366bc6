/* Feed health: of every thing and feed, is it still there, how late, how complete, is its clock right?
 *
 * Holds one clockwork a thing (geo/health_clock.h), the rules about senders, and which sensor alerts are
 * open. Pure: the caller says what was committed and what time it is, and takes out rows and alert actions as
 * JSON; health_keeper.c puts it on the loop and into the database.
 *
 *   committed message ──▶ ww_health_note        O(1) a reading
 *   the janitor, always ─▶ ww_health_sweep       some thousand things at a time; at the end of each pass it
 *                          decides: who is silent, whose clock is off, is it the whole feed?
 *                       ─▶ ww_health_write_page  what changed, for the tables thing_health and feed_health
 *
 * Silence counts only while we listen: while the database is away, the server is stopped or busy, nobody can
 * be heard (ww_health_deaf). Things that fall silent together are one alert of their feed. A sensor alert
 * never touches another: the actions name rule and thing, or rule and feed.
 *
 * Things and feeds are addressed by their index in the catalog; a new catalog is attached whole, and what is
 * known goes along by id. One thread; owned by the path.
 */
#ifndef WW_INGEST_HEALTH_H
#define WW_INGEST_HEALTH_H

#include "geo/base/json_reader.h"
#include "ingest/locate.h"
#include "ingest/sensor_rule.h"

/* More enabled sensor rules than these are off, and the log says so. */
#define WW_HEALTH_RULES 32

/* ---- Rules: of one world, like its catalog ---- */

struct ww_health_rules;
struct ww_health_rules *ww_health_rules_new(void);
void ww_health_rules_free(struct ww_health_rules *rules); /* NULL is allowed */
enum ww_status ww_health_add_rule(struct ww_health_rules *rules, enum ww_sensor_detector detector, int32_t id,
                                  int32_t version, int severity, struct ww_str code, struct ww_str config,
                                  struct ww_error *err) WW_MUST_CHECK;
uint32_t ww_health_rule_count(const struct ww_health_rules *rules);

/* ---- The whole ---- */

struct ww_health;
struct ww_health *ww_health_new(void);
void ww_health_free(struct ww_health *health); /* NULL is allowed */

/* Both stay until the next attach. Which alerts are open must be told again. */
void ww_health_attach(struct ww_health *health, const struct ww_catalog *catalog,
                      const struct ww_health_rules *rules);
/* The catalog's things grew: some registered themselves. */
void ww_health_grow(struct ww_health *health);

/* What became of a located row. */
enum ww_row_outcome { WW_ROW_DUPLICATE, WW_ROW_STORED, WW_ROW_CORRECTED };

/* A message was committed. `outcome`: one a located row; NULL: all were stored. */
struct ww_health_message {
    uint32_t feed; /* index in the catalog */
    int64_t received_us;
    uint64_t dead;
    const struct ww_batch *batch;
    const struct ww_located *located;
    const uint8_t *outcome;
};
void ww_health_note(struct ww_health *health, const struct ww_health_message *message);

/* Nobody could be heard in this time: it counts for no silence. */
void ww_health_deaf(struct ww_health *health, int64_t from_us, int64_t until_us);
/* For computing an alert again: how we listened then, as the explanation of the alert says it. */
void ww_health_assume(struct ww_health *health, uint32_t feed, const struct ww_json_node *explanation);
/* How many other servers write to the same database: what they hear is known some seconds later. */
void ww_health_others(struct ww_health *health, int64_t others);

/* ---- What the database knows (rows of thing_health, feed_health, open alerts) ---- */

/* `is_ours`: after a start; else another server's news, of which times and memory are taken over when newer.
 * False: no such thing is known. */
struct ww_health_row {
    int64_t id; /* of the thing, or feed */
    struct ww_str state;
    int64_t silent_since_us, last_received_us, last_time_us; /* WW_INSTANT_NONE: none */
    struct ww_str memory;
};
bool ww_health_take_thing(struct ww_health *health, const struct ww_health_row *row, bool is_ours);
bool ww_health_take_feed(struct ww_health *health, const struct ww_health_row *row);
/* Newest times of things that have no row yet: of what the catalog knows of their datastreams. */
void ww_health_seed(struct ww_health *health, int64_t now_us);
void ww_health_forget_alerts(struct ww_health *health);
/* False: no rule watches it any more; then `orphan` gets the action that clears it. */
bool ww_health_take_alert(struct ww_health *health, int32_t rule_id, bool is_feed, int64_t subject,
                          int64_t opened_us, uint32_t members, int64_t now_us);

/* ---- The janitor ---- */

/* Looks at up to `most` things. `judges`: this server moves alerts. True: a pass is complete, and what it
 * decided is among the actions. */
bool ww_health_sweep(struct ww_health *health, int64_t now_us, uint32_t most, bool judges);

/* The rows that are due and the actions: three JSON arrays for sql/queries/health_flush.sql; `actions` stays
 * empty when no alert moves. False: there is nothing to write. */
struct ww_health_page {
    struct ww_buf things, feeds, actions;
    uint32_t n_things, n_feeds;
    uint64_t opened, cleared;
};
bool ww_health_write_page(struct ww_health *health, int64_t now_us, struct ww_health_page *page);

/* For a past that is played again: the actions alone, objects with commas between, added to `out`. */
void ww_health_take_actions(struct ww_health *health, struct ww_buf *out);
/* Whether a rule watches the catalog's n-th thing. */
bool ww_health_watches(const struct ww_health *health, uint32_t thing);

/* ---- For /metrics and the map ---- */

enum ww_health_state {
    WW_HEALTH_UNKNOWN,
    WW_HEALTH_OK,
    WW_HEALTH_LATE,
    WW_HEALTH_DRIFTING,
    WW_HEALTH_SILENT
};
enum { WW_HEALTH_STATES = 5 };
const char *ww_health_state_name(enum ww_health_state state);

struct ww_feed_health {
    const char *name;
    enum ww_health_state state;
    int64_t last_received_us, last_time_us;   /* WW_INSTANT_NONE: none */
    float lag_s, completeness, worst_drift_s; /* NAN: unknown */
    uint32_t things[WW_HEALTH_STATES];        /* by state, at the last pass */
};
void ww_health_each_feed(const struct ww_health *health,
                         void (*each)(void *arg, const struct ww_feed_health *feed), void *arg);
/* The things from the `from`-th on, at most `most`: where to go on, 0 after the last. */
uint32_t ww_health_each_thing(const struct ww_health *health, uint32_t from, uint32_t most,
                              void (*each)(void *arg, int64_t thing_id, enum ww_health_state state),
                              void *arg);
uint32_t ww_health_open_count(const struct ww_health *health);

#endif
