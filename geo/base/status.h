/* What went wrong, said once, at the point of knowledge.
 *
 * Fallible functions return a `ww_status`, must be checked, and write results
 * through `out`. Detail travels in a `ww_error` that the caller owns (usually on
 * its stack); pass NULL where nobody reads it. Three kinds never mix:
 *   the sender is wrong  WW_BAD_INPUT WW_TOO_LARGE WW_NOT_FOUND WW_CONFLICT WW_DENIED
 *   the world is down    WW_UNAVAILABLE WW_BUSY WW_NO_MEMORY
 *   we are wrong         assert(); asserts stay on in release builds
 *
 *   struct ww_error err;
 *   if (ww_feed_config_parse(text, arena, &config, &err) != WW_OK)
 *       fprintf(stderr, "feed: %s\n", err.message);
 */
#ifndef WW_BASE_STATUS_H
#define WW_BASE_STATUS_H

#include <stdint.h>

#include "geo/base/str.h"

#define WW_MUST_CHECK        __attribute__((warn_unused_result))
#define WW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum ww_status {
    WW_OK = 0,
    WW_BAD_INPUT,   /* the bytes do not say what they should; `ww_error` names the place */
    WW_TOO_LARGE,   /* more than the stated ceiling */
    WW_NOT_FOUND,   /* a name that we do not know */
    WW_CONFLICT,    /* contradicts what is there already */
    WW_DENIED,      /* not allowed for this account */
    WW_UNAVAILABLE, /* database or network is down: try again later */
    WW_BUSY,        /* a bounded queue is full: try again later */
    WW_NO_MEMORY
};

/* Places count from 1; 0 means unknown. `offset` counts bytes from 0 and is
 * meaningful only with line or column set, or where the function says so. */
struct ww_error {
    enum ww_status status;
    char message[256]; /* one sentence in English, no trailing stop */
    char field[64];    /* the field or parameter that is wrong, or "" */
    char value[64];    /* the offending value, cut short, or "" */
    uint64_t line;
    uint64_t column;
    uint64_t offset;
};

/* The name used in JSON answers and logs: "bad_input", "too_large", … Never NULL. */
const char *ww_status_name(enum ww_status status);

/* Fills `err` (if not NULL) with status and message, clears its place, and returns status. */
enum ww_status ww_error_set(struct ww_error *err, enum ww_status status, const char *fmt, ...)
    WW_PRINTF(3, 4);

/* Adds the field and offending value to an error that ww_error_set filled. */
void ww_error_at_field(struct ww_error *err, struct ww_str field, struct ww_str value);

#endif
