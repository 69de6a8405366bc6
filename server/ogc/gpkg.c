/* Makes the file: gpkg.h says what and why so. */
#include "server/ogc/gpkg.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "server/ogc/gpkg_internal.h"

#define PAGE_BYTES       4096
#define SQL_CEILING      ((size_t)1 << 20)
#define GEOMETRY_CEILING ((size_t)256 << 20)
#define APPLICATION_ID   "1196444487" /* 0x47504B47, "GPKG" */
#define USER_VERSION     "10300"

struct ww_gpkg {
    sqlite3 *db;
    sqlite3_stmt *insert;
    int fd; /* of the same file, for reading it back */
    int64_t read_at;
    struct ww_str table; /* a copy */
    bool has_geometry;
    int32_t srs;
    int geometry_at; /* parameter of the insert */
    double extent[4];
    struct ww_buf blob;
    struct ww_error error; /* the first */
};

/* ---- Errors ---- */

static void fail(struct ww_gpkg *g, enum ww_status status, const char *what, const char *why) {
    if (g->error.status == WW_OK)
        ww_error_set(&g->error, status, "%s: %s", what, why);
}

static bool is_good(const struct ww_gpkg *g) {
    return g->error.status == WW_OK;
}

static void fail_sqlite(struct ww_gpkg *g, int code) {
    if (code == SQLITE_FULL)
        fail(g, WW_TOO_LARGE, "the GeoPackage",
             "it grows larger than one may be: ask for less, by bbox, datetime or properties");
    else
        fail(g, code == SQLITE_NOMEM ? WW_NO_MEMORY : WW_UNAVAILABLE, "the GeoPackage can't be written",
             sqlite3_errstr(code));
}

