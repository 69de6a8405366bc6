/* Tables that grow. */
#include "geo/base/grown.h"

#include <string.h>

#include "geo/base/alloc.h"

bool ww_grown(void *table, uint32_t n, uint32_t *cap, size_t row) {
    void *rows;
    if (n < *cap)
        return true;
    if (*cap > UINT32_MAX / 2)
        return false;
    uint32_t more = *cap ? *cap * 2 : 64;
    memcpy(&rows, table, sizeof rows); /* a pointer of any type */
    void *grown = ww_try_realloc(rows, more * row);
    if (!grown)
        return false;
    memcpy(table, &grown, sizeof grown);
    *cap = more;
    return true;
}
