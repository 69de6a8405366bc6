/* Reads the values of command-line options. */
#include "ingest/simulate/options.h"

#include <math.h>
#include <stdio.h>

#include "geo/instant.h"

static bool refuse(const char *name, const char *text, const char *wanted) {
    fprintf(stderr, "wardwatch: --%s %s: %s\n", name, text, wanted);
    return false;
}

bool ww_option_u64(const char *name, const char *text, uint64_t *out) {
    return ww_str_to_u64(ww_str_of(text), out) || refuse(name, text, "must be a whole number");
}

bool ww_option_u32(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *out) {
    uint64_t n;
    if (!ww_str_to_u64(ww_str_of(text), &n) || n < least || n > most) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "must be a whole number from %u to %u", least, most);
        return refuse(name, text, wanted);
    }
    *out = (uint32_t)n;
    return true;
}

bool ww_option_speed(const char *name, const char *text, double *out) {
    if (ww_str_is(ww_str_of(text), "max")) {
        *out = 0;
        return true;
    }
    return (ww_str_to_double(ww_str_of(text), out) && *out > 0) ||
           refuse(name, text, "must be a number above 0, or max");
}

bool ww_option_duration(const char *name, const char *text, int64_t *out_us) {
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct ww_str number = ww_str_of(text);
    double factor = 1, n;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (number.len > 1 && number.ptr[number.len - 1] == units[i].letter) {
            factor = units[i].seconds;
            number.len--;
            break;
        }
    if (!ww_str_to_double(number, &n) || n < 0 || n * factor > 1e10)
        return refuse(name, text, "must be a time like 90, 90s, 15m, 2h or 3d");
    *out_us = (int64_t)llround(n * factor * 1e6);
    return true;
}

bool ww_option_instant(const char *name, const char *text, int64_t *out_us) {
    struct ww_error err;
    return ww_instant_parse(ww_str_of(text), NULL, out_us, &err) == WW_OK || refuse(name, text, err.message);
}
