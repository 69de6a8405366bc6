/* Gives memory back after a burst.
 *
 * Thousands of devices that speak at once, a load of the world or one large upload take buffers that malloc
 * keeps for the next time. When the burst is over and little comes in, what is free goes back to the system,
 * so that what the process holds says what it needs. glibc's malloc_trim, on the loop, once a burst.
 */
#ifndef WW_SERVER_MEMORY_KEEPER_H
#define WW_SERVER_MEMORY_KEEPER_H

#include <event2/event.h>

#include "ingest/path.h"

struct ww_memory_keeper;

/* `path` outlives it. */
struct ww_memory_keeper *ww_memory_keeper_new(struct event_base *base, const struct ww_path *path);
void ww_memory_keeper_free(struct ww_memory_keeper *keeper); /* NULL is allowed */

#endif
