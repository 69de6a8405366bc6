/* Reads how a feed's fields become readings: the sources of thing, property, value, time, place and the rest.
 */
#include <stdio.h>

#include "ingest/decode/feed_check.h"
#include "ingest/decode/feed_config_internal.h"
#include "ingest/decode/statistic.h"

enum { MAX_INTERVAL_S = 366 * 86400 };

typedef const struct ww_json_node *node_t;

static enum ww_status field_source(struct feed_parser *p, node_t name, const char *path, bool required,
                                   struct source *out) {
    if (name->type != WW_JSON_STRING || name->text.len == 0 || name->text.len > 256)
        return ww_feed_bad(p->err, path, name, "must name a field in 1 to 256 bytes");
    int32_t field = ww_feed_field_add(p->config, name->text, required);
    if (field < 0)
        return p->config->n_fields == MAX_FIELDS ? ww_feed_bad(p->err, path, name, "is one field too many")
                                                 : ww_feed_no_memory(p->err);
    *out = (struct source){.kind = SOURCE_FIELD, .field = (uint32_t)field};
    return WW_OK;
}

enum source_flags { BARE_IS_FIELD = 0, BARE_IS_CONST = 1, OPTIONAL_COLUMN = 2 };

static bool has_level(const struct ww_mqtt_source *mqtt, struct ww_str name) {
    for (uint32_t i = 0; i < mqtt->n_topics; i++)
        for (uint32_t k = 0; k < mqtt->topics[i].n_levels; k++)
            if (mqtt->topics[i].levels[k].kind == WW_TOPIC_NAME &&
                ww_str_eq(mqtt->topics[i].levels[k].text, name))
                return true;
    return false;
}

static enum ww_status topic_source(struct feed_parser *p, node_t topic, const char *path,
                                   struct source *out) {
    struct ww_feed_config *config = p->config;
    if (topic->type != WW_JSON_STRING || !has_level(&config->source.mqtt, topic->text))
        return ww_feed_bad(p->err, path, topic, "must name a {level} of the feed's topics");
    uint32_t i = 0;
    while (i < config->n_topic_names && !ww_str_eq(config->topic_names[i], topic->text))
        i++;
    if (i == MAX_TOPIC_NAMES)
        return ww_feed_bad(p->err, path, topic, "is one level of a topic too many");
    config->topic_names[i] = topic->text;
    if (i == config->n_topic_names)
        config->n_topic_names++;
    *out = (struct source){.kind = SOURCE_TOPIC, .field = i};
    return WW_OK;
}

/* {"field":…}, {"const":…}, {"topic":…} or a bare string; leaves SOURCE_NONE when the node is NULL. */
static enum ww_status parse_source(struct feed_parser *p, node_t node, const char *path, unsigned flags,
                                   struct source *out) {
    *out = (struct source){.kind = SOURCE_NONE};
    if (!node)
        return WW_OK;
    node_t constant = NULL, field = NULL, topic = NULL;
    if (node->type == WW_JSON_STRING) {
        *((flags & BARE_IS_CONST) ? &constant : &field) = node;
    } else {
        enum ww_status st = ww_feed_members(p->err, node, path, "field const topic");
        if (st != WW_OK)
            return st;
        field = ww_json_get(node, "field");
        constant = ww_json_get(node, "const");
        topic = ww_json_get(node, "topic");
    }
    if ((field != NULL) + (constant != NULL) + (topic != NULL) != 1)
        return ww_feed_bad(p->err, path, node, "needs one of \"field\", \"const\" and \"topic\"");
    if (topic)
        return topic_source(p, topic, path, out);
    if (field)
        return field_source(p, field, path, !(flags & OPTIONAL_COLUMN), out);
    if (constant->type != WW_JSON_STRING && constant->type != WW_JSON_NUMBER)
        return ww_feed_bad(p->err, path, constant, "needs a text or number as \"const\"");
    *out = (struct source){.kind = SOURCE_CONST, .text = constant->text};
    return WW_OK;
}

/* The thing, property or unit of one value; the feed's own when it has none. */
static enum ww_status parse_series_source(struct feed_parser *p, node_t entry, const char *member,
                                          const struct source *common, uint32_t i, struct source *out) {
    char path[64];
    (void)snprintf(path, sizeof path, "values.%u.%s", i, member);
    enum ww_status st = parse_source(p, ww_json_get(entry, member), path, BARE_IS_CONST, out);
    if (st == WW_OK && out->kind == SOURCE_NONE)
        *out = *common;
    return st;
}

