/* wardwatch maintenance: announced work on sensors, from the command line. */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "server/change_body.h"
#include "server/commands.h"

static const char help[] =
    "usage: wardwatch maintenance add (--thing FEED/KEY [--property CODE] | --site CODE | --ward CODE)\n"
    "           [--from TIME] --to TIME --reason TEXT --author NAME --db CONNINFO\n"
    "       wardwatch maintenance end ID --author NAME --db CONNINFO\n"
    "       wardwatch maintenance list [--ward CODE] --db CONNINFO\n\n"
    "From the moment that a window is recorded until its end, signals of detectors that learn and of scans "
    "raise\n"
    "no alerts there; they are kept (GET /api/v1/muted) and counted. Legal limits are judged as ever. TIME "
    "is like\n"
    "2026-11-23T09:00:00+08:00; without --from it begins now. Nothing is ever deleted: who announced what, "
    "and when,\n"
    "has its leaf in the ledger. Running servers know at once.\n";

static void put(struct ww_pg_args *args, const char *text) {
    if (text)
        ww_pg_arg_str(args, ww_str_of(text));
    else
        ww_pg_arg_null(args);
}

static void put_view(struct ww_pg_args *args, struct ww_str text) {
    if (text.ptr)
        ww_pg_arg_str(args, text);
    else
        ww_pg_arg_null(args);
}

static struct ww_str view(const char *text) {
    return text ? ww_str_of(text) : WW_STR_NONE;
}

static struct ww_str text_of(const struct ww_json_node *object, const char *key) {
    const struct ww_json_node *node = ww_json_get(object, key);
    return node && node->type != WW_JSON_NULL ? node->text : WW_STR("");
}

static void print_window(const struct ww_json_node *w) {
    const struct ww_json_node *thing = ww_json_get(w, "thing");
    printf("%-6.*s %-8.*s %.*s to %.*s  ", WW_STR_ARG(text_of(w, "id")), WW_STR_ARG(text_of(w, "state")),
           WW_STR_ARG(text_of(w, "from")), WW_STR_ARG(text_of(w, "to")));
    if (thing && thing->type == WW_JSON_OBJECT)
        printf("thing %.*s/%.*s %.*s", WW_STR_ARG(text_of(thing, "feed")), WW_STR_ARG(text_of(thing, "key")),
               WW_STR_ARG(text_of(w, "property")));
    else if (text_of(w, "site").len > 0)
        printf("site %.*s", WW_STR_ARG(text_of(w, "site")));
    else
        printf("ward %.*s", WW_STR_ARG(text_of(w, "ward")));
    printf("  muted %.*s, raised after it %.*s  by %.*s: %.*s\n", WW_STR_ARG(text_of(w, "muted")),
           WW_STR_ARG(text_of(w, "raised")), WW_STR_ARG(text_of(w, "author")),
           WW_STR_ARG(text_of(w, "reason")));
}

/* Each row's JSON as a line; returns how many. */
static int print_rows(const struct ww_pg_result *r, int column) {
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_arena *arena = ww_arena_new(1 << 20);
        struct ww_json_node *root;
        if (arena && ww_json_parse(arena, ww_pg_str(r, i, column), &root, NULL) == WW_OK)
            print_window(root);
        ww_arena_free(arena);
    }
    return ww_pg_rows(r);
}

static int run(struct ww_pg_sync *sync, const char *query, struct ww_pg_args *args, int column,
               const char *missing) {
    const struct ww_pg_result *r;
    struct ww_error err;
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find(query), args, &r, &err);
    ww_pg_args_clear(args);
    if (st != WW_OK)
        return ww_complain("maintenance", NULL, &err);
    if (print_rows(r, column) > 0 || !missing)
        return 0;
    ww_error_set(&err, WW_NOT_FOUND, "%s", missing);
    return ww_complain("maintenance", NULL, &err);
}

static int add(struct ww_pg_sync *sync, const struct ww_window_body *body, const char *author) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    put(&args, NULL);
    put_view(&args, body->property);
    put_view(&args, body->site);
    put_view(&args, body->ward);
    put_view(&args, body->from);
    put_view(&args, body->to);
    put_view(&args, body->reason);
    put(&args, author);
    put(&args, NULL);
    put_view(&args, body->feed);
    put_view(&args, body->key);
    return run(sync, "api_maintenance_create", &args, 0,
               "what it is about is not there, or the window has no or too long a time");
}

static int end(struct ww_pg_sync *sync, const char *id, const char *author) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    put(&args, id);
    put(&args, author);
    put(&args, NULL);
    return run(sync, "api_maintenance_end", &args, 0, "there is no such window, or it is over");
}

static int list(struct ww_pg_sync *sync, const char *ward) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    put(&args, NULL);
    put(&args, NULL);
    ww_pg_arg_i64(&args, 1000);
    ww_pg_arg_bool(&args, false);
    put(&args, ward);
    put(&args, NULL);
    put(&args, NULL);
    return run(sync, "api_maintenance", &args, 1, NULL);
}

int ww_cmd_maintenance(int argc, char **argv) {
    const char *db = NULL, *thing = NULL, *property = NULL, *site = NULL, *ward = NULL, *from = NULL,
               *to = NULL, *reason = NULL, *author = NULL;
    const struct ww_option options[] = {
        {"db", &db, NULL},     {"thing", &thing, NULL},   {"property", &property, NULL},
        {"site", &site, NULL}, {"ward", &ward, NULL},     {"from", &from, NULL},
        {"to", &to, NULL},     {"reason", &reason, NULL}, {"author", &author, NULL},
        {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    const char *what = rest >= 1 ? argv[1] : "";
    const char *slash = thing ? strchr(thing, '/') : NULL;
    bool is_add = rest == 1 && strcmp(what, "add") == 0 && author && *author && (!thing || slash);
    bool is_end = rest == 2 && strcmp(what, "end") == 0 && author && *author;
    bool is_list = rest == 1 && strcmp(what, "list") == 0;
    int64_t id;
    if ((!is_add && !is_end && !is_list) || (is_end && !ww_str_to_i64(ww_str_of(argv[2]), &id))) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_error err;
    struct ww_window_body body = {.feed =
                                      slash ? (struct ww_str){thing, (size_t)(slash - thing)} : WW_STR_NONE,
                                  .key = slash ? ww_str_of(slash + 1) : WW_STR_NONE,
                                  .property = view(property),
                                  .site = view(site),
                                  .ward = view(ward),
                                  .from = view(from),
                                  .to = view(to),
                                  .reason = view(reason)};
    if (is_add && ww_window_body_check(arena, &body, &err) != WW_OK)
        code = ww_complain("maintenance", NULL, &err);
    struct ww_pg_sync *sync = code < 0 ? ww_db_open("maintenance", db) : NULL;
    if (sync)
        code = is_add ? add(sync, &body, author) : is_end ? end(sync, argv[2], author) : list(sync, ward);
    ww_pg_sync_close(sync);
    ww_arena_free(arena);
    return code < 0 ? 1 : code;
}
