/* Reads a query of any size through a cursor, a page at a time. */
#include <stdio.h>

#include "sql/pg_internal.h"

enum { MAX_SQL = 64 << 10 };

enum ww_status ww_pg_sync_each(struct ww_pg_sync *sync, const struct ww_sql *sql,
                               const struct ww_pg_args *args, int page_rows, ww_pg_page_cb each, void *arg,
                               struct ww_error *err) {
    struct ww_buf text;
    ww_buf_init(&text, MAX_SQL);
    ww_buf_printf(&text, "DECLARE ww_each NO SCROLL CURSOR FOR\n%s", sql->text);
    enum ww_status st = ww_buf_status(&text);
    if (st == WW_OK)
        st = ww_pg_sync_exec(sync, text.data, args, NULL, err);
    else
        ww_error_set(err, st, "the query %s is too long", sql->name);
    ww_buf_clear(&text);
    char fetch[64];
    snprintf(fetch, sizeof fetch, "FETCH %d FROM ww_each", page_rows);
    bool more = st == WW_OK;
    while (more) {
        const struct ww_pg_result *r;
        st = ww_pg_sync_exec(sync, fetch, NULL, &r, err);
        if (st != WW_OK)
            return st;
        int n = ww_pg_rows(r);
        more = n > 0 && each(arg, r) && n == page_rows;
    }
    return st == WW_OK ? ww_pg_sync_exec(sync, "CLOSE ww_each", NULL, NULL, err) : st;
}