/* ---- What a format says by itself, where the feed names no source ---- */

static const char *const sta_thing[] = {"Datastream.Thing.@iot.id", "Datastream.Thing.name",
                                        "Datastream.@iot.id", "Datastream.name", NULL};
static const char *const sta_property[] = {"Datastream.ObservedProperty.name", "Datastream.name", NULL};
static const char *const sta_unit[] = {"Datastream.unitOfMeasurement.symbol",
                                       "Datastream.unitOfMeasurement.name", NULL};
static const char *const sta_value[] = {"result", NULL};
static const char *const sta_time[] = {"phenomenonTime", "resultTime", NULL};
static const char *const sta_quality[] = {"resultQuality", NULL};
#define STA_PLACE(n)                                                                                         \
    "FeatureOfInterest.feature.coordinates." n, "FeatureOfInterest.feature.geometry.coordinates." n,         \
        "Datastream.Thing.Locations.0.location.coordinates." n,                                              \
        "Datastream.Thing.Locations.0.location.geometry.coordinates." n, NULL
static const char *const sta_x[] = {STA_PLACE("0")};
static const char *const sta_y[] = {STA_PLACE("1")};
static const char *const ngsi_thing[] = {"id", "@id", NULL};
static const char *const ngsi_time[] = {"dateObservedFrom", "dateObserved", "observationDateTime", NULL};
static const char *const ngsi_until[] = {"dateObservedTo", NULL};
static const char *const text_value[] = {"value", NULL};

/* The first of these fields that says something; leaves a source that the feed has named. */
static enum ww_status usual_source(struct feed_parser *p, const char *const *names, struct source *out) {
    if (out->kind != SOURCE_NONE)
        return WW_OK;
    for (uint32_t i = 0; names[i]; i++) {
        struct source *source = i == 0 ? out : ww_arena_alloc(p->config->arena, sizeof *source);
        int32_t field = ww_feed_field_add(p->config, ww_str_of(names[i]), false);
        if (!source || field < 0)
            return ww_feed_no_memory(p->err);
        *source = (struct source){.kind = SOURCE_FIELD, .field = (uint32_t)field};
        if (i > 0)
            out->otherwise = source;
        out = source;
    }
    return WW_OK;
}

static enum ww_status usual_values(struct feed_parser *p, struct value_source *common) {
    enum ww_status st = WW_OK;
    switch (p->config->format) {
    case WW_FORMAT_TEXT:
        return usual_source(p, text_value, &common->value);
    case WW_FORMAT_NGSI_LD:
        return usual_source(p, ngsi_thing, &common->thing);
    case WW_FORMAT_SENSORTHINGS:
        st = usual_source(p, sta_thing, &common->thing);
        if (st == WW_OK)
            st = usual_source(p, sta_property, &common->property);
        if (st == WW_OK)
            st = usual_source(p, sta_unit, &common->unit);
        return st == WW_OK ? usual_source(p, sta_value, &common->value) : st;
    default:
        return WW_OK;
    }
}

static enum ww_status usual_place(struct feed_parser *p) {
    struct ww_feed_config *config = p->config;
    if (config->format != WW_FORMAT_SENSORTHINGS || config->ward.kind != SOURCE_NONE)
        return WW_OK;
    config->place_is_usual = true;
    enum ww_status st = usual_source(p, sta_x, &config->place_x);
    return st == WW_OK ? usual_source(p, sta_y, &config->place_y) : st;
}

/* WW_NOT_FOUND: the format has none. */
static enum ww_status usual_time(struct feed_parser *p) {
    struct ww_feed_config *config = p->config;
    bool ngsi_ld = config->format == WW_FORMAT_NGSI_LD;
    if (!ngsi_ld && config->format != WW_FORMAT_SENSORTHINGS)
        return WW_NOT_FOUND;
    config->n_time_parts = 1;
    enum ww_status st = usual_source(p, ngsi_ld ? ngsi_time : sta_time, &config->time_parts[0]);
    return st == WW_OK && ngsi_ld ? usual_source(p, ngsi_until, &config->time_until) : st;
}

