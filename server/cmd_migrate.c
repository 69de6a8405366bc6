/* wardwatch migrate: brings a database to this program's schema. */
#include <stdio.h>

#include "server/commands.h"
#include "sql/migrate.h"

static const char help[] =
    "usage: wardwatch migrate --db CONNINFO\n\n"
    "Applies the migrations that the database lacks, each in a transaction of its own. Safe to run again\n"
    "and from several processes at once. The role must be allowed to create the extensions postgis and\n"
    "btree_gist, unless they are there.\n";

static void on_step(void *arg, int version, const char *name) {
    (void)arg;
    printf("applied %04d %s\n", version, name);
}

int ww_cmd_migrate(int argc, char **argv) {
    const char *db = NULL;
    const struct ww_option options[] = {{"db", &db, NULL}, {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    struct ww_pg_sync *sync = ww_db_open("migrate", db);
    if (!sync)
        return 1;
    struct ww_error err;
    int applied = 0;
    enum ww_status st = ww_migrate(sync, on_step, NULL, &applied, &err);
    ww_pg_sync_close(sync);
    if (st != WW_OK)
        return ww_complain("migrate", NULL, &err);
    printf("the schema is at version %d%s\n", ww_migrate_version(), applied ? "" : ", nothing to do");
    return 0;
}
