/* Who is asking: accounts and tokens, held in memory, reloaded when the database says so.
 *
 * Tokens are 256 random bits in base64url ("ww_…"); only their SHA-256 is kept. Loaded
 * whole at start and after every NOTIFY ww_catalog about account, token or membership
 * (the caller of ww_accounts_reload listens). Until the first load nobody is known.
 */
#ifndef WW_SERVER_ACCOUNTS_H
#define WW_SERVER_ACCOUNTS_H

#include "geo/base/arena.h"
#include "server/app.h"

enum ww_role {
    WW_ROLE_FEED,
    WW_ROLE_VIEWER,
    WW_ROLE_COORDINATOR,
    WW_ROLE_PROSECUTOR,
    WW_ROLE_ANALYST,
    WW_ROLE_ADMIN
};

struct ww_account {
    int32_t id;
    char name[64];
    enum ww_role role;
    bool all_wards;
    int32_t *ward_ids; /* sorted */
    size_t n_wards;
    char **feed_names; /* NULL: all feeds */
    size_t n_feeds;
};

/* Begins the first load; tries again by itself (every half second) until the database answers. */
struct ww_accounts *ww_accounts_new(struct event_base *base, struct ww_pg_pool *pool);
void ww_accounts_free(struct ww_accounts *accounts);
/* Asynchronous; keeps the old set until the new one is there. */
void ww_accounts_reload(struct ww_accounts *accounts);
/* The same, and tells when a load that began after this call is there (`loaded`) or has
 * failed. Never called from inside. WW_BUSY when 64 callers wait already. */
enum ww_status ww_accounts_reload_then(struct ww_accounts *accounts, void (*cb)(void *arg, bool loaded),
                                       void *arg) WW_MUST_CHECK;
/* One listener, called after every load: streams look again at who is still allowed. */
void ww_accounts_on_change(struct ww_accounts *accounts, void (*cb)(void *arg), void *arg);
bool ww_accounts_are_loaded(const struct ww_accounts *accounts);
/* NULL: unknown, expired, revoked, disabled. Valid until the next turn of the loop. */
const struct ww_account *ww_accounts_by_token(const struct ww_accounts *accounts, struct ww_str token);
const struct ww_account *ww_accounts_by_hash(const struct ww_accounts *accounts,
                                             const unsigned char hash[32]);
/* NULL also when it is disabled. Valid until the next turn of the loop. */
const struct ww_account *ww_accounts_by_id(const struct ww_accounts *accounts, int32_t id);
/* A copy that lives as long as the arena, for a request that takes more than a turn; NULL: no memory. */
const struct ww_account *ww_account_copy(struct ww_arena *arena, const struct ww_account *account);
bool ww_account_sees_ward(const struct ww_account *account, int32_t ward_id /* 0 = none */);
bool ww_account_may_feed(const struct ww_account *account, struct ww_str feed);
const char *ww_role_name(enum ww_role role);

/* A fresh token: 256 random bits; `hash` is what the database keeps. */
#define WW_TOKEN_TEXT 48
void ww_token_make(char text[WW_TOKEN_TEXT], unsigned char hash[32]);
void ww_token_hash(struct ww_str text, unsigned char hash[32]);

#endif
