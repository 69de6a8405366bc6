/* What summary.c looks at. */
#ifndef WW_GEO_TRACE_SOURCE_PRIVATE_H
#define WW_GEO_TRACE_SOURCE_PRIVATE_H

#include "geo/trace/source.h"

struct ww_source_view {
    const struct ww_net *net;
    const struct ww_source_candidate *candidate;
    uint32_t n, saw;
};
struct ww_source_view ww_source_view(const struct ww_source *source);

#endif
