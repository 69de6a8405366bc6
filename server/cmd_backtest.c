/* wardwatch backtest: what would a rule have raised? */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "geo/base/json_reader.h"
#include "server/backtest_job.h"
#include "server/commands.h"
#include "server/rule_draft.h"

static const char help[] =
    "usage: wardwatch backtest RULE.json|CODE --from T --to T [--look-every S] [--clock arrival|phenomenon] "
    "[--json]\n"
    "                          [--lang en|zh] --db CONNINFO\n\n"
    "Runs a rule of any detector over the stored readings through the code that runs live, in the order in "
    "which they came "
    "in, with\n"
    "late ones and corrections, as if it had been switched on at --from. Nothing is written: one read-only "
    "transaction.\n"
    "RULE.json (- = standard input) is a draft, {\"detector\":\"limit\",\"config\":{…}} as for POST "
    "/api/v1/rules; CODE is a\n"
    "rule that is there. Says which alerts would have opened and cleared, how many a week and a ward-week, "
    "and, where\n"
    "people have recorded what alerts were, how many of them were true. docs/guides/backtest.md explains.\n"
    "  --from T --to T   phenomenon times, from inclusive, to not: 2026-05-01 or 2026-05-01T00:00:00+08:00\n"
    "                    (of scan, hotspot, silence, clock_drift: times of the simulated clock)\n"
    "  --look-every S    these four go by the clock: looked at at most every S simulated seconds (scan 900, "
    "others 60;\n"
    "                    at least 0.25, as live)\n"
    "  --clock phenomenon   of scan and hotspot: readings come in when they were taken, not when they were "
    "received (archives)\n"
    "  --json            the whole report, as GET /api/v1/backtests/{id} gives it\n"
    "  --quiet           no progress on standard error\n"
    "Exit status: 0 done, 1 failed, 2 wrong use or a mistake in the rule (its field is named), 3 "
    "interrupted.\n\n"
    "用历史数据回测规则草案（或已有规则）：与在线判定同一套代码，按到达顺序（含迟到与更正）重放，只读事务，不"
    "影响线上；\n"
    "扫描、热点、静默、时钟规则按模拟时钟运行（--look-every 为查看间隔；归档数据用 --clock phenomenon）。\n"
    "输出会产生的预警、每周与每街镇周的数量，以及与人工核实结果相比的准确率。--lang zh 输出中文。\n";

enum { RULE_CEILING = 1 << 20, SHOWN = 20 };

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    is_interrupted = 1;
}

static bool show_progress(void *arg, const struct ww_backtest_progress *p) {
    const bool *is_quiet = arg;
    if (!*is_quiet)
        fprintf(stderr, "\rreadings=%llu datastreams=%u/%u", (unsigned long long)p->readings, p->done,
                p->watched);
    if (!*is_quiet && p->clock_us != WW_INSTANT_NONE) {
        char clock[40];
        ww_instant_text(p->clock_us - p->clock_us % WW_SECOND_US, clock);
        fprintf(stderr, " clock=%s looks=%llu", clock, (unsigned long long)p->looks);
    }
    return !is_interrupted;
}

/* ---- In words ---- */

static struct ww_str text_of(const struct ww_json_node *object, const char *key) {
    const struct ww_json_node *node = ww_json_get(object, key);
    return node && (node->type == WW_JSON_STRING || node->type == WW_JSON_NUMBER) ? node->text : WW_STR("-");
}

/* A thing's or ward's name in the language asked for, else its code. */
static struct ww_str name_of(const struct ww_json_node *object, bool is_zh) {
    struct ww_str name;
    static const char *const keys[2][4] = {{"name_en", "name_zh", "key", "code"},
                                           {"name_zh", "name_en", "key", "code"}};
    for (int i = 0; i < 4; i++)
        if (ww_json_as_str(ww_json_get(object, keys[is_zh][i]), &name) && name.len > 0)
            return name;
    return WW_STR("-");
}

static void print_alert(const struct ww_json_node *a, bool is_zh) {
    const struct ww_json_node *property = ww_json_get(a, "property");
    const struct ww_json_node *thing = ww_json_get(a, "thing");
    printf("  %.*s → %.*s  %.*s  %.*s  %.*s %s %.*s %.*s, %s %.*s  [%.*s]\n",
           WW_STR_ARG(text_of(a, "opened_at")), WW_STR_ARG(text_of(a, "cleared_at")),
           WW_STR_ARG(name_of(ww_json_get(a, "ward"), is_zh)),
           WW_STR_ARG(thing ? name_of(thing, is_zh) : text_of(a, "feed")),
           WW_STR_ARG(name_of(property, is_zh)), is_zh ? "峰值" : "peak",
           WW_STR_ARG(text_of(a, "peak_value")), WW_STR_ARG(text_of(property, "unit")),
           is_zh ? "超限次数" : "exceeded", WW_STR_ARG(text_of(a, "exceed_count")),
           WW_STR_ARG(text_of(a, "outcome")));
}

