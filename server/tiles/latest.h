/* The newest value of each series of an area, as /api/v1/latest: from the live map's memory, not from the
 * database.
 *
 *   request ──▶ latest_rows: what is asked ──▶ tag: 304, or ──▶ a few hundred rows a turn of the loop ──▶
 * stream
 *
 * An answer of any length takes one piece of memory (half a megabyte): rows are read from the live map as
 * they are written, in the order of their datastreams. All answers together work at most a few milliseconds
 * in a turn of the loop, so a dashboard never holds up the commits; those that wait for their readers do not
 * work at all. There are at most LATEST_MOST at once: more are told 503 with Retry-After.
 *
 * Who sees what is decided as for tiles: by the ward of the thing, and of a thing in a ward only what was
 * measured there is known at all (live_values.c). One thread.
 */
#ifndef WW_SERVER_LATEST_H
#define WW_SERVER_LATEST_H

#include "server/app.h"
#include "server/tiles/live_map.h"

#define LATEST_MOST 64

struct ww_latest;

struct ww_latest *ww_latest_new(struct event_base *base, struct ww_live_map *map); /* which outlives it */
/* Cuts the answers that are under way. */
void ww_latest_free(struct ww_latest *latest); /* NULL is allowed */

#endif
