/* wardwatch silence: alerts that nobody is told of, from the command line. */
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/buf.h"
#include "geo/base/json_reader.h"
#include "server/acting_account.h"
#include "server/alert_acts.h"
#include "server/commands.h"

static const char help[] =
    "usage: wardwatch silence add [--rule CODE] [--thing FEED/KEY] [--property CODE] [--site CODE] [--ward "
    "CODE]\n"
    "           [--polygon FILE] [--severity 1|2|3|4] --until TIME|cleared --reason TEXT --as NAME\n"
    "       wardwatch silence end ID --as NAME\n"
    "       wardwatch silence list [--state open|over] [--json]\n"
    "All with --db CONNINFO.\n\n"
    "Alerts that fit all that is named are stored, judged and shown as ever, and nobody is told of them: "
    "those\n"
    "that are open, and those that open while the silence lasts, in the wards of the account that makes it. "
    "What\n"
    "is more severe than --severity (left out: nothing) is told. It lasts until TIME, at most 92 days, or "
    "until\n"
    "what it hides has cleared. FILE holds a GeoJSON polygon in CGCS2000. The list says how many alerts each "
    "hid.\n";

enum { ROWS_MOST = 1000, ARENA_CEILING = 64 << 20 };

static struct ww_str view(const char *text) {
    return text ? ww_str_of(text) : WW_STR_NONE;
}

static void put(struct ww_pg_args *args, struct ww_str text) {
    if (text.ptr)
        ww_pg_arg_str(args, text);
    else
        ww_pg_arg_null(args);
}

static struct ww_str text_of(const struct ww_json_node *object, const char *key) {
    const struct ww_json_node *node =
        object && object->type == WW_JSON_OBJECT ? ww_json_get(object, key) : NULL;
    return node && node->type != WW_JSON_NULL ? node->text : WW_STR("");
}

static void print_part(const char *name, struct ww_str value) {
    if (value.len > 0)
        printf("  %s %.*s", name, WW_STR_ARG(value));
}

static void print_silence(const struct ww_json_node *s) {
    const struct ww_json_node *thing = ww_json_get(s, "thing");
    printf("%-6.*s %-5.*s until %.*s", WW_STR_ARG(text_of(s, "id")), WW_STR_ARG(text_of(s, "state")),
           WW_STR_ARG(text_of(s, "until")));
    print_part("rule", text_of(s, "rule"));
    if (text_of(thing, "key").len > 0)
        printf("  thing %.*s/%.*s", WW_STR_ARG(text_of(thing, "feed")), WW_STR_ARG(text_of(thing, "key")));
    print_part("property", text_of(s, "property"));
    print_part("site", text_of(s, "site"));
    print_part("wards", text_of(s, "wards"));
    print_part("up to severity", text_of(s, "severity"));
    if (text_of(s, "polygon").len > 0)
        printf("  in a polygon");
    printf("  hid %.*s, of these open %.*s  by %.*s: %.*s\n", WW_STR_ARG(text_of(s, "hid")),
           WW_STR_ARG(text_of(s, "open")), WW_STR_ARG(text_of(s, "author")),
           WW_STR_ARG(text_of(s, "reason")));
}

static enum ww_status list(struct ww_pg_sync *sync, struct ww_arena *arena, const char *state, int64_t id,
                           bool as_json, struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, id);
    ww_pg_args_init(&args);
    ww_pg_arg_null(&args);
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, ROWS_MOST);
    ww_pg_arg_bool(&args, false);
    put(&args, view(state));
    put(&args, id > 0 ? ww_str_of(text) : WW_STR_NONE);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("api_silences"), &args, &r, err);
    ww_pg_args_clear(&args);
    for (int i = 0; st == WW_OK && i < ww_pg_rows(r); i++) {
        struct ww_json_node *root;
        if (as_json)
            printf("%.*s\n", WW_STR_ARG(ww_pg_str(r, i, 1)));
        else if ((st = ww_json_parse(arena, ww_pg_str(r, i, 1), &root, err)) == WW_OK)
            print_silence(root);
    }
    return st;
}

