/* Drawing by weight in constant time: two entries share a box of equal height (Walker 1977, Vose 1991). */
#include "geo/base/alloc.h"
#include "geo/scan/run.h"

enum ww_status ww_scan_alias_init(struct ww_scan_alias *alias, const double *weight, uint32_t n,
                                  struct ww_error *err) {
    double total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += weight[i];
    double *height = ww_try_calloc(n, sizeof *height);
    uint32_t *stack = ww_try_calloc(n, sizeof *stack); /* low ones from the left, high ones from the right */
    alias->n = n;
    alias->other = ww_try_calloc(n, sizeof *alias->other);
    alias->keep = ww_try_calloc(n, sizeof *alias->keep);
    alias->always = ww_try_calloc(n, sizeof *alias->always);
    bool good = height && stack && alias->other && alias->keep && alias->always;
    if (good) {
        uint32_t n_low = 0, n_high = 0;
        for (uint32_t i = 0; i < n; i++) {
            height[i] = weight[i] / total * n;
            if (height[i] < 1)
                stack[n_low++] = i;
            else
                stack[n - ++n_high] = i;
        }
        while (n_low > 0 && n_high > 0) {
            uint32_t low = stack[--n_low], high = stack[n - n_high];
            alias->keep[low] = (uint32_t)(height[low] * 0x1p32);
            alias->other[low] = high;
            height[high] -= 1 - height[low];
            if (height[high] < 1) {
                n_high--;
                stack[n_low++] = high;
            }
        }
        while (n_high > 0)
            alias->always[stack[n - n_high--]] = true;
        while (n_low > 0) /* left over by rounding: full, unless it has no weight at all */
            alias->always[stack[--n_low]] = true;
    }
    ww_free(height);
    ww_free(stack);
    if (!good) {
        ww_scan_alias_clear(alias);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the replicas of the scan");
    }
    return WW_OK;
}

void ww_scan_alias_clear(struct ww_scan_alias *alias) {
    ww_free(alias->other);
    ww_free(alias->keep);
    ww_free(alias->always);
    *alias = (struct ww_scan_alias){0};
}
