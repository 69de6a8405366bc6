/* What the decoders of the formats share: cells of one record, and the batch being built.
 *
 * A format's decoder splits the body into records; for each it calls ww_record_begin, fills
 * cells, and calls ww_record_map, which adds rows or dead rows. Nothing returns a status on
 * the way: the first failure that ends the whole request is kept in `status`, and the
 * loops stop when they see it.
 */
#ifndef WW_INGEST_DECODE_INTERNAL_H
#define WW_INGEST_DECODE_INTERNAL_H

#include "geo/base/json_writer.h"
#include "ingest/decode/decode.h"
#include "ingest/decode/feed_config_internal.h"

enum cell_type { CELL_ABSENT, CELL_TEXT, CELL_NUMBER, CELL_BOOL, CELL_NULL, CELL_CONTAINER };

struct cell {
    struct ww_str text; /* of containers: their JSON */
    const char *at;     /* in the body, for the place of an error */
    uint8_t type;       /* enum cell_type */
    bool escaped;       /* JSON: backslashes; CSV: doubled quotes */
};

enum geometry { GEOMETRY_NONE, GEOMETRY_POINT, GEOMETRY_OTHER, GEOMETRY_BROKEN };

struct decoder {
    const struct ww_feed_config *config;
    struct ww_str body, content_type;
    int64_t received_at_us;
    struct ww_str *topic_values; /* [config->n_topic_names]; ptr NULL: this topic has no such level */
    uint32_t max_rows;
    struct ww_batch *batch;
    struct ww_arena *arena;
    struct ww_error *err;
    enum ww_status status; /* not WW_OK: stop, `err` is filled */
    bool is_csv;
    bool in_array;   /* dead rows are numbered by record, not by line */
    bool recognised; /* at least one row was of the right form */

    /* The record at hand. */
    struct cell *cells;   /* [config->n_fields] */
    struct ww_str *spans; /* NGSI-LD: the bytes of each field's attribute, as many */
    struct cell *levels;  /* SensorThings: as many for each level of nesting */
    uint64_t n_observations;
    struct ww_str raw;
    uint64_t line;     /* where the record starts; in_array: its number */
    const char *twice; /* a wanted field was there twice: where, else NULL */
    uint32_t twice_field;
    bool any_cell;
    enum geometry geometry;
    struct ww_raw_place point;

    /* The last time text and what it meant: neighbours often share it. */
    struct ww_str last_time_text;
    int64_t last_time_us;
    int32_t last_span_s;

    /* What the instances of one record share, worked out with the first of them. */
    struct row *shared;
    enum { SHARED_TODO, SHARED_GOOD, SHARED_DEAD } shared_state, shared_time_state;

    uint32_t row_capacity, dead_capacity, series_capacity;
    uint32_t *series_table; /* open addressing: series index + 1, 0 = free */
    uint32_t *series_hash;  /* the hash's upper half beside it */
    uint32_t series_mask;
    struct ww_buf scratch;
};

/* One value of a record that brings things of its own along (NGSI-LD). */
struct instance {
    struct cell value;
    struct cell time;   /* ABSENT: the record's */
    struct cell unit;   /* ABSENT: the feed's */
    struct ww_str part; /* "" or what tells it from others of that name: "/part" is added to the thing */
};

/* What one row says, before it is added. */
struct row {
    uint32_t series;
    int64_t time_us;
    int32_t interval_s;
    double value;
    char flag;
    struct ww_raw_place place; /* x = NAN: none */
    struct ww_str ward;
    struct ww_str detail;
};

/* ---- batch_build.c ---- */

enum ww_status ww_decoder_init(struct decoder *d) WW_MUST_CHECK;
void ww_decoder_add_row(struct decoder *d, const struct row *row);
/* Lenient: adds a dead row. Strict: ends the request. `at` (may be NULL) is where in the body;
 * `value` (may be empty) is the offending text. */
