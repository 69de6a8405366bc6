/* Fixed-width rows of the load generator. */
#include "ingest/simulate/load_row.h"

#include <string.h>

#include "ingest/simulate/city.h"

static const char plain[] = "{\"s\":\"L000000\",\"t\":0000000000000,\"v\":100.00}\n";
static const char placed[] =
    "{\"s\":\"L000000\",\"t\":0000000000000,\"v\":100.00,\"x\":107.000000,\"y\":29.000000}\n";

enum { SERIES_AT = 7, TIME_AT = 19, VALUE_AT = 37, X_AT = 52, Y_AT = 66 };

size_t ww_load_row_len(bool with_place) {
    return with_place ? sizeof placed - 1 : sizeof plain - 1;
}

void ww_load_row_write(char *row, bool with_place) {
    memcpy(row, with_place ? placed : plain, ww_load_row_len(with_place));
}

static void put_digits(char *at, uint64_t n, int width) {
    for (int i = width - 1; i >= 0; i--, n /= 10)
        at[i] = (char)('0' + n % 10);
}

struct ww_place ww_load_place(uint32_t series) {
    return (struct ww_place){107 + (double)(ww_mix(1, series, 1) % 200000) / 1e6,
                             29 + (double)(820000 + ww_mix(1, series, 2) % 180000) / 1e6};
}

void ww_load_row_patch(char *row, uint32_t series, int64_t time_ms, bool exceeds, bool with_place) {
    put_digits(row + SERIES_AT, series, 6);
    put_digits(row + TIME_AT, (uint64_t)time_ms, 13);
    uint32_t hundredths = (uint32_t)(time_ms / 1000 * 37 + series * 101) % 10000;
    put_digits(row + VALUE_AT, exceeds ? 999 : 100 + hundredths / 100, 3);
    put_digits(row + VALUE_AT + 4, exceeds ? 0 : hundredths % 100, 2);
    if (with_place) {
        put_digits(row + X_AT, ww_mix(1, series, 1) % 200000, 6);
        put_digits(row + Y_AT, 820000 + ww_mix(1, series, 2) % 180000, 6);
    }
}
