/* Names of statuses and the filling of errors. */
#include "geo/base/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const status_names[] = {
    [WW_OK] = "ok",
    [WW_BAD_INPUT] = "bad_input",
    [WW_TOO_LARGE] = "too_large",
    [WW_NOT_FOUND] = "not_found",
    [WW_CONFLICT] = "conflict",
    [WW_DENIED] = "denied",
    [WW_UNAVAILABLE] = "unavailable",
    [WW_BUSY] = "busy",
    [WW_NO_MEMORY] = "no_memory",
};

const char *ww_status_name(enum ww_status status) {
    assert((size_t)status < sizeof status_names / sizeof *status_names);
    return status_names[status];
}

enum ww_status ww_error_set(struct ww_error *err, enum ww_status status, const char *fmt, ...) {
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, args);
        va_end(args);
        err->status = status;
        err->field[0] = err->value[0] = '\0';
        err->line = err->column = err->offset = 0;
    }
    return status;
}

/* Cuts at a UTF-8 character's border, so that an error never ends in half a character. */
static void copy_cut(char *to, size_t room, struct ww_str from) {
    size_t n = from.len < room - 1 ? from.len : room - 1;
    if (n < from.len)
        while (n > 0 && ((unsigned char)from.ptr[n] & 0xC0) == 0x80)
            n--;
    if (n > 0)
        memcpy(to, from.ptr, n);
    to[n] = '\0';
}

void ww_error_at_field(struct ww_error *err, struct ww_str field, struct ww_str value) {
    if (!err)
        return;
    copy_cut(err->field, sizeof err->field, field);
    copy_cut(err->value, sizeof err->value, value);
}
