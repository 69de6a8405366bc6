/* Turns a CSV register of stations into rows that the database takes. */
#include "server/station_file.h"

#include <stdio.h>

#include "geo/base/csv.h"
#include "server/station_body.h"

enum { MAX_COLUMNS = 32, ARENA = 4 << 20 };

static const struct column {
    const char *name;
    bool in_thing, is_raw; /* raw: JSON as it is */
} columns[] = {
    {"mn", false, false},         {"feed", false, false},   {"password", false, false},
    {"sm4_key", false, false},    {"enabled", false, true}, {"config", false, true},
    {"name_zh", true, false},     {"name_en", true, false}, {"class", true, false},
    {"limit_class", true, false}, {"site", true, false},    {"lon", true, true},
    {"lat", true, true},
};
enum { N_COLUMNS = sizeof columns / sizeof columns[0], COLUMN_LON = 11, COLUMN_LAT = 12 };

static enum ww_status refuse(struct ww_error *err, uint64_t line, const char *field, const char *message) {
    char why[200];
    (void)snprintf(why, sizeof why, "%s", message);
    (void)ww_error_set(err, WW_BAD_INPUT, "%s", why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    err->line = line;
    err->column = 1;
    return WW_BAD_INPUT;
}

static enum ww_status read_head(struct ww_csv *csv, struct ww_arena *arena, int at[MAX_COLUMNS], size_t *n,
                                struct ww_error *err) {
    struct ww_str cells[MAX_COLUMNS];
    enum ww_status st;
    bool has_mn = false;
    if (!ww_csv_row(csv, arena, cells, MAX_COLUMNS, n, &st, err))
        return refuse(err, 1, "", "the file is empty");
    for (size_t i = 0; i < *n && st == WW_OK; i++) {
        size_t c = 0;
        while (c < N_COLUMNS && !ww_str_is(cells[i], columns[c].name))
            c++;
        if (c == N_COLUMNS) {
            char text[64];
            (void)snprintf(text, sizeof text, "%.*s", cells[i].len > 50 ? 50 : (int)cells[i].len,
                           cells[i].ptr ? cells[i].ptr : "");
            return refuse(err, 1, text, "is not a column that is known");
        }
        at[i] = (int)c;
        has_mn = has_mn || c == 0;
    }
    return st != WW_OK || has_mn ? st : refuse(err, 1, "mn", "there is no column mn");
}

static void write_cell(struct ww_json *out, size_t column, struct ww_str text) {
    ww_json_key(out, columns[column].name);
    if (columns[column].is_raw)
        ww_json_raw(out, text);
    else
        ww_json_str(out, text);
}

/* The row as the JSON object that the HTTP interface takes. */
static void write_object(struct ww_json *out, const struct ww_str by_column[N_COLUMNS]) {
    bool has_thing = false;
    ww_json_object(out);
    for (size_t c = 0; c < N_COLUMNS; c++) {
        if (!columns[c].in_thing && by_column[c].len > 0)
            write_cell(out, c, by_column[c]);
        has_thing = has_thing || (columns[c].in_thing && by_column[c].len > 0);
    }
    if (has_thing) {
        ww_json_key(out, "thing");
        ww_json_object(out);
        for (size_t c = 0; c < COLUMN_LON; c++)
            if (columns[c].in_thing && by_column[c].len > 0)
                write_cell(out, c, by_column[c]);
        if (by_column[COLUMN_LON].len > 0 || by_column[COLUMN_LAT].len > 0) {
            ww_json_key(out, "place");
            ww_json_array(out);
            ww_json_raw(out, by_column[COLUMN_LON]);
            ww_json_raw(out, by_column[COLUMN_LAT]);
            ww_json_end_array(out);
        }
        ww_json_end_object(out);
    }
    ww_json_end_object(out);
}

static enum ww_status add_row(const struct ww_str by_column[N_COLUMNS], struct ww_arena *arena, uint64_t line,
                              struct ww_json *out, struct ww_error *err) {
    struct ww_buf object;
    struct ww_json json;
    struct ww_json_node *root;
    ww_buf_init(&object, 1 << 20);
    ww_json_init(&json, &object);
    write_object(&json, by_column);
    struct ww_str text = ww_arena_copy(arena, ww_buf_str(&object));
    enum ww_status st = ww_buf_status(&object);
    ww_buf_clear(&object);
    if (st != WW_OK || !text.ptr)
        return refuse(err, line, "", "the row is too long");
    if (ww_json_parse(arena, text, &root, err) != WW_OK)
        return refuse(err, line, "", "enabled, config, lon or lat is not what it should be");
    st = ww_station_body_write(root, WW_STR_NONE, true, line, out, err);
    if (st != WW_OK) {
        err->line = line;
        err->column = 1;
    }
    return st;
}

enum ww_status ww_station_file_read(struct ww_str csv_text, struct ww_buf *out, uint64_t *n_stations,
                                    struct ww_error *err) {
    struct ww_csv csv = ww_csv_of(csv_text, false);
    int at[MAX_COLUMNS];
    size_t n_head, n;
    struct ww_json json;
    enum ww_status st = ww_str_is_utf8(csv_text) ? WW_OK : refuse(err, 1, "", "the file is not UTF-8");
    struct ww_arena *arena = ww_arena_new(ARENA);
    if (st == WW_OK)
        st = read_head(&csv, arena, at, &n_head, err);
    ww_arena_free(arena);
    ww_json_init(&json, out);
    ww_json_array(&json);
    *n_stations = 0;
    while (st == WW_OK) {
        struct ww_str cells[MAX_COLUMNS], by_column[N_COLUMNS] = {{NULL, 0}};
        arena = ww_arena_new(ARENA); /* of one row */
        bool more = ww_csv_row(&csv, arena, cells, MAX_COLUMNS, &n, &st, err);
        bool is_blank = n == 1 && cells[0].len == 0;
        if (more && st == WW_OK && !is_blank) {
            for (size_t i = 0; i < n && i < n_head; i++)
                by_column[at[i]] = cells[i];
            st = n == n_head ? add_row(by_column, arena, csv.line, &json, err)
                             : refuse(err, csv.line, "", "has another number of columns than the first line");
            ++*n_stations;
        }
        ww_arena_free(arena);
        if (!more)
            break;
    }
    ww_json_end_array(&json);
    return st != WW_OK ? st : ww_buf_status(out);
}
