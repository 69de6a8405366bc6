/* wardwatch station: the register of HJ 212 stations, and what they are asked, from the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/commands.h"
#include "server/station_body.h"
#include "server/station_file.h"

enum { FILE_CEILING = 32 << 20, ROWS_CEILING = 60 << 20, FOLLOW_POLL_MS = 200 };

static const char help[] =
    "usage: wardwatch station add MN --feed FEED [OPTIONS] --db CONNINFO     adds a station\n"
    "       wardwatch station set MN [OPTIONS] --db CONNINFO                 changes what is given\n"
    "       wardwatch station enable|disable MN --db CONNINFO\n"
    "       wardwatch station list --db CONNINFO\n"
    "       wardwatch station show MN --db CONNINFO                          with its last events\n"
    "       wardwatch station gaps MN --db CONNINFO                          data that is missing\n"
    "       wardwatch station import FILE.csv --db CONNINFO                  all rows or none\n"
    "       wardwatch station send MN CN [KEY=VALUE…] [--follow [--wait SECONDS]] --db CONNINFO\n"
    "       wardwatch station commands                                       what may be sent\n\n"
    "OPTIONS of add and set: --feed FEED, --password PW (\"\" = any), --key HEX (SM4, 32 digits; \"\" = "
    "none),\n"
    "  --config FILE (JSON, ingest/hj212/stations.h; - for standard input), and for the map: --name-zh "
    "TEXT,\n"
    "  --name-en TEXT, --class CLASS, --limit-class CLASS, --site CODE, --place LON,LAT (CGCS2000)\n"
    "import: the first line names the columns: "
    "mn,feed,password,sm4_key,enabled,config,name_zh,name_en,class,\n"
    "  limit_class,site,lon,lat; mn and feed are needed. A station that is there is changed.\n"
    "send: --follow prints each change and each answer; exit status 0 done, 1 refused, failed, timed out, or "
    "still\n"
    "  waiting after --wait SECONDS (it then stays queued).\n\n"
    "  wardwatch station send 010000A8900016F000169DC0 3015 PolId=w01018 --follow     keep an over-limit "
    "sample\n";

struct options {
    const char *db, *feed, *password, *key, *config, *name_zh, *name_en, *class, *limit_class, *site, *place,
        *wait;
    bool follow;
};

static struct ww_str who(void) {
    static char name[80];
    const char *user = getenv("USER");
    snprintf(name, sizeof name, "command line%s%.60s", user && *user ? ": " : "", user ? user : "");
    return ww_str_of(name);
}

/* ---- Writing stations ---- */

static int write_rows(struct ww_pg_sync *sync, struct ww_str rows, const char *mode, const char *what) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_error err;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, rows);
    ww_pg_arg_str(&args, ww_str_of(mode));
    ww_pg_arg_str(&args, who());
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("station_write"), &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st == WW_OK && (st = ww_station_problem(ww_pg_str(r, 0, 1), &err)) != WW_OK &&
        strcmp(mode, "either") == 0) {
        err.line = (uint64_t)ww_pg_i64(r, 0, 0);
        err.column = 1;
    }
    return st == WW_OK ? 0 : ww_complain("station", what, &err);
}

static void write_text(struct ww_json *json, const char *key, const char *text) {
    if (!text)
        return;
    ww_json_key(json, key);
    ww_json_text(json, text);
}

static void write_thing(struct ww_json *json, const struct options *o) {
    if (!o->name_zh && !o->name_en && !o->class && !o->limit_class && !o->site && !o->place)
        return;
    ww_json_key(json, "thing");
    ww_json_object(json);
    write_text(json, "name_zh", o->name_zh);
    write_text(json, "name_en", o->name_en);
    write_text(json, "class", o->class);
    write_text(json, "limit_class", o->limit_class);
    write_text(json, "site", o->site);
    if (o->place) {
        char place[80];
        snprintf(place, sizeof place, "[%.70s]", o->place);
        ww_json_key(json, "place");
        ww_json_raw(json, ww_str_of(place));
    }
    ww_json_end_object(json);
}

