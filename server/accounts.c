/* Keeps accounts and tokens in memory: one set, replaced whole by each load.
 *
 * A load is one statement, so a set is one moment of the database. Loads never overlap: whoever
 * asks while one is under way gets another after it, because the running one may have
 * looked before the asker's change was committed.
 */
#include "server/accounts.h"

#include <stdlib.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/arena.h"
#include "geo/base/log.h"
#include "geo/base/map.h"

#define MAX_WAITERS 64
#define SET_CEILING ((size_t)256 << 20) /* a million tokens are about 100 MiB */

struct known_token {
    int64_t expires_us; /* INT64_MAX = never */
    uint32_t account;
};

struct account_set {
    struct ww_arena *arena; /* owns all but the map */
    struct ww_map *by_hash; /* hash → index into tokens */
    struct ww_account *accounts;
    struct known_token *tokens;
    uint32_t n_accounts, n_tokens;
};

struct waiter {
    void (*cb)(void *arg, bool loaded);
    void *arg;
};

struct ww_accounts {
    struct ww_pg_pool *pool;
    struct event *retry;
    struct account_set *set;            /* NULL before the first load */
    bool loading;                       /* a statement is under way */
    bool again;                         /* another load is due after it */
    bool closed;                        /* freed by the owner while loading */
    struct waiter running[MAX_WAITERS]; /* told by the load under way */
    struct waiter next[MAX_WAITERS];    /* told by the load after it */
    int n_running, n_next;
    void (*on_change)(void *arg);
    void *change_arg;
};

static const char *const role_names[] = {"feed", "viewer", "coordinator", "prosecutor", "analyst", "admin"};

const char *ww_role_name(enum ww_role role) {
    return role_names[role];
}

static bool role_of_name(struct ww_str name, enum ww_role *role) {
    for (size_t i = 0; i < sizeof role_names / sizeof role_names[0]; i++) {
        if (ww_str_is(name, role_names[i])) {
            *role = (enum ww_role)i;
            return true;
        }
    }
    return false;
}

static void free_set(struct account_set *set) {
    if (!set)
        return;
    ww_map_free(set->by_hash);
    ww_arena_free(set->arena);
    ww_free(set);
}

/* ---- From rows to a set ---- */

static size_t count_parts(struct ww_str list) {
    size_t n = list.len > 0;
    for (size_t i = 0; i < list.len; i++)
        n += list.ptr[i] == ',';
    return n;
}

static struct ww_str cut_part(struct ww_str *rest) {
    const char *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
    struct ww_str part = {rest->ptr, len};
    size_t skip = comma ? len + 1 : len;
    rest->ptr += skip;
    rest->len -= skip;
    return part;
}

static bool read_wards(struct ww_arena *arena, struct ww_str list, struct ww_account *account) {
    size_t n = count_parts(list);
    account->ward_ids = ww_arena_calloc(arena, n + 1, sizeof *account->ward_ids);
    if (!account->ward_ids)
        return false;
    for (size_t i = 0; i < n; i++) {
        int64_t id = 0;
        if (!ww_str_to_i64(cut_part(&list), &id))
            return false;
        account->ward_ids[i] = (int32_t)id;
    }
    account->n_wards = n;
    return true;
}

static bool read_feeds(struct ww_arena *arena, struct ww_str list, struct ww_account *account) {
    size_t n = count_parts(list);
    account->feed_names = ww_arena_calloc(arena, n + 1, sizeof *account->feed_names);
    if (!account->feed_names)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct ww_str name = ww_arena_copy(arena, cut_part(&list));
        if (!name.ptr)
            return false;
        account->feed_names[i] = (char *)(uintptr_t)name.ptr;
    }
    account->n_feeds = n;
    return true;
}

static bool read_account(struct ww_arena *arena, const struct ww_pg_result *r, int row,
                         struct ww_account *account) {
    struct ww_str name = ww_pg_str(r, row, 1);
    account->id = (int32_t)ww_pg_i64(r, row, 0);
    size_t len = name.len < sizeof account->name ? name.len : sizeof account->name - 1;
    while (!ww_str_is_utf8((struct ww_str){name.ptr, len})) /* cut between letters, not within one */
        len--;
    memcpy(account->name, name.ptr, len);
    account->name[len] = '\0';
    account->all_wards = ww_pg_bool(r, row, 3);
    if (!role_of_name(ww_pg_str(r, row, 2), &account->role))
        return false;
    if (!ww_pg_is_null(r, row, 5) && !read_feeds(arena, ww_pg_str(r, row, 5), account))
        return false;
    return read_wards(arena, ww_pg_str(r, row, 4), account);
}

