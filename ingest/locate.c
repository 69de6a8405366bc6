/* Resolves a batch against the catalog. */
#include "ingest/locate.h"

#include <math.h>
#include <stdio.h>

#include "geo/base/json_writer.h"
#include "ingest/decode/statistic.h"

/* Clocks of honest senders differ by minutes; a reading from further ahead is an error. */
#define FUTURE_TOLERANCE_US (10 * 60 * WW_SECOND_US)
/* Nothing that a district can act on is older; catches seconds sent as milliseconds. */
#define OLDEST_US (INT64_C(-2208988800) * WW_SECOND_US) /* 1900-01-01 */

/* What one series of the batch resolves to. */
struct resolved {
    uint32_t thing, property, datastream;
    struct ww_conversion conversion;
    const char *dead_field; /* not NULL: none of its rows can be taken */
    char dead_reason[160];
    bool listed; /* among the missing already */
};

struct context {
    const struct ww_catalog *catalog;
    const struct ww_cat_feed *feed;
    struct ww_batch *batch;
    struct ww_str body;
    struct resolved *series;
    struct ww_located *out;
    uint32_t cap_dead, cap_own, cap_dead_things;
};

static void kill_series(struct resolved *r, const char *field, const char *why, struct ww_str what) {
    r->dead_field = field;
    snprintf(r->dead_reason, sizeof r->dead_reason, "%s \"%.*s\"", why, WW_STR_ARG(what));
}

static void resolve_series(const struct context *c, const struct ww_series_name *name, struct resolved *r) {
    const struct ww_catalog *cat = c->catalog;
    r->datastream = WW_CATALOG_NONE;
    r->thing = ww_catalog_thing(cat, c->feed->id, name->thing); /* dead rows are counted for it too */
    r->property = ww_catalog_property(cat, name->property);
    if (r->property == WW_CATALOG_NONE) {
        kill_series(r, "property", "unknown property", name->property);
        return;
    }
    const struct ww_cat_property *property = &cat->properties[r->property];
    r->conversion = (struct ww_conversion){1, 0};
    struct ww_error err;
    if (name->unit.len > 0 && ww_unit_conversion(name->unit, property->unit, property->molar_mass_g_mol,
                                                 &r->conversion, &err) != WW_OK) {
        r->dead_field = "unit";
        snprintf(r->dead_reason, sizeof r->dead_reason, "%.150s", err.message);
        return;
    }
    uint8_t statistic = ww_statistic_find(name->statistic);
    if (statistic == WW_STATISTIC_UNKNOWN) {
        kill_series(r, "statistic", "unknown statistic", name->statistic);
        return;
    }
    if (r->thing != WW_CATALOG_NONE) {
        struct ww_cat_datastream series = {.thing = r->thing,
                                           .property = (uint16_t)r->property,
                                           .statistic = statistic,
                                           .interval_s = name->interval_s};
        r->datastream = ww_catalog_datastream(cat, &series);
    }
    if (r->datastream == WW_CATALOG_NONE && !ww_feed_config_registers(c->feed->config))
        kill_series(r, "thing",
                    r->thing == WW_CATALOG_NONE ? "unknown thing" : "this thing has no such datastream:",
                    r->thing == WW_CATALOG_NONE ? name->thing : name->property);
}

/* Whose row it was. Rows of one thing stand together mostly, so looking at the last one is enough. */
static void note_dead_thing(struct context *c, uint32_t row, uint32_t thing) {
    struct ww_located *out = c->out;
    struct ww_batch *b = c->batch;
    if (thing == WW_CATALOG_NONE)
        return;
    struct ww_dead_thing *last = out->n_dead_things ? &out->dead_things[out->n_dead_things - 1] : NULL;
    if (!last || last->thing != thing) {
        if (out->n_dead_things == c->cap_dead_things) {
            uint32_t cap = c->cap_dead_things ? c->cap_dead_things * 2 : 8;
            struct ww_dead_thing *grown = ww_arena_grow(
                b->arena, out->dead_things, c->cap_dead_things * sizeof *grown, cap * sizeof *grown);
            if (!grown)
                return; /* it is a figure only; the row is kept all the same */
            out->dead_things = grown;
            c->cap_dead_things = cap;
        }
        last = &out->dead_things[out->n_dead_things++];
        *last = (struct ww_dead_thing){.thing = thing};
    }
    last->n_rows++;
    last->time_us = b->time_us[row];
}

