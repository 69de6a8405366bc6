/* On whose behalf a command acts: --as NAME gives it the wards and the rights of an account.
 *
 * Who may use the command line may do anything; this is so that what is done is written down under the right
 * name and stays within his wards. Without a name: all wards, and nothing may be done.
 */
#ifndef WW_SERVER_ACTING_ACCOUNT_H
#define WW_SERVER_ACTING_ACCOUNT_H

#include "geo/base/arena.h"
#include "sql/pg.h"

struct ww_acting {
    struct ww_str wards; /* "{1,2}", in the arena; ptr NULL = all */
    bool may_act;        /* coordinator, prosecutor, analyst, admin */
};

/* `name` may be NULL. WW_DENIED: there is no such account, or it only feeds. */
enum ww_status ww_acting_read(struct ww_pg_sync *sync, struct ww_arena *arena, const char *name,
                              struct ww_acting *out, struct ww_error *err) WW_MUST_CHECK;

#endif
