/* CQL2 (OGC 21-065, version 1.0) as a pure library: a filter's text or JSON becomes a checked tree, the tree
 * a condition in SQL, a test of rows in memory, or text and JSON again. Nothing here talks to anybody.
 *
 *   static const struct ww_cql2_property columns[] = {
 *       {WW_STR("name"), WW_CQL2_TEXT, WW_STR("t.\"name\"")},
 *       {WW_STR("geom"), WW_CQL2_GEOMETRY, WW_STR("t.geom")}};
 *   const struct ww_cql2_schema schema = {columns, 2, 4490};
 *   struct ww_cql2_expr *filter;
 *   st = ww_cql2_parse_text(text, &schema, WW_CQL2_CRS84, arena, &filter, &err);
 *   …
 *   ww_buf_text(&sql, "SELECT … FROM layer t WHERE ");
 *   st = ww_cql2_to_sql(filter, &schema, &sql, &args, &err);       // "((t.\"name\") = $1::text AND …"
 *
 * Meaning is SQL's three-valued logic: what is compared with a missing value is unknown, and only rows for
 * which the whole filter is true are kept. Texts are ordered by code point. README.md says how what the
 * standard leaves open is decided (casts, dates beside timestamps, division by zero).
 *
 * The tree lives in the arena that it was parsed into and holds views of the text or JSON that it came from:
 * keep both, and the schema, as long as the tree. A tree is never changed: many threads may read it.
 *
 * An error names the place: line, column and offset of the text or JSON; its message names the JSON pointer
 * too; `field` is the property that is unknown or of the wrong kind, or "".
 */
#ifndef WW_SERVER_CQL2_CQL2_H
#define WW_SERVER_CQL2_CQL2_H

#include "geo/base/arena.h"
#include "geo/base/buf.h"
#include "geo/place.h"
#include "sql/pg_args.h"

/* ---- Bounds. Beyond them: WW_TOO_LARGE ---- */

#define WW_CQL2_MAX_BYTES    (1 << 20) /* of a text or JSON */
#define WW_CQL2_MAX_DEPTH    24        /* operators in operators: JSON nests twice as deep, and at most 64 */
#define WW_CQL2_MAX_PARENS   64        /* parentheses and signs in each other, in text */
#define WW_CQL2_MAX_NODES    4096
#define WW_CQL2_MAX_LIST     1000  /* values of one IN, elements of one array */
#define WW_CQL2_MAX_VERTICES 20000 /* of all geometries of one filter */
/* In memory, of a geometry that is more than met or lain in: such relations cost the square of it, for every
 * row. */
#define WW_CQL2_MAX_LIVE_VERTICES 200

/* ---- What a collection offers ---- */

enum ww_cql2_type {
    WW_CQL2_TEXT,
    WW_CQL2_INTEGER,  /* SQL: smallint, integer or bigint */
    WW_CQL2_NUMBER,   /* SQL: double precision; numeric and real work too, without their indexes */
    WW_CQL2_BOOLEAN,  /* SQL: boolean */
    WW_CQL2_DATE,     /* SQL: date */
    WW_CQL2_INSTANT,  /* SQL: timestamptz (of a timestamp: `(t.x AT TIME ZONE 'UTC')`) */
    WW_CQL2_GEOMETRY, /* SQL: geometry with the schema's SRID */
    WW_CQL2_ARRAY,    /* SQL: jsonb, an array of texts, numbers, booleans */
    WW_CQL2_INTERVAL  /* what INTERVAL() makes; no property has this type */
};

struct ww_cql2_property {
    struct ww_str name; /* as filters write it; compared exactly */
    enum ww_cql2_type type;
    struct ww_str sql; /* an expression over the caller's query, from the catalogue only: it goes into the SQL
                          as it is */
};

struct ww_cql2_schema {
    const struct ww_cql2_property *properties;
    size_t n;
    int srid; /* of stored geometries */
};

/* filter-crs: of the filter's geometries. `lat_first`: its authority has latitude, or northing, before
 * longitude. */
struct ww_cql2_crs {
    int srid;
    bool lat_first;
};
#define WW_CQL2_CRS84 ((struct ww_cql2_crs){4326, false})

