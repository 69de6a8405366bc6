/* The legal-limit detector: the stories of tests/data/limit.cases, then random series against a plain, slow
 * oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/limit_detector.h"

#define CASE_FILE WW_SOURCE_DIR "/tests/data/limit.cases"

static struct ww_zone *open_zone(const char *name) {
    struct ww_zone *zone = NULL;
    assert_int_equal(ww_zone_open(ww_str_of(name), &zone, NULL), WW_OK);
    return zone;
}

/* ---- stories ---- */

struct story {
    char name[160];
    struct ww_limit limits[8];
    struct ww_limit_rule rule;
    struct ww_limit_state state;
    struct ww_zone *zone;
    bool checked;
};

static void end_story(struct story *s) {
    ww_zone_close(s->zone);
    memset(s, 0, sizeof *s);
    s->rule = (struct ww_limit_rule){.limits = s->limits, .clear_ratio = 1, .valid_flags = "N"};
    ww_limit_state_init(&s->state);
}

static int64_t time_of(const struct story *s, const char *text) {
    int64_t at = 0;
    struct ww_error err;
    if (ww_instant_parse(ww_str_of(text), s->zone, &at, &err) != WW_OK) {
        fail_msg("%s: %s", s->name, err.message);
    }
    return at;
}

static void read_rule_word(struct story *s, const char *key, const char *value) {
    struct ww_limit_rule *r = &s->rule;
    int k = atoi(value);
    const char *slash = strchr(value, '/');
    int n = slash ? atoi(slash + 1) : 0;
    if (strcmp(key, "fire") == 0) {
        r->fire_k = (uint8_t)k;
        r->fire_n = (uint8_t)n;
    } else if (strcmp(key, "clear") == 0) {
        r->clear_k = (uint8_t)k;
        r->clear_n = (uint8_t)n;
    } else if (strcmp(key, "ratio") == 0) {
        r->clear_ratio = atof(value);
    } else if (strcmp(key, "bucket") == 0) {
        r->bucket_us = k * WW_SECOND_US;
    } else if (strcmp(key, "coverage") == 0) {
        r->min_coverage = atof(value);
    } else if (strcmp(key, "step") == 0) {
        r->expected_step_us = k * WW_SECOND_US;
    } else if (strcmp(key, "flags") == 0) {
        (void)snprintf(r->valid_flags, sizeof r->valid_flags, "%s", value);
    } else if (strcmp(key, "zone") == 0) {
        s->zone = open_zone(value);
        r->zone = s->zone;
    } else {
        fail_msg("%s: unknown word %s", s->name, key);
    }
}

static void read_limit_word(struct story *s, struct ww_limit *limit, const char *key, const char *value) {
    const char *dash = strchr(value, '-');
    if (strcmp(key, "lower") == 0) {
        limit->lower = atof(value);
    } else if (strcmp(key, "upper") == 0) {
        limit->upper = atof(value);
    } else if (strcmp(key, "from") == 0) {
        limit->valid_from_us = time_of(s, value);
    } else if (strcmp(key, "to") == 0) {
        limit->valid_to_us = time_of(s, value);
    } else if (strcmp(key, "hours") == 0 && dash) {
        limit->hour_from = (int16_t)atoi(value);
        limit->hour_to = (int16_t)atoi(dash + 1);
    } else {
        fail_msg("%s: unknown word %s", s->name, key);
    }
}

static const char *verdict_name(enum ww_limit_verdict verdict) {
    static const char *const names[] = {"nothing", "fired", "continues", "cleared"};
    return names[verdict];
}

static void read_reading(struct story *s, char *first, char **rest, int line) {
    char *value = strtok_r(NULL, " \t", rest);
    char *wanted = strtok_r(NULL, " \t", rest);
    struct ww_reading reading = {.time_us = time_of(s, first), .value = value ? atof(value) : 0, .flag = 'N'};
    struct ww_limit_sample sample = {.value = NAN};
    double judged = NAN;
    assert_non_null(wanted);
    for (char *word; (word = strtok_r(NULL, " \t", rest)) != NULL;) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        if (strncmp(word, "flag", 4) == 0) {
            reading.flag = equals[1];
        } else if (strncmp(word, "interval", 8) == 0) {
            reading.interval_us = atoi(equals + 1) * WW_SECOND_US;
        } else {
            judged = atof(equals + 1);
        }
    }
    const char *got = verdict_name(ww_limit_step(&s->rule, &s->state, &reading, &sample));
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s (line %d): expected %s, got %s", s->name, line, wanted, got);
    }
    if (!isnan(judged) && !(fabs(sample.value - judged) < 1e-9)) {
        fail_msg("%s (line %d): judged %g, not %g", s->name, line, sample.value, judged);
    }
}

