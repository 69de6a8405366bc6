/* Reads a text table in constant memory; see csv_stream.h.
 *
 * The buffer holds the row at hand and what was read behind it. A row is found first (find_end, which changes
 * nothing, since it may have to be begun again after reading more) and then cut into cells in place.
 */
#include "server/csv_stream.h"

#include "geo/base/alloc.h"
#include "geo/base/buf.h"

enum { CHUNK = 64 << 10, MAX_ROW = 1 << 20, MAX_CELLS = 4096 };

struct ww_csv_stream {
    ww_csv_read_fn *read;
    void *from;
    struct ww_buf buf;
    size_t at; /* where the next row begins */
    bool at_end, failed, begun;
    char separator;
    uint64_t next_line;
    struct ww_str cells[MAX_CELLS];
    uint32_t columns[MAX_CELLS];
};

enum ww_status ww_csv_stream_new(ww_csv_read_fn *read, void *from, char separator,
                                 struct ww_csv_stream **out) {
    struct ww_csv_stream *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return WW_NO_MEMORY;
    s->read = read;
    s->from = from;
    s->separator = separator;
    s->next_line = 1;
    ww_buf_init(&s->buf, MAX_ROW + 2 * CHUNK);
    *out = s;
    return WW_OK;
}

void ww_csv_stream_free(struct ww_csv_stream *s) {
    if (!s)
        return;
    ww_buf_clear(&s->buf);
    ww_free(s);
}

char ww_csv_stream_separator(const struct ww_csv_stream *s) {
    return s->separator;
}

/* ---- reading ---- */

static enum ww_status read_more(struct ww_csv_stream *s, struct ww_error *err) {
    if (s->at > 0) {
        memmove(s->buf.data, s->buf.data + s->at, s->buf.len - s->at);
        s->buf.len -= s->at;
        s->at = 0;
    }
    if (s->buf.len > MAX_ROW) {
        (void)ww_error_set(err, WW_BAD_INPUT, "a row is longer than 1 MiB (is a quote not closed?)");
        return WW_BAD_INPUT;
    }
    char *room = ww_buf_reserve(&s->buf, CHUNK);
    if (!room)
        return ww_error_set(err, WW_NO_MEMORY, "no memory to read into");
    size_t n = s->read(s->from, room, CHUNK);
    if (n == (size_t)-1)
        return ww_error_set(err, WW_UNAVAILABLE, "can't read on");
    s->at_end = n == 0;
    s->buf.len += n;
    return WW_OK;
}

/* ---- finding the row ---- */

static bool is_blank(const struct ww_csv_stream *s, char c) {
    return c == ' ' || (c == '\t' && s->separator != '\t');
}

static bool is_line_end(char c) {
    return c == '\n' || c == '\r';
}

/* Where the cell that begins at `at` ends: at a separator, a line end, or the end of what there is (then
 * *whole is false). *quoted tells whether it is quoted, *closed whether the quote ends. */
static size_t cell_end(const struct ww_csv_stream *s, size_t at, bool *quoted, bool *closed) {
    const char *p = s->buf.data;
    size_t len = s->buf.len;
    while (at < len && is_blank(s, p[at]))
        at++;
    *quoted = at < len && p[at] == '"';
    *closed = true;
    if (*quoted) {
        at++;
        while (at < len && !(p[at] == '"' && !(at + 1 < len && p[at + 1] == '"')))
            at += p[at] == '"' ? 2 : 1;
        *closed = at < len;
        at = at < len ? at + 1 : len;
    }
    while (at < len && p[at] != s->separator && !is_line_end(p[at]))
        at++;
    return at;
}

/* Behind the row that begins at s->at. False: more must be read to know. */
static bool find_end(const struct ww_csv_stream *s, size_t *end) {
    size_t at = s->at;
    bool quoted, closed;
    for (;;) {
        at = cell_end(s, at, &quoted, &closed);
        if (at >= s->buf.len)
            break;
        if (is_line_end(s->buf.data[at])) {
            /* CR LF is one end: whether LF follows must be known. */
            if (s->buf.data[at] == '\r' && at + 1 >= s->buf.len && !s->at_end)
                return false;
            bool pair = s->buf.data[at] == '\r' && at + 1 < s->buf.len && s->buf.data[at + 1] == '\n';
            *end = at + (pair ? 2 : 1);
            return true;
        }
        at++;
    }
    *end = s->buf.len;
    return s->at_end;
}

/* ---- cutting it ---- */

static struct ww_str unquoted(char *from, size_t len) {
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        from[out++] = from[i];
        if (from[i] == '"' && i + 1 < len && from[i + 1] == '"')
            i++;
    }
    return (struct ww_str){from, out};
}