static void run(struct ww_gpkg *g, const char *sql) {
    if (!is_good(g))
        return;
    const int code = sqlite3_exec(g->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        fail_sqlite(g, code);
}

static sqlite3_stmt *prepare(struct ww_gpkg *g, const char *sql) {
    sqlite3_stmt *statement = NULL;
    const int code = is_good(g) ? sqlite3_prepare_v2(g->db, sql, -1, &statement, NULL) : SQLITE_OK;
    if (code != SQLITE_OK)
        fail_sqlite(g, code);
    return statement; /* NULL is taken by all that follows */
}

static void bind_text(sqlite3_stmt *statement, int at, struct ww_str text) {
    if (statement)
        sqlite3_bind_text(statement, at, text.ptr ? text.ptr : "", (int)text.len, SQLITE_TRANSIENT);
}

static void finish_statement(struct ww_gpkg *g, sqlite3_stmt *statement) {
    if (!statement)
        return;
    const int code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        fail_sqlite(g, code);
    sqlite3_finalize(statement);
}

/* ---- The file ---- */

/* Opened by SQLite and by us, then without a name. */
static void open_file(struct ww_gpkg *g, const char *folder) {
    char path[512];
    const char *base = folder ? folder : getenv("TMPDIR");
    const int n = snprintf(path, sizeof path, "%s/wardwatch-XXXXXX.gpkg", base && *base ? base : "/var/tmp");
    if (n < 0 || (size_t)n >= sizeof path) {
        fail(g, WW_UNAVAILABLE, "the folder for temporary files", "its name is too long");
        return;
    }
    g->fd = mkostemps(path, 5, O_CLOEXEC);
    if (g->fd < 0) {
        fail(g, WW_UNAVAILABLE, "no temporary file can be made", strerror(errno));
        return;
    }
    const int code = sqlite3_open_v2(path, &g->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        fail_sqlite(g, code);
    /* Nothing is read back by SQLite after a crash: the file is gone then. The first PRAGMA that reads opens
     * the file; so the name goes after it. */
    run(g, "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA "
           "locking_mode = EXCLUSIVE;"
           "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048;"
           "PRAGMA application_id = " APPLICATION_ID "; PRAGMA user_version = " USER_VERSION ";");
    unlink(path);
}

static const char system_tables[] =
    "CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, "
    "organization TEXT NOT NULL,"
    " organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);"
    "CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier "
    "TEXT UNIQUE,"
    " description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT "
    "(strftime('%Y-%m-%dT%H:%M:%fZ','now')),"
    " min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,"
    " CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));"
    "INSERT INTO gpkg_spatial_ref_sys VALUES"
    " ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', 'undefined Cartesian coordinate reference "
    "system'),"
    " ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', 'undefined geographic coordinate reference "
    "system'),"
    " ('WGS 84', 4326, 'EPSG', 4326, 'GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS "
    "84\",6378137,298.257223563,"
    "AUTHORITY[\"EPSG\",\"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\","
    "\"8901\"]],"
    "UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AUTHORITY[\"EPSG\",\"4326\"]]',"
    " 'longitude and latitude in degrees on the WGS 84 spheroid');";

static const char geometry_tables[] =
    "CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, "
    "geometry_type_name TEXT NOT NULL,"
    " srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,"
    " CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE "
    "(table_name),"
    " CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),"
    " CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));";

static void describe(struct ww_gpkg *g, const struct ww_gpkg_options *o) {
    sqlite3_stmt *s;
    run(g, system_tables);
    if (g->has_geometry && o->srs != 4326) {
        s = prepare(g, "INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, 'EPSG', ?2, ?3, NULL)");
        bind_text(s, 1, o->srs_name);
        sqlite3_bind_int(s, 2, o->srs);
        bind_text(s, 3, o->srs_wkt.len ? o->srs_wkt : WW_STR("undefined"));
        finish_statement(g, s);
    }
    s = prepare(g, "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) "
                   "VALUES (?, ?, ?, ?, ?)");
    bind_text(s, 1, o->table);
    bind_text(s, 2, g->has_geometry ? WW_STR("features") : WW_STR("attributes"));
    bind_text(s, 3, o->title.len ? o->title : o->table);
    bind_text(s, 4, o->about);
    if (s && g->has_geometry)
        sqlite3_bind_int(s, 5, o->srs);
    finish_statement(g, s);
    run(g, geometry_tables); /* where it is missing GDAL 3.6 finds no table of attributes either */
    if (!g->has_geometry)
        return;
    char type[32];
    size_t n = 0;
    for (; n < o->geometry_type.len && n < sizeof type; n++)
        type[n] = (char)(o->geometry_type.ptr[n] & ~0x20); /* GEOMETRY, MULTIPOLYGON: letters only */
    s = prepare(g, "INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, 2, 0)"); /* z: may be there */
    bind_text(s, 1, o->table);
    bind_text(s, 2, o->geometry);
    bind_text(s, 3, (struct ww_str){type, n});
    if (s)
        sqlite3_bind_int(s, 4, o->srs);
    finish_statement(g, s);
}

/* ---- The table ---- */

static void add_name(struct ww_buf *sql, struct ww_str name) {
    ww_buf_char(sql, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            ww_buf_char(sql, '"');
        ww_buf_char(sql, name.ptr[i]);
    }
    ww_buf_char(sql, '"');
}

/* SQLite does not tell names apart by case; the layers' names come from PostgreSQL, which does. */
static bool is_taken(const struct ww_gpkg_options *o, int column, struct ww_str name) {
    bool taken =
        ww_str_eq_nocase(name, WW_STR("fid")) || (o->geometry.len && ww_str_eq_nocase(name, o->geometry));
    for (int i = 0; i < o->n_columns && !taken; i++)
        taken = i != column && ww_str_eq_nocase(name, o->columns[i].name) &&
                (i < column || name.len != o->columns[column].name.len);
    return taken;
}

static void add_column_name(struct ww_buf *sql, const struct ww_gpkg_options *o, int column) {
    char room[300];
    struct ww_str name = o->columns[column].name;
    for (int number = 2; is_taken(o, column, name) && number < 1000; number++) {
        const int n = snprintf(room, sizeof room, "%.*s_%d", WW_STR_ARG(o->columns[column].name), number);
        if (n > 0 && (size_t)n < sizeof room)
            name = (struct ww_str){room, (size_t)n};
    }
    add_name(sql, name);
}

static void create_table(struct ww_gpkg *g, const struct ww_gpkg_options *o) {
    static const char *const types[] = {"BOOLEAN", "INTEGER", "REAL", "TEXT", "DATE", "DATETIME"};
    char type[48] = "";
    struct ww_buf sql;
    ww_buf_init(&sql, SQL_CEILING);
    ww_buf_text(&sql, "CREATE TABLE ");
    add_name(&sql, o->table);
    ww_buf_text(&sql, " (\"fid\" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL");
    if (g->has_geometry) {
        snprintf(type, sizeof type, " %.*s", WW_STR_ARG(o->geometry_type));
        for (char *c = type; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 0x20 : *c);
        ww_buf_text(&sql, ", ");
        add_name(&sql, o->geometry);
        ww_buf_text(&sql, type);
    }
    for (int i = 0; i < o->n_columns; i++) {
        ww_buf_text(&sql, ", ");
        add_column_name(&sql, o, i);
        ww_buf_printf(&sql, " %s", types[o->columns[i].type]);
    }
    ww_buf_text(&sql, ")");
    if (ww_buf_status(&sql) != WW_OK)
        fail(g, WW_TOO_LARGE, "the GeoPackage", "too many columns");
    else
        run(g, sql.data);
    ww_buf_reset(&sql);
    ww_buf_text(&sql, "INSERT INTO ");
    add_name(&sql, o->table);
    ww_buf_text(&sql, g->has_geometry ? " VALUES (?1, ?2" : " VALUES (?1");
    g->geometry_at = 2;
    for (int i = 0; i < o->n_columns; i++)
        ww_buf_printf(&sql, ", ?%d", i + 2 + g->has_geometry);
    ww_buf_text(&sql, ")");
    if (is_good(g) && ww_buf_status(&sql) == WW_OK)
        g->insert = prepare(g, sql.data);
    ww_buf_clear(&sql);
}

struct ww_gpkg *ww_gpkg_new(const struct ww_gpkg_options *o) {
    struct ww_gpkg *g = ww_try_calloc(1, sizeof *g);
    char *table = g ? ww_try_malloc(o->table.len + 1) : NULL;
    char limit[64];
    if (!table) {
        ww_free(g);
        return NULL;
    }
    memcpy(table, o->table.ptr, o->table.len);
    g->table = (struct ww_str){table, o->table.len};
    g->fd = -1;
    g->has_geometry = o->geometry.len > 0;
    g->srs = o->srs;
    g->extent[0] = g->extent[1] = INFINITY;
    g->extent[2] = g->extent[3] = -INFINITY;
    ww_buf_init(&g->blob, GEOMETRY_CEILING);
    open_file(g, o->folder);
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = %llu",
             (unsigned long long)(o->max_bytes / PAGE_BYTES + 1));
    run(g, limit);
    run(g, "BEGIN");
    describe(g, o);
    create_table(g, o);
    return g;
}

void ww_gpkg_free(struct ww_gpkg *g) {
    if (!g)
        return;
    sqlite3_finalize(g->insert);
    sqlite3_close(g->db);
    if (g->fd >= 0)
        close(g->fd);
    ww_buf_clear(&g->blob);
    ww_free((char *)(uintptr_t)g->table.ptr);
    ww_free(g);
}

/* ---- Rows ---- */

static int parameter(const struct ww_gpkg *g, int column) {
    return column + 2 + g->has_geometry;
}

void ww_gpkg_row(struct ww_gpkg *g, int64_t fid) {
    if (is_good(g) && fid > 0)
        sqlite3_bind_int64(g->insert, 1, fid);
}

void ww_gpkg_int(struct ww_gpkg *g, int column, int64_t v) {
    if (is_good(g))
        sqlite3_bind_int64(g->insert, parameter(g, column), v);
}

void ww_gpkg_real(struct ww_gpkg *g, int column, double v) {
    if (is_good(g))
        sqlite3_bind_double(g->insert, parameter(g, column), v);
}

void ww_gpkg_text(struct ww_gpkg *g, int column, struct ww_str v) {
    if (!is_good(g))
        return;
    const int code = sqlite3_bind_text64(g->insert, parameter(g, column), v.ptr ? v.ptr : "", v.len,
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK)
        fail_sqlite(g, code);
}

void ww_gpkg_geometry(struct ww_gpkg *g, const struct ww_geom *geom, bool swap) {
    if (!is_good(g))
        return;
    ww_buf_reset(&g->blob);
    gpkg_geometry_write(geom, swap, g->srs, g->extent, &g->blob);
    if (ww_buf_status(&g->blob) != WW_OK)
        fail(g, ww_buf_status(&g->blob), "the GeoPackage", "a geometry is too large");
    else
        sqlite3_bind_blob64(g->insert, g->geometry_at, g->blob.data, g->blob.len, SQLITE_STATIC);
}

void ww_gpkg_row_end(struct ww_gpkg *g) {
    if (!is_good(g))
        return;
    const int code = sqlite3_step(g->insert);
    if (code != SQLITE_DONE)
        fail_sqlite(g, code);
    sqlite3_reset(g->insert);
    sqlite3_clear_bindings(g->insert);
}

/* ---- The end ---- */

enum ww_status ww_gpkg_status(const struct ww_gpkg *g, struct ww_error *err) {
    if (!is_good(g) && err)
        *err = g->error;
    return g->error.status;
}

enum ww_status ww_gpkg_finish(struct ww_gpkg *g, struct ww_error *err) {
    if (g->has_geometry && g->extent[0] <= g->extent[2]) {
        sqlite3_stmt *s = prepare(
            g, "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?");
        for (int i = 0; s && i < 4; i++)
            sqlite3_bind_double(s, i + 1, g->extent[i]);
        bind_text(s, 5, g->table);
        finish_statement(g, s);
    }
    run(g, "COMMIT");
    sqlite3_finalize(g->insert);
    g->insert = NULL;
    const int code = sqlite3_close(g->db);
    g->db = NULL;
    if (code != SQLITE_OK)
        fail_sqlite(g, code);
    return ww_gpkg_status(g, err);
}

int64_t ww_gpkg_read(struct ww_gpkg *g, char *out, size_t room) {
    const ssize_t n = pread(g->fd, out, room, g->read_at);
    if (n > 0)
        g->read_at += n;
    return n;
}
