/* CSV as RFC 4180 describes it, with a header row.
 *
 * Cells may be quoted, "" inside quotes is one quote, and quoted cells may hold commas and
 * line ends. Lines end with CRLF or LF; blank lines are passed over. A row with the wrong
 * number of cells or a stray quote is dead, and reading goes on with the next line; only a
 * quote that is never closed takes the rest of the body with it.
 */
#include "ingest/decode/decode_internal.h"

enum { MAX_COLUMNS = 4096 };

struct csv {
    struct decoder *d;
    const char *p, *end;
    uint64_t line;     /* of the row at hand */
    uint64_t newlines; /* inside its quoted cells */
    const char *fault; /* what is wrong with the row, and where */
    const char *fault_at;
    bool row_is_done;
    int32_t *wanted; /* column → field, or -1 */
    uint32_t n_columns;
};

/* 1 for the bytes at which an unquoted cell stops. */
static const uint8_t is_stop[256] = {[','] = 1, ['\n'] = 1, ['"'] = 1};

static void set_fault(struct csv *c, const char *at, const char *fault) {
    if (c->fault)
        return;
    c->fault = fault;
    c->fault_at = at;
}

/* After a cell: passes over the comma or the line end. */
static void pass_separator(struct csv *c) {
    if (c->p < c->end && *c->p == ',') {
        c->p++;
        return;
    }
    c->row_is_done = true;
    if (c->p < c->end && *c->p == '\r')
        c->p++;
    if (c->p < c->end)
        c->p++;
}

static bool at_separator(const struct csv *c) {
    if (c->p == c->end || *c->p == ',' || *c->p == '\n')
        return true;
    return *c->p == '\r' && (c->p + 1 == c->end || c->p[1] == '\n');
}

static struct cell read_quoted(struct csv *c) {
    const char *start = c->p + 1, *p = start;
    bool escaped = false;
    for (;;) {
        const char *quote = p < c->end ? memchr(p, '"', (size_t)(c->end - p)) : NULL;
        if (!quote) {
            set_fault(c, c->p, "a quoted cell is never closed");
            p = c->end;
            break;
        }
        p = quote;
        if (p + 1 == c->end || p[1] != '"')
            break;
        escaped = true;
        p += 2;
    }
    struct cell cell = {
        .text = {start, (size_t)(p - start)}, .at = c->p, .type = CELL_TEXT, .escaped = escaped};
    for (const char *q = start; (q = q < p ? memchr(q, '\n', (size_t)(p - q)) : NULL) != NULL; q++)
        c->newlines++;
    c->p = p < c->end ? p + 1 : p;
    if (!at_separator(c)) {
        set_fault(c, c->p, "text follows a closing quote");
        while (!at_separator(c))
            c->p++;
    }
    return cell;
}

static struct cell read_bare(struct csv *c) {
    const char *start = c->p, *p = start;
    for (;;) {
        while (p < c->end && !is_stop[(uint8_t)*p])
            p++;
        if (p == c->end || *p != '"')
            break;
        set_fault(c, p, "a quote stands inside a cell that is not quoted");
        p++;
    }
    c->p = p;
    if ((p == c->end || *p == '\n') && p > start && p[-1] == '\r')
        c->p = --p;
    return (struct cell){.text = {start, (size_t)(p - start)}, .at = start, .type = CELL_TEXT};
}

static inline struct cell read_cell(struct csv *c) {
    struct cell cell = c->p < c->end && *c->p == '"' ? read_quoted(c) : read_bare(c);
    return cell;
}

static void begin_row(struct csv *c) {
    c->newlines = 0;
    c->fault = NULL;
    c->row_is_done = false;
}

static bool pass_blank_line(struct csv *c) {
    const char *p = c->p;
    if (p < c->end && *p == '\r')
        p++;
    if (p < c->end && *p == '\n')
        p++;
    else if (p < c->end)
        return false;
    c->p = p;
    c->line++;
    return true;
}

/* ---- The header ---- */

static void header_error(struct csv *c, struct ww_str column, const char *message) {
    struct decoder *d = c->d;
    char shown[96];
    size_t n = column.len < sizeof shown - 1 ? column.len : sizeof shown - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = (uint8_t)column.ptr[i] < 0x20 || (uint8_t)column.ptr[i] == 0x7F ? '?' : column.ptr[i];
    shown[n] = '\0';
    d->status = ww_error_set(d->err, WW_BAD_INPUT, "%s%s%s%s", message, n ? " \"" : "", shown, n ? "\"" : "");
    ww_error_at_field(d->err, column, WW_STR_NONE);
    if (d->err) {
        d->err->line = c->line;
        d->err->column = 1;
    }
}