static enum ww_status add_dead(struct context *c, uint32_t row, const char *field, const char *reason) {
    struct ww_batch *b = c->batch;
    note_dead_thing(c, row, c->series[b->series_of[row]].thing);
    if (b->n_dead == c->cap_dead) {
        uint32_t cap = c->cap_dead ? c->cap_dead * 2 : 16;
        cap = cap < b->n_dead + 1 ? b->n_dead * 2 : cap;
        b->dead = ww_arena_grow(b->arena, b->dead, b->n_dead * sizeof *b->dead, cap * sizeof *b->dead);
        if (!b->dead)
            return WW_NO_MEMORY;
        c->cap_dead = cap;
    }
    struct ww_dead_row *dead = &b->dead[b->n_dead++];
    *dead =
        (struct ww_dead_row){.line = b->line[row], .raw = {c->body.ptr + b->raw_at[row], b->raw_len[row]}};
    snprintf(dead->field, sizeof dead->field, "%s", field);
    snprintf(dead->reason, sizeof dead->reason, "%s", reason);
    return WW_OK;
}

static bool has_place(const struct ww_batch *b, uint32_t row) {
    return b->place && !isnan(b->place[row].x);
}

static bool has_ward_code(const struct ww_batch *b, uint32_t row) {
    return b->ward_code && b->ward_code[row].len > 0;
}

/* Why the row can't be taken, or NULL; the ward where it was measured. */
static const char *find_ward(struct context *c, uint32_t row, const struct ww_cat_thing *thing,
                             uint32_t *ward_id, struct ww_place *place, bool *own_place,
                             struct ww_error *err) {
    const struct ww_batch *b = c->batch;
    *own_place = false;
    *ward_id = thing ? thing->ward_id : WW_WARD_NONE;
    if (has_place(b, row)) {
        struct ww_raw_place raw = b->place[row];
        if (thing && raw.x == thing->raw.x && raw.y == thing->raw.y)
            return NULL;
        if (ww_datum_to_place(ww_feed_config_datum(c->feed->config), raw, place, err) != WW_OK)
            return err->message;
        *ward_id = ww_ward_index_find(c->catalog->ward_index, *place, NULL);
        *own_place = true;
    } else if (has_ward_code(b, row)) {
        *ward_id = ww_catalog_ward_by_code(c->catalog, b->ward_code[row]);
        if (*ward_id == WW_WARD_NONE) {
            ww_error_set(err, WW_NOT_FOUND, "unknown ward code \"%.*s\"", WW_STR_ARG(b->ward_code[row]));
            return err->message;
        }
    }
    return NULL;
}

static enum ww_status take_row(struct context *c, uint32_t row, const struct resolved *r, int64_t now_us) {
    struct ww_batch *b = c->batch;
    struct ww_located *out = c->out;
    if (r->dead_field)
        return add_dead(c, row, r->dead_field, r->dead_reason);
    if (b->time_us[row] > now_us + FUTURE_TOLERANCE_US)
        return add_dead(c, row, "time", "lies more than 10 minutes in the future");
    if (b->time_us[row] < OLDEST_US)
        return add_dead(c, row, "time", "lies before the year 1900");

    double value = b->value[row] * r->conversion.factor + r->conversion.offset;
    if (!isfinite(value))
        return add_dead(c, row, "value", "is too large in the unit that the property is kept in");
    const struct ww_cat_thing *thing = &c->catalog->things[r->thing];
    uint32_t ward_id;
    struct ww_place place = {0, 0};
    bool own_place;
    struct ww_error err;
    const char *why = find_ward(c, row, thing, &ward_id, &place, &own_place, &err);
    if (why)
        return add_dead(c, row, "place", why);
    if (own_place) {
        if (out->n_own == c->cap_own) {
            uint32_t cap = c->cap_own ? c->cap_own * 2 : 64;
            out->own =
                ww_arena_grow(b->arena, out->own, out->n_own * sizeof *out->own, cap * sizeof *out->own);
            if (!out->own)
                return WW_NO_MEMORY;
            c->cap_own = cap;
        }
        out->own[out->n_own++] = (struct ww_own_place){out->n_rows, ward_id, place, b->place[row]};
    }
    out->n_outside += ward_id == WW_WARD_NONE;
    out->row[out->n_rows] = row;
    out->datastream[out->n_rows] = r->datastream;
    out->ward_id[out->n_rows] = ward_id;
    out->value[out->n_rows] = value;
    out->n_rows++;
    return WW_OK;
}

