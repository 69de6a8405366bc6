/* Inside of the space keeper: space_keeper.c is the loop's side of it, space_load.c builds a scan rule's
 * watch from the database, hotspot_keeper.c does all of that for hot spots, trace_keeper.c
 * for traces of alerts. Only they include this.
 */
#ifndef WW_INGEST_SPACE_INTERNAL_H
#define WW_INGEST_SPACE_INTERNAL_H

#include "ingest/path_internal.h"
#include "ingest/space/scan_pace.h"
#include "ingest/space_keeper.h"
#include "ingest/space_places.h"

/* One scan rule. */
struct scan_seat {
    struct ww_job job; /* first: the worker pool hands it back */
    struct space_keeper *keeper;
    struct scan_seat *next_retired;
    const struct ww_space_rule *rule; /* of the world */
    struct ww_scan_spots *spots;
    struct ww_scan_watch *watch; /* NULL: not loaded yet */
    bool is_looking;             /* the watch is with the worker */
    bool is_stale;               /* to be loaded (again) */
    int64_t stale_us;            /* not before then */
    struct ww_scan_pace pace;
    int64_t began_us;
    struct ww_space_series series;
    struct space_event *notes; /* that were committed while its events are read */
    uint32_t n_notes, cap_notes;
    struct ww_known known; /* when it was loaded */
    uint64_t unplaced;     /* events that are nowhere */
};

/* One hot-spot rule. */
struct hotspot_seat {
    struct ww_job job; /* first */
    struct space_keeper *keeper;
    const struct ww_space_rule *rule;
    struct ww_hotspot_watch *watch, *next_watch; /* the second is being loaded */
    struct ww_known known;                       /* when it was loaded */
    bool is_settling, is_stale, is_retired, has_news, writes_all;
    int64_t stale_us, written_us;
    struct ww_space_series series;
};

enum space_step { SPACE_DOWN, SPACE_LOCKING, SPACE_LOADING, SPACE_READY };

struct space_keeper {
    struct ww_path *path;
    struct ww_pg *pg;
    struct ww_worker_pool *worker;
    struct event *tick;
    enum space_step step;
    bool running; /* a statement is under way */
    bool judges;  /* the lock is ours */
    bool wants_orphans;
    int64_t locked_us, refreshed_us;
    struct scan_seat *seats[WW_SPACE_RULES];
    uint32_t n_seats;
    struct scan_seat *retired; /* of an old world, being looked at still: linked by next_retired */
    struct ww_buf actions;     /* being sent */
    struct ww_buf waiting;     /* to be sent next */
    uint64_t opened, cleared;  /* in `actions` … */
    uint64_t waiting_opened, waiting_cleared;
    uint64_t muted[WW_MUTE_REASONS], waiting_muted[WW_MUTE_REASONS];

    struct trace_seat *trace;
    struct hotspot_seat *maps[WW_SPACE_RULES];
    uint32_t n_maps, n_retired_maps;
    struct hotspot_seat *loading_map;
    struct scan_seat *loading; /* the seat that is being read */
    int load_step;
    struct space_places load_places; /* of either, and … */
    struct ww_known load_known;      /* … up to where its events or values are there */
    int64_t noted_message;           /* the newest that was committed and noted */
    struct ww_scan_watch *load_watch;
    struct ww_map *load_messages; /* that the snapshot held, of the last minutes */
};

int64_t space_now_us(void);
/* What a seat knows: what was there when it was loaded, and all that was noted since. */
struct ww_known space_known(const struct space_keeper *k, const struct ww_known *loaded);
/* Of what was loaded, when all is there. */
struct ww_known space_known_of_load(const struct space_keeper *k);
/* Asks one query; false when it could not be queued. */
void space_ask(struct space_keeper *k, const char *query, struct ww_pg_args *args, ww_pg_cb cb);
/* True: goes on with the result. Else the connection begins anew. */
bool space_answered(struct space_keeper *k, enum ww_status status, const struct ww_error *err);
void space_go_on(struct space_keeper *k);
int64_t space_day(const struct space_keeper *k, int64_t at_us);
/* Counts an event, or makes the seat stale. */
void space_count(struct scan_seat *seat, struct ww_scan_watch *watch, const struct ww_scan_spots *spots,
                 const struct space_event *event);
void space_make_stale(struct scan_seat *seat, int64_t wait_us);

/* hotspot_keeper.c */
void hotspot_add_seat(struct space_keeper *k, const struct ww_space_rule *rule);
void hotspot_drop_seats(struct space_keeper *k);
void hotspot_load_begin(struct space_keeper *k, struct hotspot_seat *seat);
void hotspot_load_drop(struct space_keeper *k);
struct hotspot_seat *hotspot_next_stale(const struct space_keeper *k, int64_t now);
void hotspot_note(struct space_keeper *k, const struct submission *s);
void hotspot_look(struct space_keeper *k, int64_t now);
bool hotspot_write(struct space_keeper *k, int64_t now); /* true: a statement is under way */
void hotspot_seat_free(struct hotspot_seat *seat);

/* trace_keeper.c */
struct trace_seat *trace_new(struct space_keeper *k);
void trace_stop(struct space_keeper *k);
void trace_free(struct space_keeper *k);
void trace_go_on(struct space_keeper *k, int64_t now); /* nothing, or a statement is under way */
void trace_forget(struct space_keeper *k);

/* space_load.c */
void space_load_begin(struct space_keeper *k, struct scan_seat *seat);
void space_load_drop(struct space_keeper *k); /* forgets a load that is under way */

#endif
