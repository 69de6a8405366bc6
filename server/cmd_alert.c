/* wardwatch alert: look at alerts and work on them, from the command line. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "geo/base/json_reader.h"
#include "server/acting_account.h"
#include "server/alert_acts.h"
#include "server/change_body.h"
#include "server/commands.h"

static const char help[] =
    "usage: wardwatch alert list [--state open|cleared] [--ward CODE] [--rule CODE] [--acknowledged yes|no]\n"
    "           [--assigned yes|no] [--assignee NAME] [--snoozed yes|no] [--silenced yes|no]\n"
    "           [--resolved yes|no] [--as NAME]\n"
    "       wardwatch alert show ID [--as NAME]\n"
    "       wardwatch alert ack|unack|unassign|unsnooze|reopen ID --as NAME [--reason TEXT]\n"
    "       wardwatch alert assign ID --to NAME --as NAME [--reason TEXT]\n"
    "       wardwatch alert comment ID --reason TEXT --as NAME\n"
    "       wardwatch alert snooze ID --until TIME|cleared --reason TEXT --as NAME\n"
    "       wardwatch alert escalate ID --level 1|2|3 --reason TEXT --as NAME\n"
    "       wardwatch alert resolve ID --was WHAT --effect EFFECT --as NAME [--reason TEXT]\n"
    "All with --db CONNINFO [--lang zh] [--json]; acts also with --version N: only if nobody acted since.\n\n"
    "WHAT is discharge, sensor_fault, tampering, permitted, natural, duplicate or unknown; EFFECT none, "
    "minor,\n"
    "serious or unknown. --as names the account that looks or acts: it sees its wards and nothing else, and\n"
    "what it does stands in the alert's history for good. Doing again what is done changes nothing.\n";

enum { ROWS_MOST = 1000, ARENA_CEILING = 64 << 20 };

struct options {
    const char *db, *as, *lang, *state, *ward, *rule, *acknowledged, *assigned, *assignee, *snoozed,
        *silenced, *resolved;
    const char *to, *reason, *until, *level, *was, *effect, *version;
    bool json;
};

struct session {
    const struct options *o;
    struct ww_pg_sync *sync;
    struct ww_arena *arena;
    bool is_zh;
    struct ww_acting acting;
};

static void put(struct ww_pg_args *args, struct ww_str text) {
    if (text.ptr)
        ww_pg_arg_str(args, text);
    else
        ww_pg_arg_null(args);
}

static struct ww_str view(const char *text) {
    return text ? ww_str_of(text) : WW_STR_NONE;
}

/* ---- Printing ---- */

static struct ww_str text_of(const struct ww_json_node *object, const char *key) {
    const struct ww_json_node *node =
        object && object->type == WW_JSON_OBJECT ? ww_json_get(object, key) : NULL;
    return node && node->type != WW_JSON_NULL ? node->text : WW_STR("");
}

static struct ww_str name_of(const struct session *s, const struct ww_json_node *alert, const char *what,
                             const char *otherwise) {
    const struct ww_json_node *object = ww_json_get(alert, what);
    struct ww_str name = text_of(object, s->is_zh ? "name_zh" : "name_en");
    return name.len > 0 ? name : text_of(object, otherwise);
}

/* " acknowledged by wang", when there is something to say. */
static void print_work(const char *words, struct ww_str value) {
    if (value.len > 0)
        printf("  %s%.*s", words, WW_STR_ARG(value));
}

static void print_alert(const struct session *s, const struct ww_json_node *a) {
    const struct ww_json_node *work = ww_json_get(a, "work"), *resolved = NULL;
    bool zh = s->is_zh, is_open = ww_str_is(text_of(a, "state"), "open");
    if (work && work->type == WW_JSON_OBJECT)
        resolved = ww_json_get(work, "resolved");
    printf("%-7.*s %s  %s%.*s  %.*s  %.*s  %.*s %.*s %.*s  %.*s", WW_STR_ARG(text_of(a, "id")),
           is_open ? (zh ? "未解除" : "open   ") : (zh ? "已解除" : "cleared"), zh ? "级别" : "severity ",
           WW_STR_ARG(text_of(a, "severity")), WW_STR_ARG(text_of(a, "opened_at")),
           WW_STR_ARG(name_of(s, a, "ward", "code")), WW_STR_ARG(name_of(s, a, "thing", "key")),
           WW_STR_ARG(name_of(s, a, "property", "code")), WW_STR_ARG(text_of(a, "last_value")),
           WW_STR_ARG(name_of(s, a, "rule", "code")));
    print_work(zh ? "确认人：" : "acknowledged by ", text_of(work, "acknowledged_by"));
    print_work(zh ? "办理人：" : "assigned to ", text_of(work, "assignee"));
    print_work(zh ? "暂缓至：" : "snoozed until ", text_of(work, "snoozed_until"));
    print_work(zh ? "静音：" : "silenced: ", text_of(ww_json_get(a, "silenced"), "reason"));
    if (!ww_str_is(text_of(work, "level"), "0"))
        print_work(zh ? "上报级别：" : "escalated to level ", text_of(work, "level"));
    print_work(zh ? "核实为：" : "resolved as ", text_of(resolved, "was"));
    print_work(zh ? "影响：" : "effect ", text_of(resolved, "effect"));
    putchar('\n');
}

