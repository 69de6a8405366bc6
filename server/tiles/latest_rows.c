/* Looks through the newest values that the live map keeps, in the order of their datastreams: latest_rows.h.
 */
#include "server/tiles/latest_rows.h"

#include "geo/base/csv.h"
#include "geo/geom.h"
#include "geo/instant.h"
#include "server/ogc/request.h"

#define NONE UINT32_MAX
#define MAX_FILTER_BYTES                                                                                     \
    4096 /* it is asked of each series on the loop: some thirty microseconds at worst                        \
          */

/* ---- Filters ---- */

enum column {
    ID,
    THING,
    KEY,
    NAME_ZH,
    NAME_EN,
    CLASS,
    FEED,
    WARD,
    SITE,
    SITE_KIND,
    PROPERTY,
    UNIT,
    STATISTIC,
    INTERVAL_S,
    TIME,
    VALUE,
    FLAG,
    GEOM
};
static const struct ww_cql2_property columns[] = {
    [ID] = {{"id", 2}, WW_CQL2_INTEGER, {0}},
    [THING] = {{"thing", 5}, WW_CQL2_INTEGER, {0}},
    [KEY] = {{"key", 3}, WW_CQL2_TEXT, {0}},
    [NAME_ZH] = {{"name_zh", 7}, WW_CQL2_TEXT, {0}},
    [NAME_EN] = {{"name_en", 7}, WW_CQL2_TEXT, {0}},
    [CLASS] = {{"class", 5}, WW_CQL2_TEXT, {0}},
    [FEED] = {{"feed", 4}, WW_CQL2_TEXT, {0}},
    [WARD] = {{"ward", 4}, WW_CQL2_TEXT, {0}},
    [SITE] = {{"site", 4}, WW_CQL2_TEXT, {0}},
    [SITE_KIND] = {{"site_kind", 9}, WW_CQL2_TEXT, {0}},
    [PROPERTY] = {{"property", 8}, WW_CQL2_TEXT, {0}},
    [UNIT] = {{"unit", 4}, WW_CQL2_TEXT, {0}},
    [STATISTIC] = {{"statistic", 9}, WW_CQL2_TEXT, {0}},
    [INTERVAL_S] = {{"interval_s", 10}, WW_CQL2_INTEGER, {0}},
    [TIME] = {{"time", 4}, WW_CQL2_INSTANT, {0}},
    [VALUE] = {{"value", 5}, WW_CQL2_NUMBER, {0}},
    [FLAG] = {{"flag", 4}, WW_CQL2_TEXT, {0}},
    [GEOM] = {{"geom", 4}, WW_CQL2_GEOMETRY, {0}},
};
static const struct ww_cql2_schema schema = {columns, sizeof columns / sizeof *columns, 4490};

struct filter_row {
    const struct ww_live_map *map;
    const struct live_series *series;
    const struct live_thing *thing;
    const struct live_label *label;
};

static void give_word(const struct filter_row *row, uint32_t word, struct ww_cql2_value *out) {
    out->text = live_word_text(&row->map->words, word);
    out->is_null = word == 0;
}

static void get_value(void *arg, size_t property, struct ww_cql2_value *out) {
    const struct filter_row *row = arg;
    const struct live_series *s = row->series;
    switch ((enum column)property) {
    case ID:
        out->integer = s->id;
        break;
    case THING:
        out->integer = s->thing_id;
        break;
    case KEY:
        give_word(row, row->thing->key, out);
        break;
    case NAME_ZH:
        give_word(row, row->thing->name_zh, out);
        break;
    case NAME_EN:
        give_word(row, row->thing->name_en, out);
        break;
    case CLASS:
        give_word(row, row->thing->class_name, out);
        break;
    case FEED:
        give_word(row, row->thing->feed, out);
        break;
    case WARD:
        give_word(row, row->thing->ward_code, out);
        break;
    case SITE:
        give_word(row, row->thing->site, out);
        break;
    case SITE_KIND:
        give_word(row, row->thing->site_kind, out);
        break;
    case PROPERTY:
        give_word(row, row->label->property, out);
        break;
    case UNIT:
        give_word(row, row->label->unit, out);
        break;
    case STATISTIC: /* '' is the value itself, not a missing one */
        out->text = live_word_text(&row->map->words, row->label->statistic);
        break;
    case INTERVAL_S:
        out->integer = row->label->interval_s;
        break;
    case TIME:
        out->instant_us = s->time_us;
        out->is_null = s->time_us == INT64_MIN;
        break;
    case VALUE:
        out->number = s->value;
        out->is_null = s->time_us == INT64_MIN;
        break;
    case FLAG:
        out->text = (struct ww_str){&s->flag, 1};
        out->is_null = s->time_us == INT64_MIN || !s->flag;
        break;
    case GEOM:
        out->is_place = true;
        out->place = row->thing->place;
        out->is_null = !row->thing->has_place;
        break;
    }
}

