/* Finds record borders in CSV, NDJSON, GeoJSON and JSON files of any size.
 *
 * The file runs through one window. A scanner looks for the end of the record that begins at the window's
 * read position; when it meets the window's end first, the rest moves to the front, more bytes come in,
 * and it goes on where it stopped. Strings and escapes are followed, so a brace in a text is no brace.
 */
#include "ingest/simulate/split.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "geo/base/alloc.h"

#define READ_SIZE ((size_t)256 << 10)

struct splitter_scan {
    size_t at; /* bytes looked at, from the record's start */
    int depth;
    bool in_text; /* quoted */
    bool escaped; /* JSON: after a backslash; CSV: after a quote inside quotes */
    bool field_start;
};

struct ww_splitter {
    gzFile file;
    enum ww_split_form form;
    struct ww_buf window;
    size_t pos; /* of what is not yet given away */
    bool eof;
    struct ww_buf header; /* CSV */
    uint64_t header_lines;
    uint64_t line, next_line; /* of the last record, of the next */
    bool whole;               /* JSON without an array: one record */
    bool in_array, finished;
    uint64_t bytes_total;
};

/* WW_OK also at the end of the file: then nothing was added. */
static enum ww_status read_more(struct ww_splitter *s, struct ww_error *err) {
    if (s->pos > 0) {
        memmove(s->window.data, s->window.data + s->pos, s->window.len - s->pos);
        s->window.len -= s->pos;
        s->pos = 0;
    }
    char *room = ww_buf_reserve(&s->window, READ_SIZE);
    if (!room)
        return ww_error_set(err, WW_TOO_LARGE, "a record is longer than %zu MiB", WW_SPLIT_RECORD_MAX >> 20);
    int n = gzread(s->file, room, (unsigned)READ_SIZE);
    int code = Z_OK;
    const char *why = n < 0 ? gzerror(s->file, &code) : "";
    if (n < 0)
        return ww_error_set(err, WW_BAD_INPUT, "cannot read on: %.100s",
                            code == Z_ERRNO ? strerror(errno) : why);
    s->window.len += (size_t)n;
    s->eof = n == 0;
    return WW_OK;
}

static size_t left(const struct ww_splitter *s) {
    return s->window.len - s->pos;
}

/* ---- Where a record ends ---- */

/* True when the byte ends the record (its line feed belongs to it). RFC 4180: quotes count at the start of
 * a field only, and two of them inside are one. */
static bool csv_step(struct splitter_scan *scan, char c) {
    if (scan->in_text) {
        if (scan->escaped && c != '"') {
            scan->in_text = false;
            scan->escaped = false;
        } else {
            scan->escaped = c == '"' && !scan->escaped;
            return false;
        }
    } else if (c == '"' && scan->field_start) {
        scan->in_text = true;
        scan->field_start = false;
        return false;
    }
    scan->field_start = c == ',';
    return c == '\n';
}

/* True when the byte closes the record's outermost bracket. */
static bool json_step(struct splitter_scan *scan, char c) {
    if (scan->in_text) {
        if (scan->escaped)
            scan->escaped = false;
        else if (c == '\\')
            scan->escaped = true;
        else if (c == '"')
            scan->in_text = false;
        return false;
    }
    if (c == '"')
        scan->in_text = true;
    else if (c == '{' || c == '[')
        scan->depth++;
    else if (c == '}' || c == ']')
        return --scan->depth <= 0;
    return false;
}

/* Length of the record at pos, line feed included; 0 = the file ended first. */
static enum ww_status find_end(struct ww_splitter *s, bool (*step)(struct splitter_scan *, char), size_t *len,
                               struct ww_error *err) {
    struct splitter_scan scan = {.field_start = true};
    for (;;) {
        for (; scan.at < left(s); scan.at++)
            if (step(&scan, s->window.data[s->pos + scan.at])) {
                *len = scan.at + 1;
                return WW_OK;
            }
        *len = 0;
        if (s->eof)
            return WW_OK;
        enum ww_status st = read_more(s, err);
        if (st != WW_OK)
            return st;
    }
}

