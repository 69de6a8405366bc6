/* Alerts in words, Chinese and English. */
#include "server/explain_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/scan/scan.h"

enum { MOST_ITEMS = 30 }; /* of a list: who wants all reads the JSON */

struct words {
    const struct ww_zone *zone;
    bool is_zh;
    struct ww_buf *out;
};

/* Code, English, Chinese: names of members, and values that are words of ours. */
struct phrase {
    const char *code, *en, *zh;
};

static const struct phrase names[] = {
    {"judged", "what is judged", "判定对象"},
    {"last_received_at", "last heard of", "最后收到数据"},
    {"last_phenomenon_at", "newest value of", "最新观测时间"},
    {"expected_s", "sends every (s)", "应有上报间隔（秒）"},
    {"expected_from", "which is known from", "间隔来源"},
    {"rhythm_s", "its rhythm (s)", "实际上报节律（秒）"},
    {"drift_from", "seen by", "偏差依据"},
    {"offsets_s", "offsets of its clock (s)", "时钟偏差样本（秒）"},
    {"watched", "things watched", "监测设备数"},
    {"suspect", "of them quiet", "其中无声"},
    {"overdue", "of them overdue", "其中逾期"},
    {"members", "members", "成员"},
    {"p", "probability by chance (p)", "偶然发生的概率 p"},
    {"q", "false discovery rate (q)", "错误发现率 q"},
    {"z", "standard deviations (z)", "标准差倍数 z"},
    {"recurrence_days", "by chance once in (days)", "偶然重现期（天）"},
    {"recurrence_interval_days", "by chance once in (days)", "偶然重现期（天）"},
    {"relative_risk", "relative risk", "相对风险"},
    {"model", "model", "模型"},
    {"places", "places", "地点"},
    {"zones", "zones", "区域形状"},
    {"looked_at", "looked at", "分析时刻"},
    {"seed", "seed of the random numbers", "随机种子"},
    {"replicas", "replicas", "模拟次数"},
    {"total_cases", "cases in all", "总例数"},
    {"n_places", "places in all", "地点总数"},
    {"n_zones", "zones compared", "比较的区域数"},
    {"n_members", "places in the cluster", "聚集区地点数"},
    {"radius_m", "radius (m)", "半径（米）"},
    {"centre", "centre", "中心"},
    {"since", "since", "起始"},
    {"neighbours", "neighbours", "相邻站点"},
    {"false_alarms_per_month", "false alarms a sensor-month", "每传感器每月误报"},
    {"learned_from_days", "learned from (days)", "学习所用天数"},
    {"secondary", "further clusters", "次要聚集区"},
    {NULL, NULL, NULL},
};

static const struct phrase values[] = {
    {"limit, k of n", "limit, k of the last n readings", "限值判定（最近 n 次中 k 次）"},
    {"silence", "silence of a sender", "静默判定"},
    {"clock_drift", "clock of a sender", "时钟偏差判定"},
    {"baseline", "seasonal baseline", "季节性基线"},
    {"neighbour", "comparison with neighbours", "与相邻站点比较"},
    {"quality", "quality checks", "数据质量检查"},
    {"scan", "space-time scan", "时空扫描"},
    {"hotspot", "hot spots", "热点分析"},
    {"joined", "several detectors", "多检测器联合"},
    {"reading", "each reading", "逐条读数"},
    {"mean", "means", "均值"},
    {"learned", "what it did so far", "自身历史"},
    {"thing", "its own record", "设备台账"},
    {"datastream", "its datastream", "数据流配置"},
    {"station", "its station", "监测站配置"},
    {"feed", "its feed", "数据源配置"},
    {"clock", "the time that it says itself", "设备自报时间"},
    {"phenomenon", "values from the future", "来自未来的观测时间"},
    {"open", "open", "未解除"},
    {"cleared", "cleared", "已解除"},
    {"pollution", "pollution", "污染"},
    {"sensor", "sensor", "设备"},
    {"lead", "lead", "线索"},
    {"verified", "verified", "已核对"},
    {"check", "to be checked", "待核对"},
    {"opened", "opened", "触发"},
    {"joined_event", "joined", "并入"},
    {"raised", "raised by a stronger rule", "升级"},
    {NULL, NULL, NULL},
};

static const char *const severities[2][5] = {{"", "notice", "warning", "serious", "critical"},
                                             {"", "提示", "一般", "严重", "特别严重"}};

static void say(struct words *w, const char *en, const char *zh) {
    ww_buf_text(w->out, w->is_zh ? zh : en);
}

