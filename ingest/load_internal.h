/* Loading a world, without saying on which connection: ask for the next query, run it, hand in its answer.
 *
 *   struct loader *l = loader_new(1, &rule);
 *   ww_pg_args_init(&args);
 *   while ((query = loader_ask(l, &args))) { … run it … loader_take(l, result); ww_pg_args_clear(&args); … }
 *   if (l->failed == WW_OK) { world = l->world; l->world = NULL; }
 *   loader_free(l);
 */
#ifndef WW_INGEST_LOAD_INTERNAL_H
#define WW_INGEST_LOAD_INTERNAL_H

#include "ingest/world.h"
#include "sql/pg.h"

struct ww_path;

struct loader {
    struct ww_path *path; /* of load_start: NULL: stopped; frees itself when its query is answered */
    const struct ww_judge
        *donor;       /* what detectors have learned goes on from here; NULL: only from the past */
    int64_t donor_id; /* of the world that it is of, in judge_world */
    const struct ww_rule_row *only_rule; /* for the past; NULL: all that are enabled, and the present */
    const struct ww_world_past *past;    /* as one was, with its rules; NULL: as all are now */
    bool for_senders;                    /* that rule is judged by messages, not by readings */
    struct world *world;
    size_t step;
    int64_t after;            /* paging within a step: last id, or index of the next datastream … */
    struct ww_str after_text; /* … or last MN */
    uint32_t page_first;
    uint32_t *watched; /* page of recent readings: indexes of the datastreams asked for */
    struct ww_ward_index_builder *wards;
    struct ww_buf rules; /* [[id, version], …] of all that were taken */
    int64_t last_limit;  /* id */
    uint32_t cap_wards, cap_properties, cap_feeds;
    struct ww_map *property_index; /* id → index, as text keys */
    bool query_running;
    int64_t started_us;
    enum ww_status failed; /* of `only_rule`: `err` says which member */
    struct ww_error err;
};

/* `only_rule` and `past` must stay; at most one of them is not NULL. */
struct loader *loader_new(uint64_t generation, const struct ww_rule_row *only_rule,
                          const struct ww_world_past *past);
void loader_free(struct loader *loader);
/* The next query's name and arguments; NULL at the end. */
const char *loader_ask(struct loader *loader, struct ww_pg_args *args);
void loader_take(struct loader *loader, const struct ww_pg_result *result);

#endif