static void read_story_line(struct story *s, char *text, int line) {
    char *rest = NULL;
    char *first = strtok_r(text, " \t", &rest);
    bool is_rule = strcmp(first, "rule") == 0;
    if (!is_rule && strcmp(first, "limit") != 0) {
        struct ww_error err;
        if (!s->checked && ww_limit_rule_check(&s->rule, &err) != WW_OK) {
            fail_msg("%s: %s", s->name, err.message);
        }
        s->checked = true;
        read_reading(s, first, &rest, line);
        return;
    }
    struct ww_limit *limit = &s->limits[s->rule.n_limits];
    if (!is_rule) {
        *limit = (struct ww_limit){.id = ++s->rule.n_limits,
                                   .lower = -INFINITY,
                                   .upper = INFINITY,
                                   .valid_from_us = INT64_MIN,
                                   .valid_to_us = INT64_MAX};
    }
    for (char *word; (word = strtok_r(NULL, " \t", &rest)) != NULL;) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = '\0';
        if (is_rule) {
            read_rule_word(s, word, equals + 1);
        } else {
            read_limit_word(s, limit, word, equals + 1);
        }
    }
}

static void every_story_of_the_case_file_holds(void **state) {
    (void)state;
    FILE *file = fopen(CASE_FILE, "re");
    assert_non_null(file);
    struct story story = {0};
    char line[512];
    int stories = 0;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (strncmp(line, "case", 4) == 0) {
            end_story(&story);
            (void)snprintf(story.name, sizeof story.name, "%.150s", line + 4 + strspn(line + 4, " "));
            stories++;
            continue;
        }
        read_story_line(&story, line, number);
    }
    end_story(&story);
    (void)fclose(file);
    assert_true(stories > 20);
}

static void silence_never_clears(void **state) {
    (void)state;
    const struct ww_limit limit = {.lower = -INFINITY, .upper = 60, .valid_to_us = INT64_MAX};
    const int64_t buckets[] = {0, WW_HOUR_US, WW_DAY_US};
    for (size_t b = 0; b < 3; b++) {
        struct ww_limit_rule rule = {.limits = &limit,
                                     .n_limits = 1,
                                     .fire_k = 1,
                                     .fire_n = 1,
                                     .clear_k = 1,
                                     .clear_n = 1,
                                     .clear_ratio = 1,
                                     .bucket_us = buckets[b],
                                     .expected_step_us = WW_DAY_US,
                                     .valid_flags = "N"};
        struct ww_limit_state s;
        ww_limit_state_init(&s);
        s.open = true;
        /* A gap of any length, and readings that say nothing: each leaves the alert open. */
        for (int64_t gap_days = 1; gap_days < 5000; gap_days *= 3) {
            struct ww_reading r = {.time_us = gap_days * WW_DAY_US, .value = 70, .flag = 'N'};
            (void)ww_limit_step(&rule, &s, &r, NULL);
            assert_true(s.open);
            r = (struct ww_reading){.time_us = gap_days * WW_DAY_US + WW_DAY_US / 2, .value = 0, .flag = 'D'};
            assert_int_equal(ww_limit_step(&rule, &s, &r, NULL), WW_LIMIT_NOTHING);
            assert_true(s.open);
        }
    }
}

/* ---- rules that cannot work are refused ---- */

