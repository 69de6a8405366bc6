/* Inside the path: submissions, groups, the world they are judged in. Only path.c, group.c, store.c
 * and load.c include this.
 *
 *   submit ─ decoding (worker) ─▶ waiting ─▶ group ─▶ writing ─▶ answered
 *
 * feed_queue.c keeps what waits, path.c the life cycle, group.c turns waiting submissions into a group,
 * store.c writes a group in one transaction, load.c builds the world from the database. health_keeper.c
 * is told what was committed.
 */
#ifndef WW_INGEST_PATH_INTERNAL_H
#define WW_INGEST_PATH_INTERNAL_H

#include "ingest/feed_queue.h"
#include "ingest/health.h"
#include "ingest/health_keeper.h"
#include "ingest/judge.h"
#include "ingest/locate.h"
#include "ingest/path.h"
#include "ingest/row_copy.h"
#include "ingest/space_keeper.h"
#include "ingest/worker_pool.h"
#include "ingest/world.h"

struct submission {
    struct ww_job job; /* first: the worker pool hands it back */
    struct submission *next, *before;
    struct ww_path *path;
    struct feed_queue *queue;
    struct world *world; /* of the feed config that it was decoded with: constants of the batch live there */
    ww_path_cb cb;
    void *arg;

    struct ww_arena *arena;
    struct ww_str feed, content_type, body;
    const char *peer;
    int32_t account_id;
    bool must_keep;
    int64_t received_at_us;
    size_t held_bytes;
    uint64_t n_failed_before; /* of the path when it was submitted: another number now, and it fails too */

    bool is_decoded;
    bool is_given_up; /* must_keep: its rows were given up, it is one dead row now */
    bool is_suspect;  /* in a transaction that failed: it goes alone */

    /* made by the worker */
    const struct ww_feed_config *config;
    enum ww_status status;
    struct ww_error err;
    struct ww_batch batch;
    uint32_t n_dead_decoded;
    unsigned char sha256[32];
    struct ww_str body_zstd;
    struct ww_str csv_header;

    /* made by the group */
    uint64_t generation; /* of the catalog that it is located in; 0 = none */
    struct ww_located located;
    int64_t raw_message_id;
    int32_t feed_id;
    int attempts;
    uint64_t stored, corrections, duplicates, late;
    bool repeated;          /* the same bytes were committed before: its dead rows are not kept again */
    uint32_t first_ordinal; /* of its rows in a slow group */
    uint8_t *outcome;       /* of each located row (enum ww_row_outcome); NULL: all stored */
};

/* What one transaction writes. */
struct group {
    struct submission_list members;
    uint32_t n_rows;
    bool slow; /* through the staging table */
    struct ww_buf rows, foi, messages, dead, actions;
    uint32_t n_foi, n_dead;
    uint64_t opened, cleared, muted[WW_MUTE_REASONS];
    int64_t *months; /* that may lack a partition: one moment of each */
    uint32_t n_months, cap_months;
    enum ww_status failed; /* of its first failing statement */
    struct ww_error err;
    int running; /* statements under way */
    struct ww_str parts[5];
};
void group_init(struct group *g);
void group_clear(struct group *g); /* frees the buffers; members must be gone */

enum { ID_BLOCK = 1000 }; /* ids that a sequence gives at once: its INCREMENT BY */
struct id_pool {
    int64_t next;
    int64_t left;
    int64_t blocks[512];
    uint32_t n_blocks;
};
int64_t id_pool_take(struct id_pool *pool); /* 0 when empty */
int64_t id_pool_left(const struct id_pool *pool);

enum writer_state {
    WRITER_DOWN,      /* no connection */
    WRITER_LOADING,   /* load.c is building a world */
    WRITER_IDLE,      /* ready for a group */
    WRITER_PREPARING, /* fetching ids or registering things */
    WRITER_WRITING    /* a transaction is under way */
};

struct ww_path {
    struct event_base *base;
    struct ww_pg *pg;       /* the writer's own connection */
    struct ww_pg *listener; /* LISTEN ww_catalog */
    struct ww_worker_pool *workers;
    uint32_t max_group_rows;

    struct world *world; /* NULL before the first load */
    enum writer_state state;
    bool reload_wanted;
    struct event *reload_timer;
    struct event *kick_soon;
    struct event *tell_soon; /* the listeners */
    struct ww_path_listener *listeners;
    struct event *partition_timer;
    struct loader *loader;
    struct health_keeper *health;
    struct space_keeper *space;
    uint64_t generation;
    char why_not_ready[256];

    struct feed_queues queues;
    struct feed_queue *preparing; /* whose head asked for things or ids */
    bool prepares_others;         /* things that others lack were asked for with it … */
    bool prepares_alone;          /* … which failed: not now */
    uint32_t waiting;             /* in all queues */
    struct group open;            /* being filled */
    struct group writing;
    struct id_pool message_ids, foi_ids;
    struct ww_map *months; /* partitions that are known to be there */

    struct ww_path_counters totals;
    uint64_t decoding;
    uint64_t n_failed_all; /* times that all that waited was answered */
    void (*on_idle)(void *arg);
    void *on_idle_arg;
    bool draining;
};

/* path.c */
void path_kick(struct ww_path *path); /* goes on with whatever is next */
void path_go_on(
    struct ww_path *path); /* the same while answers are still to be given: nobody is told it is idle */
void path_set_state(struct ww_path *path, enum writer_state state, const char *why);
void path_answer(struct submission *s, enum ww_status status, const struct ww_error *err);
/* Its data are to blame: answers it, or, when it must be kept, makes it one dead letter that waits in front
 * again. */
void path_refuse(struct submission *s, const struct ww_error *err);
/* Its data are to blame; or those of others whose things were asked for with it: then once more without them.
 */
void path_refuse_preparing(struct ww_path *path, const struct ww_error *err);
void path_wait_in_front(struct submission *s);
void path_fail_all(struct ww_path *path, const struct ww_error *err); /* answers everything that waits */
void path_tell(struct ww_path *path);                                 /* the listeners, soon */

/* group.c */
enum take_result { TAKE_OK, TAKE_LATER, TAKE_NEEDS_THINGS, TAKE_NEEDS_IDS, TAKE_REFUSED };
/* Names into rows of the catalog. `missing`: what TAKE_NEEDS_THINGS lacks, as register_things wants it. */
enum take_result group_locate(struct ww_path *path, struct submission *s, struct ww_buf *missing);
enum take_result group_take(struct ww_path *path, struct group *g, struct submission *s,
                            struct ww_buf *missing);
void group_requeue(struct group *g); /* members wait again, in front */
/* Of a slow group, once its repeats are known: rows for the staging table. */
void group_encode_slow(struct ww_path *path, struct group *g);
void group_judge_stored(struct ww_path *path, struct group *g, const struct ww_pg_result *not_plain);
void group_encode_messages(struct group *g);

/* store.c */
void store_group(struct ww_path *path); /* path->writing */
void store_register(struct ww_path *path, struct ww_buf *missing);
void store_fetch_ids(struct ww_path *path, uint32_t message_blocks, uint32_t foi_blocks);

/* load.c */
/* `is_clean`: all that was judged is committed, so that what detectors have learned may be kept. */
void load_start(struct ww_path *path, bool is_clean);
void load_stop(struct ww_path *path); /* forgets a load that is under way */

#endif