/* The options as the JSON object that the HTTP interface takes. */
static enum ww_status write_options(struct ww_buf *out, const struct options *o, const char *enabled,
                                    struct ww_error *err) {
    struct ww_json json;
    struct ww_buf config;
    enum ww_status st = WW_OK;
    ww_buf_init(&config, FILE_CEILING);
    ww_json_init(&json, out);
    ww_json_object(&json);
    write_text(&json, "feed", o->feed);
    write_text(&json, "password", o->password);
    write_text(&json, "sm4_key", o->key);
    if (enabled) {
        ww_json_key(&json, "enabled");
        ww_json_raw(&json, ww_str_of(enabled));
    }
    if (o->config && (st = ww_read_file(o->config, FILE_CEILING, &config, err)) == WW_OK) {
        ww_json_key(&json, "config");
        ww_json_raw(&json, ww_buf_str(&config));
    }
    write_thing(&json, o);
    ww_json_end_object(&json);
    ww_buf_clear(&config);
    return st == WW_OK ? ww_buf_status(out) : st;
}

static int write_station(struct ww_pg_sync *sync, const char *mn, const struct options *o, bool is_new,
                         const char *enabled) {
    struct ww_buf object, rows;
    struct ww_json json;
    struct ww_json_node *root;
    struct ww_error err;
    struct ww_arena *arena = ww_arena_new(FILE_CEILING);
    ww_buf_init(&object, ROWS_CEILING);
    ww_buf_init(&rows, ROWS_CEILING);
    ww_json_init(&json, &rows);
    ww_json_array(&json);
    enum ww_status st = write_options(&object, o, enabled, &err);
    if (st == WW_OK && ww_json_parse(arena, ww_buf_str(&object), &root, &err) != WW_OK)
        st = ww_error_set(&err, WW_BAD_INPUT, "the configuration or the place can't be read");
    if (st == WW_OK) {
        struct ww_str name = ww_str_of(mn);
        st = ww_station_body_write(root, name, is_new, 0, &json, &err);
    }
    ww_json_end_array(&json);
    int code = st == WW_OK ? write_rows(sync, ww_buf_str(&rows), is_new ? "create" : "replace", mn)
                           : ww_complain("station", mn, &err);
    ww_buf_clear(&object);
    ww_buf_clear(&rows);
    ww_arena_free(arena);
    return code;
}

static int import(struct ww_pg_sync *sync, const char *file) {
    struct ww_buf text, rows;
    struct ww_error err;
    uint64_t n = 0;
    ww_buf_init(&rows, ROWS_CEILING);
    enum ww_status st = ww_read_file(file, FILE_CEILING, &text, &err);
    if (st == WW_OK)
        st = ww_station_file_read(ww_buf_str(&text), &rows, &n, &err);
    int code = st == WW_OK ? write_rows(sync, ww_buf_str(&rows), "either", file)
                           : ww_complain("station", file, &err);
    if (code == 0)
        printf("imported %llu\n", (unsigned long long)n);
    ww_buf_clear(&text);
    ww_buf_clear(&rows);
    return code;
}

/* ---- Reading ---- */

static enum ww_status query_mn(struct ww_pg_sync *sync, const char *query, const char *mn,
                               const struct ww_pg_result **r, struct ww_error *err) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    if (mn)
        ww_pg_arg_str(&args, ww_str_of(mn));
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find(query), &args, r, err);
    ww_pg_args_clear(&args);
    return st;
}

static int list(struct ww_pg_sync *sync) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (query_mn(sync, "station_list", NULL, &r, &err) != WW_OK)
        return ww_complain("station", NULL, &err);
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%-24.*s %-16.*s %-3s %-12s %-8s %-3s %.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)),
               WW_STR_ARG(ww_pg_str(r, i, 1)), ww_pg_bool(r, i, 2) ? "on" : "off",
               ww_pg_bool(r, i, 3) ? "connected" : "disconnected", ww_pg_bool(r, i, 4) ? "password" : "-",
               ww_pg_bool(r, i, 5) ? "sm4" : "-", WW_STR_ARG(ww_pg_str(r, i, 6)));
    return 0;
}

static int show(struct ww_pg_sync *sync, const char *mn) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (query_mn(sync, "station_show", mn, &r, &err) != WW_OK)
        return ww_complain("station", mn, &err);
    if (ww_pg_rows(r) == 0) {
        fprintf(stderr, "wardwatch station: there is no station %s\n", mn);
        return 1;
    }
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%-10.*s %.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)), WW_STR_ARG(ww_pg_str(r, i, 1)));
    return 0;
}

