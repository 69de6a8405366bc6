/* The SQL files inside the program: the tables that embed_generate.cmake writes (only for sql/). */
#ifndef WW_SQL_EMBED_H
#define WW_SQL_EMBED_H

#include "sql/pg.h"

struct ww_migration {
    int version;
    const char *name;   /* "0001_schema" */
    struct ww_str text; /* the file's bytes; a NUL follows */
};

extern const struct ww_sql embedded_queries[]; /* by name */
extern const size_t embedded_query_count;
extern const struct ww_migration embedded_migrations[]; /* by version, from 1, without a gap */
extern const size_t embedded_migration_count;

#endif