static bool line_step(struct splitter_scan *scan, char c) {
    (void)scan;
    return c == '\n';
}

static uint64_t count_lines(struct ww_str text) {
    uint64_t n = 0;
    for (const char *p = text.ptr; text.len > 0 && (p = memchr(p, '\n', (size_t)(text.ptr + text.len - p)));
         p++)
        n++;
    return n;
}

/* ---- The forms ---- */

/* Takes one CSV or NDJSON record with its line feed; the last may lack it. */
static enum ww_status take_line(struct ww_splitter *s, struct ww_str *record, struct ww_error *err) {
    for (;;) {
        size_t len;
        enum ww_status st = find_end(s, s->form == WW_SPLIT_CSV ? csv_step : line_step, &len, err);
        if (st != WW_OK)
            return st;
        if (len == 0)
            len = left(s);
        *record = (struct ww_str){s->window.data ? s->window.data + s->pos : NULL, len};
        s->pos += len;
        s->line = s->next_line;
        s->next_line += count_lines(*record);
        if (len == 0) {
            *record = WW_STR_NONE;
            return WW_OK;
        }
        if (ww_str_trim(*record).len > 0)
            return WW_OK;
    }
}

/* The first byte that is neither white space nor a comma; 0 at the end of the file. */
static enum ww_status skip_to_item(struct ww_splitter *s, char *c, struct ww_error *err) {
    for (;;) {
        for (; s->pos < s->window.len; s->pos++) {
            *c = s->window.data[s->pos];
            if (!strchr(" \t\r\n,", *c))
                return WW_OK;
        }
        *c = '\0';
        if (s->eof)
            return WW_OK;
        enum ww_status st = read_more(s, err);
        if (st != WW_OK)
            return st;
    }
}

static enum ww_status take_item(struct ww_splitter *s, struct ww_str *record, struct ww_error *err) {
    char c;
    *record = WW_STR_NONE;
    if (s->finished)
        return WW_OK;
    enum ww_status st = skip_to_item(s, &c, err);
    if (st != WW_OK)
        return st;
    s->line = s->next_line++;
    if (c == ']') {
        s->finished = true;
        return WW_OK;
    }
    size_t len = 0;
    if (c == '{' || c == '[')
        st = find_end(s, json_step, &len, err);
    if (st == WW_OK && len == 0) {
        st = ww_error_set(err, WW_BAD_INPUT, "the file breaks off inside record %llu, or it is no object",
                          (unsigned long long)s->line);
        if (err)
            err->line = s->line;
    }
    if (st != WW_OK)
        return st;
    *record = (struct ww_str){s->window.data + s->pos, len};
    s->pos += len;
    return WW_OK;
}

static enum ww_status take_whole(struct ww_splitter *s, struct ww_str *record, struct ww_error *err) {
    *record = WW_STR_NONE;
    if (s->finished)
        return WW_OK;
    while (!s->eof) {
        enum ww_status st = read_more(s, err);
        if (st != WW_OK)
            return st;
    }
    s->finished = true;
    s->line = 1;
    if (left(s) > 0)
        *record = (struct ww_str){s->window.data + s->pos, left(s)};
    s->pos = s->window.len;
    return WW_OK;
}

enum ww_status ww_splitter_next(struct ww_splitter *s, struct ww_str *record, struct ww_error *err) {
    if (s->whole)
        return take_whole(s, record, err);
    return s->in_array ? take_item(s, record, err) : take_line(s, record, err);
}

/* ---- Opening ---- */

static bool ends_with(struct ww_str text, const char *end) {
    size_t n = strlen(end);
    return text.len >= n &&
           ww_str_eq_nocase((struct ww_str){text.ptr + text.len - n, n}, (struct ww_str){end, n});
}