static enum ww_status add(struct ww_pg_sync *sync, struct ww_arena *arena, struct ww_silence_body *body,
                          const char *author, struct ww_str wards, int64_t *id, struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    enum ww_status st = ww_silence_body_check(arena, body, err);
    if (st != WW_OK)
        return st;
    ww_pg_args_init(&args);
    ww_silence_args(body, ww_str_of(author), wards, &args);
    st = ww_pg_sync_query(sync, ww_sql_find("silence_make"), &args, &r, err);
    ww_pg_args_clear(&args);
    return st == WW_OK ? ww_silence_made(r, id, err) : st;
}

static enum ww_status end(struct ww_pg_sync *sync, const char *id, const char *author, struct ww_str wards,
                          struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(id));
    ww_pg_arg_str(&args, ww_str_of(author));
    put(&args, wards);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("silence_over"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && ww_pg_rows(r) == 0)
        return ww_error_set(err, WW_NOT_FOUND, "there is no such silence, or it is not yours to end");
    return st;
}

int ww_cmd_silence(int argc, char **argv) {
    const char *db = NULL, *as = NULL, *rule = NULL, *thing = NULL, *property = NULL, *site = NULL,
               *ward = NULL, *polygon = NULL, *severity = NULL, *until = NULL, *reason = NULL, *state = NULL;
    bool json = false;
    const struct ww_option options[] = {{"db", &db, NULL},
                                        {"as", &as, NULL},
                                        {"rule", &rule, NULL},
                                        {"thing", &thing, NULL},
                                        {"property", &property, NULL},
                                        {"site", &site, NULL},
                                        {"ward", &ward, NULL},
                                        {"polygon", &polygon, NULL},
                                        {"severity", &severity, NULL},
                                        {"until", &until, NULL},
                                        {"reason", &reason, NULL},
                                        {"state", &state, NULL},
                                        {"json", NULL, &json},
                                        {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    const char *what = rest >= 1 ? argv[1] : "", *slash = thing ? strchr(thing, '/') : NULL;
    int64_t id = 0, level = 4;
    bool is_add = rest == 1 && strcmp(what, "add") == 0 && as && until && reason && (!thing || slash);
    bool is_end = rest == 2 && strcmp(what, "end") == 0 && as && ww_str_to_i64(ww_str_of(argv[2]), &id);
    bool is_list = rest == 1 && strcmp(what, "list") == 0 &&
                   (!state || strcmp(state, "open") == 0 || strcmp(state, "over") == 0);
    if ((!is_add && !is_end && !is_list) || (severity && !ww_str_to_i64(ww_str_of(severity), &level))) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_error err;
    struct ww_acting acting;
    struct ww_arena *arena = ww_arena_new(ARENA_CEILING);
    struct ww_buf file;
    ww_buf_init(&file, 16 << 20);
    struct ww_silence_body body = {.rule = view(rule),
                                   .feed =
                                       slash ? (struct ww_str){thing, (size_t)(slash - thing)} : WW_STR_NONE,
                                   .key = slash ? ww_str_of(slash + 1) : WW_STR_NONE,
                                   .property = view(property),
                                   .site = view(site),
                                   .ward = view(ward),
                                   .until = view(until),
                                   .reason = view(reason),
                                   .severity = level};
    struct ww_pg_sync *sync = arena ? ww_db_open("silence", db) : NULL;
    code = 1;
    if (sync) {
        enum ww_status st = ww_acting_read(sync, arena, as, &acting, &err);
        if (st == WW_OK && !is_list && !acting.may_act)
            st = ww_error_set(&err, WW_DENIED, "the role of this account may not do that");
        if (st == WW_OK && is_add && polygon && (st = ww_read_file(polygon, 16 << 20, &file, &err)) == WW_OK)
            body.polygon = ww_buf_str(&file);
        if (st == WW_OK && is_add)
            st = add(sync, arena, &body, as, acting.wards, &id, &err);
        else if (st == WW_OK && is_end)
            st = end(sync, argv[2], as, acting.wards, &err);
        if (st == WW_OK)
            st = list(sync, arena, state, id, json, &err);
        code = st == WW_OK ? 0 : ww_complain("silence", NULL, &err);
    }
    ww_pg_sync_close(sync);
    ww_buf_clear(&file);
    ww_arena_free(arena);
    return code;
}
