/* Inside of a feed's configuration; only ingest/decode includes this.
 *
 * Everything that a feed wants from a record is a numbered *field*. Decoders fill one cell
 * a field and know nothing of what it is for; record_map.c reads the cells through sources
 * and knows nothing of formats.
 */
#ifndef WW_INGEST_FEED_CONFIG_INTERNAL_H
#define WW_INGEST_FEED_CONFIG_INTERNAL_H

#include "geo/base/json_reader.h"
#include "ingest/decode/feed_config.h"

enum { MAX_FIELDS = 1024, MAX_TIME_PARTS = 6, MAX_PATH = 16, MAX_TOPIC_NAMES = 32 };

enum source_kind { SOURCE_NONE, SOURCE_CONST, SOURCE_FIELD, SOURCE_TOPIC };

struct source {
    enum source_kind kind;
    uint32_t field;                 /* SOURCE_FIELD: index into fields; SOURCE_TOPIC: into topic_names */
    struct ww_str text;             /* SOURCE_CONST */
    const struct source *otherwise; /* asked when this one says nothing; NULL: none */
};

/* One wanted field. */
struct field {
    struct ww_str name; /* as configured: a CSV column, a JSON member, or a dotted path */
    bool required;      /* a CSV header must have it */
};

/* A tree of wanted JSON members. A dotted name is there twice: split at its dots, and
 * whole below the root, because "PM2.5" is a name too. */
struct field_node {
    struct ww_str key;
    bool is_index;  /* the key is a decimal array index … */
    uint64_t index; /* … this one */
    int32_t field;  /* -1: only a step on the way */
    struct field_node *child, *last_child;
    struct field_node *next;
};

/* One value of a record and the series that it belongs to. The long form has one. */
struct value_source {
    struct source value, thing, property, unit, statistic;
};

enum time_format { TIME_ISO, TIME_EPOCH, TIME_EPOCH_MS, TIME_STRPTIME, TIME_PARTS, TIME_RECEIVED };

struct flag_map {
    struct ww_str text;
    char flag;
};

/* What a sender calls a property, and what we call it. */
struct property_map {
    struct ww_str text, code;
};

struct ww_feed_config {
    struct ww_arena *arena; /* owns all below but datum and zone */
    struct ww_feed_source source;
    const struct ww_hj212_stations *stations; /* not owned */
    int32_t feed_id;
    enum ww_format format;
    struct ww_str records[MAX_PATH]; /* the path to the array, one member a step */
    uint32_t n_records;

    struct field *fields;
    uint32_t n_fields;
    struct field_node root;

    struct ww_str topic_names[MAX_TOPIC_NAMES]; /* levels of topics that sources name */
    uint32_t n_topic_names;

    struct value_source *values; /* none when the protocol or format says all by itself */
    uint32_t n_values;
    bool wide;
    struct property_map *properties;
    uint32_t n_properties;

    enum time_format time_format;
    char *time_pattern;                       /* TIME_STRPTIME */
    struct source time_parts[MAX_TIME_PARTS]; /* one, or several that are joined */
    uint32_t n_time_parts;
    struct source time_until; /* the interval's end */

    struct source interval;
    int32_t interval_s;   /* when there is no source */
    bool series_interval; /* the length belongs to what the series is */
    struct source place_x, place_y, ward;
    bool place_is_usual; /* the format's, not named by the feed */

    struct source quality;
    struct flag_map *flags;
    uint32_t n_flags;
    char default_flag; /* 0: not given */

    uint32_t *keep; /* field indexes */
    uint32_t n_keep;
    struct ww_str *missing;
    uint32_t n_missing;

    struct ww_zone *zone;
    struct ww_datum *datum;
    bool strict, registers, keeps_raw;
    struct ww_str thing_class;
    int32_t expected_step_s; /* 0 = not given */
};

/* ---- feed_mapping.c ---- */

struct feed_parser {
    struct ww_feed_config *config;
    struct ww_error *err;
};
/* All members that say how fields become readings. The config's source and format are read before. */
enum ww_status ww_feed_mapping_parse(struct feed_parser *p, const struct ww_json_node *root) WW_MUST_CHECK;

/* ---- feed_fields.c ---- */

/* The index of the field of that name, added when new; -1 when there are too many or no memory. */
int32_t ww_feed_field_add(struct ww_feed_config *config, struct ww_str name, bool required);
/* Builds config->root from the fields. WW_NO_MEMORY only. */
enum ww_status ww_feed_fields_index(struct ww_feed_config *config) WW_MUST_CHECK;
/* Splits "a.b.c"; false when a step is empty or there are more than MAX_PATH. */
bool ww_feed_path_split(struct ww_str path, struct ww_str steps[MAX_PATH], uint32_t *n);

#endif