static enum ww_split_form form_of_name(const char *path) {
    struct ww_str name = ww_str_of(path);
    if (ends_with(name, ".gz"))
        name.len -= 3;
    return ends_with(name, ".csv")                                   ? WW_SPLIT_CSV
           : ends_with(name, ".ndjson") || ends_with(name, ".jsonl") ? WW_SPLIT_NDJSON
           : ends_with(name, ".geojson")                             ? WW_SPLIT_GEOJSON
           : ends_with(name, ".json")                                ? WW_SPLIT_JSON
                                                                     : WW_SPLIT_AUTO;
}

/* An object that ends with its line and is followed by another is NDJSON. */
static enum ww_split_form form_of_bytes(const struct ww_splitter *s) {
    struct ww_str head = {s->window.data + s->pos, left(s) < 65536 ? left(s) : 65536};
    struct ww_str text = ww_str_trim(head);
    if (text.len == 0 || (text.ptr[0] != '{' && text.ptr[0] != '['))
        return WW_SPLIT_CSV;
    if (text.ptr[0] == '[')
        return WW_SPLIT_JSON;
    const char *end = memchr(text.ptr, '\n', text.len);
    struct ww_str line = ww_str_trim((struct ww_str){text.ptr, end ? (size_t)(end - text.ptr) : text.len});
    struct splitter_scan scan = {0};
    size_t i = 0;
    while (i < line.len && !json_step(&scan, line.ptr[i]))
        i++;
    bool is_line = i + 1 == line.len;
    if (memmem(text.ptr, text.len, "\"FeatureCollection\"", 19))
        return WW_SPLIT_GEOJSON;
    return is_line ? WW_SPLIT_NDJSON : WW_SPLIT_JSON;
}

/* Moves behind the [ of the member "features" of the root object. */
static enum ww_status enter_features(struct ww_splitter *s, struct ww_error *err) {
    struct splitter_scan scan = {0};
    size_t text_at = 0;
    bool is_key = false;
    for (;; scan.at++) {
        while (scan.at >= left(s)) {
            if (s->eof)
                return ww_error_set(err, WW_BAD_INPUT,
                                    "no array \"features\" found: not a FeatureCollection");
            enum ww_status st = read_more(s, err);
            if (st != WW_OK)
                return st;
        }
        const char *bytes = s->window.data + s->pos;
        char c = bytes[scan.at];
        bool was_text = scan.in_text;
        json_step(&scan, c);
        if (!was_text && scan.in_text)
            text_at = scan.at;
        else if (was_text && !scan.in_text)
            is_key =
                scan.depth == 1 && scan.at - text_at == 9 && memcmp(bytes + text_at, "\"features", 9) == 0;
        else if (is_key && c == '[' && scan.depth == 2)
            break;
        else if (!was_text && !strchr(" \t\r\n:", c))
            is_key = false;
    }
    s->pos += scan.at + 1;
    s->in_array = true;
    return WW_OK;
}

static enum ww_status enter_array(struct ww_splitter *s, struct ww_error *err) {
    char c;
    enum ww_status st = skip_to_item(s, &c, err);
    if (st != WW_OK)
        return st;
    s->whole = c != '[';
    s->in_array = !s->whole;
    s->pos += s->in_array ? 1 : 0;
    return WW_OK;
}

static enum ww_status take_header(struct ww_splitter *s, struct ww_error *err) {
    struct ww_str header;
    enum ww_status st = take_line(s, &header, err);
    if (st != WW_OK)
        return st;
    ww_buf_str_add(&s->header, header);
    if (header.len > 0 && header.ptr[header.len - 1] != '\n')
        ww_buf_char(&s->header, '\n');
    s->header_lines = s->next_line - 1;
    return ww_buf_status(&s->header);
}