static void print_report(const struct ww_json_node *root, bool is_zh) {
    const struct ww_json_node *rule = ww_json_get(root, "rule"), *outcomes = ww_json_get(root, "outcomes");
    printf(is_zh ? "规则 %.*s（%.*s）%.*s 至 %.*s：%.*s 条读数，%.*s 个数据流，%.*s 个街镇\n"
                 : "rule %.*s (%.*s) from %.*s to %.*s: %.*s readings of %.*s datastreams in %.*s wards\n",
           WW_STR_ARG(text_of(rule, "code")), WW_STR_ARG(text_of(rule, "detector")),
           WW_STR_ARG(text_of(root, "from")), WW_STR_ARG(text_of(root, "to")),
           WW_STR_ARG(text_of(root, "readings")), WW_STR_ARG(text_of(root, "datastreams")),
           WW_STR_ARG(text_of(root, "wards")));
    const struct ww_json_node *looks = ww_json_get(root, "looks");
    bool by_clock = looks && looks->type == WW_JSON_OBJECT;
    if (by_clock)
        printf(is_zh ? "模拟时钟（%.*s），至多每 %.*s 秒查看一次，共 %.*s 次\n"
                     : "by a simulated clock (%.*s), looked at every %.*s s at most, %.*s times\n",
               WW_STR_ARG(text_of(looks, "clock")), WW_STR_ARG(text_of(looks, "every_s")),
               WW_STR_ARG(text_of(looks, "count")));
    if (by_clock && ww_str_is(text_of(root, "readings"), "0"))
        puts(is_zh ? "这段时间没有收到任何数据：若是后来导入的归档数据，请用 --clock phenomenon"
                   : "nothing was received in that time: an archive that was loaded later needs --clock "
                     "phenomenon");
    if (!by_clock && ww_str_is(text_of(root, "datastreams"), "0"))
        puts(is_zh ? "该规则没有监测任何数据流：指标、类别或限值（标准、平均时间）是否写对？"
                   : "the rule watches nothing: is there a limit for its property, standard, averaging and "
                     "class?");
    printf(is_zh ? "预警 %.*s 条：每周 %.*s 条，每街镇每周 %.*s 条\n"
                 : "%.*s alerts: %.*s a week, %.*s a ward and week\n",
           WW_STR_ARG(text_of(root, "alert_count")), WW_STR_ARG(text_of(root, "alerts_per_week")),
           WW_STR_ARG(text_of(root, "alerts_per_ward_week")));
    printf(is_zh ? "与人工核实相比：属实 %.*s，误报 %.*s，不明 %.*s，未核实 %.*s；准确率 "
                   "%.*s；漏掉的属实预警 %.*s\n"
                 : "against recorded outcomes: %.*s confirmed, %.*s false, %.*s unknown, %.*s without; "
                   "precision %.*s; "
                   "%.*s confirmed alerts missed\n",
           WW_STR_ARG(text_of(outcomes, "confirmed")), WW_STR_ARG(text_of(outcomes, "false")),
           WW_STR_ARG(text_of(outcomes, "unknown")), WW_STR_ARG(text_of(outcomes, "none")),
           WW_STR_ARG(text_of(root, "precision")), WW_STR_ARG(text_of(outcomes, "missed")));
    const struct ww_json_node *alerts = ww_json_get(root, "alerts");
    int n = 0;
    for (const struct ww_json_node *a = alerts->child; a; a = a->next)
        if (n++ < SHOWN)
            print_alert(a, is_zh);
    if (n > SHOWN)
        printf(is_zh ? "  … 另有 %d 条（--json 给出全部）\n" : "  … and %d more (--json gives all)\n",
               n - SHOWN);
}

