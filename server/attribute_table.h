/* A table that an analyst hands over: CSV with a head, or GeoJSON features with properties.
 *
 * Read whole; cells are text, and asked for by column. Everything lives in the table's arena.
 *
 *   struct ww_attribute_table t;
 *   st = ww_attribute_table_read(text, &t, &err);
 *   st = ww_attribute_table_column(&t, "cod", &column, &err);      // WW_BAD_INPUT lists the columns that
 * there are st = ww_attribute_table_number(&t, row, column, &value, &err);  // NAN for an empty cell
 *   ww_attribute_table_clear(&t);
 */
#ifndef WW_SERVER_ATTRIBUTE_TABLE_H
#define WW_SERVER_ATTRIBUTE_TABLE_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

enum { WW_TABLE_COLUMNS = 256 };

struct ww_attribute_table {
    struct ww_arena *arena;
    bool is_geojson;
    uint32_t n_columns, n_rows;
    struct ww_str column[WW_TABLE_COLUMNS];
    struct ww_attribute_row *rows;
    uint32_t rows_cap;
};
struct ww_attribute_row {
    uint64_t line;          /* CSV: of its row; GeoJSON: the feature's number; both from 1 */
    struct ww_str geometry; /* GeoJSON text; len 0: none */
    uint32_t n_cells;       /* columns that came later are empty in this row */
    struct ww_str *cell;
};

/* An error names line and column, or the feature. `out` needs clearing only after WW_OK. */
enum ww_status ww_attribute_table_read(struct ww_str text, struct ww_attribute_table *out,
                                       struct ww_error *err) WW_MUST_CHECK;
void ww_attribute_table_clear(struct ww_attribute_table *table);

/* By name, small and capital letters alike. UINT32_MAX: none. */
uint32_t ww_attribute_table_find(const struct ww_attribute_table *table, const char *name);
enum ww_status ww_attribute_table_column(const struct ww_attribute_table *table, const char *name,
                                         uint32_t *column, struct ww_error *err) WW_MUST_CHECK;
struct ww_str ww_attribute_table_cell(const struct ww_attribute_table *table, uint32_t row, uint32_t column);
/* NAN for an empty cell, "NA" and "null"; WW_BAD_INPUT with line, field and value for what is no number. */
enum ww_status ww_attribute_table_number(const struct ww_attribute_table *table, uint32_t row,
                                         uint32_t column, double *out, struct ww_error *err) WW_MUST_CHECK;
/* The two numbers of a Point; false for other geometries. */
bool ww_attribute_table_point(const struct ww_attribute_table *table, uint32_t row, double xy[2]);
/* An error about a cell. */
enum ww_status ww_attribute_table_refuse(const struct ww_attribute_table *table, uint32_t row,
                                         uint32_t column, struct ww_error *err, const char *fmt, ...)
    WW_PRINTF(5, 6);

#endif
