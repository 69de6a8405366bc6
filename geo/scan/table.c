/* Rows and fields of the field's text files. */
#include "geo/scan/table.h"

#include <stdarg.h>
#include <stdio.h>

struct ww_scan_table ww_scan_table_of(struct ww_str text) {
    struct ww_scan_table t = {.text = text};
    if (ww_str_starts(text, WW_STR("\xef\xbb\xbf")))
        t.at = 3;
    return t;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static size_t after_blanks(struct ww_str line, size_t i) {
    while (i < line.len && is_blank(line.ptr[i]))
        i++;
    return i;
}

/* One field from i on; returns where it ends (for quoted ones behind the quote). */
static size_t cut_field(struct ww_str line, size_t i, struct ww_str *out) {
    size_t from = i;
    if (i < line.len && line.ptr[i] == '"') {
        const char *end = memchr(line.ptr + i + 1, '"', line.len - i - 1);
        if (end) {
            *out = (struct ww_str){line.ptr + i + 1, (size_t)(end - line.ptr) - i - 1};
            return (size_t)(end - line.ptr) + 1;
        }
    }
    while (i < line.len && !is_blank(line.ptr[i]) && line.ptr[i] != ',')
        i++;
    *out = (struct ww_str){line.ptr + from, i - from};
    return i;
}

static void cut_line(struct ww_scan_table *t, struct ww_str line) {
    size_t i = after_blanks(line, 0);
    bool comma = false; /* the last thing seen: then a field must follow, be it empty */
    t->n = 0;
    t->spills = false;
    while (i < line.len || comma) {
        struct ww_str field;
        i = after_blanks(line, cut_field(line, i, &field));
        comma = i < line.len && line.ptr[i] == ',';
        if (comma)
            i = after_blanks(line, i + 1);
        if (t->n == WW_SCAN_FIELDS) {
            t->spills = true;
            return;
        }
        t->field[t->n++] = field;
    }
}

bool ww_scan_table_next(struct ww_scan_table *t) {
    while (t->at < t->text.len) {
        const char *from = t->text.ptr + t->at;
        const char *end = memchr(from, '\n', t->text.len - t->at);
        size_t len = end ? (size_t)(end - from) : t->text.len - t->at;
        t->at += len + (end != NULL);
        t->line++;
        cut_line(t, (struct ww_str){from, len});
        if (t->n > 0)
            return true;
    }
    return false;
}

enum ww_status ww_scan_table_error(const struct ww_scan_table *t, struct ww_error *err, uint32_t field,
                                   const char *name, const char *fmt, ...) {
    char message[200];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    enum ww_status st = ww_error_set(err, WW_BAD_INPUT, "%s", message);
    if (err) {
        ww_error_at_field(err, ww_str_of(name), field < t->n ? t->field[field] : WW_STR_NONE);
        err->line = t->line;
        err->column = field < t->n ? field + 1 : 0;
    }
    return st;
}