/* ---- Reading ---- */

static enum ww_status read_filter(struct latest_query *q, struct ww_arena *arena, struct ww_error *err) {
    struct ww_cql2_expr *expr;
    enum ww_status st;
    if (q->params.filter.len > MAX_FILTER_BYTES) {
        st = ww_error_set(err, WW_BAD_INPUT, "filter is longer than %d bytes", MAX_FILTER_BYTES);
        ww_error_at_field(err, WW_STR("filter"), WW_STR_NONE);
        return st;
    }
    st = ww_cql2_parse_text(q->params.filter, &schema, WW_CQL2_CRS84, arena, &expr, err);
    if (st == WW_OK)
        st = ww_cql2_evaluator_new(expr, &q->filter, err);
    if ((st == WW_BAD_INPUT || st == WW_TOO_LARGE) && err->field[0] == '\0')
        ww_error_at_field(err, WW_STR("filter"), WW_STR_NONE);
    return st;
}

static enum ww_status read_box(struct latest_query *q, struct ww_arena *arena, struct ww_error *err) {
    struct ogc_request *box = ww_arena_calloc(arena, 1, sizeof *box);
    if (!box)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for this request");
    const enum ww_status st = ogc_box_read(q->params.bbox, false, true, box, err);
    q->has_box = true;
    q->n_boxes = box->n_boxes;
    memcpy(q->boxes, box->boxes, sizeof q->boxes);
    return st;
}

/* The word that is asked for; one that is nowhere is found in no row. */
static uint32_t wanted_word(struct latest_query *q, struct ww_str text) {
    uint32_t word = NONE;
    if (text.ptr && !live_word_find(&q->map->words, text, &word))
        q->is_empty = true;
    return word;
}

enum ww_status latest_query_read(struct ww_live_map *map, struct ww_live_view view,
                                 const struct latest_params *params, struct ww_arena *arena,
                                 struct latest_query *out, struct ww_error *err) {
    enum ww_status st = WW_OK;
    *out = (struct latest_query){.map = map, .view = view, .params = *params, .after = params->after};
    out->ward = wanted_word(out, params->ward);
    out->class_name = wanted_word(out, params->class_name);
    out->property = wanted_word(out, params->property);
    out->feed = wanted_word(out, params->feed);
    out->site_kind = wanted_word(out, params->site_kind);
    if (params->bbox.ptr)
        st = read_box(out, arena, err);
    if (st == WW_OK && params->filter.ptr)
        st = read_filter(out, arena, err);
    live_values_sort(&map->values);
    return st;
}

void latest_query_clear(struct latest_query *q) {
    ww_cql2_evaluator_free(q->filter);
    q->filter = NULL;
}

/* ---- Looking ---- */