static int gaps(struct ww_pg_sync *sync, const char *mn) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (query_mn(sync, "station_gap_list", mn, &r, &err) != WW_OK)
        return ww_complain("station", mn, &err);
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%.*s %.*s … %.*s %-8.*s tries=%lld%s%.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)),
               WW_STR_ARG(ww_pg_str(r, i, 1)), WW_STR_ARG(ww_pg_str(r, i, 2)), WW_STR_ARG(ww_pg_str(r, i, 3)),
               (long long)ww_pg_i64(r, i, 4), ww_pg_str(r, i, 5).len ? " next=" : "",
               WW_STR_ARG(ww_pg_str(r, i, 5)));
    return 0;
}

static int print_commands(void) {
    char line[160];
    for (size_t i = 0; ww_hj212_request_describe(i, line); i++)
        puts(line);
    return 0;
}

/* ---- Commands ---- */

static enum ww_status read_command(int argc, char **argv, struct ww_station_command *out,
                                   struct ww_error *err) {
    uint64_t cn;
    memset(out, 0, sizeof *out);
    if (!ww_str_to_u64(ww_str_of(argv[0]), &cn) || cn > 9999)
        return ww_error_set(err, WW_BAD_INPUT, "%s is not a command's number", argv[0]);
    out->cn = (int)cn;
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (!equals || out->n_fields == WW_HJ212_MAX_FIELDS)
            return ww_error_set(err, WW_BAD_INPUT, "%s is not KEY=VALUE, or one too many", argv[i]);
        out->fields[out->n_fields].name = (struct ww_str){argv[i], (size_t)(equals - argv[i])};
        out->fields[out->n_fields++].value = ww_str_of(equals + 1);
    }
    return ww_hj212_request_check(out->cn, out->fields, out->n_fields, err);
}

static enum ww_status queue_command(struct ww_pg_sync *sync, const char *mn,
                                    const struct ww_station_command *command, int64_t *id,
                                    struct ww_error *err) {
    struct ww_buf fields;
    struct ww_json json;
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_buf_init(&fields, ROWS_CEILING);
    ww_json_init(&json, &fields);
    ww_station_fields_write(command, &json);
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(mn));
    ww_pg_arg_i64(&args, command->cn);
    ww_pg_arg_str(&args, ww_buf_str(&fields));
    ww_pg_arg_str(&args, who());
    ww_buf_clear(&fields);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("station_command_add"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(err, WW_NOT_FOUND, "there is no station with this MN");
    if (!ww_pg_bool(r, 0, 0))
        return ww_error_set(err, WW_CONFLICT, "this station is switched off");
    if (ww_pg_is_null(r, 0, 2))
        return ww_error_set(err, WW_BUSY, "too many commands wait for this station already");
    *id = ww_pg_i64(r, 0, 2);
    return WW_OK;
}

static void print_state(const struct ww_pg_result *r) {
    struct ww_str reason = ww_pg_str(r, 0, 4);
    printf("%.*s", WW_STR_ARG(ww_pg_str(r, 0, 0)));
    if (!ww_pg_is_null(r, 0, 2))
        printf(" QnRtn=%lld", (long long)ww_pg_i64(r, 0, 2));
    if (!ww_pg_is_null(r, 0, 3))
        printf(" ExeRtn=%lld", (long long)ww_pg_i64(r, 0, 3));
    if (reason.len)
        printf(" (%.*s)", WW_STR_ARG(reason));
    if (ww_str_is(ww_pg_str(r, 0, 0), "queued") && !ww_pg_bool(r, 0, 5))
        printf(" (the station is not connected)");
    putchar('\n');
}