static void say_phrase(struct words *w, const struct phrase *table, struct ww_str code) {
    for (; table->code; table++) {
        if (ww_str_is(code, table->code)) {
            say(w, table->en, table->zh);
            return;
        }
    }
    ww_buf_str_add(w->out, code);
}

/* ---- Values ---- */

static bool looks_like_instant(struct ww_str text) {
    return text.len >= 20 && text.len < 40 && text.ptr[4] == '-' && text.ptr[7] == '-' &&
           (text.ptr[10] == 'T' || text.ptr[10] == ' ');
}

static void say_instant(struct words *w, struct ww_str text) {
    int64_t at_us;
    if (ww_instant_parse(text, NULL, &at_us, NULL) != WW_OK) {
        ww_buf_str_add(w->out, text);
        return;
    }
    struct ww_civil c = ww_instant_to_civil(at_us, w->zone);
    int offset_min = w->zone ? ww_zone_offset_s(w->zone, at_us) / 60 : 0;
    ww_buf_printf(w->out, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
                  c.second);
    if (c.microsecond)
        ww_buf_printf(w->out, ".%06d", c.microsecond);
    ww_buf_printf(w->out, " %c%02d:%02d", offset_min < 0 ? '-' : '+', abs(offset_min) / 60,
                  abs(offset_min) % 60);
}

static void say_value(struct words *w, const struct ww_json_node *node);

static void say_list(struct words *w, const struct ww_json_node *node) {
    int n = 0;
    for (const struct ww_json_node *m = node->child; m; m = m->next, n++) {
        if (n >= MOST_ITEMS)
            continue;
        if (n > 0)
            say(w, node->type == WW_JSON_OBJECT ? ", " : "; ", node->type == WW_JSON_OBJECT ? "，" : "；");
        if (node->type == WW_JSON_OBJECT) {
            say_phrase(w, names, m->key);
            ww_buf_char(w->out, ' ');
        }
        say_value(w, m);
    }
    if (n > MOST_ITEMS)
        ww_buf_printf(w->out, w->is_zh ? "；另有 %d 项" : "; and %d more", n - MOST_ITEMS);
}

static void say_value(struct words *w, const struct ww_json_node *node) {
    struct ww_str text;
    if (!node || node->type == WW_JSON_NULL)
        say(w, "unknown", "未知");
    else if (ww_json_as_str(node, &text) && looks_like_instant(text))
        say_instant(w, text);
    else if (node->type == WW_JSON_STRING)
        say_phrase(w, values, node->text);
    else if (node->type == WW_JSON_NUMBER)
        ww_buf_str_add(w->out, node->text);
    else if (node->type == WW_JSON_TRUE)
        say(w, "yes", "是");
    else if (node->type == WW_JSON_FALSE)
        say(w, "no", "否");
    else
        say_list(w, node);
}

static bool has(const struct ww_json_node *object, const char *key) {
    const struct ww_json_node *node = ww_json_get(object, key);
    return node && node->type != WW_JSON_NULL && !(node->type == WW_JSON_STRING && node->text.len == 0);
}

/* A text as it is: codes and sources are nobody's words. */
static void say_text(struct words *w, const struct ww_json_node *object, const char *key) {
    struct ww_str text;
    if (ww_json_as_str(ww_json_get(object, key), &text))
        ww_buf_str_add(w->out, text);
}

static void say_member(struct words *w, const struct ww_json_node *object, const char *key) {
    say_value(w, ww_json_get(object, key));
}

/* A name in the language asked for, else the other, else its key or code. */
static void say_name(struct words *w, const struct ww_json_node *object) {
    static const char *const keys[2][4] = {{"name_en", "name_zh", "key", "code"},
                                           {"name_zh", "name_en", "key", "code"}};
    for (int i = 0; i < 4; i++) {
        struct ww_str name;
        if (ww_json_as_str(ww_json_get(object, keys[w->is_zh][i]), &name) && name.len > 0) {
            ww_buf_str_add(w->out, name);
            return;
        }
    }
    ww_buf_text(w->out, "-");
}

static void end_line(struct words *w) {
    ww_buf_char(w->out, '\n');
}

/* ---- Sentences ---- */

