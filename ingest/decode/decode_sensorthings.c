/* OGC SensorThings 1.1: every Observation becomes a reading, wherever it stands in the answer.
 *
 *   {"value":[{"result":7.1,"phenomenonTime":"2026-11-24T01:00:00Z","Datastream":{"name":…}}]}
 *   {"value":[{"@iot.id":5,"unitOfMeasurement":{…},"Observations":[{"result":7.1,…}]}]}      expanded
 *   {"value":[{"Datastream@iot.navigationLink":"…/Datastreams(5)","components":["phenomenonTime","result"],
 *              "dataArray":[["2026-11-24T01:00:00Z",7.1]]}]}
 *
 * Fields are named from the Observation ("Datastream.Thing.name"), however the answer is nested: what the
 * entities around an Observation say is kept as cells, one row of them a level of nesting, and fills those
 * that the Observation leaves open. An Observation of a MultiDatastream has several results in one; it is
 * refused with the reason, and so is an entity that holds no Observation.
 */
#include "ingest/decode/decode_internal.h"

enum kind {
    OBSERVATION,
    DATASTREAM,
    MULTI_DATASTREAM,
    FEATURE_OF_INTEREST,
    THING,
    LOCATION,
    SENSOR,
    OBSERVED_PROPERTY,
    DATA_ARRAY,
    UNKNOWN
};

/* Where an entity is, seen from an Observation below it. */
static const char *const paths[] = {
    [OBSERVATION] = "",
    [DATASTREAM] = "Datastream",
    [MULTI_DATASTREAM] = "Datastream",
    [FEATURE_OF_INTEREST] = "FeatureOfInterest",
    [THING] = "Datastream.Thing",
    [LOCATION] = "Datastream.Thing.Locations.0",
    [SENSOR] = "Datastream.Sensor",
    [OBSERVED_PROPERTY] = "Datastream.ObservedProperty",
    [DATA_ARRAY] = "",
    [UNKNOWN] = "",
};

/* What only that kind has, the surest first. */
static const struct {
    const char *member;
    enum kind kind;
} marks[] = {{"dataArray", DATA_ARRAY},
             {"multiObservationDataTypes", MULTI_DATASTREAM},
             {"unitOfMeasurement", DATASTREAM},
             {"observationType", DATASTREAM},
             {"result", OBSERVATION},
             {"feature", FEATURE_OF_INTEREST},
             {"location", LOCATION},
             {"metadata", SENSOR},
             {"definition", OBSERVED_PROPERTY},
             {"Datastreams", THING},
             {"Things", LOCATION},
             {"Observations", DATASTREAM},
             {"Datastream@iot.navigationLink", OBSERVATION},
             {"phenomenonTime", OBSERVATION}};

static const struct {
    const char *member;
    enum kind kind;
} children[] = {{"Observations", OBSERVATION},
                {"Datastreams", DATASTREAM},
                {"MultiDatastreams", MULTI_DATASTREAM},
                {"Things", THING}};

enum {
    N_MARKS = sizeof marks / sizeof *marks,
    N_CHILDREN = sizeof children / sizeof *children,
    MAX_LEVELS = 5,
    MAX_COMPONENTS = 64
};

/* ---- Texts that are known to be well formed ---- */

static bool open_object(struct ww_json_reader *r, struct ww_str json) {
    struct ww_json_event ev;
    ww_json_reader_init(r, json);
    return ww_json_next(r, &ev, NULL) == WW_OK && ev.type == WW_JSON_OBJECT;
}

static bool open_array(struct ww_json_reader *r, struct ww_str json) {
    struct ww_json_event ev;
    ww_json_reader_init(r, json);
    return ww_json_next(r, &ev, NULL) == WW_OK && ev.type == WW_JSON_ARRAY;
}

static bool next_value(struct ww_json_reader *r, struct ww_str *span) {
    struct ww_json_event ev;
    if (ww_json_next(r, &ev, NULL) != WW_OK || ev.type == WW_JSON_END_ARRAY ||
        ev.type == WW_JSON_END_OBJECT || ev.type == WW_JSON_END)
        return false;
    size_t start = ev.offset;
    if (ww_json_skip(r, &ev, NULL, NULL) != WW_OK)
        return false;
    *span = (struct ww_str){r->input.ptr + start, r->pos - start};
    return true;
}

static bool next_member(struct ww_json_reader *r, struct ww_str *key, struct ww_str *span) {
    struct ww_json_event ev;
    if (ww_json_next(r, &ev, NULL) != WW_OK || ev.type != WW_JSON_KEY)
        return false;
    *key = ev.text; /* the names looked for here need no escapes */
    return next_value(r, span);
}

