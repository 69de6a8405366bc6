/* The field's files into columns, each row checked where it stands. */
#include "geo/scan/input.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/scan/table.h"

struct ww_scan_input *ww_scan_input_new(void) {
    struct ww_scan_input *in = ww_try_calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->id_of = ww_map_new(64);
    in->stratum_of = ww_map_new(16);
    in->n_strata = 1;
    if (ww_map_put(in->stratum_of, WW_STR_NONE, 0) != WW_OK) {
        ww_scan_input_free(in);
        return NULL;
    }
    return in;
}

void ww_scan_input_free(struct ww_scan_input *in) {
    if (!in)
        return;
    ww_map_free(in->id_of);
    ww_map_free(in->stratum_of);
    ww_free(in->name);
    ww_free(in->at);
    for (int i = 0; i < WW_SCAN_N_FILES; i++)
        ww_free(in->rows[i].row);
    ww_free(in->list_start);
    ww_free(in->list_item);
    ww_free(in);
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the files of the scan");
}

/* ---- Ids ---- */

static bool room_for_id(struct ww_scan_input *in) {
    if (in->n_ids < in->room_ids)
        return true;
    uint32_t room = in->room_ids ? 2 * in->room_ids : 256;
    struct ww_str *name = ww_try_realloc(in->name, room * sizeof *name);
    if (name)
        in->name = name;
    double(*at)[3] = ww_try_realloc(in->at, room * sizeof *at);
    if (at)
        in->at = at;
    if (!name || !at)
        return false;
    in->room_ids = room;
    return true;
}

static enum ww_status add_id(struct ww_scan_input *in, struct ww_str name, uint32_t *out,
                             struct ww_error *err) {
    if (in->n_ids == WW_SCAN_MAX_IDS)
        return ww_error_set(err, WW_TOO_LARGE, "more than %u ids", WW_SCAN_MAX_IDS);
    if (!room_for_id(in) || ww_map_put(in->id_of, name, in->n_ids) != WW_OK)
        return no_memory(err);
    in->name[in->n_ids] = name;
    in->at[in->n_ids][0] = in->at[in->n_ids][1] = in->at[in->n_ids][2] = NAN;
    *out = in->n_ids++;
    return WW_OK;
}

static enum ww_status id_of(struct ww_scan_input *in, const struct ww_scan_table *t, uint32_t field,
                            uint32_t *out, struct ww_error *err) {
    uint64_t id;
    if (t->field[field].len == 0)
        return ww_scan_table_error(t, err, field, "id", "an id is missing");
    if (ww_map_get(in->id_of, t->field[field], &id)) {
        *out = (uint32_t)id;
        return WW_OK;
    }
    if (in->ids_are_known)
        return ww_scan_table_error(t, err, field, "id", "the id %.*s is not in the file of places",
                                   WW_STR_ARG(t->field[field]));
    return add_id(in, t->field[field], out, err);
}

/* ---- Places ---- */

static enum ww_status read_number(const struct ww_scan_table *t, uint32_t field, const char *name,
                                  double *out, struct ww_error *err) {
    if (field >= t->n)
        return ww_scan_table_error(t, err, field, name, "the row ends before its %s", name);
    if (!ww_str_to_double(t->field[field], out))
        return ww_scan_table_error(t, err, field, name, "the %s is no number", name);
    return WW_OK;
}

static bool fits_degrees(const struct ww_scan_input *in) {
    for (uint32_t i = 0; i < in->n_ids; i++) /* as they stand in the file: latitude, longitude */
        if (fabs(in->at[i][0]) > 90 || fabs(in->at[i][1]) > 180 || in->at[i][2] != 0)
            return false;
    return true;
}

