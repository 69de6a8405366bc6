/* Places and their values from a table: rows that belong together become one, hexagons are places too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/map.h"
#include "geo/hotspot/rates.h"
#include "server/commands.h"
#include "server/hotspot_job.h"

enum { MAX_FILE = 1 << 30, MAX_CELLS = 200000000 };

static enum ww_status no_memory(struct ww_hotspot_job *job) {
    return ww_error_set(&job->err, WW_NO_MEMORY, "no memory for the places");
}

/* ---- Columns ---- */

struct columns {
    uint32_t id, value, x, y, population, time; /* UINT32_MAX: none */
    bool lon_lat;                               /* x and y are called longitude and latitude */
};

static enum ww_status chosen(struct ww_hotspot_job *job, const char *name, uint32_t *column) {
    *column = UINT32_MAX;
    return name ? ww_attribute_table_column(&job->table, name, column, &job->err) : WW_OK;
}

/* The first of a list of usual names that the table has. */
static uint32_t usual(const struct ww_hotspot_job *job, const char *const *names) {
    for (; *names; names++) {
        uint32_t column = ww_attribute_table_find(&job->table, *names);
        if (column != UINT32_MAX)
            return column;
    }
    return UINT32_MAX;
}

static bool is_degree_name(struct ww_str name) {
    static const char *const names[] = {"lon", "lng", "long", "longitude", "经度"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ww_str_eq_nocase(name, ww_str_of(names[i])))
            return true;
    return false;
}

static enum ww_status find_columns(struct ww_hotspot_job *job, struct columns *c) {
    static const char *const ids[] = {"id", "name", "编号", NULL},
                             *const values[] = {"value", "val", "数值", NULL},
                             *const lons[] = {"lon", "lng", "longitude", "经度", "x", NULL},
                             *const lats[] = {"lat", "latitude", "纬度", "y", NULL},
                             *const people[] = {"population", "pop", "人口", NULL};
    const struct ww_hotspot_options *o = &job->o;
    enum ww_status st = chosen(job, o->id, &c->id);
    if (st == WW_OK)
        st = chosen(job, o->value, &c->value);
    if (st == WW_OK)
        st = chosen(job, o->x, &c->x);
    if (st == WW_OK)
        st = chosen(job, o->y, &c->y);
    if (st == WW_OK)
        st = chosen(job, o->population, &c->population);
    if (st == WW_OK)
        st = chosen(job, o->time, &c->time);
    if (st != WW_OK)
        return st;
    if (!o->id)
        c->id = usual(job, ids);
    if (!o->value)
        c->value = usual(job, values);
    if (!o->x && !o->y) {
        c->x = usual(job, lons);
        c->y = usual(job, lats);
    }
    if (!o->population && job->transform != WW_RATE_NONE)
        c->population = usual(job, people);
    c->lon_lat = c->x != UINT32_MAX && is_degree_name(job->table.column[c->x]);
    if (c->value == UINT32_MAX && job->of != WW_OF_COUNT)
        return ww_attribute_table_column(&job->table, "value", &c->value, &job->err);
    if (c->population == UINT32_MAX && job->transform != WW_RATE_NONE)
        return ww_attribute_table_column(&job->table, "population", &c->population, &job->err);
    return WW_OK;
}

/* ---- Coordinates ---- */

/* Of a row; false: none. Polygons have theirs later, from their centres. */
static enum ww_status place_of(struct ww_hotspot_job *job, const struct columns *c, uint32_t row,
                               double xy[2], bool *found) {
    *found = false;
    if (c->x == UINT32_MAX || c->y == UINT32_MAX) {
        *found = ww_attribute_table_point(&job->table, row, xy);
        return WW_OK;
    }
    enum ww_status st = ww_attribute_table_number(&job->table, row, c->x, &xy[0], &job->err);
    if (st == WW_OK)
        st = ww_attribute_table_number(&job->table, row, c->y, &xy[1], &job->err);
    *found = st == WW_OK && !isnan(xy[0]) && !isnan(xy[1]);
    return st;
}