/* A constant one must be in the list; what a field says is looked at row by row. */
static enum ww_status check_statistic(struct feed_parser *p, const struct source *source, node_t node) {
    if (source->kind != SOURCE_CONST || ww_statistic_find(source->text) != WW_STATISTIC_UNKNOWN)
        return WW_OK;
    return ww_feed_bad(
        p->err, "statistic", node,
        "must be one of mean, min, max, sum, count, median, std, p05, p10, p50, p90, p95, day, "
        "night and those of HJ 212 with .ref");
}

static enum ww_status parse_wide_value(struct feed_parser *p, node_t entry, const struct value_source *common,
                                       uint32_t i, struct value_source *out) {
    char path[64];
    (void)snprintf(path, sizeof path, "values.%u", i);
    enum ww_status st = ww_feed_members(p->err, entry, path, "field property unit thing statistic");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(entry, "field");
    if (!field)
        return ww_feed_bad(p->err, path, entry, "needs a \"field\"");
    (void)snprintf(path, sizeof path, "values.%u.field", i);
    st = field_source(p, field, path, false, &out->value);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "thing", &common->thing, i, &out->thing);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "property", &common->property, i, &out->property);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "unit", &common->unit, i, &out->unit);
    if (st == WW_OK)
        st = parse_series_source(p, entry, "statistic", &common->statistic, i, &out->statistic);
    if (st == WW_OK)
        st = check_statistic(p, &out->statistic, ww_json_get(entry, "statistic"));
    if (st != WW_OK)
        return st;
    (void)snprintf(path, sizeof path, "values.%u.%s", i,
                   out->thing.kind == SOURCE_NONE ? "thing" : "property");
    if (out->thing.kind == SOURCE_NONE || out->property.kind == SOURCE_NONE)
        return ww_feed_bad(p->err, path, entry, "is missing, and the feed has none for all values");
    return WW_OK;
}

/* "properties": our code for each name that a sender uses. */
static enum ww_status parse_properties(struct feed_parser *p, node_t root, node_t values) {
    struct ww_feed_config *config = p->config;
    node_t map = ww_json_get(root, "properties");
    if (!map)
        return WW_OK;
    if (values)
        return ww_feed_bad(p->err, "properties", map, "and \"values\" exclude each other");
    if (map->type != WW_JSON_OBJECT || !map->child || ww_feed_count(map) > MAX_FIELDS)
        return ww_feed_bad(p->err, "properties", map, "must be an object of 1 to 1024 texts");
    config->properties = ww_arena_calloc(config->arena, ww_feed_count(map), sizeof *config->properties);
    if (!config->properties)
        return ww_feed_no_memory(p->err);
    for (node_t m = map->child; m; m = m->next) {
        if (m->type != WW_JSON_STRING || m->text.len == 0 || m->text.len > 64 || m->key.len > 256)
            return ww_feed_bad(p->err, "properties", m, "must give a code of 1 to 64 bytes for each name");
        config->properties[config->n_properties++] = (struct property_map){m->key, m->text};
    }
    return WW_OK;
}

/* NGSI-LD without "values": each attribute in "properties" is one. */
static enum ww_status map_attributes(struct feed_parser *p, node_t root, const struct value_source *common) {
    struct ww_feed_config *config = p->config;
    if (config->n_properties == 0)
        return ww_feed_bad(p->err, "properties", NULL, "is missing, and \"values\" too");
    config->n_values = config->n_properties;
    config->values = ww_arena_calloc(config->arena, config->n_values, sizeof *config->values);
    if (!config->values)
        return ww_feed_no_memory(p->err);
    for (uint32_t i = 0; i < config->n_values; i++) {
        int32_t field = ww_feed_field_add(config, config->properties[i].text, false);
        if (field < 0)
            return ww_feed_bad(p->err, "properties", ww_json_get(root, "properties"), "has too many names");
        config->values[i] = *common;
        config->values[i].value = (struct source){.kind = SOURCE_FIELD, .field = (uint32_t)field};
        config->values[i].property =
            (struct source){.kind = SOURCE_CONST, .text = config->properties[i].code};
    }
    return WW_OK;
}

