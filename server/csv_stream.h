/* Reads a text table row by row in constant memory, however long it is.
 *
 *   struct ww_csv_stream *s;
 *   ww_csv_stream_new(read_file, file, 0, &s);            // 0 = the separator that the first line uses most
 *   while (ww_csv_stream_next(s, &row, &st, &err) && st == WW_OK) … row.cells[0…row.n-1]
 *   ww_csv_stream_free(s);
 *
 * RFC 4180 with ',', ';', tab or '|': a cell may be quoted, "" in quotes is a quote, quoted cells may hold
 * separators and line ends; lines end with LF, CRLF or CR; blanks around cells don't count; a byte order mark
 * is passed over; blank lines are passed over. A row is at most 1 MiB and 4,096 cells. Cells are views that
 * live until the next call. geo/base/csv.h reads whole texts that are in memory; this one reads what is
 * larger than memory.
 */
#ifndef WW_SERVER_CSV_STREAM_H
#define WW_SERVER_CSV_STREAM_H

#include "geo/base/status.h"

struct ww_csv_stream;

/* Up to `cap` bytes into `out`; 0 at the end; (size_t)-1 when it can't be read. */
typedef size_t ww_csv_read_fn(void *from, char *out, size_t cap);

struct ww_csv_row {
    const struct ww_str *cells;
    const uint32_t *columns; /* of each cell's first byte, from 1 */
    size_t n;
    uint64_t line; /* of its beginning, from 1 */
};

enum ww_status ww_csv_stream_new(ww_csv_read_fn *read, void *from, char separator,
                                 struct ww_csv_stream **out) WW_MUST_CHECK;
void ww_csv_stream_free(struct ww_csv_stream *stream); /* NULL is allowed */
/* False at the end. WW_BAD_INPUT with line and column: an unended quote, too long a row, too many cells.
 * After an error there is no next row. */
bool ww_csv_stream_next(struct ww_csv_stream *stream, struct ww_csv_row *row, enum ww_status *status,
                        struct ww_error *err);
char ww_csv_stream_separator(const struct ww_csv_stream *stream); /* known after the first row */

#endif
