/* A GeoPackage being written: OGC 12-128r18 (version 1.3.0), one table, through SQLite.
 *
 * A GeoPackage is an SQLite database, and SQLite writes its pages in no order: it can't be streamed as it is
 * made. So it is made in a file that has no name any more (it is gone when the program is, however that ends)
 * and of bounded size, and read back when it is complete. Memory is SQLite's page cache, two megabytes,
 * however many rows there are.
 *
 *   struct ww_gpkg *g = ww_gpkg_new(&(struct ww_gpkg_options){.table = …, .columns = columns, .n_columns = n,
 * …}); ww_gpkg_row(g); ww_gpkg_int(g, 0, 7); ww_gpkg_text(g, 1, name); ww_gpkg_geometry(g, &geom, swap);
 * ww_gpkg_row_end(g); … st = ww_gpkg_finish(g, &err);                              // what went wrong before
 * is told here while ((n = ww_gpkg_read(g, piece, sizeof piece)) > 0) …   // the bytes of the file
 *   ww_gpkg_free(g);
 *
 * What is in it: the tables that every GeoPackage must have (gpkg_spatial_ref_sys, gpkg_contents),
 * gpkg_geometry_columns (empty when the table has no geometry), and the table. Axes are x, y (longitude,
 * latitude) in every system, as the standard says. No spatial index: it is an extension with six triggers,
 * which the programs that read the file can add where it pays
 * (`ogr2ogr`, QGIS "Create spatial index").
 *
 * One thread. Writing a row takes a few microseconds; files go through the operating system's cache.
 */
#ifndef WW_SERVER_OGC_GPKG_H
#define WW_SERVER_OGC_GPKG_H

#include "geo/geom.h"

enum ww_gpkg_type {
    WW_GPKG_BOOLEAN,
    WW_GPKG_INTEGER,
    WW_GPKG_REAL,
    WW_GPKG_TEXT,
    WW_GPKG_DATE,
    WW_GPKG_DATETIME
};

struct ww_gpkg_column {
    struct ww_str
        name; /* made unique without case, and not "fid" or the geometry's name, by a number behind it */
    enum ww_gpkg_type type;
};

struct ww_gpkg_options {
    const char *folder; /* of the nameless file; NULL: $TMPDIR, else /var/tmp */
    uint64_t max_bytes; /* of the file; more is WW_TOO_LARGE */
    struct ww_str table, title, about;
    const struct ww_gpkg_column *columns;
    int n_columns;
    struct ww_str geometry;      /* name of its column; "" = the table has none */
    struct ww_str geometry_type; /* "Point"; "Geometry": any */
    int32_t srs;                 /* EPSG code */
    struct ww_str srs_name, srs_wkt;
};

struct ww_gpkg;

struct ww_gpkg *ww_gpkg_new(const struct ww_gpkg_options *options); /* NULL: no memory */
void ww_gpkg_free(struct ww_gpkg *gpkg);                            /* NULL is allowed */

/* A row: what is not set is NULL. `fid` > 0: its primary key; else the next. After an error they do nothing.
 */
void ww_gpkg_row(struct ww_gpkg *gpkg, int64_t fid);
void ww_gpkg_int(struct ww_gpkg *gpkg, int column, int64_t v);
void ww_gpkg_real(struct ww_gpkg *gpkg, int column, double v);
/* DATE "2026-11-28", DATETIME "2026-11-28T01:02:03.004Z" too. Lives until the row's end. */
void ww_gpkg_text(struct ww_gpkg *gpkg, int column, struct ww_str v);
/* `swap`: the pairs are y, x. */
void ww_gpkg_geometry(struct ww_gpkg *gpkg, const struct ww_geom *geom, bool swap);
void ww_gpkg_row_end(struct ww_gpkg *gpkg);

/* WW_OK so far, or why not. */
enum ww_status ww_gpkg_status(const struct ww_gpkg *gpkg, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_gpkg_finish(struct ww_gpkg *gpkg, struct ww_error *err) WW_MUST_CHECK;
/* After ww_gpkg_finish: the next bytes of the file; 0 at its end, -1 when it can't be read. */
int64_t ww_gpkg_read(struct ww_gpkg *gpkg, char *out, size_t room);

#endif
