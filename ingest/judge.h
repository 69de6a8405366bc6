/* Which alerts move? Runs every rule that watches a datastream over its readings.
 *
 * A rule watches a datastream when the property fits, the thing's class is in scope and there
 * are limit rows for it. One such pair is a *watch*: a detector's state and what is known of
 * its open alert. Pure: readings in, actions out; actions are what the database is told
 * (sql/queries/alert_apply.sql) in the same transaction as the readings.
 *
 * Life: ww_judge_new → add limits and rules → ww_judge_attach for each datastream → replay the
 * recent past through ww_judge_replay → ww_judge_set_open for each open alert → live.
 * One thread; owned by the path.
 */
#ifndef WW_INGEST_JUDGE_H
#define WW_INGEST_JUDGE_H

#include "geo/base/buf.h"
#include "geo/limit_detector.h"
#include "ingest/catalog.h"
#include "ingest/mute.h"
#include "ingest/rule_kind.h"

struct ww_judge;

struct ww_judge *ww_judge_new(void);
void ww_judge_free(struct ww_judge *judge); /* NULL is allowed */

/* A row of limit_value; lower and upper already in the property's unit; `json` is the row as the
 * explanation shows it. */
void ww_judge_add_limit(struct ww_judge *judge, const struct ww_limit *limit, uint32_t property,
                        struct ww_str standard_no, struct ww_str limit_class, struct ww_str averaging,
                        struct ww_str json);

/* A rule whose detector is run here (ingest/rule_kind.h). Copies what it keeps; `zone` outlives the judge. */
enum ww_status ww_judge_add_rule(struct ww_judge *judge, const struct ww_catalog *catalog,
                                 const struct ww_rule_row *rule, const struct ww_zone *zone,
                                 struct ww_error *err) WW_MUST_CHECK;

/* Checks a limit rule's config without a catalog: fields and bounds. */
enum ww_status ww_judge_check_config(struct ww_str config, struct ww_error *err) WW_MUST_CHECK;

/* Finds the rules that watch it; sets its first_watch and first_learned. The catalog stays. */
void ww_judge_attach(struct ww_judge *judge, struct ww_catalog *catalog, uint32_t datastream);

static inline bool ww_judge_watches(const struct ww_cat_datastream *ds) {
    return ds->first_watch != WW_CATALOG_NONE || ds->first_learned != WW_CATALOG_NONE;
}
/* Rain gauges and maintenance windows: for adding windows, and for rules that are judged elsewhere. */
struct ww_mutes *ww_judge_mutes(struct ww_judge *judge);

/* How much of the past a datastream's watches need, and which quality flags count. False: nothing watches it.
 */
bool ww_judge_memory(const struct ww_judge *judge, const struct ww_cat_datastream *datastream,
                     uint32_t *readings, int64_t *span_us, char flags[16]);
/* Of so many readings a series a detector that learns is rebuilt at most. The past is rebuilt with what it
 * was then: set it before anything is asked for; 0: by how many series there are. */
uint32_t ww_judge_learned_memory(const struct ww_judge *judge);
void ww_judge_set_learned_memory(struct ww_judge *judge, uint32_t readings);
/* Some series in `wanted` [n_datastreams] are to be judged as they were among all: adds those without which
 * that can't be, and drops rules that would see a part of theirs. After all rules, before the first attach;
 * only what is wanted is attached then. */
void ww_judge_narrow(struct ww_judge *judge, const struct ww_catalog *catalog, bool *wanted);
/* Rebuilds: steps the detectors, says nothing. Readings come in the order in which they came in, superseded
 * versions too, since late ones and corrections count by what was known when they came. `cut_us`: the time
 * before which older ones were left out, so that the mean which it falls into is not judged by a part of it;
 * else WW_INSTANT_NONE. */
void ww_judge_replay(struct ww_judge *judge, const struct ww_cat_datastream *datastream,
                     const struct ww_reading *reading, int64_t cut_us);
/* Before the first attach, after all rules: states of detectors that learn are taken over from the judge
 * before, where rule and series are the same, and nothing is replayed to them. `from` must have judged
 * nothing that was not committed, and stay unchanged until the end of the replay. */
void ww_judge_inherit(struct ww_judge *judge, const struct ww_judge *from);
/* Every watch ends its replay closed until told otherwise. */
void ww_judge_end_replay(struct ww_judge *judge);
/* Tells of an alert that is open in the database. False: no such watch any more. */
bool ww_judge_set_open(struct ww_judge *judge, const struct ww_cat_datastream *datastream, int32_t rule_id,
                       int64_t exceed_count, double peak_value, int64_t peak_at_us,
                       int64_t last_exceeded_at_us);

/* A reading of this series comes next: its states are asked for (geo/detect/fetch.h). */
void ww_judge_expect(const struct ww_judge *judge, const struct ww_cat_datastream *datastream);

/* A signal that is recorded as muted, and has not ended. False: no such watch any more. */
bool ww_judge_set_muted(struct ww_judge *judge, const struct ww_cat_datastream *datastream, int32_t rule_id,
                        int64_t count, double peak_value);

/* A live reading of a rain gauge (first_gauge), before the first of its message is judged: whatever its place
 * in the message, it counts for what was measured after it. */
static inline void ww_judge_hear_rain(struct ww_judge *judge, const struct ww_cat_datastream *datastream,
                                      const struct ww_reading *reading) {
    if (datastream->first_gauge != WW_CATALOG_NONE)
        ww_mutes_step(ww_judge_mutes(judge), datastream, reading);
}
/* Judges one live reading; actions are added to what ww_judge_take_actions will give. */
void ww_judge_step(struct ww_judge *judge, const struct ww_cat_datastream *datastream,
                   const struct ww_reading *reading, uint32_t ward_id);
/* The most openings and clearings that one transaction may hold: some seconds of PostgreSQL's time. */
#define WW_JUDGE_MOST_MOVES 20000
/* Ends a transaction's worth: writes the JSON array for alert_apply into `out` (nothing when
 * no alert moves), counts openings and clearings, and forgets the actions. WW_TOO_LARGE when there were
 * more moves than a transaction may hold: then the state is ahead of the database and must be rebuilt. */
enum ww_status ww_judge_take_actions(struct ww_judge *judge, struct ww_buf *out, uint64_t *opened,
                                     uint64_t *cleared) WW_MUST_CHECK;

/* Whether it matters in which order the readings of different series come. */
bool ww_judge_compares_series(const struct ww_judge *judge);
/* Signals muted since it was last asked, by reason. */
void ww_judge_take_muted(struct ww_judge *judge, uint64_t muted[WW_MUTE_REASONS]);

uint32_t ww_judge_rule_count(const struct ww_judge *judge);
uint32_t ww_judge_open_count(const struct ww_judge *judge);

#endif
