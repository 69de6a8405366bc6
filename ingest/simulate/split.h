/* Cuts a file into request bodies at record borders, reading it once from front to back.
 *
 * CSV: records may hold quoted line feeds; the header goes in front of every body. NDJSON: lines, empty
 * ones dropped. GeoJSON: the features of a FeatureCollection, each body a FeatureCollection again.
 * JSON: the items of an array at the root, each body an array; any other JSON is one body. The bytes of
 * a record are never changed. A record must fit into 16 MiB.
 *
 *   struct ww_splitter *split;
 *   st = ww_splitter_open("air.csv.gz", WW_SPLIT_AUTO, &split, &err);   // "-" is stdin
 *   while ((st = ww_splitter_next(split, &record, &err)) == WW_OK && record.ptr) …
 *   ww_splitter_close(split);
 */
#ifndef WW_SIMULATE_SPLIT_H
#define WW_SIMULATE_SPLIT_H

#include "geo/base/buf.h"
#include "geo/base/status.h"

enum ww_split_form { WW_SPLIT_AUTO, WW_SPLIT_CSV, WW_SPLIT_NDJSON, WW_SPLIT_GEOJSON, WW_SPLIT_JSON };

#define WW_SPLIT_RECORD_MAX ((size_t)16 << 20)

struct ww_splitter;

/* AUTO: by the file's name (.csv .ndjson .jsonl .geojson .json, then .gz), else by its first bytes. */
enum ww_status ww_splitter_open(const char *path, enum ww_split_form form, struct ww_splitter **out,
                                struct ww_error *err) WW_MUST_CHECK;
void ww_splitter_close(struct ww_splitter *split); /* NULL is allowed */
enum ww_split_form ww_splitter_form(const struct ww_splitter *split);
const char *ww_splitter_content_type(const struct ww_splitter *split);
/* The next record, a view until the next call; .ptr is NULL at the end. WW_BAD_INPUT: the file breaks off
 * inside a record or is no array. */
enum ww_status ww_splitter_next(struct ww_splitter *split, struct ww_str *record,
                                struct ww_error *err) WW_MUST_CHECK;
/* Where the last record began: its line for CSV and NDJSON, else its number; from 1. */
uint64_t ww_splitter_line(const struct ww_splitter *split);
/* Bytes of the file (packed, when it is) read so far, and its size, 0 when unknown. */
uint64_t ww_splitter_bytes_read(const struct ww_splitter *split);
uint64_t ww_splitter_bytes_total(const struct ww_splitter *split);

/* Bodies: begin, add records, end. */
void ww_body_begin(const struct ww_splitter *split, struct ww_buf *body);
void ww_body_add(const struct ww_splitter *split, struct ww_buf *body, uint64_t records_before,
                 struct ww_str record);
void ww_body_end(const struct ww_splitter *split, struct ww_buf *body);
/* The line (or number) in the file of a line in a body whose first record began at first_line. */
uint64_t ww_body_line_in_file(const struct ww_splitter *split, uint64_t first_line, uint64_t line_in_body);

#endif