static void a_rule_that_cannot_work_is_refused(void **state) {
    (void)state;
    struct ww_limit limits[2] = {
        {.id = 1, .lower = 6, .upper = 9, .valid_to_us = 100},
        {.id = 2, .lower = -INFINITY, .upper = 9, .valid_from_us = 100, .valid_to_us = 200}};
    const struct ww_limit_rule good = {.limits = limits,
                                       .n_limits = 2,
                                       .fire_k = 2,
                                       .fire_n = 3,
                                       .clear_k = 2,
                                       .clear_n = 2,
                                       .clear_ratio = 1,
                                       .expected_step_us = 1,
                                       .valid_flags = "N"};
    struct ww_limit_rule r = good;
    struct ww_error err;
    assert_int_equal(ww_limit_rule_check(&r, NULL), WW_OK);
#define REFUSED(change, word)                                                                                \
    r = good, change, assert_int_equal(ww_limit_rule_check(&r, &err), WW_BAD_INPUT),                         \
    assert_string_equal(err.field, word)
    REFUSED(r.fire_k = 4, "fire");
    REFUSED(r.fire_k = 0, "fire");
    REFUSED(r.fire_n = WW_LIMIT_WINDOW + 1, "fire");
    REFUSED(r.clear_k = 3, "clear");
    REFUSED(r.clear_ratio = 0, "clear_ratio");
    REFUSED(r.clear_ratio = 1.1, "clear_ratio");
    REFUSED(r.clear_ratio = 0.5, "clear_ratio"); /* pH: 12 to 4.5 */
    REFUSED(r.bucket_us = 7 * WW_HOUR_US, "bucket");
    REFUSED(r.bucket_us = WW_DAY_US + 1, "bucket");
    REFUSED((r.bucket_us = WW_HOUR_US, r.min_coverage = 1.5), "min_coverage");
    REFUSED((r.bucket_us = WW_HOUR_US, r.expected_step_us = 0), "expected_step");
    REFUSED(r.valid_flags[0] = '\0', "valid_flags");
    REFUSED(r.n_limits = 0, "limits");
    REFUSED(limits[1].upper = INFINITY, "limits");
    limits[1].upper = 9;
    REFUSED((limits[1].hour_from = 22, limits[1].hour_to = 6, r.bucket_us = WW_DAY_US), "bucket");
    r = good;
    assert_int_equal(ww_limit_rule_check(&r, NULL), WW_OK);
    limits[1].valid_from_us = 99;
    assert_int_equal(ww_limit_rule_check(&r, &err), WW_CONFLICT);
    limits[0].hour_from = 6; /* day and night do not meet */
    limits[0].hour_to = 22;
    assert_int_equal(ww_limit_rule_check(&r, NULL), WW_OK);
}

/* ---- the oracle ---- */

#define MOST 600

/* Remembers everything and works it out again each time. */
struct oracle {
    struct ww_limit_sample all[MOST]; /* counted samples by time */
    bool gone[MOST];                  /* left the window at its old end */
    int n;
    bool open;
    struct ww_reading bucket[MOST]; /* counted readings of the current bucket */
    int n_bucket;
    int64_t bucket_start_us, newest_us;
};

static int plain_limit(const struct ww_limit_rule *rule, int64_t at) {
    int hour = ww_instant_to_civil(at, rule->zone).hour;
    for (uint32_t i = 0; i < rule->n_limits; i++) {
        const struct ww_limit *l = &rule->limits[i];
        bool in_hours = l->hour_from == l->hour_to;
        for (int h = l->hour_from; h != l->hour_to; h = (h + 1) % 24) {
            in_hours |= h == hour;
        }
        if (l->valid_from_us <= at && at < l->valid_to_us && in_hours) {
            return (int)i;
        }
    }
    return -1;
}

static int plain_count(const struct oracle *o, int last_n, bool exceeding) {
    int count = 0;
    for (int i = o->n - 1; i >= 0 && last_n > 0; i--) {
        if (!o->gone[i]) {
            count += exceeding ? o->all[i].exceeds : o->all[i].within;
            last_n--;
        }
    }
    return count;
}

static void plain_remove(struct oracle *o, int at) {
    for (int i = at; i + 1 < o->n; i++) {
        o->all[i] = o->all[i + 1];
        o->gone[i] = o->gone[i + 1];
    }
    o->n--;
}