static enum ww_status parse_values(struct feed_parser *p, node_t root) {
    struct value_source common = {0};
    enum ww_status st = parse_source(p, ww_json_get(root, "thing"), "thing", BARE_IS_FIELD, &common.thing);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "property"), "property", BARE_IS_FIELD, &common.property);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "value"), "value", BARE_IS_FIELD, &common.value);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "unit"), "unit", BARE_IS_FIELD, &common.unit);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(root, "statistic"), "statistic", BARE_IS_FIELD, &common.statistic);
    if (st == WW_OK)
        st = check_statistic(p, &common.statistic, ww_json_get(root, "statistic"));
    if (st != WW_OK)
        return st;
    if ((st = usual_values(p, &common)) != WW_OK)
        return st;
    node_t values = ww_json_get(root, "values");
    p->config->wide = values != NULL || p->config->format == WW_FORMAT_NGSI_LD;
    if (values && p->config->format == WW_FORMAT_SENSORTHINGS)
        return ww_feed_bad(p->err, "values", values, "are not for sensorthings: a record has one result");
    if ((st = parse_properties(p, root, values)) != WW_OK)
        return st;
    if (values && ww_json_get(root, "value"))
        return ww_feed_bad(p->err, "value", values, "and \"values\" exclude each other");
    if (values && (values->type != WW_JSON_ARRAY || !values->child || ww_feed_count(values) > MAX_FIELDS))
        return ww_feed_bad(p->err, "values", values, "must be an array of 1 to 1024 entries");
    p->config->n_values = values ? ww_feed_count(values) : 1;
    p->config->values = ww_arena_calloc(p->config->arena, p->config->n_values, sizeof *p->config->values);
    if (!p->config->values)
        return ww_feed_no_memory(p->err);
    if (!values && p->config->wide)
        return map_attributes(p, root, &common);
    if (!values) {
        const char *lacks = common.thing.kind == SOURCE_NONE      ? "thing"
                            : common.property.kind == SOURCE_NONE ? "property"
                            : common.value.kind == SOURCE_NONE    ? "value"
                                                                  : NULL;
        p->config->values[0] = common;
        return lacks ? ww_feed_bad(p->err, lacks, NULL, "is missing") : WW_OK;
    }
    uint32_t i = 0;
    for (node_t entry = values->child; entry && st == WW_OK; entry = entry->next, i++)
        st = parse_wide_value(p, entry, &common, i, &p->config->values[i]);
    return st;
}

/* Only what ww_instant_parse_format knows may follow a per cent sign. */
static bool is_time_pattern(struct ww_str pattern) {
    if (memchr(pattern.ptr, '\0', pattern.len) || !memchr(pattern.ptr, '%', pattern.len))
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] != '%')
            continue;
        if (++i == pattern.len || !strchr("YymdHMSfzsbpI%", pattern.ptr[i]))
            return false;
    }
    return true;
}

static enum ww_status parse_time_format(struct feed_parser *p, node_t format) {
    struct ww_feed_config *config = p->config;
    struct ww_str text = WW_STR("iso");
    if (format && (!ww_json_as_str(format, &text) || text.len == 0 || text.len > 100))
        return ww_feed_bad(p->err, "time.format", format, "must be a text of 1 to 100 bytes");
    if (!format && config->n_time_parts > 1) {
        config->time_format = TIME_PARTS;
    } else if (ww_str_is(text, "iso")) {
        config->time_format = TIME_ISO;
    } else if (ww_str_is(text, "epoch")) {
        config->time_format = TIME_EPOCH;
    } else if (ww_str_is(text, "epoch_ms")) {
        config->time_format = TIME_EPOCH_MS;
    } else if (is_time_pattern(text)) {
        config->time_format = TIME_STRPTIME;
        struct ww_str copy = ww_arena_copy(config->arena, text);
        if (!copy.ptr)
            return ww_feed_no_memory(p->err);
        config->time_pattern = (char *)(uintptr_t)copy.ptr;
    } else {
        return ww_feed_bad(
            p->err, "time.format", format,
            "must be iso, epoch, epoch_ms or a pattern of %Y %y %m %d %H %M %S %f %z %s %b %p %I");
    }
    return WW_OK;
}

