/* Inside of the judge: judge.c holds rules and judges against limits, judge_learned.c runs the detectors that
 * learn, judge_neighbours.c knows who is comparable to whom, judge_narrow.c who must be judged together,
 * judge_events.c makes signals of one event one alert, judge_mute.c keeps back what rain or maintenance
 * explain, judge_explain.c writes down why. Only they include this.
 */
#ifndef WW_INGEST_JUDGE_INTERNAL_H
#define WW_INGEST_JUDGE_INTERNAL_H

#include <assert.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "geo/detect/baseline.h"
#include "geo/detect/neighbour.h"
#include "geo/detect/quality.h"
#include "ingest/judge.h"
#include "ingest/learned_config.h"
#include "ingest/rule_config.h"

#define PUSH(array, count, cap, value)                                                                       \
    do {                                                                                                     \
        if ((count) == (cap)) {                                                                              \
            (cap) = (cap) ? (cap)*2 : 16;                                                                    \
            (array) = ww_try_realloc((array), (cap) * sizeof *(array));                                      \
            assert(array);                                                                                   \
        }                                                                                                    \
        (array)[(count)++] = (value);                                                                        \
    } while (0)

struct limit_row {
    struct ww_limit limit;
    uint32_t property;
    struct ww_str standard_no, limit_class, averaging;
    struct ww_str json;
};

struct rule_row {
    int32_t id, version, severity;
    uint32_t property; /* of a limit rule */
    struct ww_str code;
    struct ww_str config_json;
    bool learns;
    bool is_off;                      /* judge_narrow.c */
    struct ww_rule_config config;     /* of a limit rule … */
    struct ww_learned_config learned; /* … or of one that learns */
    const struct ww_zone *zone;
    uint64_t n_seen,
        n_marked; /* quality: readings of all its series, those with a flag of calibration or such */
};

/* A rule with the limits of one limit class: what detectors run with. */
struct compiled {
    uint32_t rule;
    struct ww_str limit_class;
    struct ww_limit_rule detector;
    struct ww_str *limit_json; /* beside detector.limits */
};

/* Of an open alert. */
struct figures {
    int64_t count, peak_at_us, last_at_us;
    double peak, last;
    uint32_t open_number; /* of its open action … */
    uint64_t open_group;  /* … in that group */
    bool dirty;           /* the open alert's row lags behind */
};

#define NO_EVENT UINT32_MAX

struct watch {
    struct ww_limit_state *state;
    int64_t datastream_id;
    struct figures figures;
    uint32_t compiled, datastream;
    uint32_t next;  /* watch of the same datastream, or WW_CATALOG_NONE */
    uint32_t event; /* the one that its open alert is about */
};

/* k of n of what a detector says, newest in bit 0. */
struct firing {
    uint32_t hits, calms;
    int64_t last_us, hit_since_us, calm_since_us;
    bool open;
};

struct neighbour_watch {
    struct ww_neighbour state;
    struct ww_links links;    /* index: of the neighbour's watch */
    struct ww_tail area_tail; /* how far the neighbours and this one go together */
    uint32_t n_links, n_area;
};

struct quality_watch {
    struct ww_quality state;
    double limit; /* NAN = none */
    bool never_marked;
};

/* A series keeps 1 KB for all three detectors of geo/detect, and what a rule needs besides to run one. */
_Static_assert(sizeof(struct ww_baseline) + sizeof(struct ww_neighbour) + sizeof(struct ww_links) +
                       sizeof(struct ww_voice) + sizeof(struct ww_quality) <=
                   1024,
               "the three detectors keep at most 1 KB a series");
_Static_assert(sizeof(struct neighbour_watch) + sizeof(struct quality_watch) <= 400,
               "clock, area tail and limit add little to their detectors");

struct learned_watch {
    union {
        struct ww_baseline *baseline;
        struct neighbour_watch *neighbour;
        struct quality_watch *quality;
    };
    struct firing firing;
    struct figures figures;
    double peak_off;  /* how far the peak is from what was expected */
    int64_t since_us; /* of the first reading that it learned from */
    uint32_t n;       /* readings since */
    uint32_t rule, datastream, ward;
    uint32_t next;
    uint32_t event;       /* that its signal is part of … */
    uint32_t next_joined; /* … and the next that joined it */
    bool inherited;       /* from the judge before: nothing of the past is replayed to it */
    bool muted;           /* its signal goes on, and is told to nobody */
};
_Static_assert(sizeof(struct learned_watch) <= 192, "what a rule knows of its signal in a series");

/* What is open at one thing: an alert, and the signals that say so. */
struct event {
    uint32_t owner; /* watch whose rule the alert is of */
    uint32_t thing, datastream, ward;
    uint32_t n_active;     /* signals that learn, of its category, that have not cleared */
    uint32_t first_joined; /* the watches that are part of it besides the owner, by next_joined */
    uint32_t next;         /* in its bucket, or of the free ones */
    bool by_limit, used;
    char category; /* p(ollution), s(ensor), l(ead) */
};
enum { EVENT_BUCKETS = 1024 };

/* A reading that is replayed later, in the order of time, when all are there. */
struct replayed {
    int64_t time_us;
    double value;
    uint32_t watch, order;
};

struct ww_judge {
    struct ww_arena *arena; /* rules, limits, states: all live as long as the judge */
    const struct ww_catalog *catalog;
    struct limit_row *limits;
    uint32_t n_limits, cap_limits;
    struct rule_row *rules;
    uint32_t n_rules, cap_rules;
    struct compiled *compiled;
    uint32_t n_compiled, cap_compiled;
    struct watch *watches;
    uint32_t n_watches, cap_watches;
    struct learned_watch *learned;
    uint32_t n_learned, cap_learned;
    uint32_t learned_memory; /* 0: by how many there are */
    struct ww_voice *voices; /* beside `learned`: what neighbours hear of each */
    uint32_t n_voices, cap_voices;
    bool neighbours_stale;
    struct donor *donor; /* until the end of the replay */
    struct ww_mutes *mutes;
    uint64_t muted[WW_MUTE_REASONS]; /* since ww_judge_take_muted */
    struct replayed *replayed;
    uint32_t n_replayed, cap_replayed;