void ww_decoder_dead(struct decoder *d, struct ww_str field, const char *at, struct ww_str value,
                     const char *fmt, ...) WW_PRINTF(5, 6);
/* The arena is full or there are too many rows. */
void ww_decoder_too_large(struct decoder *d, const char *what);
/* Index of the series, or UINT32_MAX when it is new and `*fault` says what is wrong with it. */
uint32_t ww_decoder_series(struct decoder *d, const struct ww_series_name *name, const char **fault_field,
                           const char **fault);

/* ---- record_map.c ---- */

void ww_record_begin(struct decoder *d, uint64_t line);
/* Also notices a field that is given twice. */
void ww_record_set(struct decoder *d, uint32_t field, struct cell cell);
/* Adds what the record says; `raw` are its bytes. */
void ww_record_map(struct decoder *d, struct ww_str raw);
/* Adds what one value of the record says: that of config->values[index]. Its raw bytes are d->raw. */
void ww_record_map_instance(struct decoder *d, uint32_t index, struct instance *instance);
/* Decodes the escapes of a cell that has some. */
void ww_cell_unescape(struct decoder *d, struct cell *cell);

/* ---- json_fields.c ---- */

/* After an OBJECT event: reads it to its end and sets the cells of wanted members. */
enum ww_status ww_json_fields(struct decoder *d, struct ww_json_reader *r,
                              struct ww_error *err) WW_MUST_CHECK;
/* The same for the members that are wanted below `node` of the tree of fields. */
enum ww_status ww_json_fields_at(struct decoder *d, struct ww_json_reader *r, const struct field_node *node,
                                 struct ww_error *err) WW_MUST_CHECK;
/* Sets the cell of `node` from the value that `ev` begins, and those of its children. */
enum ww_status ww_json_take(struct decoder *d, struct ww_json_reader *r, const struct ww_json_event *ev,
                            const struct field_node *node, struct ww_error *err) WW_MUST_CHECK;
/* The child of that name, or NULL. */
const struct field_node *ww_json_wanted(const struct field_node *parent, struct ww_str key);
/* Writes a JSON value with all that jsonb refuses replaced. */
enum ww_status ww_json_clean(struct ww_arena *arena, struct ww_str json, struct ww_json *w) WW_MUST_CHECK;

/* ---- surroundings.c ---- */

/* Fills topic_values from the content type's parameter "topic". */
enum ww_status ww_decoder_read_topic(struct decoder *d, struct ww_str content_type) WW_MUST_CHECK;

/* The text behind "; name=" up to the next semicolon; ptr NULL when there is none. */
struct ww_str ww_content_type_parameter(struct ww_str type, struct ww_str name);

/* ---- decode_json.c ---- */

/* Takes a document's records as whole texts: each object of the array at `path`, or, where the path leads
 * nowhere, the document. `map` gets only well-formed JSON; the record's number is in d->line. */
void ww_decode_records(struct decoder *d, const struct ww_str *path, uint32_t n_path,
                       void (*map)(struct decoder *d, struct ww_str raw));
/* Fills d->geometry and d->point; after the OBJECT event of a GeoJSON geometry. */
enum ww_status ww_json_geometry(struct decoder *d, struct ww_json_reader *r,
                                struct ww_error *err) WW_MUST_CHECK;

/* ---- one file each ---- */

void ww_decode_ndjson(struct decoder *d);
void ww_decode_json(struct decoder *d);
void ww_decode_geojson(struct decoder *d);
void ww_decode_csv(struct decoder *d);
void ww_decode_text(struct decoder *d);
void ww_decode_sensorthings(struct decoder *d);
void ww_decode_ngsi_ld(struct decoder *d);
/* What a UN/CEFACT common code (Recommendation 20) is here; the code itself when it is not in the table. */
struct ww_str ww_unit_of_cefact(struct ww_str code);
void ww_decode_hj212(struct decoder *d);

#endif
