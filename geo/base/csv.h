/* Rows of a text table, cell by cell: RFC 4180 with commas, or cells parted by blanks.
 *
 *   struct ww_csv csv = ww_csv_of(text, false);
 *   while (ww_csv_row(&csv, arena, cells, N, &n, &st, &err) && st == WW_OK) …cells[0…n-1]
 *
 * Cells may be quoted, "" inside quotes is one quote, and quoted cells may hold separators and line ends;
 * blanks around a cell do not count. Lines end with CRLF or LF. A byte order mark at the front is passed
 * over. For files that people keep; what feeds send is read by ingest/decode/decode_csv.c, which is lenient
 * row by row.
 */
#ifndef WW_BASE_CSV_H
#define WW_BASE_CSV_H

#include "geo/base/arena.h"
#include "geo/base/buf.h"
#include "geo/base/status.h"

struct ww_csv {
    struct ww_str text;
    bool by_blanks; /* runs of blanks part cells, and so does a comma */
    size_t at;
    uint64_t line; /* of the row at hand; counts from 1 */
    uint64_t next_line;
};

struct ww_csv ww_csv_of(struct ww_str text, bool by_blanks);
/* The next row; its cells live in `arena`. False at the end. A row with an unended quote, too long a cell
 * (256 KiB) or more than `max` cells is WW_BAD_INPUT with its line. A blank line is one empty cell. */
bool ww_csv_row(struct ww_csv *csv, struct ww_arena *arena, struct ww_str *cells, size_t max, size_t *n,
                enum ww_status *status, struct ww_error *err);

/* Writes one cell (RFC 4180): in quotes where it holds a comma, a quote or a line end. */
void ww_csv_cell(struct ww_buf *out, struct ww_str text);

#endif
