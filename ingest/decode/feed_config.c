/* Reads and checks a feed's configuration.
 *
 * Whatever is not understood is refused with the member's name: a mistyped "timezone" that
 * was silently ignored would shift a district's data by eight hours.
 */
#include "ingest/decode/feed_check.h"
#include "ingest/decode/feed_config_internal.h"

enum { CONFIG_MEMORY = 4 << 20, MAX_CONFIG_BYTES = 256 << 10 };

typedef const struct ww_json_node *node_t;

static enum ww_status parse_format(struct feed_parser *p, node_t root) {
    static const struct {
        const char *name;
        enum ww_format format;
    } formats[] = {{"auto", WW_FORMAT_AUTO},
                   {"ndjson", WW_FORMAT_NDJSON},
                   {"json", WW_FORMAT_JSON},
                   {"csv", WW_FORMAT_CSV},
                   {"geojson", WW_FORMAT_GEOJSON},
                   {"text", WW_FORMAT_TEXT},
                   {"sensorthings", WW_FORMAT_SENSORTHINGS},
                   {"ngsi-ld", WW_FORMAT_NGSI_LD}};
    node_t format = ww_json_get(root, "format"), records = ww_json_get(root, "records");
    bool known = format == NULL;
    for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++) {
        if (format->type == WW_JSON_STRING && ww_str_is(format->text, formats[i].name)) {
            p->config->format = formats[i].format;
            known = true;
        }
    }
    if (!known)
        return ww_feed_bad(p->err, "format", format,
                           "must be csv, ndjson, json, geojson, text, sensorthings, ngsi-ld or auto");
    if (records && (records->type != WW_JSON_STRING ||
                    !ww_feed_path_split(records->text, p->config->records, &p->config->n_records)))
        return ww_feed_bad(p->err, "records", records, "must be a path like \"data.items\"");
    return WW_OK;
}

static enum ww_status parse_bool(struct feed_parser *p, node_t root, const char *name, bool usual,
                                 bool *out) {
    node_t node = ww_json_get(root, name);
    *out = usual;
    if (node && !ww_json_as_bool(node, out))
        return ww_feed_bad(p->err, name, node, "must be true or false");
    return WW_OK;
}

static enum ww_status parse_manner(struct feed_parser *p, node_t root) {
    node_t mode = ww_json_get(root, "mode"), class = ww_json_get(root, "thing_class");
    struct ww_str text = WW_STR("lenient");
    if (mode && !ww_json_as_str(mode, &text))
        return ww_feed_bad(p->err, "mode", mode, "must be strict or lenient");
    p->config->strict = ww_str_is(text, "strict");
    if (!p->config->strict && !ww_str_is(text, "lenient"))
        return ww_feed_bad(p->err, "mode", mode, "must be strict or lenient");
    if (class && (!ww_json_as_str(class, &p->config->thing_class) || p->config->thing_class.len > 64))
        return ww_feed_bad(p->err, "thing_class", class, "must be a text of at most 64 bytes");
    node_t step = ww_json_get(root, "expected_step_s");
    int64_t step_s = 0;
    if (step && (!ww_json_as_i64(step, &step_s) || step_s < 1 || step_s > 31622400))
        return ww_feed_bad(p->err, "expected_step_s", step, "must be a whole number from 1 to 31622400");
    p->config->expected_step_s = (int32_t)step_s;
    enum ww_status st = parse_bool(p, root, "register", false, &p->config->registers);
    return st == WW_OK ? parse_bool(p, root, "keep_raw", true, &p->config->keeps_raw) : st;
}

static enum ww_status open_zone_and_datum(struct feed_parser *p, node_t root) {
    node_t zone = ww_json_get(root, "time_zone"), datum = ww_json_get(root, "datum");
    bool hj212 = p->config->source.protocol == WW_PROTOCOL_HJ212;
    struct ww_str zone_name = hj212 ? WW_STR("+08:00") : WW_STR("UTC"), datum_name = WW_STR("WGS84");
    if (zone && !ww_json_as_str(zone, &zone_name))
        return ww_feed_bad(p->err, "time_zone", zone, "must be a text");
    if (datum && !ww_json_as_str(datum, &datum_name))
        return ww_feed_bad(p->err, "datum", datum, "must be a text");
    enum ww_status st = ww_zone_open(zone_name, &p->config->zone, p->err);
    if (st != WW_OK) {
        ww_error_at_field(p->err, WW_STR("time_zone"), zone_name);
        return st;
    }
    st = ww_datum_open(datum_name, &p->config->datum, p->err);
    if (st != WW_OK)
        ww_error_at_field(p->err, WW_STR("datum"), datum_name);
    return st;
}

