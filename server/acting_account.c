/* On whose behalf a command acts: acting_account.h. */
#include "server/acting_account.h"

enum ww_status ww_acting_read(struct ww_pg_sync *sync, struct ww_arena *arena, const char *name,
                              struct ww_acting *out, struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    *out = (struct ww_acting){.may_act = false};
    if (!name)
        return WW_OK;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(name));
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("account_acts"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    struct ww_str role = ww_pg_rows(r) > 0 ? ww_pg_str(r, 0, 0) : WW_STR("feed");
    if (ww_str_is(role, "feed"))
        return ww_error_set(err, WW_DENIED, "there is no account %s that looks at alerts", name);
    out->may_act = !ww_str_is(role, "viewer");
    if (!ww_pg_is_null(r, 0, 1) && !(out->wards = ww_arena_copy(arena, ww_pg_str(r, 0, 1))).ptr)
        return ww_error_set(err, WW_NO_MEMORY, "no memory");
    return WW_OK;
}