static bool are_degrees(const struct ww_hotspot_job *job, const struct columns *c) {
    if (job->o.plane || job->o.degrees)
        return job->o.degrees;
    return job->table.is_geojson && c->x == UINT32_MAX ? true : c->lon_lat;
}

static enum ww_status check_degrees(struct ww_hotspot_job *job, uint32_t row, const double xy[2],
                                    const struct columns *c) {
    if (job->is_plane || (fabs(xy[0]) <= 180 && fabs(xy[1]) <= 90))
        return WW_OK;
    return ww_attribute_table_refuse(&job->table, row, fabs(xy[1]) > 90 ? c->y : c->x, &job->err,
                                     "%.10g, %.10g are no degrees (metres of a plane: --plane)", xy[0],
                                     xy[1]);
}

/* ---- Rows to places ---- */

struct cell {
    double sum, most, count, population;
    bool has;
};

struct gathering {
    struct columns c;
    struct ww_map *places, *bins;
    uint32_t *row_place, *row_bin; /* [rows]; UINT32_MAX: the row is in no hexagon */
    struct ww_hex *row_hex;
};

static struct ww_str cut_bin(const struct ww_hotspot_job *job, struct ww_str time) {
    static const struct {
        const char *name;
        size_t len;
    } bins[] = {{"year", 4}, {"month", 7}, {"day", 10}, {"hour", 13}};
    for (size_t i = 0; job->o.bin && i < sizeof bins / sizeof *bins; i++)
        if (strcmp(job->o.bin, bins[i].name) == 0 && time.len > bins[i].len)
            time.len = bins[i].len;
    return time;
}

/* The number of a name, given in the order of appearance. */
static enum ww_status number_of(struct ww_hotspot_job *job, struct ww_map *map, struct ww_str name,
                                struct ww_str *names, uint32_t *n, uint32_t *out, bool *is_new) {
    uint64_t number;
    *is_new = !ww_map_get(map, name, &number);
    if (*is_new) {
        number = *n;
        if (ww_map_put(map, name, number) != WW_OK)
            return no_memory(job);
        names[(*n)++] = name;
    }
    *out = (uint32_t)number;
    return WW_OK;
}

static enum ww_status name_of_row(struct ww_hotspot_job *job, struct gathering *g, uint32_t row,
                                  struct ww_str *name) {
    char text[64];
    if (job->hex_m > 0) {
        double xy[2];
        bool found;
        enum ww_status st = place_of(job, &g->c, row, xy, &found);
        if (st == WW_OK && !found)
            st = ww_attribute_table_refuse(&job->table, row, g->c.x, &job->err, "hexagons need coordinates");
        if (st == WW_OK)
            st = check_degrees(job, row, xy, &g->c);
        if (st != WW_OK)
            return st;
        g->row_hex[row] = ww_hex_of(&job->grid, (struct ww_place){xy[0], xy[1]});
        ww_hex_name(&job->grid, g->row_hex[row], text, sizeof text);
        *name = ww_arena_copy(job->arena, ww_str_of(text));
    } else if (g->c.id != UINT32_MAX) {
        *name = ww_attribute_table_cell(&job->table, row, g->c.id);
        if (name->len == 0)
            return ww_attribute_table_refuse(&job->table, row, g->c.id, &job->err, "a place needs a name");
    } else {
        snprintf(text, sizeof text, "%u", row + 1);
        *name = ww_arena_copy(job->arena, ww_str_of(text));
    }
    return name->ptr ? WW_OK : no_memory(job);
}

static enum ww_status number_rows(struct ww_hotspot_job *job, struct gathering *g) {
    uint32_t rows = job->table.n_rows;
    enum ww_status st = WW_OK;
    for (uint32_t r = 0; r < rows && st == WW_OK; r++) {
        struct ww_str name, time = WW_STR("");
        bool is_new;
        st = name_of_row(job, g, r, &name);
        if (st == WW_OK)
            st = number_of(job, g->places, name, job->name, &job->n, &g->row_place[r], &is_new);
        if (st != WW_OK)
            break;
        if (is_new)
            job->row[job->n - 1] = r;
        if (g->c.time != UINT32_MAX) {
            time = cut_bin(job, ww_attribute_table_cell(&job->table, r, g->c.time));
            if (time.len == 0)
                return ww_attribute_table_refuse(&job->table, r, g->c.time, &job->err, "a time is missing");
        } else if (!is_new && job->of == WW_OF_ONE)
            return ww_attribute_table_refuse(
                &job->table, r, g->c.id, &job->err,
                "%.40s stands in line %llu already (--of mean, sum, max, count)", name.ptr,
                (unsigned long long)job->table.rows[job->row[g->row_place[r]]].line);
        st = number_of(job, g->bins, time, job->bin, &job->n_bins, &g->row_bin[r], &is_new);
    }
    return st;
}

