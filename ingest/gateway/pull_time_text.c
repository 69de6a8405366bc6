/* Writes the ends of a time window as an endpoint wants them. */
#include <inttypes.h>

#include "ingest/gateway/pull_round.h"

static int day_of_year(const struct ww_civil *c) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    return before[c->month - 1] + c->day + (leap && c->month > 2);
}

static bool write_part(char letter, int64_t instant_us, const struct ww_civil *c, const struct ww_zone *zone,
                       struct ww_buf *out) {
    int32_t offset_min = (zone ? ww_zone_offset_s(zone, instant_us) : 0) / 60;
    int32_t size_min = offset_min < 0 ? -offset_min : offset_min;
    switch (letter) {
    case 'Y':
        ww_buf_printf(out, "%04d", c->year);
        return true;
    case 'y':
        ww_buf_printf(out, "%02d", c->year % 100);
        return true;
    case 'm':
        ww_buf_printf(out, "%02d", c->month);
        return true;
    case 'd':
        ww_buf_printf(out, "%02d", c->day);
        return true;
    case 'j':
        ww_buf_printf(out, "%03d", day_of_year(c));
        return true;
    case 'H':
        ww_buf_printf(out, "%02d", c->hour);
        return true;
    case 'M':
        ww_buf_printf(out, "%02d", c->minute);
        return true;
    case 'S':
        ww_buf_printf(out, "%02d", c->second);
        return true;
    case 'f':
        ww_buf_printf(out, "%06d", c->microsecond);
        return true;
    case 's':
        ww_buf_printf(out, "%" PRId64, instant_us / WW_SECOND_US);
        return true;
    case 'z':
        ww_buf_printf(out, "%c%02d%02d", offset_min < 0 ? '-' : '+', size_min / 60, size_min % 60);
        return true;
    case '%':
        ww_buf_char(out, '%');
        return true;
    default:
        return false;
    }
}

enum ww_status ww_pull_time_text(int64_t instant_us, struct ww_str format, const struct ww_zone *zone,
                                 struct ww_buf *out, struct ww_error *err) {
    if (ww_str_is(format, "epoch")) {
        ww_buf_printf(out, "%" PRId64, instant_us / WW_SECOND_US);
    } else if (ww_str_is(format, "epoch_ms")) {
        ww_buf_printf(out, "%" PRId64, instant_us / 1000);
    } else if (ww_str_is(format, "iso")) {
        char text[40];
        ww_buf_add(out, text, (size_t)ww_instant_text(instant_us, text));
    } else {
        struct ww_civil civil = ww_instant_to_civil(instant_us, zone);
        for (size_t i = 0; i < format.len; i++) {
            bool is_part = format.ptr[i] == '%' && i + 1 < format.len;
            if (!is_part)
                ww_buf_char(out, format.ptr[i]);
            else if (!write_part(format.ptr[++i], instant_us, &civil, zone, out))
                return ww_error_set(err, WW_BAD_INPUT, "pull.paging.format has %%%c, which can't be written",
                                    format.ptr[i]);
        }
    }
    return ww_buf_status(out);
}
