/* wardwatch account: who may do what. */
#include <stdio.h>

#include "server/accounts.h"
#include "server/commands.h"

static const char help[] =
    "usage: wardwatch account add NAME --role ROLE [--all-wards | --wards CODE,CODE] [--feeds NAME,NAME] "
    "--db CONNINFO\n"
    "       wardwatch account token NAME --db CONNINFO     one more token for an account\n"
    "       wardwatch account revoke NAME --db CONNINFO    all its tokens and sessions end at once\n"
    "       wardwatch account list --db CONNINFO\n\n"
    "ROLE: feed (may only send), viewer, coordinator, prosecutor, analyst, admin. `add` prints the "
    "account's\n"
    "first token: it is shown once, the database keeps only its SHA-256. An account that is there is "
    "changed\n"
    "to what is said, and gets one more token.\n";

static int print_token(struct ww_pg_sync *sync, const char *name) {
    char token[WW_TOKEN_TEXT];
    unsigned char hash[32];
    ww_token_make(token, hash);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(name));
    ww_pg_arg_bytea(&args, (struct ww_str){(const char *)hash, sizeof hash});
    const struct ww_pg_result *r;
    struct ww_error err;
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("account_token_add"), &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return ww_complain("account", NULL, &err);
    if (ww_pg_rows(r) == 0) {
        fprintf(stderr, "wardwatch account: there is no account %s\n", name);
        return 1;
    }
    puts(token);
    return 0;
}

static void list_argument(struct ww_pg_args *args, const char *list) {
    if (list)
        ww_pg_arg_str(args, ww_str_of(list));
    else
        ww_pg_arg_null(args);
}

static int add(struct ww_pg_sync *sync, const char *name, const char *role, bool all_wards, const char *wards,
               const char *feeds) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(name));
    ww_pg_arg_str(&args, ww_str_of(role));
    ww_pg_arg_bool(&args, all_wards);
    list_argument(&args, wards);
    list_argument(&args, feeds);
    const struct ww_pg_result *r;
    struct ww_error err;
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("account_add"), &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return ww_complain("account", NULL, &err);
    struct ww_str unknown = ww_pg_str(r, 0, 0);
    if (unknown.len > 0) {
        fprintf(stderr, "wardwatch account: there is no ward %.*s; nothing was changed\n",
                WW_STR_ARG(unknown));
        return 1;
    }
    return print_token(sync, name);
}

static int list(struct ww_pg_sync *sync) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (ww_pg_sync_query(sync, ww_sql_find("account_list"), NULL, &r, &err) != WW_OK)
        return ww_complain("account", NULL, &err);
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%-24.*s %-12.*s wards=%.*s tokens=%.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)),
               WW_STR_ARG(ww_pg_str(r, i, 1)), WW_STR_ARG(ww_pg_str(r, i, 2)),
               WW_STR_ARG(ww_pg_str(r, i, 3)));
    return 0;
}

static int revoke(struct ww_pg_sync *sync, const char *name) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(name));
    const struct ww_pg_result *r;
    struct ww_error err;
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("account_revoke"), &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return ww_complain("account", NULL, &err);
    printf("revoked %llu\n", (unsigned long long)ww_pg_affected(r));
    return 0;
}

int ww_cmd_account(int argc, char **argv) {
    const char *db = NULL, *role = NULL, *wards = NULL, *feeds = NULL;
    bool all_wards = false;
    const struct ww_option options[] = {{"db", &db, NULL},       {"role", &role, NULL},
                                        {"wards", &wards, NULL}, {"all-wards", NULL, &all_wards},
                                        {"feeds", &feeds, NULL}, {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    const char *verb = rest >= 1 ? argv[1] : "";
    bool is_list = strcmp(verb, "list") == 0;
    if (rest != (is_list ? 1 : 2) || (strcmp(verb, "add") == 0 && !role)) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_pg_sync *sync = ww_db_open("account", db);
    if (!sync)
        return 1;
    code = 2;
    if (is_list)
        code = list(sync);
    else if (strcmp(verb, "add") == 0)
        code = add(sync, argv[2], role, all_wards, wards, feeds);
    else if (strcmp(verb, "token") == 0)
        code = print_token(sync, argv[2]);
    else if (strcmp(verb, "revoke") == 0)
        code = revoke(sync, argv[2]);
    else
        fputs(help, stderr);
    ww_pg_sync_close(sync);
    return code;
}