#define MANNER                                                                                               \
    "protocol max_messages_per_s max_values_per_s time_zone datum mode register thing_class keep_raw "       \
    "expected_step_s"

/* The standard itself says what is where in a frame: such a feed maps nothing. */
static const char manner_members[] = MANNER " hj212";
static const char all_members[] = MANNER " mqtt mqtt_client pull format records thing property properties "
                                         "value unit statistic values time interval_s "
                                         "series_interval place quality keep missing";

static enum ww_status parse_root(struct feed_parser *p, node_t root) {
    if (root->type != WW_JSON_OBJECT)
        return ww_feed_bad(p->err, "config", root, "must be an object");
    enum ww_status st = ww_feed_source_parse(root, p->config->arena, &p->config->source, p->err);
    bool hj212 = st == WW_OK && p->config->source.protocol == WW_PROTOCOL_HJ212;
    if (st == WW_OK)
        st = ww_feed_members(p->err, root, "", hj212 ? manner_members : all_members);
    if (st == WW_OK && !hj212)
        st = parse_format(p, root);
    if (st == WW_OK && !hj212)
        st = ww_feed_mapping_parse(p, root);
    if (st == WW_OK)
        st = parse_manner(p, root);
    if (st == WW_OK)
        st = open_zone_and_datum(p, root);
    if (st == WW_OK && ww_feed_fields_index(p->config) != WW_OK)
        st = ww_feed_no_memory(p->err);
    return st;
}

enum ww_status ww_feed_config_parse(struct ww_str json, struct ww_feed_config **out, struct ww_error *err) {
    if (json.len > MAX_CONFIG_BYTES)
        return ww_error_set(err, WW_TOO_LARGE, "a feed configuration may have 256 KiB");
    struct ww_arena *arena = ww_arena_new(CONFIG_MEMORY);
    struct ww_feed_config *config = arena ? ww_arena_calloc(arena, 1, sizeof *config) : NULL;
    struct ww_str copy = config ? ww_arena_copy(arena, json) : WW_STR_NONE;
    if (!copy.ptr) {
        ww_arena_free(arena);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a feed configuration");
    }
    config->arena = arena;
    struct ww_json_node *root = NULL;
    struct feed_parser p = {.config = config, .err = err};
    enum ww_status st = ww_json_parse(arena, copy, &root, err);
    if (st == WW_OK) {
        st = parse_root(&p, root);
        if (st != WW_OK && err && err->offset > 0)
            ww_text_place(copy, err->offset, &err->line, &err->column);
    }
    if (st != WW_OK) {
        ww_feed_config_free(config);
        return st;
    }
    *out = config;
    return WW_OK;
}

void ww_feed_config_free(struct ww_feed_config *config) {
    if (!config)
        return;
    ww_zone_close(config->zone);
    ww_datum_close(config->datum);
    ww_arena_free(config->arena);
}

bool ww_feed_config_is_strict(const struct ww_feed_config *config) {
    return config->strict;
}

bool ww_feed_config_registers(const struct ww_feed_config *config) {
    return config->registers;
}

bool ww_feed_config_keeps_raw(const struct ww_feed_config *config) {
    return config->keeps_raw;
}

int32_t ww_feed_config_expected_step_s(const struct ww_feed_config *config) {
    return config->expected_step_s;
}

struct ww_str ww_feed_config_thing_class(const struct ww_feed_config *config) {
    return config->thing_class;
}

struct ww_datum *ww_feed_config_datum(const struct ww_feed_config *config) {
    return config->datum;
}

const struct ww_zone *ww_feed_config_zone(const struct ww_feed_config *config) {
    return config->zone;
}

const struct ww_feed_source *ww_feed_config_source(const struct ww_feed_config *config) {
    return &config->source;
}

struct ww_str ww_feed_config_content_type(const struct ww_feed_config *config) {
    return config->source.protocol == WW_PROTOCOL_HJ212 ? WW_STR("application/hj212")
                                                        : ww_format_content_type(config->format);
}

void ww_feed_config_set_stations(struct ww_feed_config *config, const struct ww_hj212_stations *stations,
                                 int32_t feed_id) {
    config->stations = stations;
    config->feed_id = feed_id;
}
