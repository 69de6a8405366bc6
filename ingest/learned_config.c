/* Reads and checks the config of a baseline, neighbour or quality rule by a table of members. */
#include "ingest/learned_config.h"

#include <math.h>
#include <stddef.h>

#include "geo/detect/quality.h"

static const char *const names[] = {"baseline", "neighbour", "quality"};

const char *ww_learned_detector_name(enum ww_learned_detector detector) {
    return names[detector];
}

enum ww_learned_detector ww_learned_detector_find(const char *name) {
    int i = WW_LEARNED_BASELINE;
    while (i < WW_LEARNED_QUALITY && strcmp(name, names[i]) != 0)
        i++;
    return (enum ww_learned_detector)i;
}

const char *ww_learned_category(const struct ww_learned_config *c) {
    if (c->detector == WW_LEARNED_QUALITY)
        return c->signs & WW_QUALITY_LEADS ? "lead" : "sensor";
    return c->detector == WW_LEARNED_NEIGHBOUR && !c->area ? "sensor" : "pollution";
}

static enum ww_status refuse(struct ww_error *err, struct ww_str field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%.*s: %s", WW_STR_ARG(field), why);
    ww_error_at_field(err, field, WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status take_k_of_n(const struct ww_json_node *m, uint8_t *k, uint8_t *n,
                                  struct ww_error *err) {
    const struct ww_json_node *first = m->type == WW_JSON_ARRAY ? m->child : NULL;
    const struct ww_json_node *second = first ? first->next : NULL;
    int64_t a, b;
    if (!second || second->next || !ww_json_as_i64(first, &a) || !ww_json_as_i64(second, &b) || a < 1 ||
        a > b || b > WW_LEARNED_WINDOW)
        return refuse(err, m->key, "must be [k, n] with 1 <= k <= n <= 24");
    *k = (uint8_t)a;
    *n = (uint8_t)b;
    return WW_OK;
}

enum { BASELINE = 1, NEIGHBOUR = 2, QUALITY = 4, ALL = 7 };
#define AT(member) offsetof(struct ww_learned_config, member)

/* Numbers; `scale` not 0: kept as microseconds, so many of them a unit. */
static const struct number {
    const char *name;
    unsigned of;
    size_t at;
    double scale, low, high;
} numbers[] = {
    {"false_alarms_per_month", BASELINE | NEIGHBOUR, AT(false_alarms_per_month), 0, 1e-6, 100},
    {"fire_for_s", ALL, AT(fire_for_us), (double)WW_SECOND_US, 0, 31622400},
    {"clear_for_s", ALL, AT(clear_for_us), (double)WW_SECOND_US, 0, 31622400},
    {"new_normal_h", BASELINE, AT(new_normal_us), (double)WW_HOUR_US, 0.1, 8784},
    {"least", QUALITY, AT(least), 0, -1e12, 1e12},
    {"most", QUALITY, AT(most), 0, -1e12, 1e12},
    {"limit", QUALITY, AT(limit), 0, -1e12, 1e12},
};

static enum ww_status take_number(const struct number *row, const struct ww_json_node *m,
                                  struct ww_learned_config *out, struct ww_error *err) {
    double value;
    if (!ww_json_as_double(m, &value) || !(value >= row->low && value <= row->high)) {
        ww_error_set(err, WW_BAD_INPUT, "%s: must be a number from %g to %g", row->name, row->low, row->high);
        ww_error_at_field(err, m->key, m->text);
        return WW_BAD_INPUT;
    }
    void *at = (char *)out + row->at;
    if (row->scale > 0)
        *(int64_t *)at = (int64_t)(value * row->scale);
    else
        *(double *)at = value;
    return WW_OK;
}

/* One of a few words, and what each stands for. */
struct word {
    const char *name;
    int value;
};
static const struct word sides[] = {{"up", 1}, {"down", -1}, {"both", 0}};
static const struct word verdicts[] = {{"fault", false}, {"area", true}};
static const struct word signs[] = {{"stuck", WW_QUALITY_STUCK},     {"gap", WW_QUALITY_GAP},
                                    {"range", WW_QUALITY_RANGE},     {"spike", WW_QUALITY_SPIKE},
                                    {"clipped", WW_QUALITY_CLIPPED}, {"digits", WW_QUALITY_DIGITS},
                                    {"flag", WW_QUALITY_FLAG}};
enum { SIDES = 3, VERDICTS = 2, SIGNS = 7 };

static const struct word *find_word(const struct word *words, size_t n, const struct ww_json_node *m) {
    struct ww_str text;
    for (size_t i = 0; ww_json_as_str(m, &text) && i < n; i++)
        if (ww_str_is(text, words[i].name))
            return &words[i];
    return NULL;
}

static enum ww_status take_signs(const struct ww_json_node *m, struct ww_learned_config *out,
                                 struct ww_error *err) {
    out->signs = 0;
    for (const struct ww_json_node *s = m->type == WW_JSON_ARRAY ? m->child : NULL; s; s = s->next) {
        const struct word *word = find_word(signs, SIGNS, s);
        if (!word)
            return refuse(err, m->key, "must be of stuck, gap, range, spike, clipped, digits, flag");
        out->signs |= (unsigned)word->value;
    }
    if (out->signs == 0)
        return refuse(err, m->key, "must be a list of stuck, gap, range, spike, clipped, digits, flag");
    if ((out->signs & WW_QUALITY_LEADS) && (out->signs & ~(unsigned)WW_QUALITY_LEADS))
        return refuse(err, m->key, "clipped, digits and flag are leads, the others faults: use two rules");
    return WW_OK;
}

static enum ww_status take_flags(const struct ww_json_node *m, struct ww_learned_config *out,
                                 struct ww_error *err) {
    struct ww_str text;
    if (!ww_json_as_str(m, &text) || text.len == 0 || text.len >= sizeof out->flags)
        return refuse(err, m->key, "must be one to seven capital letters");
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
            return refuse(err, m->key, "must be capital letters, as in \"N\"");
    memset(out->flags, 0, sizeof out->flags);
    memcpy(out->flags, text.ptr, text.len);
    return WW_OK;
}

static enum ww_status take_member(struct ww_arena *arena, const struct ww_json_node *m,
                                  struct ww_learned_config *out, struct ww_error *err) {
    unsigned own = 1u << out->detector;
    enum ww_status st = ww_rule_scope_take(&out->scope, arena, m, err);
    if (st != WW_NOT_FOUND)
        return st;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (ww_str_is(m->key, numbers[i].name) && (numbers[i].of & own))
            return take_number(&numbers[i], m, out, err);
    if (ww_str_is(m->key, "fire"))
        return take_k_of_n(m, &out->fire_k, &out->fire_n, err);
    if (ww_str_is(m->key, "clear"))
        return take_k_of_n(m, &out->clear_k, &out->clear_n, err);
    if (ww_str_is(m->key, "mute"))
        return ww_mute_config_read(m, &out->mute, err);
    if (ww_str_is(m->key, "flags") && own != QUALITY)
        return take_flags(m, out, err);
    if (ww_str_is(m->key, "signs") && own == QUALITY)
        return take_signs(m, out, err);
    if (ww_str_is(m->key, "side") && own != QUALITY) {
        const struct word *side = find_word(sides, SIDES, m);
        out->side = side ? side->value : 0;
        return side ? WW_OK : refuse(err, m->key, "must be up, down or both");
    }
    if (ww_str_is(m->key, "small_shifts") && own == BASELINE)
        return ww_json_as_bool(m, &out->small_shifts) ? WW_OK : refuse(err, m->key, "must be true or false");
    if (ww_str_is(m->key, "verdict") && own == NEIGHBOUR) {
        const struct word *verdict = find_word(verdicts, VERDICTS, m);
        out->area = verdict && verdict->value;
        return verdict ? WW_OK : refuse(err, m->key, "must be fault or area");
    }
    ww_error_set(err, WW_BAD_INPUT, "config has no member \"%.*s\" with detector %s", WW_STR_ARG(m->key),
                 names[out->detector]);
    ww_error_at_field(err, m->key, WW_STR_NONE);
    return WW_BAD_INPUT;
}

enum ww_status ww_learned_config_parse(struct ww_arena *arena, enum ww_learned_detector detector,
                                       struct ww_str json, struct ww_learned_config *out,
                                       struct ww_error *err) {
    /* A baseline needs two of three, since noise moves one reading at a time; a neighbour's verdict has that
     * inside; a sign of a broken sensor is one already. */
    static const uint8_t usual[][4] = {{2, 3, 6, 6}, {2, 3, 6, 6}, {1, 1, 12, 12}};
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, json, &root, err);
    if (st != WW_OK)
        return st;
    if (root->type != WW_JSON_OBJECT)
        return refuse(err, WW_STR("config"), "must be an object");
    *out = (struct ww_learned_config){.detector = detector,
                                      .false_alarms_per_month = 0.05,
                                      .fire_k = usual[detector][0],
                                      .fire_n = usual[detector][1],
                                      .clear_k = usual[detector][2],
                                      .clear_n = usual[detector][3],
                                      .flags = "N",
                                      .new_normal_us = WW_DAY_US,
                                      .signs = WW_QUALITY_STUCK | WW_QUALITY_RANGE | WW_QUALITY_SPIKE |
                                               WW_QUALITY_GAP,
                                      .least = NAN,
                                      .most = NAN,
                                      .limit = NAN};
    ww_rule_scope_init(&out->scope);
    ww_mute_config_init(&out->mute, true);
    for (const struct ww_json_node *m = root->child; m; m = m->next)
        if ((st = take_member(arena, m, out, err)) != WW_OK)
            return st;
    bool says = ww_json_get(ww_json_get(root, "mute"), "maintenance") != NULL;
    if (!says && (out->signs & WW_QUALITY_LEADS) && detector == WW_LEARNED_QUALITY)
        out->mute.maintenance = false; /* nobody is to hide made-up readings by announcing work */
    if (out->least > out->most)
        return refuse(err, WW_STR("most"), "is below least");
    return WW_OK;
}