static void print_events(const struct ww_json_node *alert) {
    const struct ww_json_node *events = ww_json_get(alert, "events");
    for (const struct ww_json_node *e = events ? events->child : NULL; e; e = e->next) {
        struct ww_str detail = text_of(e, "detail");
        printf("  %.*s  %.*s  %.*s  %.*s%s%.*s\n", WW_STR_ARG(text_of(e, "recorded_at")),
               WW_STR_ARG(text_of(e, "kind")), WW_STR_ARG(text_of(e, "actor")),
               WW_STR_ARG(ww_str_is(detail, "{}") ? WW_STR("") : detail), detail.len > 2 ? "  " : "",
               WW_STR_ARG(text_of(e, "reason")));
    }
}

/* ---- Reading ---- */

static int print_alerts(struct session *s, const char *id, struct ww_error *err) {
    const struct options *o = s->o;
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    put(&args, s->acting.wards);
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, ROWS_MOST);
    ww_pg_arg_bool(&args, false);
    const char *const filters[] = {o->state,    o->ward,     o->rule,         NULL,        NULL,
                                   NULL,        id,          o->acknowledged, o->assigned, o->snoozed,
                                   o->silenced, o->resolved, o->assignee};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        put(&args, view(filters[i]));
    enum ww_status st = ww_pg_sync_query(s->sync, ww_sql_find("api_alerts"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return 1;
    if (id && ww_pg_rows(r) == 0) {
        ww_error_set(err, WW_NOT_FOUND, "there is no alert %s, or it is not yours to see", id);
        return 1;
    }
    for (int i = 0; i < ww_pg_rows(r); i++) {
        struct ww_str item = ww_pg_str(r, i, 1), more = id ? ww_pg_str(r, i, 3) : WW_STR("{}");
        struct ww_json_node *alert, *rest;
        if (o->json) {
            printf("%.*s%s%.*s\n", (int)item.len - 1, item.ptr, id ? "," : "", (int)more.len - 1,
                   more.ptr + 1);
            continue;
        }
        if (ww_json_parse(s->arena, item, &alert, err) != WW_OK ||
            ww_json_parse(s->arena, more, &rest, err) != WW_OK)
            return 1;
        print_alert(s, alert);
        print_events(rest);
    }
    return 0;
}

/* ---- Acting ---- */

static bool read_kind(struct ww_str word, enum ww_act_kind *out) {
    if (ww_str_is(word, "ack"))
        word = WW_STR("acknowledge");
    else if (ww_str_is(word, "unack"))
        word = WW_STR("unacknowledge");
    return ww_act_find(word, out);
}

static enum ww_status read_act(const struct options *o, enum ww_act_kind kind, struct ww_act *out,
                               struct ww_error *err) {
    struct timespec now;
    int64_t level = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct ww_act){.kind = kind,
                           .actor = view(o->as),
                           .reason = view(o->reason),
                           .whom = view(o->to),
                           .was = view(o->was),
                           .effect = view(o->effect),
                           .now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000};
    if (o->level && !ww_str_to_i64(ww_str_of(o->level), &level))
        return ww_error_set(err, WW_BAD_INPUT, "--level must be 1, 2 or 3");
    out->level = level < 0 || level > 9 ? 0 : (int)level;
    return kind == WW_ACT_SNOOZE ? ww_act_until_read(view(o->until), &out->until_us, err) : WW_OK;
}