static enum ww_limit_verdict plain_judge(const struct ww_limit_rule *rule, struct oracle *o, int64_t at,
                                         double value) {
    int index = plain_limit(rule, at);
    if (index < 0) {
        return WW_LIMIT_NOTHING;
    }
    const struct ww_limit *l = &rule->limits[index];
    struct ww_limit_sample sample = {at, value, index, value > l->upper || value < l->lower,
                                     value <= l->upper * rule->clear_ratio &&
                                         value >= l->lower / rule->clear_ratio};
    struct ww_limit_sample before = {.value = NAN};
    int place = 0;
    while (place < o->n && o->all[place].time_us < at) {
        place++;
    }
    if (place < o->n && o->all[place].time_us == at) {
        if (o->gone[place]) {
            return WW_LIMIT_NOTHING;
        }
        before = o->all[place];
        o->all[place] = sample;
    } else {
        int alive = 0;
        int size = rule->fire_n > rule->clear_n ? rule->fire_n : rule->clear_n;
        for (int i = o->n; i > place; i--) {
            o->all[i] = o->all[i - 1];
            o->gone[i] = o->gone[i - 1];
        }
        o->all[place] = sample;
        o->gone[place] = false;
        o->n++;
        for (int i = place; i < o->n; i++) {
            o->gone[place] |= o->gone[i]; /* a newer one has left already */
        }
        for (int i = o->n - 1; i >= 0; i--) {
            alive += !o->gone[i];
            o->gone[i] |= alive > size;
        }
        if (o->gone[place]) {
            return WW_LIMIT_NOTHING;
        }
    }
    if (!o->open && sample.exceeds && !before.exceeds && plain_count(o, rule->fire_n, true) >= rule->fire_k) {
        o->open = true;
        return WW_LIMIT_FIRED;
    }
    if (o->open && sample.within && !before.within && plain_count(o, rule->clear_n, false) >= rule->clear_k) {
        o->open = false;
        return WW_LIMIT_CLEARED;
    }
    return o->open && sample.exceeds && before.value != value ? WW_LIMIT_CONTINUES : WW_LIMIT_NOTHING;
}

static enum ww_limit_verdict plain_close(const struct ww_limit_rule *rule, struct oracle *o) {
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < o->n_bucket; i++) {
        double w = (double)(o->bucket[i].interval_us ? o->bucket[i].interval_us : rule->expected_step_us);
        sum += o->bucket[i].value * w;
        weight += w;
    }
    int64_t end = o->bucket_start_us; /* walk to the next bucket by quarters of an hour */
    while (ww_instant_bucket(end, rule->bucket_us, rule->zone) == o->bucket_start_us) {
        end += WW_HOUR_US / 4;
    }
    if (weight < rule->min_coverage * (double)(end - o->bucket_start_us)) {
        return WW_LIMIT_NOTHING;
    }
    return plain_judge(rule, o, o->bucket_start_us, sum / weight);
}

static enum ww_limit_verdict plain_step(const struct ww_limit_rule *rule, struct oracle *o,
                                        const struct ww_reading *r) {
    if (!strchr(rule->valid_flags, r->flag)) {
        for (int i = 0; rule->bucket_us == 0 && i < o->n; i++) {
            if (o->all[i].time_us == r->time_us && !o->gone[i]) {
                plain_remove(o, i);
            }
        }
        return WW_LIMIT_NOTHING;
    }
    if (rule->bucket_us == 0) {
        return plain_judge(rule, o, r->time_us, r->value);
    }
    int64_t start = ww_instant_bucket(r->time_us, rule->bucket_us, rule->zone);
    enum ww_limit_verdict verdict = WW_LIMIT_NOTHING;
    if (o->n_bucket > 0 && start < o->bucket_start_us) {
        return verdict;
    }
    if (o->n_bucket > 0 && start > o->bucket_start_us) {
        verdict = plain_close(rule, o);
        o->n_bucket = 0;
    }
    bool part_taken = false;
    int64_t part_us = rule->bucket_us / 1440;
    for (int i = 0; i < o->n_bucket; i++) {
        part_taken |= (o->bucket[i].time_us - start) / part_us == (r->time_us - start) / part_us;
    }
    if (o->n_bucket == 0 || r->time_us > o->newest_us || !part_taken) {
        o->bucket[o->n_bucket++] = *r;
    }
    o->bucket_start_us = start;
    o->newest_us = o->n_bucket == 1 || r->time_us > o->newest_us ? r->time_us : o->newest_us;
    return verdict;
}

