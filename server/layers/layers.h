/* What is in schema `layers` of the database: the catalogue from which /ogc/ is served.
 *
 * Every table and view there is a layer. The catalogue looks for changes every few seconds with one cheap
 * query, and at once when somebody asks for a layer that it does not know (ww_layers_refresh), so an
 * operator's new view is there without a restart; event triggers would need a superuser. What it has read is
 * a snapshot: immutable, counted, the same for a whole request however long that runs.
 *
 *   struct ww_layers *layers = ww_layers_new(base, conninfo);
 *   …
 *   struct ww_layer_set *set = ww_layers_get(layers);         // hold
 *   const struct ww_layer *layer = ww_layer_find(set, WW_STR("thing"));
 *   …
 *   ww_layer_set_drop(set);                                  // let go
 *
 * What comments may say: sql/migrations/…_layers.sql and docs/guides/layers.md. The extents are counted once
 * a snapshot, exactly, in at most EXTENT_MS a layer; what takes longer has none of its own. One thread.
 */
#ifndef WW_SERVER_LAYERS_H
#define WW_SERVER_LAYERS_H

#include <event2/event.h>

#include "geo/base/arena.h"
#include "geo/base/status.h"

enum ww_layer_type {
    WW_LAYER_BOOL,
    WW_LAYER_INT,
    WW_LAYER_FLOAT,
    WW_LAYER_NUMERIC, /* decimal of any length */
    WW_LAYER_TEXT,
    WW_LAYER_INSTANT, /* timestamptz */
    WW_LAYER_CIVIL,   /* timestamp: read as UTC */
    WW_LAYER_DATE,
    WW_LAYER_JSON,
    WW_LAYER_GEOMETRY
};

struct ww_layer_column {
    struct ww_str name, title_en, title_zh; /* titles "" when there are none */
    enum ww_layer_type type;
    bool nullable;
    bool is_array;           /* JSON: made of a PostgreSQL array */
    struct ww_str sql;       /* t."name": for conditions and ORDER BY */
    struct ww_str select;    /* what is read: the type that the writers expect, in binary format */
    struct ww_str pg_type;   /* for casts of arguments: "bigint" */
    struct ww_str geom_type; /* GEOMETRY: "Point" …; "Geometry" for any */
};

#define WW_LAYER_MAX_KEY 4

enum ww_layer_ward { WW_LAYER_NO_WARD, WW_LAYER_WARD_ID, WW_LAYER_WARD_CODE };

struct ww_layer {
    struct ww_str id;
    struct ww_str relation; /* layers."thing" */
    struct ww_str title_en, title_zh, about_en, about_zh;
    const struct ww_layer_column *columns;
    int n_columns;
    int geom; /* index of the geometry; -1: none */
    int srid; /* of stored geometry */
    int key[WW_LAYER_MAX_KEY], n_key;
    int time, time_end; /* -1: none; an instant when there is no end */
    int ward;           /* column; -1: none */
    enum ww_layer_ward ward_kind;
    /* A function that says where in the order of the key the rows of a box are: schema.name, "" when there is
     * none. Of a geometry it makes rows (value of the first key column, from, to): ranges of `time`. */
    struct ww_str near;
    bool as_reader; /* the database's own readers may read it: row-level security counts */
    bool open;      /* "public": no account is kept from it by its wards */
    bool anonymous; /* also for nobody, where the server allows it */
    /* Counted with the snapshot. */
    bool counted;
    bool has_box;
    double box[4]; /* west, south, east, north in CRS84; west > east: over the antimeridian */
    bool has_times;
    int64_t time_from, time_to; /* microseconds; WW_INSTANT_NONE: open */
    int64_t rows;               /* -1: not counted */
};

struct ww_layer_set;
size_t ww_layer_count(const struct ww_layer_set *set);
const struct ww_layer *ww_layer_at(const struct ww_layer_set *set, size_t i); /* small built-in ones first */
const struct ww_layer *ww_layer_find(const struct ww_layer_set *set, struct ww_str id);
/* -1 when there is none. */
int ww_layer_column_find(const struct ww_layer *layer, struct ww_str name);
const char *
ww_layer_version(const struct ww_layer_set *set); /* changes with everything that a snapshot says */
void ww_layer_set_hold(struct ww_layer_set *set);
void ww_layer_set_drop(struct ww_layer_set *set); /* NULL is allowed */

struct ww_layers;
struct ww_layers *ww_layers_new(struct event_base *base, const char *conninfo);
void ww_layers_free(struct ww_layers *layers);
/* The newest snapshot, held for the caller; NULL before the first one. */
struct ww_layer_set *ww_layers_get(struct ww_layers *layers);
/* Looks for changes now and calls back when that is known, or after a failure; never from inside. WW_BUSY
 * when 64 callers wait. */
enum ww_status ww_layers_refresh(struct ww_layers *layers, void (*cb)(void *arg), void *arg) WW_MUST_CHECK;

/* ---- What a comment says; pure ---- */

struct ww_layer_comment {
    struct ww_str title_en, title_zh, about_en, about_zh;
    struct ww_str key, time, ward, id, near; /* values of options; "" when absent */
    bool open, anonymous;
    struct ww_str unknown; /* the first option that we don't know; "" */
};
/* Texts live in the arena. */
enum ww_status ww_layer_comment_read(struct ww_arena *arena, struct ww_str text,
                                     struct ww_layer_comment *out) WW_MUST_CHECK;

#endif
