/* Migration from a given table of files, so that tests can bring their own (only for sql/ and its tests). */
#ifndef WW_SQL_MIGRATE_INTERNAL_H
#define WW_SQL_MIGRATE_INTERNAL_H

#include "sql/embed.h"
#include "sql/migrate.h"

enum ww_status ww_migrate_from(struct ww_pg_sync *sync, const struct ww_migration *files, size_t n_files,
                               void (*on_step)(void *arg, int version, const char *name), void *arg,
                               int *applied, struct ww_error *err) WW_MUST_CHECK;

#endif
