/* wardwatch feed: ways in, from the command line. */
#include <stdio.h>

#include "ingest/decode/feed_config.h"
#include "server/commands.h"

static const char help[] =
    "usage: wardwatch feed add NAME --config FILE [--title TEXT] --db CONNINFO     adds or replaces\n"
    "       wardwatch feed list --db CONNINFO\n"
    "       wardwatch feed health [NAME] --db CONNINFO     how feeds are; of one, also which of its things "
    "are not well\n\n"
    "FILE (- for standard input) holds JSON that says how fields become observations, for example:\n"
    "  {\"format\":\"csv\", \"thing\":\"station\", \"time\":{\"field\":\"at\",\"format\":\"iso\"},\n"
    "   \"values\":[{\"field\":\"COD\",\"property\":\"cod\",\"unit\":\"mg/L\"}],\n"
    "   \"time_zone\":\"Asia/Shanghai\", \"register\":true}\n"
    "docs/guides/feeds.md explains every member. Running servers use the feed at once.\n";

static int add(struct ww_pg_sync *sync, const char *name, const char *file, const char *title) {
    struct ww_buf text;
    struct ww_error err;
    if (ww_read_file(file, 1 << 20, &text, &err) != WW_OK) {
        ww_buf_clear(&text);
        return ww_complain("feed", NULL, &err);
    }
    struct ww_feed_config *config = NULL;
    enum ww_status st = ww_feed_config_parse(ww_buf_str(&text), &config, &err);
    if (st == WW_OK) {
        ww_feed_config_free(config);
        struct ww_pg_args args;
        ww_pg_args_init(&args);
        ww_pg_arg_str(&args, ww_str_of(name));
        ww_pg_arg_str(&args, ww_str_of(title ? title : ""));
        ww_pg_arg_str(&args, ww_buf_str(&text));
        st = ww_pg_sync_query(sync, ww_sql_find("load_feed"), &args, NULL, &err);
        ww_pg_args_clear(&args);
    }
    ww_buf_clear(&text);
    return st == WW_OK ? 0 : ww_complain("feed", name, &err);
}

static int list(struct ww_pg_sync *sync) {
    const struct ww_pg_result *r;
    struct ww_error err;
    if (ww_pg_sync_exec(sync, "SELECT name, enabled, title FROM wardwatch.feed ORDER BY name", NULL, &r,
                        &err) != WW_OK)
        return ww_complain("feed", NULL, &err);
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%-24.*s %-4s %.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)), ww_pg_bool(r, i, 1) ? "on" : "off",
               WW_STR_ARG(ww_pg_str(r, i, 2)));
    return 0;
}

/* Lines of texts that the query has made. */
static int print_lines(struct ww_pg_sync *sync, const char *query, const char *name) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_error err;
    ww_pg_args_init(&args);
    if (name)
        ww_pg_arg_str(&args, ww_str_of(name));
    else
        ww_pg_arg_null(&args);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find(query), &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return ww_complain("feed", name, &err);
    for (int i = 0; i < ww_pg_rows(r); i++)
        printf("%.*s\n", WW_STR_ARG(ww_pg_str(r, i, 0)));
    if (name && ww_pg_rows(r) == 0) {
        ww_error_set(&err, WW_NOT_FOUND, "there is no feed %s", name);
        return ww_complain("feed", NULL, &err);
    }
    return 0;
}

int ww_cmd_feed(int argc, char **argv) {
    const char *db = NULL, *config = NULL, *title = NULL;
    const struct ww_option options[] = {
        {"db", &db, NULL}, {"config", &config, NULL}, {"title", &title, NULL}, {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    bool is_add = rest == 2 && strcmp(argv[1], "add") == 0 && config;
    bool is_list = rest == 1 && strcmp(argv[1], "list") == 0;
    bool is_health = (rest == 1 || rest == 2) && strcmp(argv[1], "health") == 0;
    if (!is_add && !is_list && !is_health) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_pg_sync *sync = ww_db_open("feed", db);
    if (!sync)
        return 1;
    code = is_add      ? add(sync, argv[2], config, title)
           : is_health ? print_lines(sync, "feed_health_words", rest == 2 ? argv[2] : NULL)
                       : list(sync);
    ww_pg_sync_close(sync);
    return code;
}