static int print_words(struct ww_str json, bool is_zh) {
    struct ww_arena *arena = ww_arena_new(WW_BACKTEST_REPORT_CEILING * (size_t)8);
    struct ww_json_node *root;
    struct ww_error err;
    if (!arena || ww_json_parse(arena, json, &root, &err) != WW_OK) {
        ww_arena_free(arena);
        fputs("wardwatch backtest: the report is too large to be read; use --json\n", stderr);
        return 1;
    }
    print_report(root, is_zh);
    ww_arena_free(arena);
    return 0;
}

/* ---- The command line ---- */

static int mistake(const char *what, const struct ww_error *err) {
    (void)ww_complain("backtest", what, err);
    return 2;
}

static enum ww_status read_draft(struct ww_arena *arena, const char *path,
                                 struct ww_backtest_request *request, struct ww_error *err) {
    struct ww_buf text;
    enum ww_status st = ww_read_file(path, RULE_CEILING, &text, err);
    struct ww_json_node *root = NULL;
    if (st == WW_OK)
        st = ww_json_parse(arena, ww_arena_copy(arena, ww_buf_str(&text)), &root, err);
    ww_buf_clear(&text);
    return st == WW_OK ? ww_rule_draft_read(arena, root, &request->draft, err) : st;
}

static bool is_file(const char *name) {
    size_t len = strlen(name);
    return strcmp(name, "-") == 0 || (len > 5 && strcmp(name + len - 5, ".json") == 0) ||
           strchr(name, '/') != NULL;
}

static int run(const char *conninfo, const struct ww_backtest_request *request, bool as_json, bool is_zh,
               bool is_quiet) {
    struct sigaction on_signal = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &on_signal, NULL);
    sigaction(SIGTERM, &on_signal, NULL);
    struct ww_buf out;
    struct ww_error err;
    ww_buf_init(&out, WW_BACKTEST_REPORT_CEILING);
    enum ww_status st = ww_backtest_report(conninfo, request, show_progress, &is_quiet, &out, &err);
    if (!is_quiet)
        fputc('\n', stderr);
    int code = st == WW_OK ? 0 : is_interrupted ? 3 : st == WW_BAD_INPUT || st == WW_NOT_FOUND ? 2 : 1;
    if (st != WW_OK)
        (void)ww_complain("backtest", NULL, &err);
    else if (!as_json)
        code = print_words(ww_buf_str(&out), is_zh);
    else if (fwrite(out.data, 1, out.len, stdout) != out.len || putchar('\n') == EOF || fflush(stdout) != 0)
        code = 1;
    ww_buf_clear(&out);
    return code;
}

int ww_cmd_backtest(int argc, char **argv) {
    const char *db = NULL, *from = NULL, *to = NULL, *lang = "en", *clock = "arrival", *every = NULL;
    bool as_json = false, is_quiet = false;
    const struct ww_option options[] = {
        {"db", &db, NULL},        {"from", &from, NULL},      {"to", &to, NULL},
        {"lang", &lang, NULL},    {"clock", &clock, NULL},    {"look-every", &every, NULL},
        {"json", NULL, &as_json}, {"quiet", NULL, &is_quiet}, {NULL, NULL, NULL}};
    int rest, code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    if (rest != 1 || !from || !to || (strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_backtest_request request = {.code = WW_STR("")};
    struct ww_error err;
    if (ww_instant_parse(ww_str_of(from), NULL, &request.time.from_us, &err) != WW_OK)
        return mistake("--from", &err);
    if (ww_instant_parse(ww_str_of(to), NULL, &request.time.to_us, &err) != WW_OK)
        return mistake("--to", &err);
    double every_s;
    if (ww_backtest_read_clock(ww_str_of(clock), &request.time, &err) != WW_OK)
        return mistake("--clock", &err);
    if (every && (!ww_str_to_double(ww_str_of(every), &every_s) ||
                  ww_backtest_read_every(every_s, &request.time, &err) != WW_OK))
        return mistake("--look-every", &err);
    if (ww_backtest_request_check(&request, &err) != WW_OK)
        return mistake(NULL, &err);
    db = ww_db_or_complain("backtest", db);
    struct ww_arena *arena = ww_arena_new(16 << 20);
    if (!db || !arena) {
        ww_arena_free(arena);
        return 1;
    }
    if (!is_file(argv[1]))
        request.code = ww_str_of(argv[1]);
    else if (read_draft(arena, argv[1], &request, &err) != WW_OK)
        code = mistake(argv[1], &err);
    if (code < 0)
        code = run(db, &request, as_json, strcmp(lang, "zh") == 0, is_quiet || !isatty(STDERR_FILENO));
    ww_arena_free(arena);
    return code;
}
