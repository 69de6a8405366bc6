/* Reads drafts of rules. */
#include "server/rule_draft.h"

#include "geo/base/json_reader.h"
#include "server/rule_facts.h"
#include "sql/pg.h"

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status check_members(const struct ww_json_node *object, struct ww_error *err) {
    static const char *const known[] = {"code",     "name_zh", "name_en", "detector",
                                        "severity", "enabled", "config"};
    for (const struct ww_json_node *m = object->child; m; m = m->next) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || ww_str_is(m->key, known[i]);
        if (!is_known) {
            ww_error_set(err, WW_BAD_INPUT, "a rule has no member %.*s",
                         m->key.len > 60 ? 60 : (int)m->key.len, m->key.ptr);
            ww_error_at_field(err, m->key, WW_STR_NONE);
            return WW_BAD_INPUT;
        }
    }
    return WW_OK;
}

enum ww_status ww_rule_draft_read(struct ww_arena *arena, const struct ww_json_node *object,
                                  struct ww_rule_row *out, struct ww_error *err) {
    if (!object || object->type != WW_JSON_OBJECT)
        return refuse(err, "rule", "must be an object");
    enum ww_status st = check_members(object, err);
    if (st != WW_OK)
        return st;
    struct ww_rule_body body = {.code = WW_STR("draft"), .detector = WW_STR("limit"), .severity = 2};
    const struct ww_json_node *config = ww_json_get(object, "config");
    const struct ww_json_node *detector = ww_json_get(object, "detector");
    const struct ww_json_node *severity = ww_json_get(object, "severity");
    const struct ww_json_node *code = ww_json_get(object, "code");
    if (!config || config->type != WW_JSON_OBJECT)
        return refuse(err, "config", config ? "must be an object" : "is missing");
    if (detector && !ww_json_as_str(detector, &body.detector))
        return refuse(err, "detector", "must be a text");
    if (code && !ww_json_as_str(code, &body.code))
        return refuse(err, "code", "must be a text");
    if (severity && (!ww_json_as_i64(severity, &body.severity) || body.severity < 1 || body.severity > 4))
        return refuse(err, "severity", "must be 1, 2, 3 or 4");
    body.config = config->text;
    if ((st = ww_rule_body_parse_config(arena, &body, err)) != WW_OK)
        return st;
    *out = (struct ww_rule_row){
        .severity = (int)body.severity, .code = body.code, .detector = body.detector, .config = body.config};
    return WW_OK;
}

enum ww_status ww_rule_row_check(struct ww_pg_sync *sync, struct ww_arena *arena,
                                 const struct ww_rule_row *rule, struct ww_error *err) {
    const struct ww_rule_kind *kind = ww_rule_kind_find(rule->detector);
    struct ww_rule_facts facts;
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    if (!kind) {
        ww_error_set(err, WW_NOT_FOUND, "this program has no detector %.*s", WW_STR_ARG(rule->detector));
        ww_error_at_field(err, WW_STR("detector"), rule->detector);
        return WW_NOT_FOUND;
    }
    enum ww_status st = kind->check(kind, arena, rule->config, &facts, err);
    if (st != WW_OK)
        return st;
    ww_pg_args_init(&args);
    ww_rule_facts_ask(&facts, &args);
    st = ww_pg_sync_query(sync, ww_sql_find("api_rule_facts"), &args, &r, err);
    ww_pg_args_clear(&args);
    return st == WW_OK ? ww_rule_facts_check(&facts, r, err) : st;
}

enum ww_status ww_rule_by_code(struct ww_pg_sync *sync, struct ww_arena *arena, struct ww_str code,
                               struct ww_rule_row *out, struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, code);
    enum ww_status st = ww_pg_sync_query(sync, ww_sql_find("rule_by_code"), &args, &r, err);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        return st;
    if (ww_pg_rows(r) == 0) {
        ww_error_set(err, WW_NOT_FOUND, "there is no rule %.*s", WW_STR_ARG(code));
        ww_error_at_field(err, WW_STR("rule"), code);
        return WW_NOT_FOUND;
    }
    *out = (struct ww_rule_row){.id = (int32_t)ww_pg_i64(r, 0, 0),
                                .version = (int32_t)ww_pg_i64(r, 0, 1),
                                .severity = (int)ww_pg_i64(r, 0, 2),
                                .code = ww_arena_copy(arena, code),
                                .detector = ww_arena_copy(arena, ww_pg_str(r, 0, 3)),
                                .config = ww_arena_copy(arena, ww_pg_str(r, 0, 4))};
    return out->code.ptr && out->detector.ptr && out->config.ptr
               ? WW_OK
               : ww_error_set(err, WW_NO_MEMORY, "no memory");
}