static enum ww_status parse_time_parts(struct feed_parser *p, node_t fields) {
    if (fields->type != WW_JSON_ARRAY || !fields->child || ww_feed_count(fields) > MAX_TIME_PARTS)
        return ww_feed_bad(p->err, "time.fields", fields, "must be an array of 1 to 6 field names");
    for (node_t f = fields->child; f; f = f->next) {
        enum ww_status st =
            field_source(p, f, "time.fields", true, &p->config->time_parts[p->config->n_time_parts++]);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

static enum ww_status parse_received(struct feed_parser *p, node_t time, node_t received) {
    if (received->type != WW_JSON_TRUE || ww_json_get(time, "format"))
        return ww_feed_bad(p->err, "time.received", received, "must be true, without a \"format\"");
    p->config->time_format = TIME_RECEIVED;
    return WW_OK;
}

static enum ww_status parse_time(struct feed_parser *p, node_t time) {
    if (!time) {
        enum ww_status usual = usual_time(p);
        return usual == WW_NOT_FOUND ? ww_feed_bad(p->err, "time", NULL, "is missing") : usual;
    }
    if (time->type == WW_JSON_STRING) {
        p->config->n_time_parts = 1;
        return field_source(p, time, "time", true, &p->config->time_parts[0]);
    }
    enum ww_status st =
        ww_feed_members(p->err, time, "time", "field const fields topic received until format");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(time, "field"), fields = ww_json_get(time, "fields");
    node_t constant = ww_json_get(time, "const"), topic = ww_json_get(time, "topic");
    node_t received = ww_json_get(time, "received");
    if ((field != NULL) + (fields != NULL) + (constant != NULL) + (topic != NULL) + (received != NULL) != 1)
        return ww_feed_bad(p->err, "time", time,
                           "needs one of \"field\", \"fields\", \"const\", \"topic\" and \"received\"");
    if (received)
        return parse_received(p, time, received);
    if (fields) {
        st = parse_time_parts(p, fields);
    } else {
        p->config->n_time_parts = 1;
        if (field)
            st = field_source(p, field, "time.field", true, &p->config->time_parts[0]);
        else if (topic)
            st = topic_source(p, topic, "time.topic", &p->config->time_parts[0]);
        else if (constant->type == WW_JSON_STRING || constant->type == WW_JSON_NUMBER)
            p->config->time_parts[0] = (struct source){.kind = SOURCE_CONST, .text = constant->text};
        else
            st = ww_feed_bad(p->err, "time.const", constant, "must be a text or number");
    }
    node_t until = ww_json_get(time, "until");
    if (until && !field)
        return ww_feed_bad(p->err, "time.until", until, "needs a \"field\" for the start");
    if (st == WW_OK && until)
        st = field_source(p, until, "time.until", true, &p->config->time_until);
    return st == WW_OK ? parse_time_format(p, ww_json_get(time, "format")) : st;
}

static enum ww_status parse_interval(struct feed_parser *p, node_t interval) {
    if (!interval || interval->type != WW_JSON_NUMBER)
        return parse_source(p, interval, "interval_s", BARE_IS_FIELD, &p->config->interval);
    int64_t seconds;
    if (!ww_json_as_i64(interval, &seconds) || seconds < 0 || seconds > MAX_INTERVAL_S)
        return ww_feed_bad(p->err, "interval_s", interval, "must be whole seconds from 0 to a year");
    p->config->interval_s = (int32_t)seconds;
    return WW_OK;
}

static enum ww_status parse_place(struct feed_parser *p, node_t place) {
    if (!place)
        return usual_place(p);
    enum ww_status st = ww_feed_members(p->err, place, "place", "x y ward");
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "x"), "place.x", BARE_IS_FIELD, &p->config->place_x);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "y"), "place.y", BARE_IS_FIELD, &p->config->place_y);
    if (st == WW_OK)
        st = parse_source(p, ww_json_get(place, "ward"), "place.ward", BARE_IS_FIELD, &p->config->ward);
    if (st != WW_OK)
        return st;
    bool x = p->config->place_x.kind != SOURCE_NONE, y = p->config->place_y.kind != SOURCE_NONE;
    bool ward = p->config->ward.kind != SOURCE_NONE;
    if (x != y || x == ward)
        return ww_feed_bad(p->err, "place", place, "needs either x and y, or ward");
    return WW_OK;
}