/* WW_BUSY: somebody was faster. */
static enum ww_status try_act(struct session *s, const char *id, const struct ww_act *act, int64_t expected,
                              struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    struct ww_alert_now now;
    ww_pg_args_init(&args);
    put(&args, s->acting.wards);
    ww_pg_arg_str(&args, ww_str_of(id));
    enum ww_status st = ww_pg_sync_query(s->sync, ww_sql_find("alert_work_read"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0)
        return ww_error_set(err, WW_NOT_FOUND, "there is no alert %s, or it is not yours to see", id);
    if ((st = ww_alert_now_read(s->arena, r, &now, err)) != WW_OK)
        return st;
    enum ww_act_result result = ww_work_do(&now.work, act, err);
    if (result != WW_DONE)
        return result == WW_ALREADY ? WW_OK : err->status;
    if (expected >= 0 && expected != now.version)
        return ww_error_set(err, WW_CONFLICT, "it is at version %" PRId64 " by now: look at it again",
                            now.version);
    ww_pg_args_init(&args);
    ww_alert_act_args(ww_str_of(id), &now, act, &args);
    st = ww_pg_sync_query(s->sync, ww_sql_find("alert_work_write"), &args, &r, err);
    ww_pg_args_clear(&args);
    return st == WW_OK ? ww_alert_act_wrote(r, err) : st;
}

static int act_on(struct session *s, const char *id, enum ww_act_kind kind, int64_t expected,
                  struct ww_error *err) {
    struct ww_act act;
    if (!s->acting.may_act) {
        ww_error_set(err, WW_DENIED, "the role of this account may not do that");
        return 1;
    }
    enum ww_status st = read_act(s->o, kind, &act, err);
    if (st != WW_OK)
        return 1;
    for (int i = 0; i < WW_ALERT_ACT_TRIES; i++) {
        st = try_act(s, id, &act, expected, err);
        if (st != WW_BUSY)
            break;
    }
    return st == WW_OK ? print_alerts(s, id, err) : 1;
}

/* ---- The command ---- */

static bool is_word(const char *text, const char *a, const char *b) {
    return !text || strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool are_good(const struct options *o) {
    return is_word(o->acknowledged, "yes", "no") && is_word(o->assigned, "yes", "no") &&
           is_word(o->snoozed, "yes", "no") && is_word(o->resolved, "yes", "no") &&
           is_word(o->silenced, "yes", "no") && is_word(o->state, "open", "cleared") &&
           is_word(o->lang, "zh", "en");
}

int ww_cmd_alert(int argc, char **argv) {
    struct options o = {.db = NULL};
    const struct ww_option options[] = {{"db", &o.db, NULL},
                                        {"as", &o.as, NULL},
                                        {"lang", &o.lang, NULL},
                                        {"json", NULL, &o.json},
                                        {"state", &o.state, NULL},
                                        {"ward", &o.ward, NULL},
                                        {"rule", &o.rule, NULL},
                                        {"acknowledged", &o.acknowledged, NULL},
                                        {"assigned", &o.assigned, NULL},
                                        {"assignee", &o.assignee, NULL},
                                        {"snoozed", &o.snoozed, NULL},
                                        {"resolved", &o.resolved, NULL},
                                        {"silenced", &o.silenced, NULL},
                                        {"to", &o.to, NULL},
                                        {"reason", &o.reason, NULL},
                                        {"until", &o.until, NULL},
                                        {"level", &o.level, NULL},
                                        {"was", &o.was, NULL},
                                        {"effect", &o.effect, NULL},
                                        {"version", &o.version, NULL},
                                        {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    enum ww_act_kind kind = WW_ACT_COMMENT;
    int64_t id, expected = -1;
    bool is_list = rest == 1 && strcmp(argv[1], "list") == 0;
    bool has_id = rest == 2 && ww_str_to_i64(ww_str_of(argv[2]), &id) && id >= 0;
    bool is_show = has_id && strcmp(argv[1], "show") == 0;
    bool is_act = has_id && !is_show && read_kind(ww_str_of(argv[1]), &kind) && o.as;
    if ((!is_list && !is_show && !is_act) || !are_good(&o) ||
        (o.version && (!ww_str_to_i64(ww_str_of(o.version), &expected) || expected < 0))) {
        fputs(help, stderr);
        return 2;
    }
    struct ww_error err;
    struct session s = {.o = &o, .is_zh = o.lang && strcmp(o.lang, "zh") == 0};
    s.arena = ww_arena_new(ARENA_CEILING);
    s.sync = s.arena ? ww_db_open("alert", o.db) : NULL;
    code = 1;
    if (s.sync) {
        if (ww_acting_read(s.sync, s.arena, o.as, &s.acting, &err) == WW_OK)
            code = is_act ? act_on(&s, argv[2], kind, expected, &err)
                          : print_alerts(&s, is_show ? argv[2] : NULL, &err);
        if (code != 0)
            (void)ww_complain("alert", NULL, &err);
    }
    ww_pg_sync_close(s.sync);
    ww_arena_free(s.arena);
    return code;
}