/* ---- Order ---- */

/* Bins by number when all are numbers, else as text: ISO times sort so. */
struct sortable {
    struct ww_str text;
    double number;
    uint32_t was;
    bool by_number;
};

static int compare_bins(const void *pa, const void *pb) {
    const struct sortable *a = pa, *b = pb;
    if (a->by_number && a->number != b->number)
        return a->number < b->number ? -1 : 1;
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int c = n > 0 ? memcmp(a->text.ptr, b->text.ptr, n) : 0;
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static enum ww_status sort_bins(struct ww_hotspot_job *job, struct gathering *g) {
    struct sortable *s = ww_arena_calloc(job->arena, job->n_bins, sizeof *s);
    uint32_t *now = ww_arena_calloc(job->arena, job->n_bins, sizeof *now);
    if (!s || !now)
        return no_memory(job);
    bool numbers = true;
    for (uint32_t b = 0; b < job->n_bins; b++) {
        s[b] = (struct sortable){.text = job->bin[b], .was = b};
        numbers &= ww_str_to_double(job->bin[b], &s[b].number);
    }
    for (uint32_t b = 0; b < job->n_bins; b++)
        s[b].by_number = numbers;
    qsort(s, job->n_bins, sizeof *s, compare_bins);
    for (uint32_t b = 0; b < job->n_bins; b++) {
        job->bin[b] = s[b].text;
        now[s[b].was] = b;
    }
    for (uint32_t r = 0; r < job->table.n_rows; r++)
        g->row_bin[r] = now[g->row_bin[r]];
    return WW_OK;
}

struct numbered_hex {
    struct ww_hex hex;
    uint32_t was;
};

/* Hexagons in their own order, which their rings of neighbours ask for. */
static enum ww_status sort_hexes(struct ww_hotspot_job *job, struct gathering *g) {
    struct numbered_hex *s = ww_arena_calloc(job->arena, job->n, sizeof *s);
    uint32_t *now = ww_arena_calloc(job->arena, job->n, sizeof *now);
    uint32_t *row = ww_arena_calloc(job->arena, job->n, sizeof *row);
    struct ww_str *name = ww_arena_calloc(job->arena, job->n, sizeof *name);
    job->hex = ww_arena_calloc(job->arena, job->n, sizeof *job->hex);
    if (!s || !now || !row || !name || !job->hex)
        return no_memory(job);
    for (uint32_t i = 0; i < job->n; i++)
        s[i] = (struct numbered_hex){g->row_hex[job->row[i]], i};
    qsort(s, job->n, sizeof *s, ww_hex_compare); /* a hexagon comes first in it */
    for (uint32_t i = 0; i < job->n; i++) {
        job->hex[i] = s[i].hex;
        now[s[i].was] = i;
        row[i] = job->row[s[i].was];
        name[i] = job->name[s[i].was];
    }
    job->row = row;
    job->name = name;
    for (uint32_t r = 0; r < job->table.n_rows; r++)
        g->row_place[r] = now[g->row_place[r]];
    return WW_OK;
}

/* ---- Values ---- */

static enum ww_status add_value(struct ww_hotspot_job *job, const struct gathering *g, uint32_t row,
                                struct cell *cell) {
    double value = 1, people = 0;
    enum ww_status st = WW_OK;
    if (job->of != WW_OF_COUNT)
        st = ww_attribute_table_number(&job->table, row, g->c.value, &value, &job->err);
    if (st == WW_OK && job->transform != WW_RATE_NONE)
        st = ww_attribute_table_number(&job->table, row, g->c.population, &people, &job->err);
    if (st != WW_OK || isnan(value))
        return st;
    if (job->transform != WW_RATE_NONE && !(people > 0))
        return ww_attribute_table_refuse(&job->table, row, g->c.population, &job->err,
                                         "a population must be above 0");
    if (job->transform != WW_RATE_NONE && value < 0)
        return ww_attribute_table_refuse(&job->table, row, g->c.value, &job->err, "cases can't be below 0");
    cell->most = cell->has ? fmax(cell->most, value) : value;
    cell->has = true;
    cell->sum += value;
    cell->count++;
    cell->population += people;
    return WW_OK;
}

static void transform_bin(const struct ww_hotspot_job *job, uint32_t bin, double *cases, double *people) {
    uint32_t m = 0;
    double *value = job->value + (size_t)bin * job->n;
    for (uint32_t i = 0; i < job->n; i++)
        if (!isnan(value[i])) {
            cases[m] = job->raw[(size_t)bin * job->n + i];
            people[m++] = job->population[(size_t)bin * job->n + i];
        }
    double *made = cases + job->n;
    if (job->transform == WW_RATE_RAW)
        ww_rates_raw(cases, people, m, made);
    else if (job->transform == WW_RATE_FREEMAN_TUKEY)
        ww_rates_freeman_tukey(cases, people, m, made);
    else
        ww_rates_empirical_bayes(cases, people, m, made);
    m = 0;
    for (uint32_t i = 0; i < job->n; i++)
        if (!isnan(value[i]))
            value[i] = made[m++];
}

static enum ww_status make_values(struct ww_hotspot_job *job, const struct gathering *g) {
    size_t n = (size_t)job->n * job->n_bins;
    if (n > MAX_CELLS)
        return ww_error_set(&job->err, WW_TOO_LARGE, "%u places in %u bins are too many", job->n,
                            job->n_bins);
    struct cell *cells = ww_arena_calloc(job->arena, n, sizeof *cells);
    job->value = ww_arena_calloc(job->arena, n, sizeof *job->value);
    job->raw = ww_arena_calloc(job->arena, n, sizeof *job->raw);
    job->population =
        job->transform != WW_RATE_NONE ? ww_arena_calloc(job->arena, n, sizeof *job->value) : NULL;
    double *scratch = ww_arena_calloc(job->arena, 3 * (size_t)job->n, sizeof *scratch);
    if (!cells || !job->value || !job->raw || !scratch ||
        (job->transform != WW_RATE_NONE && !job->population))
        return no_memory(job);
    enum ww_status st = WW_OK;
    for (uint32_t r = 0; r < job->table.n_rows && st == WW_OK; r++)
        st = add_value(job, g, r, &cells[(size_t)g->row_bin[r] * job->n + g->row_place[r]]);
    bool sums = job->of == WW_OF_SUM || job->of == WW_OF_COUNT || job->transform != WW_RATE_NONE;
    for (size_t i = 0; i < n && st == WW_OK; i++) {
        const struct cell *c = &cells[i];
        job->raw[i] = !c->has ? NAN : job->of == WW_OF_MAX ? c->most : sums ? c->sum : c->sum / c->count;
        if (!c->has && job->of == WW_OF_COUNT)
            job->raw[i] = 0; /* of a place that is known: nothing was counted in this bin */
        job->value[i] = job->raw[i];
        if (job->population)
            job->population[i] = c->population;
    }
    for (uint32_t b = 0; b < job->n_bins && st == WW_OK && job->population; b++)
        transform_bin(job, b, scratch, scratch + 2 * (size_t)job->n);
    return st;
}

static enum ww_status take_coordinates(struct ww_hotspot_job *job, const struct gathering *g) {
    double(*at)[2] = ww_arena_calloc(job->arena, job->n, sizeof *at);
    uint32_t found_all = 0;
    enum ww_status st = at ? WW_OK : no_memory(job);
    for (uint32_t i = 0; i < job->n && st == WW_OK; i++) {
        bool found = job->hex != NULL;
        if (found) {
            struct ww_place centre = ww_hex_centre(&job->grid, job->hex[i]);
            at[i][0] = centre.lon_deg;
            at[i][1] = centre.lat_deg;
        } else
            st = place_of(job, &g->c, job->row[i], at[i], &found);
        if (st == WW_OK && found && !job->hex)
            st = check_degrees(job, job->row[i], at[i], &g->c);
        found_all += found;
    }
    if (st == WW_OK && found_all == job->n)
        job->at = at;
    return st;
}

/* ---- All of it ---- */

/* The hexagons' grid, around --hex-origin or the first place. */
static enum ww_status lay_grid(struct ww_hotspot_job *job, const struct columns *c) {
    struct ww_place origin;
    double xy[2];
    bool found;
    if (job->is_plane)
        return ww_error_set(&job->err, WW_BAD_INPUT, "hexagons need longitudes and latitudes, not a plane");
    if (job->o.hex_origin) {
        const char *comma = strchr(job->o.hex_origin, ',');
        struct ww_str lon = {job->o.hex_origin, comma ? (size_t)(comma - job->o.hex_origin) : 0};
        if (!comma || !ww_str_to_double(lon, &origin.lon_deg) ||
            !ww_str_to_double(ww_str_of(comma + 1), &origin.lat_deg))
            return ww_error_set(&job->err, WW_BAD_INPUT, "--hex-origin needs LON,LAT, not %.40s",
                                job->o.hex_origin);
        return ww_hex_grid_init(&job->grid, job->hex_m, origin, &job->err);
    }
    enum ww_status st = place_of(job, c, 0, xy, &found);
    if (st != WW_OK || !found)
        return st != WW_OK
                   ? st
                   : ww_attribute_table_refuse(&job->table, 0, c->x, &job->err, "hexagons need coordinates");
    st = check_degrees(job, 0, xy, c);
    origin = ww_hex_origin_near((struct ww_place){xy[0], xy[1]});
    return st == WW_OK ? ww_hex_grid_init(&job->grid, job->hex_m, origin, &job->err) : st;
}

static enum ww_status gather(struct ww_hotspot_job *job, struct gathering *g) {
    uint32_t rows = job->table.n_rows;
    job->name = ww_arena_calloc(job->arena, rows, sizeof *job->name);
    job->row = ww_arena_calloc(job->arena, rows, sizeof *job->row);
    job->bin = ww_arena_calloc(job->arena, rows, sizeof *job->bin);
    g->row_place = ww_arena_calloc(job->arena, rows, sizeof *g->row_place);
    g->row_bin = ww_arena_calloc(job->arena, rows, sizeof *g->row_bin);
    g->row_hex = ww_arena_calloc(job->arena, rows, sizeof *g->row_hex);
    if (!job->name || !job->row || !job->bin || !g->row_place || !g->row_bin || !g->row_hex)
        return no_memory(job);
    enum ww_status st = find_columns(job, &g->c);
    job->is_plane = st == WW_OK && !are_degrees(job, &g->c);
    if (st == WW_OK && job->hex_m > 0)
        st = lay_grid(job, &g->c);
    if (st == WW_OK)
        st = number_rows(job, g);
    if (st == WW_OK)
        st = sort_bins(job, g);
    if (st == WW_OK && job->hex_m > 0)
        st = sort_hexes(job, g);
    if (st == WW_OK)
        st = make_values(job, g);
    return st == WW_OK ? take_coordinates(job, g) : st;
}

enum ww_status ww_hotspot_places(struct ww_hotspot_job *job) {
    struct ww_buf text;
    struct gathering g = {.places = ww_map_new(1024), .bins = ww_map_new(64)};
    job->file = job->o.values;
    enum ww_status st = ww_read_file(job->o.values, MAX_FILE, &text, &job->err);
    if (st == WW_OK)
        st = ww_attribute_table_read(ww_buf_str(&text), &job->table, &job->err);
    ww_buf_clear(&text);
    if (st == WW_OK)
        st = gather(job, &g);
    ww_map_free(g.places);
    ww_map_free(g.bins);
    if (st == WW_OK)
        job->file = NULL;
    return st;
}