/* Where to go on: the first place in the order behind a datastream. */
static uint32_t place_behind(const struct live_values *v, int64_t id) {
    uint32_t low = 0, high = v->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (v->series[v->by_order[middle]].id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_in_box(const struct latest_query *q, struct ww_place place) {
    for (int i = 0; i < q->n_boxes; i++)
        if (place.lon_deg >= q->boxes[i][0] && place.lat_deg >= q->boxes[i][1] &&
            place.lon_deg <= q->boxes[i][2] && place.lat_deg <= q->boxes[i][3])
            return true;
    return false;
}

/* All but the filter: what is seen at all comes first. */
static bool is_candidate(const struct latest_query *q, const struct live_series *s) {
    if (s->thing == NONE || s->label == NONE || q->is_empty)
        return false;
    const struct live_thing *thing = &q->map->things.things[s->thing];
    const struct live_label *label = &q->map->labels.labels[s->label];
    if (thing->is_gone || !ww_live_view_sees(&q->view, thing->ward))
        return false;
    return (q->ward == NONE || q->ward == thing->ward_code) &&
           (q->class_name == NONE || q->class_name == thing->class_name) &&
           (q->feed == NONE || q->feed == thing->feed) &&
           (q->site_kind == NONE || q->site_kind == thing->site_kind) &&
           (q->property == NONE || q->property == label->property) &&
           (q->params.since_us == INT64_MIN || s->time_us >= q->params.since_us) &&
           (!q->has_box || (thing->has_place && is_in_box(q, thing->place)));
}

static bool passes_filter(const struct latest_query *q, const struct live_series *s) {
    struct filter_row row = {q->map, s, &q->map->things.things[s->thing], &q->map->labels.labels[s->label]};
    return !q->filter || ww_cql2_test(q->filter, get_value, &row) == WW_CQL2_TRUE;
}

static uint64_t mix(uint64_t hash, uint64_t more) {
    hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* With a filter each candidate counts: which of them pass is found while the answer is written. */
uint64_t latest_tag(const struct latest_query *q, uint64_t limit) {
    const struct live_values *v = &q->map->values;
    uint64_t hash = mix(limit, (uint64_t)q->after), left = limit + 1;
    for (uint32_t i = place_behind(v, q->after); i < v->n && left > 0; i++) {
        const struct live_series *s = &v->series[v->by_order[i]];
        if (!is_candidate(q, s))
            continue;
        hash = mix(mix(mix(hash, (uint64_t)s->id), s->revision), q->map->things.things[s->thing].revision);
        left -= q->filter ? 0 : 1;
    }
    return hash;
}

enum latest_step latest_next(struct latest_query *q, int *budget, const struct live_series **out) {
    const struct live_values *v = &q->map->values;
    live_values_sort(&q->map->values);
    for (uint32_t i = place_behind(v, q->after); i < v->n; i++) {
        const struct live_series *s = &v->series[v->by_order[i]];
        if ((*budget)-- <= 0)
            return LATEST_PAUSE;
        q->after = s->id;
        if (!is_candidate(q, s) || !passes_filter(q, s))
            continue;
        *out = s;
        return LATEST_ROW;
    }
    return LATEST_END;
}

/* ---- Writing ---- */

/* Tens of thousands of rows are written in one turn: words are kept quoted, and what lies between them is
 * copied. */
#define LITERAL(out, text) ww_buf_add(out, text, sizeof(text) - 1)

static void add_word(struct ww_buf *out, const struct latest_query *q, uint32_t word) {
    const struct ww_str json = live_word_json(&q->map->words, word);
    ww_buf_add(out, json.ptr, json.len);
}

/* NULL where there is none: a thing without a ward, a site. */
static void add_word_or_null(struct ww_buf *out, const struct latest_query *q, uint32_t word) {
    if (word)
        add_word(out, q, word);
    else
        LITERAL(out, "null");
}

static void add_int(struct ww_buf *out, int64_t v) {
    char text[24], *at = text + sizeof text;
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (v < 0)
        *--at = '-';
    ww_buf_add(out, at, (size_t)(text + sizeof text - at));
}

static void add_instant(struct ww_buf *out, int64_t time_us) {
    char text[40];
    ww_buf_add(out, text, (size_t)ww_instant_text(time_us, text));
}

static void add_double(struct ww_buf *out, double v) {
    char text[32];
    ww_buf_add(out, text, (size_t)ww_double_text(v, text));
}

static void add_thing(struct ww_buf *out, const struct latest_query *q, const struct live_thing *thing) {
    LITERAL(out, ",\"thing\":{\"id\":");
    add_int(out, thing->id);
    LITERAL(out, ",\"key\":");
    add_word(out, q, thing->key);
    LITERAL(out, ",\"name_zh\":");
    add_word(out, q, thing->name_zh);
    LITERAL(out, ",\"name_en\":");
    add_word(out, q, thing->name_en);
    LITERAL(out, ",\"class\":");
    add_word(out, q, thing->class_name);
    LITERAL(out, ",\"feed\":");
    add_word(out, q, thing->feed);
    LITERAL(out, ",\"site\":");
    add_word_or_null(out, q, thing->site);
    LITERAL(out, "}");
}

static void add_latest(struct ww_buf *out, const struct live_series *s) {
    if (s->time_us == INT64_MIN) {
        LITERAL(out, ",\"latest\":null");
        return;
    }
    LITERAL(out, ",\"latest\":{\"time\":\"");
    add_instant(out, s->time_us);
    LITERAL(out, "\",\"value\":");
    add_double(out, s->value);
    LITERAL(out, ",\"flag\":\"");
    ww_buf_add(out, &s->flag, s->flag ? 1 : 0); /* a letter or digit */
    LITERAL(out, "\"}");
}

void latest_write_json(const struct latest_query *q, const struct live_series *s, struct ww_buf *out) {
    const struct live_thing *thing = &q->map->things.things[s->thing];
    const struct live_label *label = &q->map->labels.labels[s->label];
    LITERAL(out, "{\"id\":");
    add_int(out, s->id);
    add_thing(out, q, thing);
    LITERAL(out, ",\"property\":");
    add_word(out, q, label->property);
    LITERAL(out, ",\"unit\":");
    add_word(out, q, label->unit);
    LITERAL(out, ",\"statistic\":");
    add_word(out, q, label->statistic);
    LITERAL(out, ",\"interval_s\":");
    add_int(out, label->interval_s);
    LITERAL(out, ",\"ward\":");
    add_word_or_null(out, q, thing->ward_code);
    if (thing->has_place) {
        LITERAL(out, ",\"lon\":");
        ww_geom_number(thing->place.lon_deg, 7, out);
        LITERAL(out, ",\"lat\":");
        ww_geom_number(thing->place.lat_deg, 7, out);
    }
    add_latest(out, s);
    LITERAL(out, "}");
}

void latest_write_csv_head(struct ww_buf *out) {
    ww_buf_text(
        out, "id,thing,key,name_zh,name_en,class,feed,site,ward,lon,lat,property,unit,statistic,interval_s,"
             "time,value,flag\r\n");
}

static void csv_word(const struct latest_query *q, uint32_t word, struct ww_buf *out) {
    ww_buf_char(out, ',');
    ww_csv_cell(out, live_word_text(&q->map->words, word));
}

void latest_write_csv(const struct latest_query *q, const struct live_series *s, struct ww_buf *out) {
    const struct live_thing *thing = &q->map->things.things[s->thing];
    const struct live_label *label = &q->map->labels.labels[s->label];
    const uint32_t words[] = {thing->key,  thing->name_zh, thing->name_en,  thing->class_name,
                              thing->feed, thing->site,    thing->ward_code};
    add_int(out, s->id);
    ww_buf_char(out, ',');
    add_int(out, thing->id);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        csv_word(q, words[i], out);
    ww_buf_char(out, ',');
    if (thing->has_place)
        ww_geom_number(thing->place.lon_deg, 7, out);
    ww_buf_char(out, ',');
    if (thing->has_place)
        ww_geom_number(thing->place.lat_deg, 7, out);
    csv_word(q, label->property, out);
    csv_word(q, label->unit, out);
    csv_word(q, label->statistic, out);
    ww_buf_char(out, ',');
    add_int(out, label->interval_s);
    if (s->time_us == INT64_MIN) {
        ww_buf_text(out, ",,,\r\n");
        return;
    }
    ww_buf_char(out, ',');
    add_instant(out, s->time_us);
    ww_buf_char(out, ',');
    add_double(out, s->value);
    ww_buf_char(out, ',');
    ww_buf_add(out, &s->flag, s->flag ? 1 : 0);
    ww_buf_text(out, "\r\n");
}
