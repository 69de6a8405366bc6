/* The times of HJ 212: fourteen digits in local time, seventeen with milliseconds. */
#include "geo/instant.h"
#include "ingest/hj212/hj212.h"

enum { TO_SECOND = 14, TO_MILLISECOND = 17 };

static bool begins_with_digits(struct ww_str text, size_t count) {
    if (text.len < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

enum ww_status ww_hj212_time(struct ww_str text, const struct ww_zone *zone, int64_t *out,
                             struct ww_error *err) {
    if (begins_with_digits(text, TO_SECOND))
        return ww_instant_parse((struct ww_str){text.ptr, TO_SECOND}, zone, out, err);
    (void)ww_error_set(err, WW_BAD_INPUT, "\"%.*s\" is not a time of fourteen digits",
                       (int)(text.len > 40 ? 40 : text.len), text.ptr ? text.ptr : "");
    ww_error_at_field(err, WW_STR("DataTime"), text);
    return WW_BAD_INPUT;
}

int64_t ww_hj212_qn_time(struct ww_str qn, const struct ww_zone *zone) {
    int64_t at;
    if (!begins_with_digits(qn, TO_MILLISECOND) || qn.len != TO_MILLISECOND ||
        ww_instant_parse(qn, zone, &at, NULL) != WW_OK)
        return WW_INSTANT_NONE;
    return at;
}
