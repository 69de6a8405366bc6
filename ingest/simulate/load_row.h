/* One NDJSON row of the load generator: fixed width, so that it is patched in place. */
#ifndef WW_SIMULATE_LOAD_ROW_H
#define WW_SIMULATE_LOAD_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/place.h"

/* {"s":"L000007","t":1795000800000,"v":142.37}, with "x" and "y" when with_place. */
size_t ww_load_row_len(bool with_place);
void ww_load_row_write(char *row, bool with_place);
/* `exceeds`: the value is 999.00, else something from 100 to 199.99 that series and time fix. */
void ww_load_row_patch(char *row, uint32_t series, int64_t time_ms, bool exceeds, bool with_place);
/* Where a series stands, inside the demo district. */
struct ww_place ww_load_place(uint32_t series);

#endif
