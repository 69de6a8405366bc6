/* Which tiles changed, told to the readers of the event stream, to each what it may see. */
#ifndef WW_SERVER_TILE_NEWS_H
#define WW_SERVER_TILE_NEWS_H

#include "geo/tile/live_layer.h"
#include "server/sse_hub.h"

#define TILE_NEWS_ZOOM 14  /* of a point that changed */
#define TILE_NEWS_MOST 200 /* tiles in one event; more are told as fewer, larger ones */

struct tile_news;

struct tile_news *tile_news_new(void);
void tile_news_free(struct tile_news *news);
/* One event to each reader that asked for tiles and sees one of the changes. */
void tile_news_tell(struct tile_news *news, struct ww_sse_hub *hub, struct ww_str layer,
                    const struct ww_live_change *changes, size_t n);
/* The event's text as a view sees it; empty when it sees nothing. Pure. */
void tile_news_write(struct tile_news *news, struct ww_str layer, const struct ww_live_change *changes,
                     size_t n, const struct ww_live_view *view, struct ww_buf *out);

#endif