static bool read_hash(struct ww_str hex, char hash[32]) {
    if (hex.len != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        char pair[3] = {hex.ptr[2 * i], hex.ptr[2 * i + 1], 0};
        char *end;
        hash[i] = (char)strtoul(pair, &end, 16);
        if (*end)
            return false;
    }
    return true;
}

static bool read_rows(const struct ww_pg_result *r, struct account_set *set) {
    int rows = ww_pg_rows(r);
    set->accounts = ww_arena_calloc(set->arena, (size_t)rows + 1, sizeof *set->accounts);
    set->tokens = ww_arena_calloc(set->arena, (size_t)rows + 1, sizeof *set->tokens);
    if (!set->accounts || !set->tokens)
        return false;
    for (int i = 0; i < rows; i++) {
        int32_t id = (int32_t)ww_pg_i64(r, i, 0);
        if (set->n_accounts == 0 || set->accounts[set->n_accounts - 1].id != id) {
            if (!read_account(set->arena, r, i, &set->accounts[set->n_accounts]))
                return false;
            set->n_accounts++;
        }
        char hash[32];
        set->tokens[i] = (struct known_token){
            .expires_us = ww_pg_is_null(r, i, 7) ? INT64_MAX : ww_pg_i64(r, i, 7),
            .account = set->n_accounts - 1,
        };
        if (!read_hash(ww_pg_str(r, i, 6), hash) ||
            ww_map_put(set->by_hash, (struct ww_str){hash, sizeof hash}, (uint64_t)i) != WW_OK)
            return false;
        set->n_tokens++;
    }
    return true;
}

static struct account_set *make_set(const struct ww_pg_result *r) {
    struct account_set *set = ww_try_calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->arena = ww_arena_new(SET_CEILING);
    set->by_hash = ww_map_new((size_t)ww_pg_rows(r) + 1);
    if (!set->arena || !read_rows(r, set)) {
        free_set(set);
        return NULL;
    }
    return set;
}

/* ---- Loading ---- */

static void begin_load(struct ww_accounts *accounts);

static void retry_soon(struct ww_accounts *accounts) {
    struct timeval half_second = {0, 500000};
    accounts->again = true;
    evtimer_add(accounts->retry, &half_second);
}

/* Waiters may ask for another load: they see a consistent list, because it is copied first. */
static void tell_waiters(struct ww_accounts *accounts, bool loaded) {
    struct waiter told[MAX_WAITERS];
    int n = accounts->n_running;
    memcpy(told, accounts->running, sizeof(struct waiter) * (size_t)n);
    accounts->n_running = 0;
    for (int i = 0; i < n; i++)
        told[i].cb(told[i].arg, loaded);
}

static void on_rows(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct ww_accounts *accounts = arg;
    accounts->loading = false;
    if (accounts->closed) {
        tell_waiters(accounts, false);
        ww_accounts_free(accounts);
        return;
    }
    struct account_set *set = status == WW_OK ? make_set(r) : NULL;
    if (set) {
        struct account_set *old = accounts->set;
        accounts->set = set;
        free_set(old);
    } else {
        ww_log(WW_LOG_WARN, "accounts=not_loaded reason=\"%s\"",
               status == WW_OK ? "no memory" : err->message);
        retry_soon(accounts);
    }
    tell_waiters(accounts, set != NULL);
    if (set && accounts->on_change)
        accounts->on_change(accounts->change_arg);
    if (accounts->again && !evtimer_pending(accounts->retry, NULL))
        begin_load(accounts);
}

static void begin_load(struct ww_accounts *accounts) {
    if (accounts->loading)
        return;
    accounts->again = false;
    if (ww_pg_pool_query(accounts->pool, ww_sql_find("account_tokens"), NULL, on_rows, accounts) != WW_OK) {
        retry_soon(accounts);
        return;
    }
    accounts->loading = true;
    memcpy(accounts->running, accounts->next, sizeof(struct waiter) * (size_t)accounts->n_next);
    accounts->n_running = accounts->n_next;
    accounts->n_next = 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg) {
    struct ww_accounts *accounts = arg;
    (void)fd;
    (void)what;
    begin_load(accounts);
    if (accounts->loading)
        return;
    /* Still no database: nobody waits for ever. */
    memcpy(accounts->running, accounts->next, sizeof(struct waiter) * (size_t)accounts->n_next);
    accounts->n_running = accounts->n_next;
    accounts->n_next = 0;
    tell_waiters(accounts, false);
}