static struct ww_str find_in(struct ww_str object, const char *name) {
    struct ww_json_reader r;
    struct ww_str key, span;
    if (open_object(&r, object))
        while (next_member(&r, &key, &span))
            if (ww_str_is(key, name))
                return span;
    return WW_STR_NONE;
}

static enum kind kind_of(struct ww_str object) {
    struct ww_json_reader r;
    struct ww_str key, span;
    size_t best = N_MARKS;
    if (open_object(&r, object))
        while (next_member(&r, &key, &span))
            for (size_t i = 0; i < best; i++)
                if (ww_str_is(key, marks[i].member))
                    best = i;
    return best < N_MARKS ? marks[best].kind : UNKNOWN;
}

/* ---- Cells of the entities around ---- */

static const struct field_node *node_at(const struct ww_feed_config *config, const char *path) {
    struct ww_str steps[MAX_PATH];
    uint32_t n = 0;
    const struct field_node *node = &config->root;
    if (*path && ww_feed_path_split(ww_str_of(path), steps, &n))
        for (uint32_t i = 0; i < n && node; i++)
            node = ww_json_wanted(node, steps[i]);
    return node;
}

static struct cell *level_cells(struct decoder *d, unsigned level) {
    return d->levels + (size_t)level * d->config->n_fields;
}

/* Copies the level above and adds what this entity says. */
static void fill_level(struct decoder *d, unsigned level, enum kind kind, struct ww_str json) {
    const struct field_node *node = node_at(d->config, paths[kind]);
    struct cell *mine = level_cells(d, level), *record = d->cells;
    size_t bytes = d->config->n_fields * sizeof *mine;
    struct ww_json_reader r;
    if (level > 0)
        memcpy(mine, level_cells(d, level - 1), bytes);
    else
        memset(mine, 0, bytes);
    if (!node || !open_object(&r, json))
        return;
    d->cells = mine;
    if (ww_json_fields_at(d, &r, node, NULL) != WW_OK)
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    d->cells = record;
    d->twice = NULL; /* what is nearer to the Observation was first, and stays */
    for (uint32_t i = 0; i < d->config->n_fields; i++)
        ww_cell_unescape(d, &mine[i]);
}

static void fill_gaps(struct decoder *d, unsigned n_levels) {
    const struct cell *around = n_levels > 0 ? level_cells(d, n_levels - 1) : NULL;
    for (uint32_t i = 0; around && i < d->config->n_fields; i++)
        if (d->cells[i].type == CELL_ABSENT)
            d->cells[i] = around[i];
}

/* ".../Datastreams(5)" names the Datastream that is not expanded. */
static void take_link(struct decoder *d, struct ww_str object, struct cell *cells) {
    const struct field_node *node = node_at(d->config, "Datastream.@iot.id");
    struct ww_str link = find_in(object, "Datastream@iot.navigationLink");
    const struct ww_str set = WW_STR("Datastreams(");
    if (!node || node->field < 0 || cells[node->field].type != CELL_ABSENT || link.len < set.len + 4 ||
        link.ptr[0] != '"' || link.ptr[link.len - 2] != ')')
        return;
    const char *open = memrchr(link.ptr, '(', link.len);
    if (!open || (size_t)(open - link.ptr) + 1 < set.len || memcmp(open + 1 - set.len, set.ptr, set.len) != 0)
        return;
    struct ww_str id = {open + 1, (size_t)(link.ptr + link.len - 2 - (open + 1))};
    if (id.len >= 2 && id.ptr[0] == '\'' && id.ptr[id.len - 1] == '\'')
        id = (struct ww_str){id.ptr + 1, id.len - 2};
    cells[node->field] = (struct cell){.text = id, .at = id.ptr, .type = CELL_TEXT, .escaped = false};
}

/* ---- Records ---- */

static void begin(struct decoder *d, struct ww_str raw) {
    ww_record_begin(d, ++d->n_observations);
    d->raw = raw;
}

static void refuse(struct decoder *d, struct ww_str raw, const char *why) {
    begin(d, raw);
    ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "%s", why);
}

static const char multi[] = "an Observation of a MultiDatastream: several results in one are not taken";

static void map_observation(struct decoder *d, struct ww_str raw, unsigned n_levels) {
    struct ww_json_reader r;
    begin(d, raw);
    if (!open_object(&r, raw)) {
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "the Observation is not a JSON object");
        return;
    }
    struct ww_str owner = find_in(raw, "MultiDatastream");
    if (owner.len > 0 && owner.ptr[0] == '{') {
        d->recognised = true;
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "%s", multi);
        return;
    }
    if (ww_json_fields(d, &r, NULL) != WW_OK) {
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
        return;
    }
    take_link(d, raw, d->cells);
    fill_gaps(d, n_levels);
    ww_record_map(d, raw);
}