static bool is_final(struct ww_str state) {
    return !ww_str_is(state, "queued") && !ww_str_is(state, "sent") && !ww_str_is(state, "accepted");
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* "done", and "no_data" as the device's honest answer to a question, are success. */
static int follow(struct ww_pg_sync *sync, int64_t id, double wait_s) {
    char last[16] = "";
    int64_t n_answers = 0;
    double until = seconds() + wait_s;
    for (;;) {
        struct ww_pg_args args;
        const struct ww_pg_result *r;
        struct ww_error err;
        ww_pg_args_init(&args);
        ww_pg_arg_i64(&args, id);
        ww_pg_arg_i64(&args, n_answers);
        enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("station_command_follow"), &args, &r, &err);
        ww_pg_args_clear(&args);
        if (st != WW_OK)
            return ww_complain("station", NULL, &err);
        if (ww_pg_rows(r) == 0)
            return 1; /* its station was deleted */
        for (int i = 0; i < ww_pg_rows(r); i++)
            if (!ww_pg_is_null(r, i, 6)) {
                n_answers = ww_pg_i64(r, i, 6);
                printf("answer CN=%.*s %.*s\n", WW_STR_ARG(ww_pg_str(r, i, 7)),
                       WW_STR_ARG(ww_pg_str(r, i, 8)));
            }
        struct ww_str state = ww_pg_str(r, 0, 0);
        if (!ww_str_is(state, last)) {
            print_state(r);
            snprintf(last, sizeof last, "%.*s", WW_STR_ARG(state));
        }
        fflush(stdout);
        if (is_final(state))
            return ww_str_is(state, "done") || ww_str_is(state, "no_data") ? 0 : 1;
        if (wait_s > 0 && seconds() > until)
            return 1;
        nanosleep(&(struct timespec){0, FOLLOW_POLL_MS * 1000000L}, NULL);
    }
}

static int send_command(struct ww_pg_sync *sync, int argc, char **argv, const struct options *o) {
    struct ww_station_command command;
    struct ww_error err;
    int64_t id = 0;
    double wait_s = 0;
    if (o->wait && (!ww_str_to_double(ww_str_of(o->wait), &wait_s) || wait_s <= 0)) {
        fprintf(stderr, "wardwatch station: --wait must be seconds, not %s\n", o->wait);
        return 2;
    }
    if (read_command(argc - 1, argv + 1, &command, &err) != WW_OK ||
        queue_command(sync, argv[0], &command, &id, &err) != WW_OK)
        return ww_complain("station", argv[0], &err);
    printf("command %lld\n", (long long)id);
    return o->follow ? follow(sync, id, wait_s) : 0;
}

/* ---- Verbs ---- */

static int run(struct ww_pg_sync *sync, int rest, char **argv, const struct options *o) {
    const char *verb = argv[1], *first = rest > 1 ? argv[2] : "";
    if (strcmp(verb, "list") == 0)
        return list(sync);
    if (strcmp(verb, "show") == 0)
        return show(sync, first);
    if (strcmp(verb, "gaps") == 0)
        return gaps(sync, first);
    if (strcmp(verb, "import") == 0)
        return import(sync, first);
    if (strcmp(verb, "send") == 0)
        return send_command(sync, rest - 1, argv + 2, o);
    if (strcmp(verb, "add") == 0)
        return write_station(sync, first, o, true, NULL);
    if (strcmp(verb, "set") == 0)
        return write_station(sync, first, o, false, NULL);
    return write_station(sync, first, o, false, strcmp(verb, "enable") == 0 ? "true" : "false");
}

static bool usage_is_right(int rest, char **argv, const struct options *o) {
    static const struct {
        const char *name;
        int least, most;
    } verbs[] = {{"list", 1, 1}, {"show", 2, 2}, {"gaps", 2, 2},   {"import", 2, 2}, {"send", 3, 32},
                 {"add", 2, 2},  {"set", 2, 2},  {"enable", 2, 2}, {"disable", 2, 2}};
    for (size_t i = 0; rest > 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return rest >= verbs[i].least && rest <= verbs[i].most &&
                   (strcmp(argv[1], "add") != 0 || o->feed);
    return false;
}

int ww_cmd_station(int argc, char **argv) {
    struct options o = {0};
    const struct ww_option options[] = {
        {"db", &o.db, NULL},           {"feed", &o.feed, NULL},     {"password", &o.password, NULL},
        {"key", &o.key, NULL},         {"config", &o.config, NULL}, {"name-zh", &o.name_zh, NULL},
        {"name-en", &o.name_en, NULL}, {"class", &o.class, NULL},   {"limit-class", &o.limit_class, NULL},
        {"site", &o.site, NULL},       {"place", &o.place, NULL},   {"wait", &o.wait, NULL},
        {"follow", NULL, &o.follow},   {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    if (rest == 1 && strcmp(argv[1], "commands") == 0)
        return print_commands();
    if (!usage_is_right(rest, argv, &o)) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_pg_sync *sync = ww_db_open("station", o.db);
    if (!sync)
        return 1;
    code = run(sync, rest, argv, &o);
    ww_pg_sync_close(sync);
    return code;
}
