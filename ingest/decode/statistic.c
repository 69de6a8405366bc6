/* The list of statistics. */
#include "ingest/decode/statistic.h"

static const char *const names[] = {"",        "mean",    "min",   "max",   "sum",      "count",
                                    "median",  "std",     "p05",   "p10",   "p50",      "p90",
                                    "p95",     "day",     "night", "ref",   "mean.ref", "min.ref",
                                    "max.ref", "sum.ref", "raw",   "event", "check",    "check.standard"};

uint8_t ww_statistic_find(struct ww_str name) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ww_str_is(name, names[i]))
            return (uint8_t)i;
    return WW_STATISTIC_UNKNOWN;
}

const char *ww_statistic_name(uint8_t statistic) {
    return statistic < sizeof names / sizeof *names ? names[statistic] : "";
}