enum ww_status ww_scan_read_geo(struct ww_scan_input *in, struct ww_str text,
                                enum ww_scan_coordinates coordinates, struct ww_error *err) {
    struct ww_scan_table t = ww_scan_table_of(text);
    bool known = in->ids_are_known; /* lists said which ids there are */
    bool solid = false;
    while (ww_scan_table_next(&t)) {
        uint32_t id;
        double at[3] = {0, 0, 0};
        enum ww_status st = id_of(in, &t, 0, &id, err);
        if (st == WW_OK && (t.n < 3 || t.n > 4 || (t.n == 4 && coordinates == WW_SCAN_DEGREES)))
            st = ww_scan_table_error(
                &t, err, t.n < 3 ? t.n : t.n - 1, "coordinates", "a place is its id and %s, not %u fields",
                coordinates == WW_SCAN_DEGREES ? "latitude and longitude" : "x y [z]", t.n);
        for (uint32_t i = 1; i < t.n && st == WW_OK; i++)
            st = read_number(&t, i,
                             i == 1   ? "latitude or x"
                             : i == 2 ? "longitude or y"
                                      : "z",
                             &at[i - 1], err);
        if (st == WW_OK && coordinates == WW_SCAN_DEGREES && (fabs(at[0]) > 90 || fabs(at[1]) > 180))
            st = ww_scan_table_error(&t, err, fabs(at[0]) > 90 ? 1 : 2, "coordinates",
                                     "no latitude and longitude in degrees");
        if (st == WW_OK && !isnan(in->at[id][0]) &&
            (in->at[id][0] != at[0] || in->at[id][1] != at[1] || in->at[id][2] != at[2]))
            st = ww_scan_table_error(&t, err, 0, "id", "the id %.*s has other coordinates in another row",
                                     WW_STR_ARG(t.field[0]));
        if (st != WW_OK)
            return st;
        for (int i = 0; i < 3; i++)
            in->at[id][i] = at[i];
        solid |= t.n == 4;
    }
    if (in->n_ids == 0)
        return ww_error_set(err, WW_BAD_INPUT, "the file has no places");
    in->has_geo = in->ids_are_known = true;
    in->degrees = coordinates == WW_SCAN_DEGREES ||
                  (coordinates == WW_SCAN_COORDINATES_AUTO && !solid && fits_degrees(in));
    for (uint32_t i = 0; i < in->n_ids; i++) {
        if (known && isnan(in->at[i][0]))
            return ww_error_set(err, WW_BAD_INPUT, "the id %.*s has no coordinates", WW_STR_ARG(in->name[i]));
        if (in->degrees) { /* into the order of a place: longitude, latitude */
            double latitude = in->at[i][0];
            in->at[i][0] = in->at[i][1];
            in->at[i][1] = latitude;
        }
    }
    return WW_OK;
}

/* ---- Counts ---- */

static enum ww_status stratum_of(struct ww_scan_input *in, const struct ww_scan_table *t, uint32_t from,
                                 uint32_t *out, struct ww_error *err) {
    char key[1024];
    size_t len = 0;
    for (uint32_t i = from; i < t->n; i++) {
        if (len + t->field[i].len + 1 > sizeof key)
            return ww_scan_table_error(t, err, i, "covariate", "the covariates are too long");
        memcpy(key + len, t->field[i].ptr, t->field[i].len);
        len += t->field[i].len;
        key[len++] = '\t';
    }
    uint64_t stratum;
    if (!ww_map_get(in->stratum_of, (struct ww_str){key, len}, &stratum)) {
        if (in->n_strata == WW_SCAN_MAX_STRATA)
            return ww_error_set(err, WW_TOO_LARGE, "more than %u combinations of covariates",
                                WW_SCAN_MAX_STRATA);
        stratum = in->n_strata;
        if (ww_map_put(in->stratum_of, (struct ww_str){key, len}, stratum) != WW_OK)
            return no_memory(err);
        in->n_strata++;
    }
    *out = (uint32_t)stratum;
    return WW_OK;
}

static enum ww_status add_row(struct ww_scan_rows *rows, const struct ww_scan_row *row,
                              struct ww_error *err) {
    if (rows->n == WW_SCAN_MAX_ROWS)
        return ww_error_set(err, WW_TOO_LARGE, "the file has more than %u rows", WW_SCAN_MAX_ROWS);
    if (rows->n == rows->room) {
        uint32_t room = rows->room ? 2 * rows->room : 1024;
        struct ww_scan_row *bigger = ww_try_realloc(rows->row, room * sizeof *bigger);
        if (!bigger)
            return no_memory(err);
        rows->row = bigger;
        rows->room = room;
    }
    rows->row[rows->n++] = *row;
    return WW_OK;
}

static bool looks_like_date(struct ww_str text) {
    struct ww_scan_date date;
    return text.len >= 4 && ww_scan_date_parse(text, false, &date) &&
           (text.len > 4 || (date.year >= 1700 && date.year <= 2200));
}

/* Where date, amount and covariates stand. */
struct columns {
    int date, amount;
    uint32_t covariates;
    bool numbers, whole;
    const char *amount_name;
    uint32_t n_fields; /* of the first row: all must have as many */
};

static struct columns columns_of(enum ww_scan_file file, enum ww_scan_times times,
                                 const struct ww_scan_table *first) {
    struct columns c = {.date = -1,
                        .amount = 1,
                        .covariates = 2,
                        .numbers = times == WW_SCAN_TIMES_NUMBERS,
                        .whole = file != WW_SCAN_POPULATION,
                        .amount_name = file == WW_SCAN_POPULATION ? "population" : "count",
                        .n_fields = first->n};
    bool dated = times == WW_SCAN_TIMES_DATES || times == WW_SCAN_TIMES_NUMBERS;
    if (file == WW_SCAN_POPULATION) {
        if (first->n > 2 && times != WW_SCAN_TIMES_NO) {
            c.date = 1;
            c.amount = 2;
            c.covariates = 3;
        }
        return c;
    }
    if (times == WW_SCAN_TIMES_AUTO)
        dated = first->n > 2 && looks_like_date(first->field[2]);
    if (dated) {
        c.date = 2;
        c.covariates = 3;
    }
    return c;
}