static void assert_windows_equal(const struct ww_limit_state *s, const struct oracle *o) {
    int at = s->n_window;
    for (int i = o->n - 1; i >= 0; i--) {
        if (!o->gone[i]) {
            assert_true(at > 0);
            at--;
            assert_int_equal(s->window[at].time_us, o->all[i].time_us);
            assert_true(s->window[at].value == o->all[i].value);
            assert_int_equal(s->window[at].limit_index, o->all[i].limit_index);
            assert_int_equal(s->window[at].exceeds, o->all[i].exceeds);
            assert_int_equal(s->window[at].within, o->all[i].within);
        }
    }
    assert_int_equal(at, 0);
    assert_int_equal(s->open, o->open);
}

/* ---- random series ---- */

static uint64_t seed;

static int below(int n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

/* 2026-10-30T00:00Z: two days on, New York's clocks are set back. */
#define BEGIN_US INT64_C(1793318400000000)

struct setting {
    struct ww_limit limits[3];
    struct ww_limit_rule rule;
    double low, step; /* values: low + step * (0 … 12), so that limits are met exactly */
};

static void choose_limits(struct setting *s) {
    struct ww_limit *l = s->limits;
    for (int i = 0; i < 3; i++) {
        l[i] = (struct ww_limit){.id = i, .lower = -INFINITY, .upper = 60, .valid_to_us = INT64_MAX};
    }
    s->rule.n_limits = 1;
    s->low = 30;
    s->step = 5;
    switch (below(5)) {
    case 0: /* pH */
        l[0].lower = 6;
        l[0].upper = 9;
        s->low = 4.5;
        s->step = 0.5;
        s->rule.clear_ratio = below(2) ? 1 : 0.9;
        break;
    case 1: /* oxygen */
        l[0].lower = 5;
        l[0].upper = INFINITY;
        s->low = 2;
        s->step = 0.5;
        break;
    case 2: /* changes at a date, after a gap without a limit */
        l[0].valid_to_us = BEGIN_US + 50 * WW_HOUR_US;
        l[1].valid_from_us = BEGIN_US + (50 + below(2) * 9) * WW_HOUR_US;
        l[1].upper = 50;
        s->rule.n_limits = 2;
        break;
    case 3: /* day and night */
        if (s->rule.bucket_us <= WW_HOUR_US) {
            l[0].hour_from = l[1].hour_to = 6;
            l[0].hour_to = l[1].hour_from = 22;
            l[1].upper = 50;
            s->rule.n_limits = 2;
        }
        break;
    default:
        break;
    }
}

static void choose_setting(struct setting *s, const struct ww_zone *zone) {
    static const int64_t buckets[] = {0, 0, WW_HOUR_US, WW_DAY_US};
    memset(s, 0, sizeof *s);
    struct ww_limit_rule *r = &s->rule;
    *r = (struct ww_limit_rule){
        .limits = s->limits, .zone = zone, .valid_flags = "NT", .min_coverage = 0.25 * below(4)};
    r->fire_n = (uint8_t)(1 + below(below(10) ? 5 : WW_LIMIT_WINDOW));
    r->fire_k = (uint8_t)(1 + below(r->fire_n));
    r->clear_n = (uint8_t)(1 + below(5));
    r->clear_k = (uint8_t)(1 + below(r->clear_n));
    r->clear_ratio = 1 - 0.1 * below(3);
    r->bucket_us = buckets[below(4)];
    r->expected_step_us = WW_HOUR_US / 6;
    choose_limits(s);
    struct ww_error err;
    if (ww_limit_rule_check(r, &err) != WW_OK) {
        fail_msg("%s", err.message);
    }
}

static struct ww_reading choose_reading(const struct setting *s, int64_t at) {
    static const char flags[] = "NNNNNNNNTCD";
    return (struct ww_reading){.time_us = at,
                               .interval_us = below(3) ? 0 : WW_HOUR_US / 6,
                               .value = s->low + s->step * below(13),
                               .flag = flags[below(11)]};
}

static void random_series_are_judged_as_by_the_oracle(void **state) {
    (void)state;
    struct ww_zone *zones[3] = {NULL, open_zone("Asia/Shanghai"), open_zone("America/New_York")};
    static struct oracle o;
    int verdicts[4] = {0};
    for (int round = 0; round < 4000; round++) {
        struct setting s;
        seed = (uint64_t)round * 7919 + 1;
        choose_setting(&s, zones[below(3)]);
        /* The exact size, so that the sanitizer sees a step beyond it. */
        struct ww_limit_state *live = malloc(ww_limit_state_size(&s.rule));
        assert_non_null(live);
        memset(&o, 0, sizeof o);
        ww_limit_state_init(live);
        live->open = o.open = below(2);
        int64_t now = BEGIN_US;
        int64_t step = s.rule.bucket_us == WW_DAY_US ? WW_HOUR_US : WW_HOUR_US / 6;
        for (int i = 0; i < 200; i++) {
            int64_t at = now;
            if (below(5) == 0) {
                at -= below(12) * step; /* late, a repeat or a correction */
            } else {
                now += (1 + below(20) / 19 * 30) * step; /* sometimes a gap */
                at = now;
            }
            struct ww_reading r = choose_reading(&s, at);
            struct ww_limit_sample sample;
            enum ww_limit_verdict wanted = plain_step(&s.rule, &o, &r);
            enum ww_limit_verdict got = ww_limit_step(&s.rule, live, &r, &sample);
            if (got != wanted) {
                fail_msg("round %d reading %d: %s, not %s", round, i, verdict_name(got),
                         verdict_name(wanted));
            }
            assert_windows_equal(live, &o);
            verdicts[got]++;
        }
        free(live);
    }
    for (int v = 0; v < 4; v++) {
        assert_true(verdicts[v] > 1000);
    }
    ww_zone_close(zones[1]);
    ww_zone_close(zones[2]);
}

/* ---- rebuilding ---- */

struct store {
    struct ww_reading rows[MOST]; /* newest version of each time, by time, as the database has them */
    int n;
};

static void keep(struct store *db, const struct ww_reading *r) {
    int at = db->n;
    while (at > 0 && db->rows[at - 1].time_us >= r->time_us) {
        at--;
    }
    if (at == db->n || db->rows[at].time_us != r->time_us) {
        memmove(&db->rows[at + 1], &db->rows[at], (size_t)(db->n - at) * sizeof db->rows[0]);
        db->n++;
    }
    db->rows[at] = *r;
}

/* Replays the tail that ww_limit_rule_memory asks for, by readings that count or by time. */
static void rebuild(const struct ww_limit_rule *rule, const struct store *db, struct ww_limit_state *out) {
    uint32_t readings = 0;
    int64_t span_us = 0;
    ww_limit_rule_memory(rule, &readings, &span_us);
    assert_true(readings >= 1); /* the span is counted back from the newest */
    ww_limit_state_init(out);
    int first = db->n;
    uint32_t counted = 0;
    while (first > 0) {
        const struct ww_reading *r = &db->rows[first - 1];
        if (counted >= readings && db->rows[db->n - 1].time_us - r->time_us > span_us) {
            break;
        }
        counted += strchr(rule->valid_flags, r->flag) && plain_limit(rule, r->time_us) >= 0;
        first--;
    }
    for (int i = first; i < db->n; i++) {
        (void)ww_limit_step(rule, out, &db->rows[i], NULL);
    }
}

static void assert_newest_part_equal(const struct ww_limit_state *a, const struct ww_limit_state *b, int n) {
    for (int i = 1; i <= n; i++) {
        const struct ww_limit_sample *x = &a->window[a->n_window - i];
        const struct ww_limit_sample *y = &b->window[b->n_window - i];
        assert_int_equal(x->time_us, y->time_us);
        assert_true(fabs(x->value - y->value) < 1e-9); /* means are summed in another order */
        assert_int_equal(x->limit_index, y->limit_index);
    }
}

/* Late readings, corrections, withdrawn readings: all that instant rules meet. */
static void replaying_the_tail_rebuilds_the_window_of_readings(void **state) {
    (void)state;
    static struct store db;
    for (int round = 0; round < 3000; round++) {
        struct setting s;
        struct ww_limit_state live;
        struct ww_limit_state rebuilt;
        seed = (uint64_t)round * 104729 + 5;
        choose_setting(&s, NULL);
        s.rule.bucket_us = 0;
        bool withdraws = below(2);
        db.n = 0;
        ww_limit_state_init(&live);
        int length = 1 + below(150);
        for (int i = 0; i < length; i++) {
            int64_t at = BEGIN_US + (i - (below(4) ? 0 : below(10))) * WW_HOUR_US;
            struct ww_reading r = choose_reading(&s, at);
            r.flag = withdraws ? r.flag : 'N';
            keep(&db, &r);
            (void)ww_limit_step(&s.rule, &live, &r, NULL);
        }
        rebuild(&s.rule, &db, &rebuilt);
        assert_true(rebuilt.n_window >= live.n_window);
        assert_true(withdraws || rebuilt.n_window == live.n_window);
        assert_newest_part_equal(&rebuilt, &live, live.n_window);
        if (rebuilt.n_window != live.n_window) {
            continue;
        }
        rebuilt.open = live.open; /* as the caller does from the database */
        for (int i = length; i < length + 30; i++) {
            struct ww_reading r = choose_reading(&s, BEGIN_US + (i - below(5)) * WW_HOUR_US);
            r.flag = 'N';
            assert_int_equal(ww_limit_step(&s.rule, &live, &r, NULL),
                             ww_limit_step(&s.rule, &rebuilt, &r, NULL));
        }
    }
}

/* Means: readings late within their bucket, other flags between; every bucket well covered. */
static void replaying_the_tail_rebuilds_the_window_of_means(void **state) {
    (void)state;
    static struct store db;
    struct ww_zone *new_york = open_zone("America/New_York");
    struct ww_zone *shanghai = open_zone("Asia/Shanghai");
    for (int round = 0; round < 1500; round++) {
        struct setting s;
        struct ww_limit_state live;
        struct ww_limit_state rebuilt;
        seed = (uint64_t)round * 15485863 + 3;
        choose_setting(&s, NULL);
        s.limits[0].hour_from = s.limits[0].hour_to = s.limits[1].hour_from = s.limits[1].hour_to = 0;
        s.limits[1].valid_from_us = s.limits[0].valid_to_us;
        /* In New York, the six readings of the repeated hour are a bucket of their own. */
        s.rule.bucket_us = below(2) ? WW_HOUR_US : 6 * WW_HOUR_US;
        s.rule.zone = s.rule.bucket_us == WW_HOUR_US ? new_york : shanghai;
        s.rule.expected_step_us = s.rule.bucket_us / 6;
        s.rule.min_coverage = 0.1;
        s.rule.fire_n = (uint8_t)(s.rule.fire_n > 9 ? 9 : s.rule.fire_n);
        s.rule.fire_k = (uint8_t)(s.rule.fire_k > s.rule.fire_n ? s.rule.fire_n : s.rule.fire_k);
        db.n = 0;
        ww_limit_state_init(&live);
        int buckets = 1 + below(40);
        for (int i = 0; i < buckets * 6; i++) {
            /* the six readings of a bucket in reversed pairs: 1 0 3 2 5 4 */
            int64_t at = BEGIN_US + (i ^ 1) * s.rule.expected_step_us;
            struct ww_reading r = choose_reading(&s, at);
            r.interval_us = 0;
            r.flag = i % 6 == 2 ? 'C' : 'N';
            keep(&db, &r);
            (void)ww_limit_step(&s.rule, &live, &r, NULL);
        }
        rebuild(&s.rule, &db, &rebuilt);
        assert_int_equal(rebuilt.n_window, live.n_window);
        assert_newest_part_equal(&rebuilt, &live, live.n_window);
        assert_int_equal(rebuilt.bucket_start_us, live.bucket_start_us);
        assert_true(fabs(rebuilt.bucket_weight_us - live.bucket_weight_us) < 1);
        assert_true(fabs(rebuilt.bucket_sum - live.bucket_sum) <= 1e-9 * fabs(live.bucket_sum));
        assert_memory_equal(rebuilt.seen, live.seen, sizeof live.seen);
    }
    ww_zone_close(new_york);
    ww_zone_close(shanghai);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_of_the_case_file_holds),
        cmocka_unit_test(silence_never_clears),
        cmocka_unit_test(a_rule_that_cannot_work_is_refused),
        cmocka_unit_test(random_series_are_judged_as_by_the_oracle),
        cmocka_unit_test(replaying_the_tail_rebuilds_the_window_of_readings),
        cmocka_unit_test(replaying_the_tail_rebuilds_the_window_of_means),
    };
    return cmocka_run_group_tests_name("limit_detector", tests, NULL, NULL);
}
