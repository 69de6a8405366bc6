/* Hot spots kept up as readings come: O(neighbours) a reading, any statistic of any place on demand.
 *
 * Pure, one thread at a time. Places may have no value yet, or lose it again (a sensor that fell silent):
 * then they are out of the map, of the mean and of their neighbours' sums, as if the weights had been made
 * without them. The answers are those of hotspot.h on the places that have a value.
 *
 *   struct ww_live *live = ww_live_new(weights, WW_LIVE_ROWS_AS_THEY_ARE);
 *   ww_live_set(live, place, 35.0);
 *   double z = ww_live_gstar(live, place);
 *   ww_live_forget(live, place);
 *   ww_live_recount(live);                       // each night: takes out what rounding has left
 *   ww_live_free(live);                          // before the weights, which are borrowed
 */
#ifndef WW_GEO_HOTSPOT_LIVE_H
#define WW_GEO_HOTSPOT_LIVE_H

#include "geo/hotspot/hotspot.h"

enum ww_live_rows {
    WW_LIVE_ROWS_AS_THEY_ARE,
    WW_LIVE_ROWS_STANDARDISED /* Moran divides each row by the sum of the neighbours that have a value */
};

struct ww_live;
struct ww_live *ww_live_new(const struct ww_weights *weights, enum ww_live_rows rows); /* NULL: no memory */
void ww_live_free(struct ww_live *live);                                               /* NULL is allowed */

/* `value` must be finite. */
void ww_live_set(struct ww_live *live, uint32_t place, double value);
void ww_live_forget(struct ww_live *live, uint32_t place); /* without a value: does nothing */
bool ww_live_has(const struct ww_live *live, uint32_t place);
uint32_t ww_live_count(const struct ww_live *live); /* places with a value */
/* Takes all sums anew from the values and moves the reference level to their mean. O(pairs). */
void ww_live_recount(struct ww_live *live);
/* The same from the values themselves [n_places] (of those that have one): what comes then depends on nothing
 * but the values, whatever was set in which order before. */
void ww_live_renew(struct ww_live *live, const double *value);

/* NaN for a place without a value, and as hotspot.h says. */
double ww_live_gstar(const struct ww_live *live, uint32_t place);
double ww_live_g(const struct ww_live *live, uint32_t place);
struct ww_moran ww_live_local_moran(const struct ww_live *live, uint32_t place);
/* Global I alone: its variance needs all values, take ww_hotspot_moran. */
double ww_live_moran_i(const struct ww_live *live);
/* z[n] of all places. */
void ww_live_gstar_all(const struct ww_live *live, double *z);

#endif
