/* A rule about space with its places, from the database: which questions, and what becomes of the answers.
 * Who asks them, on the loop (space_load.c, hotspot_keeper.c) or for the past (backtest_space.c), is nothing
 * to it.
 *
 *   struct space_places p;
 *   st = space_places_begin(&p, rule, &err);
 *   while ((query = space_places_ask(&p, &args)))          // wards ▶ things ▶ reaches, as far as it needs
 * them … run it …; st = space_places_take(&p, result, &err); st = space_places_finish(&p,
 * catalog->ward_index, &err); st = space_places_scan(&p, today, &watch, &err);       // or
 * space_places_hotspot space_places_clear(&p);                                // frees what nobody took over
 */
#ifndef WW_INGEST_SPACE_PLACES_H
#define WW_INGEST_SPACE_PLACES_H

#include "ingest/space/hotspot_watch.h"
#include "ingest/space/scan_watch.h"
#include "ingest/space_rows.h"

enum { SPACE_WARDS, SPACE_HEXAGONS, SPACE_KINDS };

struct space_places {
    const struct ww_space_rule *rule; /* must stay */
    /* A scan's: the first alone, whatever they are. A map's: wards and hexagons, where it has them. */
    struct ww_scan_spots *spots[SPACE_KINDS];
    int step;
    int64_t after;            /* the last thing of a page */
    struct space_moment when; /* as things were then; begun with the present */
    struct ww_known seen;     /* up to where they were there */
};

/* WW_NO_MEMORY; to be cleared then too. */
enum ww_status space_places_begin(struct space_places *p, const struct ww_space_rule *rule,
                                  struct ww_error *err) WW_MUST_CHECK;
void space_places_clear(struct space_places *p);
/* NULL: all is there. */
const char *space_places_ask(const struct space_places *p, struct ww_pg_args *args);
enum ww_status space_places_take(struct space_places *p, const struct ww_pg_result *r,
                                 struct ww_error *err) WW_MUST_CHECK;
enum ww_status space_places_finish(struct space_places *p, const struct ww_ward_index *wards,
                                   struct ww_error *err) WW_MUST_CHECK;

/* The spots stay with the caller. */
enum ww_status space_places_scan(const struct space_places *p, int64_t today, struct ww_scan_watch **out,
                                 struct ww_error *err) WW_MUST_CHECK;
/* Takes the spots over, on error too. */
enum ww_status space_places_hotspot(struct space_places *p, const struct ww_catalog *catalog,
                                    struct ww_hotspot_watch **out, struct ww_error *err) WW_MUST_CHECK;

#endif