static void say_head(struct words *w, const struct ww_json_node *a) {
    int64_t severity = 0;
    (void)ww_json_as_i64(ww_json_get(a, "severity"), &severity);
    say(w, "Alert ", "预警 ");
    say_member(w, a, "id");
    say(w, ": ", "：");
    say_name(w, ww_json_get(a, "property"));
    say(w, " at ", "，");
    if (has(a, "thing"))
        say_name(w, ww_json_get(a, "thing"));
    else if (has(a, "feed"))
        say_text(w, a, "feed");
    else
        say_text(w, a, "site");
    if (has(a, "ward")) {
        say(w, ", ", "，");
        say_name(w, ww_json_get(a, "ward"));
    }
    ww_buf_text(w->out, w->is_zh ? "（" : " (");
    say_member(w, a, "category");
    say(w, ", ", "，");
    ww_buf_text(w->out, severities[w->is_zh][severity >= 1 && severity <= 4 ? severity : 0]);
    say(w, ", ", "，");
    say_member(w, a, "state");
    ww_buf_text(w->out, w->is_zh ? "）" : ")");
    end_line(w);
}

static void say_rule(struct words *w, const struct ww_json_node *a, const struct ww_json_node *e) {
    const struct ww_json_node *rule = ww_json_get(e, "rule");
    say(w, "Rule: ", "规则：");
    say_name(w, ww_json_get(a, "rule"));
    ww_buf_text(w->out, w->is_zh ? "（" : " (");
    say_text(w, rule ? rule : ww_json_get(a, "rule"), "code");
    if (has(rule, "version")) {
        say(w, ", version ", "，第 ");
        say_member(w, rule, "version");
        say(w, "", " 版");
    }
    ww_buf_text(w->out, w->is_zh ? "）" : ")");
    if (has(e, "method")) {
        say(w, "; method: ", "；方法：");
        say_member(w, e, "method");
    }
    end_line(w);
}

static void say_band(struct words *w, const struct ww_json_node *bounds) {
    bool has_lower = has(bounds, "lower"), has_upper = has(bounds, "upper");
    if (has_lower && has_upper) {
        say(w, "from ", "");
        say_member(w, bounds, "lower");
        say(w, " to ", " 至 ");
        say_member(w, bounds, "upper");
    } else if (has_lower) {
        say(w, "at least ", "不低于 ");
        say_member(w, bounds, "lower");
    } else {
        say(w, "at most ", "不超过 ");
        say_member(w, bounds, "upper");
    }
    if (has(bounds, "unit")) {
        ww_buf_char(w->out, ' ');
        ww_buf_str_add(w->out, ww_json_get(bounds, "unit")->text);
    }
}

/* A legal limit names its law; a band names what it was expected from. */
static void say_allowed(struct words *w, const struct ww_json_node *e) {
    const struct ww_json_node *limit = ww_json_get(e, "limit"), *expected = ww_json_get(e, "expected");
    if (expected) {
        say(w, "Expected: ", "预期：");
        if (has(expected, "value")) {
            say_member(w, expected, "value");
            say(w, ", ", "，");
        }
        say_band(w, expected);
        end_line(w);
    }
    if (!limit || limit->type != WW_JSON_OBJECT)
        return;
    say(w, "Limit: ", "限值：");
    say_band(w, limit);
    if (has(limit, "standard_no")) {
        say(w, ", by ", "，依据 ");
        say_text(w, limit, "standard_no");
    }
    static const char *const further[] = {"class", "averaging", "valid_from", "status", "source"};
    static const struct phrase said[] = {{"class", "class", "类别"},
                                         {"averaging", "averaging", "平均时间"},
                                         {"valid_from", "in force from", "生效"},
                                         {"status", "this row is", "本条"},
                                         {"source", "source", "来源"},
                                         {NULL, NULL, NULL}};
    for (size_t i = 0; i < sizeof further / sizeof *further; i++) {
        if (!has(limit, further[i]))
            continue;
        say(w, ", ", "，");
        say_phrase(w, said, ww_str_of(further[i]));
        ww_buf_char(w->out, ' ');
        bool is_plain = strcmp(further[i], "valid_from") != 0 && strcmp(further[i], "status") != 0;
        (is_plain ? say_text : say_member)(w, limit, further[i]);
    }
    end_line(w);
}

static void say_observed(struct words *w, const struct ww_json_node *a, const struct ww_json_node *e) {
    const struct ww_json_node *observed = ww_json_get(e, "observed");
    const struct ww_json_node *property = ww_json_get(a, "property");
    if (observed) {
        say(w, "Observed: ", "实测：");
        say_member(w, observed, "value");
        if (has(observed, "unit")) {
            ww_buf_char(w->out, ' ');
            ww_buf_str_add(w->out, ww_json_get(observed, "unit")->text);
        }
        end_line(w);
    }
    say(w, "Peak ", "峰值 ");
    say_member(w, a, "peak_value");
    ww_buf_char(w->out, ' ');
    if (has(property, "unit"))
        ww_buf_str_add(w->out, ww_json_get(property, "unit")->text);
    say(w, " at ", "，时间 ");
    say_member(w, a, "peak_at");
    say(w, "; exceeded ", "；超限 ");
    say_member(w, a, "exceed_count");
    say(w, " times; last value ", " 次；最近值 ");
    say_member(w, a, "last_value");
    end_line(w);
}

