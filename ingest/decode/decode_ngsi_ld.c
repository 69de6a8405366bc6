/* NGSI-LD entities (ETSI GS CIM 009), and the older NGSI v2 ones: attributes become values.
 *
 *   {"id":"urn:ngsi-ld:AirQualityObserved:1","type":"AirQualityObserved",
 *    "location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[107.08,29.85]}},
 *    "NO2":{"type":"Property","value":22,"observedAt":"2026-11-24T01:00:00Z","unitCode":"GQ"}}
 *
 * Attributes come normalised or as bare values (key-values); one entity, an array of them, the "data" of a
 * notification, or GeoJSON features whose properties are the attributes. An attribute with several instances
 * is an array; an instance with a datasetId belongs to the part of the thing that is named after it. An
 * attribute's observedAt goes before the entity's time. An entity that has not one of the wanted attributes
 * is dead, so that a misspelt mapping is noticed.
 */
#include "ingest/decode/decode_internal.h"

enum { MAX_UNWRAP = 4 };

struct entity {
    struct decoder *d;
    struct ww_str *spans; /* [config->n_fields]: the bytes of each wanted attribute, ptr NULL: not there */
    bool has_id, has_type;
};

static const uint8_t cell_types[] = {
    [WW_JSON_OBJECT] = CELL_CONTAINER, [WW_JSON_ARRAY] = CELL_CONTAINER, [WW_JSON_STRING] = CELL_TEXT,
    [WW_JSON_NUMBER] = CELL_NUMBER,    [WW_JSON_TRUE] = CELL_BOOL,       [WW_JSON_FALSE] = CELL_BOOL,
    [WW_JSON_NULL] = CELL_NULL};

/* Every text below is well formed: ww_decode_records has passed over it. */
static struct ww_json_event first_event(struct ww_json_reader *r, struct ww_str json) {
    struct ww_json_event ev = {.type = WW_JSON_END};
    ww_json_reader_init(r, json);
    return ww_json_next(r, &ev, NULL) == WW_OK ? ev : (struct ww_json_event){.type = WW_JSON_END};
}

/* The next member of an object: false at its end. `span` are the value's bytes. */
static bool next_member(struct decoder *d, struct ww_json_reader *r, struct ww_str *key,
                        struct ww_str *span) {
    struct ww_json_event ev;
    if (ww_json_next(r, &ev, NULL) != WW_OK || ev.type != WW_JSON_KEY)
        return false;
    *key = ev.text;
    if (ev.escaped && ww_json_unescape(d->arena, &ev, key, NULL) != WW_OK) {
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
        return false;
    }
    if (ww_json_next(r, &ev, NULL) != WW_OK)
        return false;
    size_t start = ev.offset;
    if (ww_json_skip(r, &ev, NULL, NULL) != WW_OK)
        return false;
    *span = (struct ww_str){r->input.ptr + start, r->pos - start};
    return true;
}

static struct ww_str find_in(struct decoder *d, struct ww_str object, const char *a, const char *b) {
    struct ww_json_reader r;
    struct ww_str key, span;
    if (first_event(&r, object).type == WW_JSON_OBJECT)
        while (next_member(d, &r, &key, &span))
            if (ww_str_is(key, a) || ww_str_is(key, b))
                return span;
    return WW_STR_NONE;
}

static struct cell cell_of(struct ww_str json) {
    struct ww_json_reader r;
    struct ww_json_event ev = first_event(&r, json);
    if (ev.type == WW_JSON_END)
        return (struct cell){.type = CELL_ABSENT};
    struct ww_str text = cell_types[ev.type] == CELL_CONTAINER ? json : ev.text;
    return (struct cell){.text = text, .at = json.ptr, .type = cell_types[ev.type], .escaped = ev.escaped};
}

