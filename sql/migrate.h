/* Brings a database to this program's schema: sql/migrations/NNNN_name.sql, embedded, forward only.
 *
 * Each file runs in its own transaction together with its row in wardwatch.migration
 * (version, name, sha256, applied_at). An advisory lock makes two processes at once
 * safe; running again changes nothing. A file that was applied with other bytes, or a
 * database that is newer than the program, is an error that says so.
 */
#ifndef WW_SQL_MIGRATE_H
#define WW_SQL_MIGRATE_H

#include "sql/pg.h"

/* `on_step` (may be NULL) is told each migration that was applied. */
enum ww_status ww_migrate(struct ww_pg_sync *sync, void (*on_step)(void *arg, int version, const char *name),
                          void *arg, int *applied, struct ww_error *err) WW_MUST_CHECK;
/* The newest embedded version. */
int ww_migrate_version(void);

#endif