static bool as_flag(node_t node, char *out) {
    struct ww_str text;
    if (!ww_json_as_str(node, &text) || text.len != 1)
        return false;
    char c = text.ptr[0];
    *out = c;
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static enum ww_status parse_flag_map(struct feed_parser *p, node_t map) {
    if (map->type != WW_JSON_OBJECT)
        return ww_feed_bad(p->err, "quality.map", map, "must be an object");
    p->config->flags = ww_arena_calloc(p->config->arena, ww_feed_count(map) + 1, sizeof *p->config->flags);
    if (!p->config->flags)
        return ww_feed_no_memory(p->err);
    for (node_t entry = map->child; entry; entry = entry->next) {
        struct flag_map *flag = &p->config->flags[p->config->n_flags++];
        flag->text = entry->key;
        if (!as_flag(entry, &flag->flag))
            return ww_feed_bad(p->err, "quality.map", entry, "must give one letter or digit for each text");
    }
    return WW_OK;
}

static enum ww_status parse_quality(struct feed_parser *p, node_t quality) {
    if (!quality && p->config->format == WW_FORMAT_SENSORTHINGS)
        return usual_source(p, sta_quality, &p->config->quality);
    if (!quality || quality->type == WW_JSON_STRING)
        return parse_source(p, quality, "quality", BARE_IS_FIELD, &p->config->quality);
    enum ww_status st = ww_feed_members(p->err, quality, "quality", "field const map default");
    if (st != WW_OK)
        return st;
    node_t field = ww_json_get(quality, "field"), constant = ww_json_get(quality, "const");
    node_t map = ww_json_get(quality, "map"), fallback = ww_json_get(quality, "default");
    if ((field == NULL) == (constant == NULL))
        return ww_feed_bad(p->err, "quality", quality, "needs either \"field\" or \"const\"");
    st = parse_source(p, field ? field : constant, "quality", field ? BARE_IS_FIELD : BARE_IS_CONST,
                      &p->config->quality);
    if (st == WW_OK && map)
        st = parse_flag_map(p, map);
    if (st == WW_OK && fallback && !as_flag(fallback, &p->config->default_flag))
        st = ww_feed_bad(p->err, "quality.default", fallback, "must be one letter or digit");
    return st;
}

static enum ww_status parse_keep(struct feed_parser *p, node_t keep) {
    if (!keep)
        return WW_OK;
    if (keep->type != WW_JSON_ARRAY || ww_feed_count(keep) > MAX_FIELDS)
        return ww_feed_bad(p->err, "keep", keep, "must be an array of field names");
    p->config->keep = ww_arena_calloc(p->config->arena, ww_feed_count(keep) + 1, sizeof *p->config->keep);
    if (!p->config->keep)
        return ww_feed_no_memory(p->err);
    for (node_t k = keep->child; k; k = k->next) {
        struct source source;
        enum ww_status st = field_source(p, k, "keep", true, &source);
        if (st != WW_OK)
            return st;
        for (uint32_t i = 0; i < p->config->n_keep; i++)
            if (p->config->keep[i] == source.field)
                return ww_feed_bad(p->err, "keep", k, "names a field twice");
        p->config->keep[p->config->n_keep++] = source.field;
    }
    return WW_OK;
}

static enum ww_status parse_missing(struct feed_parser *p, node_t missing) {
    static struct ww_str usual[] = {{"", 0}, {"NA", 2}, {"NULL", 4}};
    if (!missing) {
        p->config->missing = usual;
        p->config->n_missing = sizeof usual / sizeof *usual;
        return WW_OK;
    }
    if (missing->type != WW_JSON_ARRAY || ww_feed_count(missing) > 64)
        return ww_feed_bad(p->err, "missing", missing, "must be an array of at most 64 texts");
    p->config->missing =
        ww_arena_calloc(p->config->arena, ww_feed_count(missing) + 1, sizeof *p->config->missing);
    if (!p->config->missing)
        return ww_feed_no_memory(p->err);
    for (node_t m = missing->child; m; m = m->next) {
        if (m->type != WW_JSON_STRING && m->type != WW_JSON_NUMBER)
            return ww_feed_bad(p->err, "missing", m, "must hold texts or numbers");
        p->config->missing[p->config->n_missing++] = m->text;
    }
    return WW_OK;
}

enum ww_status ww_feed_mapping_parse(struct feed_parser *p, node_t root) {
    struct feed_section s = {.node = root, .path = "", .arena = p->config->arena, .err = p->err};
    p->config->series_interval = ww_section_bool(&s, "series_interval", false);
    enum ww_status st = s.status;
    if (st == WW_OK)
        st = parse_values(p, root);
    if (st == WW_OK)
        st = parse_time(p, ww_json_get(root, "time"));
    if (st == WW_OK)
        st = parse_interval(p, ww_json_get(root, "interval_s"));
    if (st == WW_OK)
        st = parse_place(p, ww_json_get(root, "place"));
    if (st == WW_OK)
        st = parse_quality(p, ww_json_get(root, "quality"));
    if (st == WW_OK)
        st = parse_keep(p, ww_json_get(root, "keep"));
    if (st == WW_OK)
        st = parse_missing(p, ww_json_get(root, "missing"));
    return st;
}