/* An attribute's value: {"type":"Property","value":{"@type":"DateTime","@value":"…"}} is the inmost text. */
static struct cell read_value(struct decoder *d, struct ww_str json) {
    for (int i = 0; i < MAX_UNWRAP && json.len > 0 && json.ptr[0] == '{'; i++) {
        struct ww_str inner = find_in(d, json, "value", "@value");
        if (!inner.ptr)
            break;
        json = inner;
    }
    return cell_of(json);
}

/* {"type":"GeoProperty","value":GEOMETRY} or the geometry itself. */
static void read_location(struct decoder *d, struct ww_str json) {
    for (int i = 0; i < MAX_UNWRAP && json.len > 0 && json.ptr[0] == '{'; i++) {
        struct ww_str inner = find_in(d, json, "value", "@value");
        if (!inner.ptr)
            break;
        json = inner;
    }
    struct ww_json_reader r;
    enum ww_json_type type = first_event(&r, json).type;
    if (type == WW_JSON_NULL)
        return;
    if (type != WW_JSON_OBJECT || ww_json_geometry(d, &r, NULL) != WW_OK)
        d->geometry = GEOMETRY_BROKEN;
}

static void take_attribute(struct entity *e, struct ww_str key, struct ww_str span) {
    struct decoder *d = e->d;
    e->has_id |= ww_str_is(key, "id") || ww_str_is(key, "@id");
    e->has_type |= ww_str_is(key, "type") || ww_str_is(key, "@type");
    if (ww_str_is(key, "location") || ww_str_is(key, "geometry"))
        read_location(d, span);
    const struct field_node *node = ww_json_wanted(&d->config->root, key);
    if (!node || node->field < 0)
        return;
    e->spans[node->field] = span;
    ww_record_set(d, (uint32_t)node->field, read_value(d, span));
}

static bool is_feature(struct decoder *d, struct ww_str object) {
    struct cell type = cell_of(find_in(d, object, "type", "type"));
    return type.type == CELL_TEXT && ww_str_is(type.text, "Feature");
}

static void take_attributes(struct entity *e, struct ww_str object) {
    bool feature = is_feature(e->d, object);
    struct ww_json_reader r;
    struct ww_str key, span;
    if (first_event(&r, object).type != WW_JSON_OBJECT)
        return;
    while (next_member(e->d, &r, &key, &span)) {
        struct ww_json_reader inside;
        bool is_properties = feature && ww_str_is(key, "properties");
        if (!is_properties || first_event(&inside, span).type != WW_JSON_OBJECT) {
            take_attribute(e, key, span);
            continue;
        }
        while (next_member(e->d, &inside, &key, &span))
            take_attribute(e, key, span);
    }
}

static struct cell unit_cell(struct decoder *d, struct ww_str json) {
    struct cell cell = read_value(d, json);
    if (cell.type != CELL_TEXT && cell.type != CELL_NUMBER)
        return (struct cell){.type = CELL_ABSENT};
    ww_cell_unescape(d, &cell);
    cell.text = ww_unit_of_cefact(cell.text);
    cell.type = CELL_TEXT;
    return cell;
}

/* NGSI v2: "metadata":{"unitCode":{"value":"GQ"},"TimeInstant":{"value":"…"}}. */
static void take_metadata(struct decoder *d, struct ww_str metadata, struct instance *out) {
    struct ww_str unit = find_in(d, metadata, "unitCode", "unitCode");
    struct ww_str time = find_in(d, metadata, "TimeInstant", "timestamp");
    if (unit.ptr && out->unit.type == CELL_ABSENT)
        out->unit = unit_cell(d, unit);
    if (time.ptr && out->time.type == CELL_ABSENT)
        out->time = read_value(d, time);
}