/* One entry for register_things: where the thing stands is where its first row says. */
static void list_missing(struct context *c, uint32_t row, const struct ww_series_name *name,
                         struct resolved *r, struct ww_buf *missing) {
    r->listed = true;
    struct ww_json json;
    ww_buf_char(missing, missing->len > 0 ? ',' : '[');
    ww_json_init(&json, missing);
    ww_json_object(&json);
    ww_json_key(&json, "feed_id");
    ww_json_int(&json, c->feed->id);
    ww_json_key(&json, "key");
    ww_json_str(&json, name->thing);
    ww_json_key(&json, "property_id");
    ww_json_int(&json, c->catalog->properties[r->property].id);
    ww_json_key(&json, "statistic");
    ww_json_str(&json, name->statistic);
    ww_json_key(&json, "interval_s");
    ww_json_int(&json, name->interval_s);
    ww_json_key(&json, "class");
    ww_json_str(&json, ww_feed_config_thing_class(c->feed->config));
    uint32_t ward_id;
    struct ww_place place;
    bool own_place;
    struct ww_error err;
    const char *why = find_ward(c, row, NULL, &ward_id, &place, &own_place, &err);
    if (!why && ward_id != WW_WARD_NONE) {
        ww_json_key(&json, "ward_id");
        ww_json_int(&json, ward_id);
    }
    if (!why && own_place) {
        struct {
            const char *key;
            double value;
        } numbers[] = {{"x", c->batch->place[row].x},
                       {"y", c->batch->place[row].y},
                       {"lon", place.lon_deg},
                       {"lat", place.lat_deg}};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            ww_json_key(&json, numbers[i].key);
            ww_json_double(&json, numbers[i].value);
        }
        ww_json_key(&json, "datum");
        ww_json_text(&json, ww_datum_name(ww_feed_config_datum(c->feed->config)));
    }
    ww_json_end_object(&json);
}

static bool list_all_missing(struct context *c, struct ww_buf *missing) {
    for (uint32_t row = 0; row < c->batch->n_rows; row++) {
        uint32_t s = c->batch->series_of[row];
        struct resolved *r = &c->series[s];
        if (r->dead_field || r->datastream != WW_CATALOG_NONE || r->listed)
            continue;
        list_missing(c, row, &c->batch->series[s], r, missing);
    }
    if (missing->len == 0)
        return false;
    ww_buf_char(missing, ']');
    return true;
}

enum ww_status ww_locate(const struct ww_catalog *catalog, const struct ww_cat_feed *feed, struct ww_batch *b,
                         struct ww_str body, int64_t now_us, struct ww_located *out, struct ww_buf *missing,
                         struct ww_error *err) {
    struct context c = {
        .catalog = catalog, .feed = feed, .batch = b, .body = body, .out = out, .cap_dead = b->n_dead};
    memset(out, 0, sizeof *out);
    ww_buf_reset(missing);
    c.series = ww_arena_calloc(b->arena, b->n_series, sizeof *c.series);
    out->row = ww_arena_calloc(b->arena, b->n_rows, sizeof *out->row);
    out->datastream = ww_arena_calloc(b->arena, b->n_rows, sizeof *out->datastream);
    out->ward_id = ww_arena_calloc(b->arena, b->n_rows, sizeof *out->ward_id);
    out->value = ww_arena_calloc(b->arena, b->n_rows, sizeof *out->value);
    if (!c.series || !out->row || !out->datastream || !out->ward_id || !out->value)
        return ww_error_set(err, WW_NO_MEMORY, "the request needs more memory than one request may take");

    for (uint32_t s = 0; s < b->n_series; s++)
        resolve_series(&c, &b->series[s], &c.series[s]);
    if (ww_feed_config_registers(feed->config) && list_all_missing(&c, missing))
        return ww_buf_status(missing) == WW_OK
                   ? WW_NOT_FOUND
                   : ww_error_set(err, WW_TOO_LARGE, "too many unknown things in one request");

    for (uint32_t row = 0; row < b->n_rows; row++)
        if (take_row(&c, row, &c.series[b->series_of[row]], now_us) != WW_OK)
            return ww_error_set(err, WW_NO_MEMORY, "the request needs more memory than one request may take");
    return WW_OK;
}
