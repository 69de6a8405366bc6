/* Sets of wards and their numbers. */
#include "server/tiles/views.h"

#include <assert.h>

#include "geo/base/alloc.h"

struct ww_views {
    struct ww_live_view views[WW_VIEWS_MAX];
    uint16_t n;
};

struct ww_views *ww_views_new(void) {
    return ww_must_calloc(1, sizeof(struct ww_views));
}

void ww_views_free(struct ww_views *views) {
    if (!views)
        return;
    ww_views_forget(views);
    ww_free(views);
}

struct ww_live_view ww_view_of_account(const struct ww_account *account) {
    if (!account || account->all_wards)
        return (struct ww_live_view){.all = true};
    return (struct ww_live_view){.wards = account->ward_ids, .n_wards = account->n_wards};
}

uint16_t ww_views_of(struct ww_views *views, const struct ww_account *account) {
    struct ww_live_view view = ww_view_of_account(account);
    int32_t *copy;
    for (uint16_t i = 0; i < views->n; i++)
        if (ww_live_view_eq(&views->views[i], &view))
            return i;
    if (views->n == WW_VIEWS_MAX)
        return WW_VIEW_NONE;
    if (!(copy = ww_try_malloc(view.n_wards * sizeof *copy + 1)))
        return WW_VIEW_NONE;
    if (view.n_wards)
        memcpy(copy, view.wards, view.n_wards * sizeof *copy);
    view.wards = copy;
    views->views[views->n] = view;
    return views->n++;
}

const struct ww_live_view *ww_views_at(const struct ww_views *views, uint16_t view) {
    assert(view < views->n);
    return &views->views[view];
}

uint16_t ww_views_count(const struct ww_views *views) {
    return views->n;
}

void ww_views_forget(struct ww_views *views) {
    for (uint16_t i = 0; i < views->n; i++)
        ww_free((int32_t *)(uintptr_t)views->views[i].wards);
    views->n = 0;
}