static void say_readings(struct words *w, const struct ww_json_node *window) {
    if (!window || !window->child)
        return;
    say(w, "Readings that it rests on:", "所依据的读数：");
    end_line(w);
    for (const struct ww_json_node *s = window->child; s; s = s->next) {
        bool exceeds = false;
        ww_buf_text(w->out, "  ");
        say_member(w, s, "time");
        ww_buf_text(w->out, "  ");
        say_member(w, s, "value");
        if (ww_json_as_bool(ww_json_get(s, "exceeds"), &exceeds))
            say(w, exceeds ? "  beyond" : "  within", exceeds ? "  超限" : "  未超限");
        end_line(w);
    }
}

static void say_reasons(struct words *w, const struct ww_json_node *reasons) {
    if (!reasons || !reasons->child)
        return;
    say(w, "Further reasons:", "其他依据：");
    end_line(w);
    for (const struct ww_json_node *r = reasons->child; r; r = r->next) {
        ww_buf_text(w->out, "  ");
        say_value(w, r);
        end_line(w);
    }
}

/* Told late, or just after a time in which nothing was told. */
static void say_muted(struct words *w, const struct ww_json_node *muted) {
    struct ww_str reason;
    if (!ww_json_as_str(ww_json_get(muted, "reason"), &reason))
        return;
    bool is_rain = ww_str_is(reason, "rain");
    say(w, "Signals here were muted until ",
        is_rain ? "因降雨，此处信号静默至 " : "因维护窗口，此处信号静默至 ");
    say_member(w, muted, "until");
    say(w, is_rain ? " because of rain" : " because of a maintenance window", "");
    const char *by = is_rain ? "gauge" : "window";
    if (has(muted, by)) {
        say(w, is_rain ? " (gauge's datastream " : " (window ", is_rain ? "（雨量数据流 " : "（窗口 ");
        say_member(w, muted, by);
        say(w, ")", "）");
    }
    end_line(w);
}

/* What this method has besides. */
static void say_rest(struct words *w, const struct ww_json_node *e) {
    static const char *const told[] = {"method",   "rule",   "expected", "limit",
                                       "observed", "window", "reasons",  "muted_until"};
    for (const struct ww_json_node *m = e ? e->child : NULL; m; m = m->next) {
        bool is_told = false;
        for (size_t i = 0; i < sizeof told / sizeof *told; i++)
            is_told = is_told || ww_str_is(m->key, told[i]);
        if (is_told)
            continue;
        double days;
        if (ww_str_is(m->key, "recurrence_interval_days") && ww_json_as_double(m, &days) &&
            days >= WW_SCAN_MOST_RECURRENCE_DAYS) {
            say(w, "by chance: less than once in 100 years", "偶然重现期：百年也难得一次");
            end_line(w);
            continue;
        }
        say_phrase(w, names, m->key);
        say(w, ": ", "：");
        say_value(w, m);
        end_line(w);
    }
}

static void say_times(struct words *w, const struct ww_json_node *a) {
    static const struct phrase said[] = {{"opened_at", "Opened ", "触发（观测时间） "},
                                         {"detected_at", "; found out ", "；发现 "},
                                         {"last_exceeded_at", "; last exceeded ", "；最近超限 "},
                                         {"cleared_at", "; cleared ", "；解除 "},
                                         {NULL, NULL, NULL}};
    for (const struct phrase *p = said; p->code; p++) {
        if (!has(a, p->code))
            continue;
        say(w, p->en, p->zh);
        say_member(w, a, p->code);
    }
    end_line(w);
}

void ww_explain_words(const struct ww_json_node *alert, const struct ww_zone *zone, bool is_zh,
                      struct ww_buf *out) {
    struct words w = {zone, is_zh, out};
    const struct ww_json_node *explanation = ww_json_get(alert, "explanation");
    say_head(&w, alert);
    say_rule(&w, alert, explanation);
    say_allowed(&w, explanation);
    say_observed(&w, alert, explanation);
    say_times(&w, alert);
    say_readings(&w, ww_json_get(explanation, "window"));
    say_muted(&w, ww_json_get(explanation, "muted_until"));
    say_rest(&w, explanation);
    say_reasons(&w, ww_json_get(explanation, "reasons"));
}
