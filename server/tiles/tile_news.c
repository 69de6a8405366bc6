/* Changes to tiles to text; readers with the same wards share the text. */
#include "server/tiles/tile_news.h"

#include <stdlib.h>

#include "geo/base/alloc.h"
#include "server/tiles/views.h"

struct tile_news {
    struct ww_tile *tiles;
    size_t n_tiles, room;
    struct ww_buf text;
    /* of the telling that is under way */
    struct ww_str layer;
    const struct ww_live_change *changes;
    size_t n_changes;
    struct ww_live_view last_view; /* whose text `text` is; its wards are the account's own */
    bool has_text;
};

struct tile_news *tile_news_new(void) {
    struct tile_news *news = ww_must_calloc(1, sizeof *news);
    ww_buf_init(&news->text, 64 << 10);
    return news;
}

void tile_news_free(struct tile_news *news) {
    if (!news)
        return;
    ww_free(news->tiles);
    ww_buf_clear(&news->text);
    ww_free(news);
}

static int by_number(const void *a, const void *b) {
    const uint64_t x = ww_tile_number(*(const struct ww_tile *)a),
                   y = ww_tile_number(*(const struct ww_tile *)b);
    return (x > y) - (x < y);
}

static void sort_out(struct tile_news *news) {
    size_t n = 0;
    if (news->n_tiles == 0)
        return; /* and then there may be no array */
    qsort(news->tiles, news->n_tiles, sizeof *news->tiles, by_number);
    for (size_t i = 0; i < news->n_tiles; i++)
        if (n == 0 || by_number(&news->tiles[i], &news->tiles[n - 1]) != 0)
            news->tiles[n++] = news->tiles[i];
    news->n_tiles = n;
}

static bool add(struct tile_news *news, struct ww_tile tile) {
    if (news->n_tiles == news->room) {
        const size_t room = news->room ? news->room * 2 : 256;
        struct ww_tile *tiles = ww_try_realloc(news->tiles, room * sizeof *tiles);
        if (!tiles)
            return false;
        news->tiles = tiles;
        news->room = room;
    }
    news->tiles[news->n_tiles++] = tile;
    return true;
}

/* A point's own tile; of a box the corners' tiles at the zoom where a tile is as large as the box, which are
 * at most four. */
static bool add_change(struct tile_news *news, const struct ww_live_change *change) {
    int zoom = TILE_NEWS_ZOOM;
    struct ww_tile a = ww_tile_of(change->north_west, zoom), b = ww_tile_of(change->south_east, zoom);
    for (; zoom > 0 && (b.x - a.x > 1 || b.y - a.y > 1); zoom--) {
        a = ww_tile_above(a, 1);
        b = ww_tile_above(b, 1);
    }
    for (uint32_t y = a.y; y <= b.y; y++)
        for (uint32_t x = a.x; x <= b.x; x++)
            if (!add(news, (struct ww_tile){x, y, a.zoom}))
                return false;
    return true;
}

void tile_news_write(struct tile_news *news, struct ww_str layer, const struct ww_live_change *changes,
                     size_t n, const struct ww_live_view *view, struct ww_buf *out) {
    news->n_tiles = 0;
    for (size_t i = 0; i < n; i++) {
        if (!ww_live_view_sees(view, changes[i].ward))
            continue;
        if (!add_change(news, &changes[i])) { /* no memory: everything may have changed */
            news->n_tiles = 0;
            if (news->room > 0)
                news->tiles[news->n_tiles++] = (struct ww_tile){0, 0, 0};
            break;
        }
    }
    sort_out(news);
    while (news->n_tiles > TILE_NEWS_MOST) {
        for (size_t i = 0; i < news->n_tiles; i++)
            news->tiles[i] = ww_tile_above(news->tiles[i], 1);
        sort_out(news);
    }
    if (news->n_tiles == 0)
        return;
    ww_buf_printf(out, "event: tiles\ndata: {\"layer\":\"%.*s\",\"tiles\":[", WW_STR_ARG(layer));
    for (size_t i = 0; i < news->n_tiles; i++)
        ww_buf_printf(out, "%s\"%u/%u/%u\"", i ? "," : "", news->tiles[i].zoom, news->tiles[i].x,
                      news->tiles[i].y);
    ww_buf_text(out, "]}\n\n");
}

static struct ww_str text_for(void *arg, const struct ww_account *account) {
    struct tile_news *news = arg;
    const struct ww_live_view view = ww_view_of_account(account);
    if (!news->has_text || !ww_live_view_eq(&view, &news->last_view)) {
        ww_buf_reset(&news->text);
        tile_news_write(news, news->layer, news->changes, news->n_changes, &view, &news->text);
        news->last_view = view;
        news->has_text = true;
    }
    return ww_buf_status(&news->text) == WW_OK ? ww_buf_str(&news->text) : WW_STR_NONE;
}

void tile_news_tell(struct tile_news *news, struct ww_sse_hub *hub, struct ww_str layer,
                    const struct ww_live_change *changes, size_t n) {
    news->layer = layer;
    news->changes = changes;
    news->n_changes = n;
    news->has_text = false;
    ww_sse_hub_tell_tiles(hub, text_for, news);
    news->has_text = false; /* wards of an account live until the end of the turn */
}