static enum ww_status begin(struct ww_splitter *s, const char *path, enum ww_split_form form,
                            struct ww_error *err) {
    static const char bom[] = "\xef\xbb\xbf";
    enum ww_status st = read_more(s, err);
    if (st != WW_OK)
        return st;
    if (left(s) >= 3 && memcmp(s->window.data, bom, 3) == 0)
        s->pos = 3;
    s->form = form != WW_SPLIT_AUTO ? form : form_of_name(path);
    if (s->form == WW_SPLIT_AUTO || (form == WW_SPLIT_AUTO && s->form == WW_SPLIT_JSON))
        s->form = form_of_bytes(s);
    switch (s->form) {
    case WW_SPLIT_CSV:
        return take_header(s, err);
    case WW_SPLIT_GEOJSON:
        return enter_features(s, err);
    case WW_SPLIT_JSON:
        return enter_array(s, err);
    default:
        return WW_OK;
    }
}

enum ww_status ww_splitter_open(const char *path, enum ww_split_form form, struct ww_splitter **out,
                                struct ww_error *err) {
    struct stat info;
    bool is_stdin = strcmp(path, "-") == 0;
    gzFile file = is_stdin ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
    if (!file)
        return ww_error_set(err, WW_NOT_FOUND, "cannot open %.150s: %s", path, strerror(errno));
    gzbuffer(file, 1 << 17);
    struct ww_splitter *s = ww_must_calloc(1, sizeof *s);
    s->file = file;
    s->next_line = 1;
    s->bytes_total = !is_stdin && stat(path, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
    ww_buf_init(&s->window, WW_SPLIT_RECORD_MAX + READ_SIZE);
    ww_buf_init(&s->header, (size_t)1 << 20);
    enum ww_status st = begin(s, path, form, err);
    if (st != WW_OK) {
        ww_splitter_close(s);
        return st;
    }
    *out = s;
    return WW_OK;
}

void ww_splitter_close(struct ww_splitter *s) {
    if (!s)
        return;
    gzclose(s->file);
    ww_buf_clear(&s->window);
    ww_buf_clear(&s->header);
    ww_free(s);
}

enum ww_split_form ww_splitter_form(const struct ww_splitter *s) {
    return s->form;
}

const char *ww_splitter_content_type(const struct ww_splitter *s) {
    static const char *const types[] = {"", "text/csv", "application/x-ndjson", "application/geo+json",
                                        "application/json"};
    return types[s->form];
}

uint64_t ww_splitter_line(const struct ww_splitter *s) {
    return s->line;
}

uint64_t ww_splitter_bytes_read(const struct ww_splitter *s) {
    z_off_t at = gzoffset(s->file);
    return at > 0 ? (uint64_t)at : 0;
}

uint64_t ww_splitter_bytes_total(const struct ww_splitter *s) {
    return s->bytes_total;
}

/* ---- Bodies ---- */

void ww_body_begin(const struct ww_splitter *s, struct ww_buf *body) {
    ww_buf_reset(body);
    if (s->form == WW_SPLIT_CSV)
        ww_buf_str_add(body, ww_buf_str(&s->header));
    else if (s->form == WW_SPLIT_GEOJSON)
        ww_buf_text(body, "{\"type\":\"FeatureCollection\",\"features\":[");
    else if (s->in_array)
        ww_buf_char(body, '[');
}

void ww_body_add(const struct ww_splitter *s, struct ww_buf *body, uint64_t records_before,
                 struct ww_str record) {
    if (s->in_array && records_before > 0)
        ww_buf_text(body, ",\n");
    ww_buf_str_add(body, record);
    bool is_line = s->form == WW_SPLIT_CSV || s->form == WW_SPLIT_NDJSON;
    if (is_line && (record.len == 0 || record.ptr[record.len - 1] != '\n'))
        ww_buf_char(body, '\n');
}

void ww_body_end(const struct ww_splitter *s, struct ww_buf *body) {
    if (s->form == WW_SPLIT_GEOJSON)
        ww_buf_text(body, "]}");
    else if (s->in_array)
        ww_buf_char(body, ']');
}

uint64_t ww_body_line_in_file(const struct ww_splitter *s, uint64_t first_line, uint64_t line_in_body) {
    if (line_in_body <= s->header_lines || first_line == 0)
        return line_in_body;
    return first_line + line_in_body - s->header_lines - 1;
}