/* The field of that column, or -1. Sets seen[field]. */
static int32_t find_field(struct csv *c, struct ww_str column, bool *seen) {
    const struct ww_feed_config *config = c->d->config;
    for (uint32_t i = 0; i < config->n_fields; i++) {
        if (!ww_str_eq(config->fields[i].name, column))
            continue;
        if (seen[i])
            header_error(c, column, "the header has twice the column");
        seen[i] = true;
        return (int32_t)i;
    }
    return -1;
}

static void check_header(struct csv *c, const bool *seen) {
    const struct ww_feed_config *config = c->d->config;
    for (uint32_t i = 0; i < config->n_fields; i++) {
        if (config->fields[i].required && !seen[i]) {
            header_error(c, config->fields[i].name, "the header has no column");
            return;
        }
    }
    for (uint32_t i = 0; i < config->n_values; i++)
        if (config->values[i].value.kind == SOURCE_CONST || seen[config->values[i].value.field])
            return;
    header_error(c, WW_STR_NONE, "the header has none of the value columns");
}

static struct ww_str header_name(struct csv *c, struct cell cell) {
    if (!cell.escaped)
        return ww_str_trim(cell.text);
    char *copy = ww_arena_alloc(c->d->arena, cell.text.len);
    if (!copy) {
        ww_decoder_too_large(c->d, "the request does not fit into the memory of one batch");
        return WW_STR_NONE;
    }
    size_t n = 0;
    for (size_t i = 0; i < cell.text.len; i++) {
        copy[n++] = cell.text.ptr[i];
        i += cell.text.ptr[i] == '"';
    }
    return ww_str_trim((struct ww_str){copy, n});
}

static void read_header(struct csv *c) {
    struct decoder *d = c->d;
    bool seen[MAX_FIELDS] = {false};
    int32_t wanted[MAX_COLUMNS];
    begin_row(c);
    while (!c->row_is_done && d->status == WW_OK) {
        if (c->n_columns == MAX_COLUMNS) {
            header_error(c, WW_STR_NONE, "the header has more than 4096 columns");
            return;
        }
        wanted[c->n_columns++] = find_field(c, header_name(c, read_cell(c)), seen);
        pass_separator(c);
    }
    if (d->status == WW_OK && c->fault)
        header_error(c, WW_STR_NONE, c->fault);
    if (d->status == WW_OK)
        check_header(c, seen);
    if (d->status != WW_OK)
        return;
    c->line += 1 + c->newlines;
    c->wanted = ww_arena_alloc(d->arena, c->n_columns * sizeof *c->wanted);
    if (!c->wanted)
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    else
        memcpy(c->wanted, wanted, c->n_columns * sizeof *c->wanted);
    d->recognised = true;
}

/* ---- Rows ---- */

static struct ww_str row_bytes(const struct csv *c, const char *start) {
    const char *stop = c->p;
    if (stop > start && stop[-1] == '\n')
        stop--;
    if (stop > start && stop[-1] == '\r')
        stop--;
    return (struct ww_str){start, (size_t)(stop - start)};
}

static void read_row(struct csv *c) {
    struct decoder *d = c->d;
    const char *start = c->p;
    uint64_t n = 0;
    begin_row(c);
    ww_record_begin(d, c->line);
    while (!c->row_is_done) {
        struct cell cell = read_cell(c);
        if (n < c->n_columns && c->wanted[n] >= 0)
            d->cells[c->wanted[n]] = cell;
        n++;
        pass_separator(c);
    }
    struct ww_str raw = row_bytes(c, start);
    c->line += 1 + c->newlines;
    d->raw = raw;
    if (c->fault)
        ww_decoder_dead(d, WW_STR_NONE, c->fault_at, WW_STR_NONE, "%s", c->fault);
    else if (n != c->n_columns)
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "the row has %llu cells, the header has %u",
                        (unsigned long long)n, c->n_columns);
    else
        ww_record_map(d, raw);
}

void ww_decode_csv(struct decoder *d) {
    struct csv c = {.d = d, .p = d->body.ptr, .end = d->body.ptr + d->body.len, .line = 1};
    d->is_csv = true;
    while (c.p < c.end && pass_blank_line(&c))
        ;
    if (c.p < c.end)
        read_header(&c);
    while (c.p < c.end && d->status == WW_OK)
        if (!pass_blank_line(&c))
            read_row(&c);
}
