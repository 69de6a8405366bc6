/* What a series holds of its property: the value itself, or a statistic over an interval.
 *
 * The list is fixed, so that no sender can make ever new ones. `.ref`: converted to the reference oxygen
 * content (HJ 212: Zs…). `day` and `night`: the noise level of that part of the day. `raw`: of one measuring
 * cycle, before any mean (2013). `event`: of a noise event or an alarm (2052, 2071). `check` and
 * `check.standard`: what the instrument said of a standard solution or gas, and what is in it (2062).
 */
#ifndef WW_INGEST_STATISTIC_H
#define WW_INGEST_STATISTIC_H

#include "geo/base/str.h"

#define WW_STATISTIC_UNKNOWN UINT8_MAX

/* "" is 0, the value itself. WW_STATISTIC_UNKNOWN when it is not in the list. */
uint8_t ww_statistic_find(struct ww_str name);
const char *ww_statistic_name(uint8_t statistic);

#endif
