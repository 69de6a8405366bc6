/* Makes commands and puts them on the connection's queue. */
#include <assert.h>

#include "geo/base/alloc.h"
#include "sql/pg_internal.h"

/* One allocation: the command, the parts' views, the text, the arguments' bytes. */
struct command *pg_command_new(const char *text, const struct ww_pg_args *args, const struct ww_str *parts,
                               size_t n_parts) {
    size_t text_size = text ? strlen(text) + 1 : 0;
    size_t args_size = args ? args->bytes.len : 0;
    if (n_parts > SIZE_MAX / 4 / sizeof *parts)
        return NULL;
    struct command *c = ww_try_malloc(sizeof *c + n_parts * sizeof *parts + text_size + args_size);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    struct ww_str *own_parts = (struct ww_str *)(c + 1);
    char *own_text = (char *)(own_parts + n_parts);
    char *own_args = own_text + text_size;
    if (n_parts > 0)
        memcpy(own_parts, parts, n_parts * sizeof *parts);
    c->parts = own_parts;
    c->n_parts = n_parts;
    if (text) {
        memcpy(own_text, text, text_size);
        c->text = own_text;
    }
    if (args_size > 0)
        memcpy(own_args, args->bytes.data, args_size);
    c->n_args = args ? args->count : 0;
    for (int i = 0; i < c->n_args; i++) {
        bool is_null = args->length[i] < 0;
        c->values[i] = is_null ? NULL : own_args + args->start[i];
        c->lengths[i] = is_null ? 0 : args->length[i];
        c->formats[i] = args->binary[i];
    }
    return c;
}

void pg_command_free(struct command *c) {
    PQclear(c->result);
    PQclear(c->refusal);
    ww_free(c->reader[0]);
    ww_free(c);
}

void pg_push(struct ww_pg *pg, struct command *c) {
    if (pg->tail)
        pg->tail->next = c;
    else
        pg->head = c;
    pg->tail = c;
    if (!pg->unsent)
        pg->unsent = c;
    pg->queued++;
}

/* Takes over `c` (may be NULL: memory was short) and sends it at once when nothing stands before it.
 * Sending never answers: what goes wrong is told in a turn of its own. */
enum ww_status pg_queue(struct ww_pg *pg, struct command *c) {
    if (!c)
        return WW_NO_MEMORY;
    pg_push(pg, c);
    pg->state = WW_PG_BUSY;
    if (pg->depth == 0) {
        pg->depth++;
        pg_send(pg);
        pg->depth--;
        if (pg->failed || pg_has_result(pg))
            event_active(pg->turn, EV_TIMEOUT, 0);
    }
    return WW_OK;
}

enum ww_status pg_may_queue(const struct ww_pg *pg, const struct ww_pg_args *args) {
    if (!ww_pg_is_up(pg))
        return WW_UNAVAILABLE;
    if (pg->queued >= pg->queue_max)
        return WW_BUSY;
    return args ? ww_buf_status(&args->bytes) : WW_OK;
}

enum ww_status ww_pg_query(struct ww_pg *pg, const struct ww_sql *sql, const struct ww_pg_args *args,
                           ww_pg_cb cb, void *arg) {
    enum ww_status st = pg_may_queue(pg, args);
    if (st != WW_OK)
        return st;
    struct command *c = pg_command_new(NULL, args, NULL, 0);
    if (c) {
        c->kind = COMMAND_NAMED;
        c->named = sql;
        c->cb = cb;
        c->arg = arg;
    }
    return pg_queue(pg, c);
}

/* Text with a semicolon before its last word may be several statements, which only the simple
 * protocol takes. A semicolon inside a literal costs no more than a drained pipeline. */
static bool may_be_script(const char *text) {
    const char *semicolon = strchr(text, ';');
    return semicolon && semicolon[1 + strspn(semicolon + 1, " \t\r\n;")] != '\0';
}

enum ww_status ww_pg_exec(struct ww_pg *pg, const char *sql, const struct ww_pg_args *args, ww_pg_cb cb,
                          void *arg) {
    enum ww_status st = pg_may_queue(pg, args);
    if (st != WW_OK)
        return st;
    struct command *c = pg_command_new(sql, args, NULL, 0);
    if (c) {
        c->kind = c->n_args == 0 && may_be_script(sql) ? COMMAND_SCRIPT : COMMAND_TEXT;
        c->cb = cb;
        c->arg = arg;
    }
    return pg_queue(pg, c);
}

enum ww_status ww_pg_copy_in(struct ww_pg *pg, const char *copy_sql, const struct ww_str *parts,
                             size_t n_parts, ww_pg_cb cb, void *arg) {
    enum ww_status st = pg_may_queue(pg, NULL);
    if (st != WW_OK)
        return st;
    struct command *c = pg_command_new(copy_sql, NULL, parts, n_parts);
    if (c) {
        c->kind = COMMAND_COPY;
        c->cb = cb;
        c->arg = arg;
    }
    return pg_queue(pg, c);
}
