/* Writes one line a fact to stderr; collapses repeats of one format within a second. */
#include "geo/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static enum ww_log_level most_verbose_level = WW_LOG_INFO;

static _Thread_local struct {
    const char *fmt;
    time_t second;
    unsigned dropped;
} last;

void ww_log_set_level(enum ww_log_level most_verbose) {
    most_verbose_level = most_verbose;
}

static void write_line(enum ww_log_level level, const struct timespec *now, const char *text) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct tm tm;
    gmtime_r(&now->tv_sec, &tm);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(stderr, "%s.%03ldZ %s %s\n", stamp, now->tv_nsec / 1000000, names[level], text);
}

void ww_log(enum ww_log_level level, const char *fmt, ...) {
    if (level > most_verbose_level)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (last.fmt == fmt && last.second == now.tv_sec && level != WW_LOG_ERROR) {
        last.dropped++;
        return;
    }
    if (last.dropped > 0) {
        char note[64];
        snprintf(note, sizeof note, "repeated=%u", last.dropped);
        write_line(level, &now, note);
    }
    last.fmt = fmt;
    last.second = now.tv_sec;
    last.dropped = 0;

    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) /* one line a fact, whatever was in a value */
            *c = ' ';
    write_line(level, &now, text);
}