/* What stands in quotes, and behind them up to the cell's end, which is kept: "ab"c is abc. */
static struct ww_str cell_text(struct ww_csv_stream *s, size_t from, size_t end, bool quoted) {
    char *p = s->buf.data;
    if (!quoted)
        return ww_str_trim((struct ww_str){p + from, end - from});
    while (p[from] != '"')
        from++;
    size_t close = from + 1;
    while (close < end && !(p[close] == '"' && !(close + 1 < end && p[close + 1] == '"')))
        close += p[close] == '"' ? 2 : 1;
    if (close > end)
        close = end;
    struct ww_str inner = unquoted(p + from + 1, close - from - 1);
    struct ww_str rest =
        close < end ? ww_str_trim((struct ww_str){p + close + 1, end - close - 1}) : WW_STR_NONE;
    if (rest.len > 0)
        memmove(p + from + 1 + inner.len, rest.ptr, rest.len);
    return ww_str_trim((struct ww_str){p + from + 1, inner.len + rest.len});
}

static enum ww_status refuse(struct ww_csv_stream *s, struct ww_error *err, size_t at, const char *why) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s", why);
    if (err) {
        err->line = s->next_line;
        err->column = at - s->at + 1;
    }
    return WW_BAD_INPUT;
}

static enum ww_status cut(struct ww_csv_stream *s, size_t end, struct ww_csv_row *row, struct ww_error *err) {
    size_t at = s->at;
    row->n = 0;
    row->line = s->next_line;
    row->cells = s->cells;
    row->columns = s->columns;
    for (;;) {
        bool quoted, closed;
        if (row->n == MAX_CELLS)
            return refuse(s, err, at, "a row has more than 4096 cells");
        size_t stop = cell_end(s, at, &quoted, &closed);
        if (!closed)
            return refuse(s, err, at, "a quoted cell does not end");
        s->columns[row->n] = (uint32_t)(at - s->at + 1);
        bool more = stop < end && !is_line_end(s->buf.data[stop]);
        for (size_t i = at; i < stop; i++)
            s->next_line += s->buf.data[i] == '\n';
        s->cells[row->n++] = cell_text(s, at, stop, quoted);
        if (!more)
            break;
        at = stop + 1;
    }
    s->next_line++;
    s->at = end;
    return WW_OK;
}

/* The first line is there to its end, or what a guess looks at of it: the guess must not depend on how bytes
 * come. */
static bool has_line(const struct ww_csv_stream *s) {
    bool in_quotes = false;
    for (size_t i = 0; i < s->buf.len && i < CHUNK; i++) {
        in_quotes ^= s->buf.data[i] == '"';
        if (!in_quotes && is_line_end(s->buf.data[i]))
            return true;
    }
    return s->buf.len >= CHUNK;
}

static void pass_mark(struct ww_csv_stream *s) {
    static const struct ww_str mark = {"\xEF\xBB\xBF", 3};
    if (ww_str_starts(ww_buf_str(&s->buf), mark))
        s->at = mark.len;
}

static void guess_separator(struct ww_csv_stream *s) {
    static const char known[] = ",;\t|";
    size_t best = 0;
    s->begun = true;
    if (s->separator)
        return;
    s->separator = ',';
    for (const char *c = known; *c; c++) {
        size_t n = 0;
        bool in_quotes = false;
        size_t end = s->buf.len < CHUNK ? s->buf.len : CHUNK;
        for (size_t i = s->at; i < end && (in_quotes || !is_line_end(s->buf.data[i])); i++) {
            in_quotes ^= s->buf.data[i] == '"';
            n += !in_quotes && s->buf.data[i] == *c;
        }
        if (n > best) {
            best = n;
            s->separator = *c;
        }
    }
}

static bool is_empty(const struct ww_csv_row *row) {
    return row->n == 1 && row->cells[0].len == 0;
}

bool ww_csv_stream_next(struct ww_csv_stream *s, struct ww_csv_row *row, enum ww_status *status,
                        struct ww_error *err) {
    *status = WW_OK;
    while (!s->failed) {
        size_t end = 0;
        if (!s->begun && (s->at_end || has_line(s))) {
            pass_mark(s);
            guess_separator(s);
        }
        bool have = s->begun && s->at < s->buf.len && find_end(s, &end);
        if (!have && s->at_end)
            return false;
        *status = have ? cut(s, end, row, err) : read_more(s, err);
        if (*status != WW_OK) {
            s->failed = true;
            if (err && err->line == 0)
                err->line = s->next_line;
            return true;
        }
        if (have && !is_empty(row))
            return true;
    }
    return false;
}
