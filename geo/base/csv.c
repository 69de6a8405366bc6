/* Reads rows of a text table. */
#include "geo/base/csv.h"

#include "geo/base/buf.h"

enum { MAX_CELL = 256 << 10 };

struct ww_csv ww_csv_of(struct ww_str text, bool by_blanks) {
    static const struct ww_str mark = {"\xEF\xBB\xBF", 3};
    return (struct ww_csv){.text = text,
                           .by_blanks = by_blanks,
                           .at = ww_str_starts(text, mark) ? mark.len : 0,
                           .line = 1,
                           .next_line = 1};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool ends_cell(const struct ww_csv *csv, char c) {
    return c == ',' || c == '\r' || c == '\n' || (csv->by_blanks && is_blank(c));
}

static void pass_blanks(struct ww_csv *csv) {
    while (csv->at < csv->text.len && is_blank(csv->text.ptr[csv->at]))
        csv->at++;
}

/* A quoted cell: its quotes are doubled inside, line ends belong to it. */
static bool read_quoted(struct ww_csv *csv, struct ww_buf *cell) {
    csv->at++;
    for (; csv->at < csv->text.len; csv->at++) {
        char c = csv->text.ptr[csv->at];
        if (c == '"') {
            if (csv->at + 1 == csv->text.len || csv->text.ptr[csv->at + 1] != '"') {
                csv->at++;
                return true;
            }
            csv->at++;
        }
        csv->next_line += c == '\n';
        ww_buf_char(cell, c);
    }
    return false;
}

/* Passes over what stands behind a cell; true when the row ends there. */
static bool pass_separator(struct ww_csv *csv) {
    if (csv->by_blanks)
        pass_blanks(csv);
    if (csv->at < csv->text.len && csv->text.ptr[csv->at] == ',') {
        csv->at++;
        return false;
    }
    if (csv->at < csv->text.len && csv->text.ptr[csv->at] != '\r' && csv->text.ptr[csv->at] != '\n')
        return false;
    if (csv->at < csv->text.len && csv->text.ptr[csv->at] == '\r')
        csv->at++;
    if (csv->at < csv->text.len && csv->text.ptr[csv->at] == '\n')
        csv->at++;
    csv->next_line++;
    return true;
}

static enum ww_status read_cell(struct ww_csv *csv, struct ww_arena *arena, struct ww_str *out,
                                struct ww_error *err) {
    struct ww_buf cell;
    bool closed = true;
    ww_buf_init(&cell, MAX_CELL);
    pass_blanks(csv);
    if (csv->at < csv->text.len && csv->text.ptr[csv->at] == '"')
        closed = read_quoted(csv, &cell);
    while (csv->at < csv->text.len && !ends_cell(csv, csv->text.ptr[csv->at]))
        ww_buf_char(&cell, csv->text.ptr[csv->at++]);
    *out = ww_arena_copy(arena, ww_str_trim(ww_buf_str(&cell)));
    enum ww_status st = ww_buf_status(&cell);
    ww_buf_clear(&cell);
    if (!closed)
        return ww_error_set(err, WW_BAD_INPUT, "a quoted cell does not end");
    return st == WW_OK && out->ptr ? WW_OK : ww_error_set(err, WW_BAD_INPUT, "a cell is too long");
}

bool ww_csv_row(struct ww_csv *csv, struct ww_arena *arena, struct ww_str *cells, size_t max, size_t *n,
                enum ww_status *status, struct ww_error *err) {
    bool last = false;
    *n = 0;
    *status = WW_OK;
    if (csv->at >= csv->text.len)
        return false;
    csv->line = csv->next_line;
    while (!last && *status == WW_OK) {
        if (*n == max)
            *status = ww_error_set(err, WW_BAD_INPUT, "has too many columns");
        else if ((*status = read_cell(csv, arena, &cells[(*n)++], err)) == WW_OK)
            last = pass_separator(csv);
    }
    if (*status != WW_OK && err) {
        err->line = csv->line;
        err->column = 1;
    }
    return true;
}

void ww_csv_cell(struct ww_buf *out, struct ww_str text) {
    bool quote = false;
    for (size_t i = 0; i < text.len && !quote; i++)
        quote = text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\r' || text.ptr[i] == '\n';
    if (!quote) {
        ww_buf_str_add(out, text);
        return;
    }
    ww_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            ww_buf_char(out, '"');
        ww_buf_char(out, text.ptr[i]);
    }
    ww_buf_char(out, '"');
}
