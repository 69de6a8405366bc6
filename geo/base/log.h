/* The log: one line a fact, key=value, on stderr.
 *
 *   ww_log(WW_LOG_INFO, "feed=%s received=%u stored=%u ms=%.1f", …);
 *   2026-11-23T01:21:50.123Z info feed=air received=10 stored=10 ms=1.2
 *
 * Levels by reader: error = someone must act, warn = it healed, info = life cycle,
 * debug = us. No secrets and no payloads. Repeats of one format string by one
 * place within a second are collapsed into a count.
 */
#ifndef WW_BASE_LOG_H
#define WW_BASE_LOG_H

#include "geo/base/status.h"

enum ww_log_level { WW_LOG_ERROR, WW_LOG_WARN, WW_LOG_INFO, WW_LOG_DEBUG };

void ww_log_set_level(enum ww_log_level most_verbose); /* default WW_LOG_INFO */
void ww_log(enum ww_log_level level, const char *fmt, ...) WW_PRINTF(2, 3);

#endif