struct ww_accounts *ww_accounts_new(struct event_base *base, struct ww_pg_pool *pool) {
    struct ww_accounts *accounts = ww_must_calloc(1, sizeof *accounts);
    accounts->pool = pool;
    accounts->retry = evtimer_new(base, on_retry, accounts);
    begin_load(accounts);
    return accounts;
}

void ww_accounts_free(struct ww_accounts *accounts) {
    if (!accounts)
        return;
    accounts->closed = true;
    if (accounts->loading)
        return; /* on_rows comes once more, and frees */
    for (int i = 0; i < accounts->n_next; i++)
        accounts->next[i].cb(accounts->next[i].arg, false);
    event_free(accounts->retry);
    free_set(accounts->set);
    ww_free(accounts);
}

void ww_accounts_reload(struct ww_accounts *accounts) {
    accounts->again = true;
    begin_load(accounts);
}

enum ww_status ww_accounts_reload_then(struct ww_accounts *accounts, void (*cb)(void *arg, bool loaded),
                                       void *arg) {
    if (accounts->n_next == MAX_WAITERS)
        return WW_BUSY;
    accounts->next[accounts->n_next++] = (struct waiter){cb, arg};
    ww_accounts_reload(accounts);
    return WW_OK;
}

void ww_accounts_on_change(struct ww_accounts *accounts, void (*cb)(void *arg), void *arg) {
    accounts->on_change = cb;
    accounts->change_arg = arg;
}

bool ww_accounts_are_loaded(const struct ww_accounts *accounts) {
    return accounts->set != NULL;
}

/* ---- Asking ---- */

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The look-up is by a hash of what the sender chose, so its time tells nothing about a token. */
const struct ww_account *ww_accounts_by_hash(const struct ww_accounts *accounts,
                                             const unsigned char hash[32]) {
    uint64_t index;
    if (!accounts->set ||
        !ww_map_get(accounts->set->by_hash, (struct ww_str){(const char *)hash, 32}, &index))
        return NULL;
    const struct known_token *token = &accounts->set->tokens[index];
    return token->expires_us > now_us() ? &accounts->set->accounts[token->account] : NULL;
}

const struct ww_account *ww_accounts_by_token(const struct ww_accounts *accounts, struct ww_str token) {
    unsigned char hash[32];
    ww_token_hash(token, hash);
    return ww_accounts_by_hash(accounts, hash);
}

const struct ww_account *ww_accounts_by_id(const struct ww_accounts *accounts, int32_t id) {
    const struct account_set *set = accounts->set;
    size_t low = 0, high = set ? set->n_accounts : 0;
    while (low < high) { /* the query sorts by id */
        size_t middle = low + (high - low) / 2;
        if (set->accounts[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return set && low < set->n_accounts && set->accounts[low].id == id ? &set->accounts[low] : NULL;
}

const struct ww_account *ww_account_copy(struct ww_arena *arena, const struct ww_account *account) {
    struct ww_account *copy = ww_arena_alloc(arena, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *account;
    copy->ward_ids = ww_arena_alloc(arena, account->n_wards * sizeof *copy->ward_ids + 1);
    copy->feed_names = ww_arena_alloc(arena, account->n_feeds * sizeof *copy->feed_names + 1);
    if (!copy->ward_ids || !copy->feed_names)
        return NULL;
    if (account->n_wards > 0)
        memcpy(copy->ward_ids, account->ward_ids, account->n_wards * sizeof *copy->ward_ids);
    for (size_t i = 0; i < account->n_feeds; i++) {
        copy->feed_names[i] = ww_arena_alloc(arena, strlen(account->feed_names[i]) + 1);
        if (!copy->feed_names[i])
            return NULL;
        strcpy(copy->feed_names[i], account->feed_names[i]);
    }
    if (!account->feed_names)
        copy->feed_names = NULL; /* all */
    return copy;
}

bool ww_account_sees_ward(const struct ww_account *account, int32_t ward_id) {
    if (account->all_wards)
        return true;
    size_t low = 0, high = account->n_wards;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->ward_ids[middle] < ward_id)
            low = middle + 1;
        else
            high = middle;
    }
    return ward_id != 0 && low < account->n_wards && account->ward_ids[low] == ward_id;
}

bool ww_account_may_feed(const struct ww_account *account, struct ww_str feed) {
    if (account->role == WW_ROLE_ADMIN)
        return true;
    if (account->role != WW_ROLE_FEED)
        return false;
    for (size_t i = 0; i < account->n_feeds; i++) {
        if (ww_str_is(feed, account->feed_names[i]))
            return true;
    }
    return account->feed_names == NULL;
}
