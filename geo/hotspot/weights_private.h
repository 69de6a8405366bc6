/* For the files that make weights. */
#ifndef WW_GEO_HOTSPOT_WEIGHTS_PRIVATE_H
#define WW_GEO_HOTSPOT_WEIGHTS_PRIVATE_H

#include "geo/hotspot/weights.h"

/* 12 bytes each: 2.4 GB, more than a district's map ever needs and less than uint32_t counts. */
enum { WW_WEIGHTS_MOST_PAIRS = 200000000 };

/* Empty rows with room for the pairs; NULL: no memory. */
struct ww_weights *ww_weights_new(uint32_t n, size_t n_pairs);

#endif