    struct event *events;
    uint32_t n_events, cap_events, free_event;
    uint32_t buckets[EVENT_BUCKETS];
    uint32_t n_open;

    struct ww_buf actions;
    uint32_t *dirty;
    uint32_t n_dirty, cap_dirty;
    uint32_t *dirty_learned;
    uint32_t n_dirty_learned, cap_dirty_learned;
    uint64_t opened, cleared; /* in the group at hand */
    uint64_t n_mutes;         /* signals muted, and ended, in it */
    uint64_t group;
};

/* ---- judge.c ---- */
bool judge_is_full(const struct ww_judge *j); /* too many moves for one transaction */
void judge_instant(struct ww_json *json, const char *key, int64_t at_us);
/* Begins an action about the alert of a rule and a datastream; the caller ends the object. */
void judge_begin_action(struct ww_judge *j, const char *op, int32_t rule_id, int64_t datastream_id,
                        const struct figures *figures, struct ww_json *json);
void judge_write_rule(const struct rule_row *rule, struct ww_json *json); /* "rule": {…} */
void judge_write_ward(uint32_t ward_id, struct ww_json *json);

/* ---- judge_learned.c ---- */
/* One more series for a rule that learns. */
void learned_attach(struct ww_judge *j, uint32_t rule, uint32_t datastream, uint32_t *first);
void learned_step(struct ww_judge *j, const struct ww_cat_datastream *ds, const struct ww_reading *reading,
                  uint32_t ward_id, bool is_replay);
void learned_expect(const struct ww_judge *j, const struct ww_cat_datastream *ds);
void learned_end_replay(struct ww_judge *j);
bool learned_set_open(struct ww_judge *j, const struct ww_cat_datastream *ds, int32_t rule_id,
                      const struct figures *figures);
/* Readings of a series that are replayed at a start; 0 when nothing watches it that has to learn. */
uint32_t learned_memory(const struct ww_judge *j, const struct ww_cat_datastream *ds);
void learned_write_updates(struct ww_judge *j);
struct finding;
void learned_note_hit(struct learned_watch *w, const struct finding *f); /* in its figures */
/* The event that its signal was part of is over: what still goes on may tell of itself again. */
void learned_event_over(struct ww_judge *j, uint32_t event);

/* ---- judge_inherit.c ---- */
void inherit_state(struct ww_judge *j, uint32_t watch); /* of a watch just attached */
void inherit_end(struct ww_judge *j);

/* ---- judge_mute.c ---- */
/* A signal would be told: is it muted? Then that is recorded. */
bool mute_holds(struct ww_judge *j, struct learned_watch *w, const struct finding *f, int64_t at_us,
                uint32_t ward);
/* What muted it is over, and it goes on (`raised`), or is over too. */
void mute_end(struct ww_judge *j, struct learned_watch *w, int64_t at_us, bool raised);
/* What muted signals of that series until just before: a member of the explanation. */
void mute_explain(const struct ww_judge *j, const struct learned_watch *w, int64_t at_us,
                  struct ww_json *json);

/* ---- judge_neighbours.c ---- */
void neighbours_find(struct ww_judge *j); /* for all rules; links that were there keep what they know */

/* ---- judge_events.c ---- */
void events_init(struct ww_judge *j);
uint32_t events_open(struct ww_judge *j, bool by_limit, uint32_t owner, uint32_t datastream, uint32_t ward,
                     char category);
void events_close(struct ww_judge *j, uint32_t event);
/* A watch becomes part of it, and leaves it. */
void events_join(struct ww_judge *j, uint32_t event, uint32_t watch);
void events_leave(struct ww_judge *j, uint32_t watch);
/* The open event that a signal of this category in this series belongs to. */
uint32_t events_of_signal(const struct ww_judge *j, const struct learned_watch *w, char category);
/* The learned alert that an exceedance in this series makes its own, or NO_EVENT. */
uint32_t events_to_raise(const struct ww_judge *j, uint32_t datastream, uint32_t ward);
/* A broken sensor that stands beside an exceedance of this series, or NO_EVENT. */
uint32_t events_fault_at(const struct ww_judge *j, uint32_t datastream);

/* ---- judge_explain.c ---- */

/* What a detector that learns says of one reading. */
struct finding {
    bool judged, hit, calm;
    int64_t at_us; /* of the reading that it is about: a spike is told two readings later */
    double observed, expected, lower, upper; /* NAN where there is none */
    double false_alarms;                     /* expected a sensor-month, for readings as odd as this; NAN */
    union {
        struct ww_baseline_verdict baseline;
        struct {
            struct ww_neighbour_verdict verdict;
            double area_surprise;
            int n_votes;
            struct {
                uint32_t watch;
                float distance_m, weight, z, intervals;
            } votes[WW_NEIGHBOURS];
        } neighbour;
        struct ww_quality_verdict quality;
    };
};
char explain_category(const struct rule_row *rule);
void explain_finding(const struct ww_judge *j, const struct learned_watch *w, const struct finding *f,
                     struct ww_json *json); /* "explanation": {…} */
/* A reason in the list of its event: short. With key NULL as an element of an array. */
void explain_reason(const struct ww_judge *j, const struct learned_watch *w, const struct finding *f,
                    const char *key, struct ww_json *json);

#endif