static void map_instance(struct decoder *d, uint32_t index, struct ww_str json) {
    struct instance instance = {.value = read_value(d, json)};
    struct ww_json_reader r;
    struct ww_str key, span;
    if (first_event(&r, json).type == WW_JSON_OBJECT) {
        while (next_member(d, &r, &key, &span)) {
            if (ww_str_is(key, "observedAt")) {
                instance.time = read_value(d, span);
            } else if (ww_str_is(key, "unitCode")) {
                instance.unit = unit_cell(d, span);
            } else if (ww_str_is(key, "metadata")) {
                take_metadata(d, span, &instance);
            } else if (ww_str_is(key, "datasetId")) {
                struct cell part = read_value(d, span);
                ww_cell_unescape(d, &part);
                instance.part = part.type == CELL_TEXT ? part.text : WW_STR_NONE;
            }
        }
    }
    if (d->status == WW_OK)
        ww_record_map_instance(d, index, &instance);
}

/* One instance, or an array of them. */
static void map_attribute(struct decoder *d, uint32_t index, struct ww_str json) {
    struct ww_json_reader r;
    if (first_event(&r, json).type != WW_JSON_ARRAY) {
        map_instance(d, index, json);
        return;
    }
    struct ww_json_event ev;
    while (d->status == WW_OK && ww_json_next(&r, &ev, NULL) == WW_OK && ev.type != WW_JSON_END_ARRAY) {
        size_t start = ev.offset;
        if (ww_json_skip(&r, &ev, NULL, NULL) != WW_OK)
            return;
        map_instance(d, index, (struct ww_str){json.ptr + start, r.pos - start});
    }
}

static void map_entity(struct decoder *d, struct ww_str raw) {
    const struct ww_feed_config *config = d->config;
    struct entity e = {.d = d, .spans = d->spans};
    memset(e.spans, 0, config->n_fields * sizeof *e.spans);
    ww_record_begin(d, d->line);
    d->raw = raw;
    take_attributes(&e, raw);
    d->recognised |= e.has_id && e.has_type;
    if (d->twice) {
        ww_decoder_dead(d, config->fields[d->twice_field].name, d->twice, WW_STR_NONE,
                        "the attribute is there twice");
        return;
    }
    bool any = false;
    for (uint32_t i = 0; i < config->n_values && d->status == WW_OK; i++) {
        struct ww_str span = e.spans[config->values[i].value.field];
        if (span.ptr)
            map_attribute(d, i, span);
        any |= span.ptr != NULL;
    }
    if (!any)
        ww_decoder_dead(d, WW_STR_NONE, NULL, WW_STR_NONE,
                        e.has_id && e.has_type ? "the entity has none of the attributes that the feed maps"
                                               : "the record is no entity: it has no id and type");
}

/* Notifications and feature collections wrap their entities. */
static struct ww_str find_wrapper(struct decoder *d) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    struct ww_str found = WW_STR_NONE;
    bool wraps = false;
    ww_json_reader_init(&r, d->body);
    if (ww_json_next(&r, &ev, NULL) != WW_OK || ev.type != WW_JSON_OBJECT)
        return found;
    while (ww_json_next(&r, &ev, NULL) == WW_OK && ev.type == WW_JSON_KEY) {
        struct ww_str key = ev.text;
        if (ww_json_next(&r, &ev, NULL) != WW_OK)
            break;
        wraps |= ww_str_is(key, "subscriptionId");
        wraps |= ww_str_is(key, "type") &&
                 (ww_str_is(ev.text, "Notification") || ww_str_is(ev.text, "FeatureCollection"));
        if (ww_str_is(key, "data") || ww_str_is(key, "features"))
            found = key;
        if (ww_json_skip(&r, &ev, NULL, NULL) != WW_OK)
            break;
    }
    return wraps ? found : WW_STR_NONE;
}

void ww_decode_ngsi_ld(struct decoder *d) {
    struct ww_str wrapper = find_wrapper(d);
    d->spans = ww_arena_calloc(d->arena, d->config->n_fields + 1, sizeof *d->spans);
    if (!d->spans)
        ww_decoder_too_large(d, "the request does not fit into the memory of one batch");
    else
        ww_decode_records(d, &wrapper, wrapper.len > 0, map_entity);
}
