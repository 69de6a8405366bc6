/* Rows of a result as features in a format: head, rows, foot; and the run of a request that calls them. */
#ifndef WW_SERVER_OGC_FORMAT_H
#define WW_SERVER_OGC_FORMAT_H

#include "geo/geom.h"
#include "server/ogc/request.h"

struct ogc_answer;
struct ww_gpkg; /* gpkg.h */

/* One request for features while it runs: items.c. Lives in the request's arena. */
struct ogc_run {
    struct ogc_call *call;
    struct ogc_request request;
    struct ogc_query query;
    struct ww_crs *crs; /* NULL: the layer has no geometry */
    int decimals;
    struct ww_geom geom; /* scratch */
    struct ww_buf text;  /* scratch */
    struct ww_str *keys; /* of GeoJSON: ,"name": for each property */
    int first_property;  /* in the result */
    int64_t returned;
    int64_t matched; /* -1: not counted */
    bool has_next;
    struct ww_str next;   /* the address of the next page, without the root; "" when there is none */
    bool one;             /* a single feature */
    struct ww_gpkg *gpkg; /* of a GeoPackage: where rows go */
};

struct ogc_writer {
    enum ogc_format format;
    const char *content_type;
    void (*head)(struct ogc_run *run, struct ww_buf *out);
    void (*row)(struct ogc_run *run, const struct ww_pg_result *r, int row, struct ww_buf *out);
    void (*foot)(struct ogc_run *run, struct ww_buf *out);
    bool tells_next; /* its foot holds `next` and counts; else they are headers */
    bool has_all;    /* without a limit it is the whole layer */
};
const struct ogc_writer *ogc_writer_of(enum ogc_format format);

/* values.c: what writers share. */

/* The value as text, as PostgreSQL reads it again; false for NULL. `out` is appended to. */
bool ogc_value_text(const struct ogc_run *run, const struct ww_pg_result *r, int row, int at,
                    struct ww_buf *out);
/* The id of a row, into run->text (emptied first). */
struct ww_str ogc_row_id(struct ogc_run *run, const struct ww_pg_result *r, int row);
/* Reads the geometry into run->geom and converts it; false when there is none. */
bool ogc_row_geometry(struct ogc_run *run, const struct ww_pg_result *r, int row);

extern const struct ogc_writer ogc_write_geojson, ogc_write_geojson_seq, ogc_write_ndjson, ogc_write_csv,
    ogc_write_fgb, ogc_write_gpkg, ogc_write_html;

/* ---- answer.c: where rows go ---- */

/* Holds what is written until it is complete or too much: a small answer goes out whole, with a validator; a
 * big one is streamed, compressed if the client likes, and never held. */
struct ogc_answer;
struct ogc_answer *ogc_answer_new(struct ogc_call *call, const char *content_type, size_t hold_bytes);
void ogc_answer_free(struct ogc_answer *answer);
struct ww_buf *ogc_answer_buf(struct ogc_answer *answer); /* write here … */
enum ogc_flow { OGC_GO_ON, OGC_WAIT, OGC_GONE };
/* … then say so. OGC_WAIT: `on_room` is called when the client has taken some. OGC_GONE: it hung up. */
enum ogc_flow ogc_answer_push(struct ogc_answer *answer);
void ogc_answer_on(struct ogc_answer *answer, void (*on_room)(void *arg), void (*on_gone)(void *arg),
                   void *arg);
bool ogc_answer_is_streaming(const struct ogc_answer *answer);
/* Everything is written: sends it, frees the answer, ends the call. With OGC_WAIT still due it waits by
 * itself. */
void ogc_answer_finish(struct ogc_answer *answer);
/* It can't be completed: an error, or a visible cut when a part is already on its way. Frees, ends the call.
 */
void ogc_answer_fail(struct ogc_answer *answer, const struct ww_error *err);

#endif
