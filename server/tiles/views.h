/* Visibility classes: accounts that see the same wards see the same tiles, and share them in the cache.
 *
 * A view is a set of wards; its number is part of a cached tile's key. Numbers are given as sets turn up;
 * when memberships change all may be forgotten, together with the tiles that were kept by them.
 */
#ifndef WW_SERVER_TILE_VIEWS_H
#define WW_SERVER_TILE_VIEWS_H

#include "geo/tile/live_layer.h"
#include "server/accounts.h"

#define WW_VIEW_NONE UINT16_MAX
#define WW_VIEWS_MAX 4096

struct ww_views;

struct ww_views *ww_views_new(void);
void ww_views_free(struct ww_views *views);
/* Of an account; NULL is the anonymous reader, who sees all that may be read without a token. WW_VIEW_NONE:
 * there are WW_VIEWS_MAX, or memory is short: draw without keeping. */
uint16_t ww_views_of(struct ww_views *views, const struct ww_account *account);
const struct ww_live_view *ww_views_at(const struct ww_views *views, uint16_t view);
uint16_t ww_views_count(const struct ww_views *views);
/* The same without a number. */
struct ww_live_view ww_view_of_account(const struct ww_account *account);
void ww_views_forget(struct ww_views *views);

#endif
