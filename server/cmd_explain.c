/* wardwatch explain: why was this alert raised, and does computing it again give the same? */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "geo/base/json_writer.h"
#include "ingest/recompute.h"
#include "server/commands.h"
#include "server/explain_words.h"

static const char help[] =
    "usage: wardwatch explain ALERT [--replay] [--json] [--lang en|zh] --db CONNINFO\n\n"
    "Says in words why the alert with that number was raised: rule and version, limit or expected band, what "
    "was observed,\n"
    "from which readings, when. --json gives the alert with its explanation as GET "
    "/api/v1/alerts/{id}/explanation does.\n"
    "--replay computes it again: the rule as it was at the alert's version, the readings as they were known, "
    "in the order\n"
    "in which they came in, through the judge that runs live, and compares every number with what is stored. "
    "It says\n"
    "\"same\", or each difference. Nothing is written. docs/guides/backtest.md explains.\n"
    "Exit status: 0 done (and same), 1 failed, 2 wrong use or no such alert, 3 computed again it differs, 4 "
    "interrupted.\n\n"
    "用文字说明某条预警的由来：规则及版本、限值或预期范围、实测值、所依据的读数与时间（--lang zh "
    "输出中文）。\n"
    "--replay "
    "按当时的规则版本、当时已知的数据与到达顺序，用同一套判定代码重新计算，逐个数值与库中记录比对，\n"
    "输出“一致”或每一处差异；不一致时退出码为 3。\n";

enum { ARENA_CEILING = 64 << 20, OUT_CEILING = 16 << 20 };

struct explained {
    struct ww_arena *arena;
    struct ww_str json; /* the alert, with its explanation */
    const struct ww_json_node *alert;
    struct ww_zone *zone;
};

/* As the API shows it: one query for both. */
static enum ww_status read_alert(struct ww_pg_sync *sync, const char *id, struct explained *e,
                                 struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_null(&args); /* wards: all */
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, 1);
    ww_pg_arg_bool(&args, false);
    for (int i = 0; i < 6; i++)
        ww_pg_arg_null(&args);
    ww_pg_arg_str(&args, ww_str_of(id));
    for (int i = 0; i < 6; i++) /* filters by people's work */
        ww_pg_arg_null(&args);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("api_alerts"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(err, WW_NOT_FOUND, "there is no alert %s", id);
    struct ww_str item = ww_pg_str(r, 0, 1), more = ww_pg_str(r, 0, 3);
    struct ww_buf whole;
    ww_buf_init(&whole, OUT_CEILING);
    ww_buf_add(&whole, item.ptr, item.len - 1); /* before its closing brace */
    ww_buf_char(&whole, ',');
    ww_buf_add(&whole, more.ptr + 1, more.len - 1);
    e->json = ww_arena_copy(e->arena, ww_buf_str(&whole));
    ww_buf_clear(&whole);
    struct ww_json_node *root;
    st = ww_json_parse(e->arena, e->json, &root, err);
    e->alert = root;
    return st;
}

static enum ww_status read_zone(struct ww_pg_sync *sync, struct explained *e, struct ww_error *err) {
    const struct ww_pg_result *r;
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("catalog_district"), NULL, &r, err);
    if (st == WW_OK && ww_pg_rows(r) > 0 && ww_pg_str(r, 0, 0).len > 0 &&
        ww_zone_open(ww_pg_str(r, 0, 0), &e->zone, NULL) != WW_OK)
        e->zone = NULL; /* UTC then */
    return st;
}

/* ---- What computing again gave ---- */

static void write_recomputed(const struct ww_recomputed *done, struct ww_json *w) {
    ww_json_object(w);
    ww_json_key(w, "same");
    ww_json_bool(w, done->n_differences == 0);
    ww_json_key(w, "compared");
    ww_json_int(w, done->compared);
    ww_json_key(w, "readings");
    ww_json_int(w, (int64_t)done->readings);
    ww_json_key(w, "rule_versions");
    ww_json_array(w);
    ww_json_int(w, done->first_version);
    ww_json_int(w, done->last_version);
    ww_json_end_array(w);
    ww_json_key(w, "differences");
    ww_json_array(w);
    for (uint32_t i = 0; i < done->n_differences; i++) {
        const struct ww_recomputed_difference *d = &done->differences[i];
        ww_json_object(w);
        ww_json_key(w, "path");
        ww_json_str(w, d->path);
        ww_json_key(w, "stored");
        ww_json_str(w, d->stored);
        ww_json_key(w, "computed");
        ww_json_str(w, d->computed);
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
    ww_json_end_object(w);
}

static void say_recomputed(const struct ww_recomputed *done, bool is_zh, struct ww_buf *out) {
    if (!done->is_found)
        ww_buf_text(out, is_zh ? "重新计算：当时没有产生这条预警\n"
                               : "computed again: no alert was raised then\n");
    if (done->n_differences == 0)
        ww_buf_printf(
            out,
            is_zh ? "重新计算：一致（比对 %u 个值，规则第 %d 版，重放 %llu 条读数）\n"
                  : "computed again: same (%u values compared, rule version %d, %llu readings replayed)\n",
            done->compared, done->first_version, (unsigned long long)done->readings);
    else
        ww_buf_printf(
            out,
            is_zh ? "重新计算：不一致，%u 个值中有 %u 处不同（规则第 %d 版，重放 %llu 条读数）\n"
                  : "computed again: different in %2$u of %1$u values (rule version %3$d, %4$llu readings "
                    "replayed)\n",
            done->compared, done->n_differences, done->first_version, (unsigned long long)done->readings);
    for (uint32_t i = 0; i < done->n_differences; i++) {
        const struct ww_recomputed_difference *d = &done->differences[i];
        ww_buf_printf(out, is_zh ? "  %.*s：库中 %.*s，重算 %.*s\n" : "  %.*s: stored %.*s, computed %.*s\n",
                      WW_STR_ARG(d->path), WW_STR_ARG(d->stored.len ? d->stored : WW_STR("-")),
                      WW_STR_ARG(d->computed.len ? d->computed : WW_STR("-")));
    }
}

/* ---- Computing again ---- */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    if (is_interrupted)
        _exit(4); /* twice: the database is not waited for */
    is_interrupted = 1;
}