/* ---- Reading ---- */

struct ww_cql2_expr;

enum ww_status ww_cql2_parse_text(struct ww_str text, const struct ww_cql2_schema *schema,
                                  struct ww_cql2_crs crs, struct ww_arena *arena, struct ww_cql2_expr **out,
                                  struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_cql2_parse_json(struct ww_str json, const struct ww_cql2_schema *schema,
                                  struct ww_cql2_crs crs, struct ww_arena *arena, struct ww_cql2_expr **out,
                                  struct ww_error *err) WW_MUST_CHECK;

/* ---- SQL ---- */

/* Appends a boolean expression, in parentheses where it needs them. Every literal becomes an argument $n,
 * numbered on after those that `args` holds; the same schema as at parsing. WW_TOO_LARGE when the arguments
 * don't fit. Uses the functions wardwatch.cql2_… of sql/migrations. */
enum ww_status ww_cql2_to_sql(const struct ww_cql2_expr *expr, const struct ww_cql2_schema *schema,
                              struct ww_buf *sql, struct ww_pg_args *args,
                              struct ww_error *err) WW_MUST_CHECK;

/* ---- In memory ---- */

/* What a row has for a property. The views must last until ww_cql2_test returns. */
struct ww_cql2_value {
    bool is_null;  /* then nothing else is read; also for numbers that are not finite */
    bool is_place; /* GEOMETRY: `place`, else `wkb` */
    union {
        struct ww_str text;
        int64_t integer;
        double number;
        bool boolean;
        int64_t days;       /* DATE: since 1970-01-01 */
        int64_t instant_us; /* INSTANT: since 1970-01-01T00:00:00Z */
        struct ww_place place;
        struct ww_str wkb; /* in the schema's system, longitude first */
        struct {
            const struct ww_cql2_element *elements;
            size_t n;
        } array;
    };
};
struct ww_cql2_element {
    enum ww_cql2_type type; /* TEXT, INTEGER, NUMBER or BOOLEAN */
    union {
        struct ww_str text;
        int64_t integer;
        double number;
        bool boolean;
    };
};
/* Fills `out` (zeroed) with the row's value for schema->properties[property], of that property's type. */
typedef void (*ww_cql2_get)(void *row, size_t property, struct ww_cql2_value *out);

enum ww_cql2_truth { WW_CQL2_FALSE, WW_CQL2_TRUE, WW_CQL2_UNKNOWN };

/* A filter made ready to be asked of many rows: geometries are prepared once. Keeps `expr`; one thread at a
 * time. st = ww_cql2_evaluator_new(filter, &evaluator, &err); for (…) if (ww_cql2_test(evaluator, get_value,
 * row) == WW_CQL2_TRUE) … ww_cql2_evaluator_free(evaluator); Answers what PostgreSQL answers to the SQL.
 * Where that would refuse the query (a number too large for a double, a polygon that crosses itself), the
 * answer is unknown. Geometries of a system that is not the schema's are transformed if the schema's is 4490
 * or 4326, else WW_BAD_INPUT. */
struct ww_cql2_evaluator;
enum ww_status ww_cql2_evaluator_new(const struct ww_cql2_expr *expr, struct ww_cql2_evaluator **out,
                                     struct ww_error *err) WW_MUST_CHECK;
void ww_cql2_evaluator_free(struct ww_cql2_evaluator *evaluator); /* NULL is allowed */
enum ww_cql2_truth ww_cql2_test(struct ww_cql2_evaluator *evaluator, ww_cql2_get get, void *row);

/* ---- Text and JSON again ---- */

/* Canonical: what is read from them writes the same bytes. A buffer's ceiling shows in ww_buf_status. Text
 * has no way to write a backslash before a quote or at a text's end: then WW_BAD_INPUT (JSON has). */
enum ww_status ww_cql2_write_text(const struct ww_cql2_expr *expr, struct ww_buf *out,
                                  struct ww_error *err) WW_MUST_CHECK;
void ww_cql2_write_json(const struct ww_cql2_expr *expr, struct ww_buf *out);

#endif
