/* A table that an analyst hands over: CSV or GeoJSON. */
#include "server/attribute_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "geo/base/csv.h"
#include "geo/base/json_reader.h"
#include "server/geojson_file.h"

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the table");
}

static enum ww_status add_row(struct ww_attribute_table *t, struct ww_attribute_row row,
                              struct ww_error *err) {
    if (t->n_rows == t->rows_cap) {
        uint32_t cap = t->rows_cap ? t->rows_cap * 2 : 256;
        struct ww_attribute_row *grown =
            ww_arena_grow(t->arena, t->rows, t->rows_cap * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return no_memory(err);
        t->rows = grown;
        t->rows_cap = cap;
    }
    t->rows[t->n_rows++] = row;
    return WW_OK;
}

static enum ww_status add_column(struct ww_attribute_table *t, struct ww_str name, struct ww_error *err) {
    if (t->n_columns == WW_TABLE_COLUMNS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %d columns", WW_TABLE_COLUMNS);
    t->column[t->n_columns] = ww_arena_copy(t->arena, name);
    return t->column[t->n_columns++].ptr ? WW_OK : no_memory(err);
}

/* ---- CSV ---- */

static enum ww_status take_head(struct ww_attribute_table *t, const struct ww_str *cells, size_t n,
                                uint64_t line, struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (size_t i = 0; i < n && st == WW_OK; i++) {
        for (uint32_t k = 0; k < t->n_columns; k++)
            if (cells[i].len > 0 && ww_str_eq(t->column[k], cells[i])) {
                st = ww_error_set(err, WW_BAD_INPUT, "two columns have one name");
                ww_error_at_field(err, cells[i], WW_STR_NONE);
                if (err)
                    err->line = line;
                return st;
            }
        st = add_column(t, cells[i], err);
    }
    return st;
}

static enum ww_status read_csv(struct ww_attribute_table *t, struct ww_str text, struct ww_error *err) {
    struct ww_csv csv = ww_csv_of(text, false);
    struct ww_str cells[WW_TABLE_COLUMNS];
    size_t n;
    enum ww_status st = WW_OK;
    while (ww_csv_row(&csv, t->arena, cells, WW_TABLE_COLUMNS, &n, &st, err) && st == WW_OK) {
        if (n == 1 && cells[0].len == 0)
            continue; /* a blank line */
        if (t->n_columns == 0) {
            st = take_head(t, cells, n, csv.line, err);
            if (st != WW_OK)
                return st;
            continue;
        }
        if (n != t->n_columns) {
            (void)ww_error_set(err, WW_BAD_INPUT, "the row has %zu cells, the head %u", n, t->n_columns);
            if (err)
                err->line = csv.line;
            return WW_BAD_INPUT;
        }
        struct ww_attribute_row row = {.line = csv.line, .n_cells = (uint32_t)n};
        row.cell = ww_arena_calloc(t->arena, n, sizeof *row.cell);
        if (!row.cell)
            return no_memory(err);
        memcpy(row.cell, cells, n * sizeof *cells);
        st = add_row(t, row, err);
        if (st != WW_OK)
            return st;
    }
    return st;
}

/* ---- GeoJSON ---- */

static enum ww_status take_feature(void *arg, const struct ww_feature *feature, struct ww_arena *scratch,
                                   struct ww_error *err) {
    struct ww_attribute_table *t = arg;
    struct ww_str cells[WW_TABLE_COLUMNS] = {{0}};
    (void)scratch;
    const struct ww_json_node *first = feature->properties ? feature->properties->child : NULL;
    for (const struct ww_json_node *p = first; p; p = p->next) {
        uint32_t at = 0;
        while (at < t->n_columns && !ww_str_eq(t->column[at], p->key))
            at++;
        enum ww_status st = at == t->n_columns ? add_column(t, p->key, err) : WW_OK;
        if (st != WW_OK)
            return st;
        if (p->type != WW_JSON_NULL && !(cells[at] = ww_arena_copy(t->arena, p->text)).ptr)
            return no_memory(err);
    }
    struct ww_attribute_row row = {.line = feature->number, .n_cells = t->n_columns};
    row.geometry = ww_arena_copy(t->arena, feature->geometry);
    row.cell = ww_arena_calloc(t->arena, row.n_cells ? row.n_cells : 1, sizeof *row.cell);
    if (!row.cell || !row.geometry.ptr)
        return no_memory(err);
    memcpy(row.cell, cells, row.n_cells * sizeof *cells);
    return add_row(t, row, err);
}

/* ---- The table ---- */

enum ww_status ww_attribute_table_read(struct ww_str text, struct ww_attribute_table *out,
                                       struct ww_error *err) {
    *out = (struct ww_attribute_table){.arena = ww_arena_new(text.len * 32 + (1 << 20))};
    if (!out->arena)
        return no_memory(err);
    struct ww_str trimmed = ww_str_trim(text);
    out->is_geojson = trimmed.len > 0 && trimmed.ptr[0] == '{';
    enum ww_status st =
        out->is_geojson ? ww_geojson_each(text, take_feature, out, err) : read_csv(out, text, err);
    if (st == WW_OK && out->n_rows == 0)
        st = ww_error_set(err, WW_BAD_INPUT, "the file has no rows below its head");
    if (st != WW_OK)
        ww_attribute_table_clear(out);
    return st;
}

void ww_attribute_table_clear(struct ww_attribute_table *t) {
    ww_arena_free(t->arena);
    *t = (struct ww_attribute_table){0};
}

uint32_t ww_attribute_table_find(const struct ww_attribute_table *t, const char *name) {
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (ww_str_eq_nocase(t->column[i], ww_str_of(name)))
            return i;
    return UINT32_MAX;
}

enum ww_status ww_attribute_table_column(const struct ww_attribute_table *t, const char *name,
                                         uint32_t *column, struct ww_error *err) {
    char list[160];
    size_t at = 0;
    *column = ww_attribute_table_find(t, name);
    if (*column != UINT32_MAX)
        return WW_OK;
    list[0] = '\0';
    for (uint32_t i = 0; i < t->n_columns && at + 1 < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", i > 0 ? ", " : "",
                               WW_STR_ARG(t->column[i]));
    (void)ww_error_set(err, WW_BAD_INPUT, "no column \"%.60s\"; there are: %s", name, list);
    ww_error_at_field(err, ww_str_of(name), WW_STR_NONE);
    return WW_BAD_INPUT;
}

struct ww_str ww_attribute_table_cell(const struct ww_attribute_table *t, uint32_t row, uint32_t column) {
    return column < t->rows[row].n_cells ? t->rows[row].cell[column] : WW_STR_NONE;
}

enum ww_status ww_attribute_table_number(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                                         double *out, struct ww_error *err) {
    struct ww_str cell = ww_attribute_table_cell(t, row, column);
    *out = NAN;
    if (cell.len == 0 || ww_str_eq_nocase(cell, WW_STR("NA")) || ww_str_eq_nocase(cell, WW_STR("null")) ||
        ww_str_eq_nocase(cell, WW_STR("NaN")) || ww_str_to_double(cell, out))
        return WW_OK;
    return ww_attribute_table_refuse(t, row, column, err, "\"%.40s\" is not a number", cell.ptr);
}

bool ww_attribute_table_point(const struct ww_attribute_table *t, uint32_t row, double xy[2]) {
    struct ww_str text = t->rows[row].geometry, type;
    struct ww_arena *arena = text.len > 0 ? ww_arena_new(1 << 20) : NULL;
    struct ww_json_node *root = NULL;
    bool good = false;
    if (arena && ww_json_parse(arena, text, &root, NULL) == WW_OK &&
        ww_json_as_str(ww_json_get(root, "type"), &type) && ww_str_is(type, "Point")) {
        const struct ww_json_node *c = ww_json_get(root, "coordinates");
        good = c && c->type == WW_JSON_ARRAY && c->child && ww_json_as_double(c->child, &xy[0]) &&
               ww_json_as_double(c->child->next, &xy[1]);
    }
    ww_arena_free(arena);
    return good;
}

enum ww_status ww_attribute_table_refuse(const struct ww_attribute_table *t, uint32_t row, uint32_t column,
                                         struct ww_error *err, const char *fmt, ...) {
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    (void)ww_error_set(err, WW_BAD_INPUT, "%s %llu%s%.*s: %s", t->is_geojson ? "feature" : "line",
                       (unsigned long long)t->rows[row].line, column < t->n_columns ? ", field " : "",
                       column < t->n_columns ? (int)t->column[column].len : 0,
                       column < t->n_columns ? t->column[column].ptr : "", what);
    return WW_BAD_INPUT;
}