static bool show_progress(void *arg, uint64_t readings) {
    bool *has_shown = arg;
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\rreadings=%llu", (unsigned long long)readings);
        *has_shown = true;
    }
    return !is_interrupted;
}

static enum ww_status recompute(const char *conninfo, int64_t id, struct ww_recomputed **out,
                                struct ww_error *err) {
    struct sigaction on_signal = {.sa_handler = on_interrupt}, before[2];
    bool has_shown = false;
    sigaction(SIGINT, &on_signal, &before[0]);
    sigaction(SIGTERM, &on_signal, &before[1]);
    enum ww_status st = ww_recompute(conninfo, id, show_progress, &has_shown, out, err);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    if (has_shown)
        fputs("\r\033[K", stderr);
    return st;
}

/* ---- The command ---- */

static void write_out(const struct explained *e, const struct ww_recomputed *done, bool as_json, bool is_zh,
                      struct ww_buf *out) {
    if (!as_json) {
        ww_explain_words(e->alert, e->zone, is_zh, out);
        if (done)
            say_recomputed(done, is_zh, out);
        return;
    }
    struct ww_json w;
    ww_json_init(&w, out);
    ww_json_object(&w);
    ww_json_key(&w, "alert");
    ww_json_raw(&w, e->json);
    if (done) {
        ww_json_key(&w, "replay");
        write_recomputed(done, &w);
    }
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
}

static int explain(const char *db, const char *id, bool replays, bool as_json, bool is_zh) {
    struct ww_pg_sync *sync = ww_db_open("explain", db);
    struct explained e = {.arena = ww_arena_new(ARENA_CEILING)};
    struct ww_recomputed *done = NULL;
    struct ww_error err;
    struct ww_buf out;
    int64_t number = 0;
    if (!sync || !e.arena) {
        ww_pg_sync_close(sync);
        ww_arena_free(e.arena);
        return 1;
    }
    ww_buf_init(&out, OUT_CEILING);
    (void)ww_str_to_i64(ww_str_of(id), &number);
    enum ww_status st = read_alert(sync, id, &e, &err);
    if (st == WW_OK)
        st = read_zone(sync, &e, &err);
    if (st == WW_OK && replays)
        st = recompute(ww_db_or_complain("explain", db), number, &done, &err);
    if (st == WW_OK)
        write_out(&e, done, as_json, is_zh, &out);
    int code = 0;
    if (st != WW_OK && is_interrupted)
        code = 4;
    else if (st != WW_OK)
        code = ww_complain("explain", NULL, &err) + (st == WW_NOT_FOUND);
    else if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
        code = 1;
    else if (done && done->n_differences > 0)
        code = 3;
    ww_recomputed_free(done);
    ww_buf_clear(&out);
    ww_zone_close(e.zone);
    ww_arena_free(e.arena);
    ww_pg_sync_close(sync);
    return code;
}

int ww_cmd_explain(int argc, char **argv) {
    const char *db = NULL, *lang = "en";
    bool replays = false, as_json = false;
    const struct ww_option options[] = {{"db", &db, NULL},
                                        {"lang", &lang, NULL},
                                        {"replay", NULL, &replays},
                                        {"json", NULL, &as_json},
                                        {NULL, NULL, NULL}};
    int rest, code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    int64_t number;
    if (rest != 1 || !ww_str_to_i64(ww_str_of(argv[1]), &number) || number < 1 ||
        (strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)) {
        fputs(help, stderr);
        return 2;
    }
    return explain(db, argv[1], replays, as_json, strcmp(lang, "zh") == 0);
}
