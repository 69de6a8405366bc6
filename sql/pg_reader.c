/* Commands that run as a reader: role and wards are set for the statement's own transaction.
 *
 * In the pipeline, everything up to a SYNC is one implicit transaction (PostgreSQL manual, 55.2.4). So
 *     read_as.sql · statement · SYNC
 * is one round trip, read_as.sql's settings hold for the statement alone, and an error needs no ROLLBACK: the
 * server skips to the SYNC and ends the transaction there, with it the role. An explicit BEGIN would stay
 * open after an error, and hand the reader's role, or ours, to whoever comes next.
 */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "sql/pg_internal.h"

const struct ww_sql *pg_read_as(void) {
    static const struct ww_sql *sql;
    if (!sql)
        sql = ww_sql_find("read_as");
    return sql;
}

/* The arguments, one after another in one allocation. */
static bool copy_reader(struct command *c, const struct ww_pg_reader *reader) {
    const char *role = reader->role ? reader->role : WW_PG_READER_ROLE;
    struct ww_str wards = reader->wards.ptr ? reader->wards : WW_STR("all");
    size_t role_size = strlen(role) + 1;
    const char *account_role = reader->account_role ? reader->account_role : "";
    size_t account_role_size = strlen(account_role) + 1;
    char *room = ww_try_malloc(role_size + wards.len + 1 + 12 + account_role_size);
    if (!room)
        return false;
    c->reader[0] = room;
    c->reader[1] = room + role_size;
    c->reader[2] = c->reader[1] + wards.len + 1;
    memcpy(c->reader[0], role, role_size);
    memcpy(c->reader[1], wards.ptr, wards.len);
    c->reader[1][wards.len] = '\0';
    snprintf(c->reader[2], 12, "%d", (int)reader->account_id);
    c->reader[3] = c->reader[2] + 12;
    memcpy(c->reader[3], account_role, account_role_size);
    return true;
}

enum ww_status ww_pg_query_as(struct ww_pg *pg, const struct ww_pg_reader *reader, const struct ww_sql *sql,
                              const struct ww_pg_args *args, ww_pg_cb cb, void *arg) {
    enum ww_status st = pg_may_queue(pg, args);
    if (st != WW_OK)
        return st;
    struct command *c = pg_command_new(NULL, args, NULL, 0);
    if (!c || !copy_reader(c, reader)) {
        if (c)
            pg_command_free(c);
        return WW_NO_MEMORY;
    }
    c->kind = COMMAND_NAMED;
    c->named = sql;
    c->cb = cb;
    c->arg = arg;
    return pg_queue(pg, c);
}

enum ww_status pg_exec_single(struct ww_pg *pg, const char *sql, const struct ww_pg_args *args,
                              int result_format, ww_pg_cb cb, void *arg) {
    enum ww_status st = pg_may_queue(pg, args);
    if (st != WW_OK)
        return st;
    struct command *c = pg_command_new(sql, args, NULL, 0);
    if (c) {
        c->kind = COMMAND_TEXT;
        c->result_format = result_format;
        c->cb = cb;
        c->arg = arg;
    }
    return pg_queue(pg, c);
}