static enum ww_status read_row(struct ww_scan_input *in, enum ww_scan_file file, const struct columns *c,
                               const struct ww_scan_table *t, struct ww_error *err) {
    struct ww_scan_row row = {.line = t->line};
    enum ww_status st = id_of(in, t, 0, &row.id, err);
    if (st == WW_OK)
        st = read_number(t, (uint32_t)c->amount, c->amount_name, &row.amount, err);
    if (st == WW_OK && (row.amount < 0 || row.amount > 1e12 ||
                        (c->whole && (row.amount != floor(row.amount) || row.amount > 1e9))))
        st = ww_scan_table_error(t, err, (uint32_t)c->amount, c->amount_name, "the %s must be %s",
                                 c->amount_name,
                                 c->whole ? "a whole number from 0 to 1000000000" : "from 0 to 1e12");
    if (st == WW_OK && c->date >= 0) {
        uint32_t at = (uint32_t)c->date;
        if (at >= t->n)
            st = ww_scan_table_error(t, err, at, "date", "the row ends before its date");
        else if (!ww_scan_date_parse(t->field[at], c->numbers, &row.date))
            st =
                ww_scan_table_error(t, err, at, "date", "%.*s is no %s", WW_STR_ARG(t->field[at]),
                                    c->numbers ? "whole number" : "date such as 1991/12/31, 1991/12 or 1991");
    }
    if (st == WW_OK && (t->n != c->n_fields || t->spills))
        st = ww_scan_table_error(t, err, t->n < c->n_fields ? t->n : c->n_fields, "covariate",
                                 "the row has %u fields, the first row has %u", t->n, c->n_fields);
    if (st == WW_OK && t->n > c->covariates && file == WW_SCAN_CONTROLS)
        st = ww_scan_table_error(t, err, c->covariates, "covariate", "controls have no covariates");
    if (st == WW_OK && t->n > c->covariates)
        st = stratum_of(in, t, c->covariates, &row.stratum, err);
    return st == WW_OK ? add_row(&in->rows[file], &row, err) : st;
}

enum ww_status ww_scan_read_counts(struct ww_scan_input *in, enum ww_scan_file file, struct ww_str text,
                                   enum ww_scan_times times, struct ww_error *err) {
    struct ww_scan_table t = ww_scan_table_of(text);
    struct columns c = {0};
    bool first = true;
    while (ww_scan_table_next(&t)) {
        if (first)
            c = columns_of(file, times, &t);
        first = false;
        enum ww_status st = read_row(in, file, &c, &t, err);
        if (st != WW_OK)
            return st;
    }
    in->rows[file].has_dates = c.date > 0;
    return first ? ww_error_set(err, WW_BAD_INPUT, "the file has no rows") : WW_OK;
}

/* ---- Lists ---- */

struct pair {
    uint32_t of, other;
};

/* Pairs in the order of the file into lists in the order of ids. */
static enum ww_status make_lists(struct ww_scan_input *in, const struct pair *pair, uint32_t n,
                                 struct ww_error *err) {
    in->list_start = ww_try_calloc((size_t)in->n_ids + 2, sizeof *in->list_start);
    in->list_item = ww_try_calloc((size_t)n + 1, sizeof *in->list_item);
    if (!in->list_start || !in->list_item)
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++)
        in->list_start[pair[i].of + 2]++; /* one place on: filling moves each start to its own */
    for (uint32_t i = 0; i < in->n_ids; i++)
        in->list_start[i + 1] += in->list_start[i];
    for (uint32_t i = 0; i < n; i++)
        in->list_item[in->list_start[pair[i].of + 1]++] = pair[i].other;
    return WW_OK;
}

enum ww_status ww_scan_read_lists(struct ww_scan_input *in, struct ww_str text, struct ww_error *err) {
    struct ww_scan_table t = ww_scan_table_of(text);
    struct pair *pair = NULL;
    uint32_t n = 0, room = 0;
    enum ww_status st = WW_OK;
    while (st == WW_OK && ww_scan_table_next(&t)) {
        uint32_t of = 0, other = 0;
        st = id_of(in, &t, 0, &of, err);
        if (st == WW_OK && t.spills)
            st = ww_scan_table_error(&t, err, WW_SCAN_FIELDS - 1, "id",
                                     "a row has more than %d ids: begin further rows with the same first id",
                                     WW_SCAN_FIELDS);
        for (uint32_t i = 1; i < t.n && st == WW_OK; i++) {
            st = id_of(in, &t, i, &other, err);
            if (st == WW_OK && n == room) {
                room = room ? 2 * room : 1024;
                struct pair *bigger =
                    room <= WW_SCAN_MAX_ROWS * 4 ? ww_try_realloc(pair, room * sizeof *pair) : NULL;
                if (!bigger)
                    st = no_memory(err);
                else
                    pair = bigger;
            }
            if (st == WW_OK)
                pair[n++] = (struct pair){of, other};
        }
    }
    if (st == WW_OK && in->n_ids == 0)
        st = ww_error_set(err, WW_BAD_INPUT, "the file has no rows");
    if (st == WW_OK)
        st = make_lists(in, pair, n, err);
    in->ids_are_known = true;
    ww_free(pair);
    return st;
}