/* A row of a dataArray: values in the order of the components. */
static void map_array_row(struct decoder *d, struct ww_str row, const int32_t *fields, uint32_t n_fields) {
    struct ww_json_reader r;
    struct ww_str value;
    uint32_t n = 0;
    begin(d, row);
    if (!open_array(&r, row)) {
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "the row of the dataArray is not an array");
        return;
    }
    for (; next_value(&r, &value); n++) {
        struct ww_json_reader one;
        struct ww_json_event ev;
        struct field_node leaf = {.field = n < n_fields ? fields[n] : -1};
        ww_json_reader_init(&one, value);
        if (leaf.field < 0 || ww_json_next(&one, &ev, NULL) != WW_OK)
            continue;
        const struct field_node *node = ww_json_wanted(&d->config->root, d->config->fields[leaf.field].name);
        if (ww_json_take(d, &one, &ev, node ? node : &leaf, NULL) != WW_OK)
            return;
    }
    if (n != n_fields) {
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE, "the row has %u values for %u components", n,
                        n_fields);
        return;
    }
    fill_gaps(d, 1);
    ww_record_map(d, row);
}

static void map_data_array(struct decoder *d, struct ww_str raw) {
    int32_t fields[MAX_COMPONENTS];
    uint32_t n = 0;
    struct ww_json_reader r;
    struct ww_str name, rows = find_in(raw, "dataArray");
    fill_level(d, 0, DATA_ARRAY, raw);
    take_link(d, raw, level_cells(d, 0));
    struct ww_str owner = find_in(raw, "MultiDatastream");
    bool is_multi = owner.ptr || find_in(raw, "MultiDatastream@iot.navigationLink").ptr;
    if (open_array(&r, find_in(raw, "components")))
        for (; n < MAX_COMPONENTS && next_value(&r, &name); n++) {
            struct ww_str key = {name.ptr + 1, name.len >= 2 ? name.len - 2 : 0};
            const struct field_node *node = ww_json_wanted(&d->config->root, key);
            fields[n] = node ? node->field : -1;
        }
    if (n == 0 || n == MAX_COMPONENTS || !open_array(&r, rows)) {
        refuse(d, raw, "a dataArray needs an array of 1 to 63 components");
        return;
    }
    while (d->status == WW_OK && next_value(&r, &name)) {
        if (is_multi)
            refuse(d, name, multi);
        else
            map_array_row(d, name, fields, n);
    }
}

static void walk(struct decoder *d, enum kind kind, struct ww_str raw, unsigned level);

/* The entities below; false when there are none. */
static bool walk_children(struct decoder *d, enum kind kind, struct ww_str raw, unsigned level) {
    struct ww_json_reader r, items;
    struct ww_str key, span, item;
    bool any = false;
    if (level + 1 > MAX_LEVELS || !open_object(&r, raw))
        return false;
    fill_level(d, level, kind, raw);
    while (d->status == WW_OK && next_member(&r, &key, &span)) {
        for (size_t i = 0; i < N_CHILDREN; i++) {
            if (!ww_str_is(key, children[i].member) || !open_array(&items, span))
                continue;
            any = true;
            while (d->status == WW_OK && next_value(&items, &item))
                walk(d, kind == MULTI_DATASTREAM ? MULTI_DATASTREAM : children[i].kind, item, level + 1);
        }
    }
    return any;
}

static void walk(struct decoder *d, enum kind kind, struct ww_str raw, unsigned level) {
    if (kind != UNKNOWN)
        d->recognised = true;
    switch (kind) {
    case OBSERVATION:
        map_observation(d, raw, level);
        break;
    case DATA_ARRAY:
        map_data_array(d, raw);
        break;
    case UNKNOWN:
        refuse(d, raw, "the record is no entity of SensorThings");
        break;
    case MULTI_DATASTREAM:
        if (!walk_children(d, kind, raw, level))
            refuse(d, raw, multi);
        break;
    default:
        if (!walk_children(d, kind, raw, level))
            refuse(d, raw, "the entity holds no Observation: fetch it with $expand");
        break;
    }
}

static void map_item(struct decoder *d, struct ww_str raw) {
    walk(d, kind_of(raw), raw, 0);
}

void ww_decode_sensorthings(struct decoder *d) {
    static const struct ww_str path = {"value", 5};
    d->levels = ww_arena_calloc(d->arena, (size_t)d->config->n_fields * MAX_LEVELS + 1, sizeof *d->levels);
    if (!d->levels)
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    else
        ww_decode_records(d, &path, 1, map_item);
}
