/* Topic patterns of MQTT feeds: read, turned into subscriptions, matched against topics.
 *
 * A pattern is split at "/". A level is text, {name} (one level, kept under that name), + (one level) or, at
 * the end, # (the rest, which may be nothing: "a/#" takes "a" too, as MQTT says).
 */
#include "ingest/decode/feed_source.h"

enum { MAX_PATTERN = 1024, MAX_LEVELS = 64, MAX_NAME = 64 };

static bool is_name(struct ww_str text) {
    if (text.len == 0 || text.len > MAX_NAME)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

static bool holds_any(struct ww_str text, const char *chars) {
    for (size_t i = 0; i < text.len; i++)
        if (strchr(chars, text.ptr[i]))
            return true;
    return false;
}

static const char *find_text_fault(struct ww_str text) {
    if (text.len == 0 || text.len > MAX_PATTERN)
        return "must have 1 to 1024 bytes";
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return "holds a control character";
    if (!ww_str_is_utf8(text))
        return "is not UTF-8";
    if (ww_str_starts(text, WW_STR("$share/")))
        return "must not begin with $share/: name the group in \"share\"";
    return NULL;
}

/* NULL, or what is wrong with the level; `left` levels follow. */
static const char *read_level(struct ww_str text, size_t left, struct ww_topic_level *out) {
    *out = (struct ww_topic_level){.kind = WW_TOPIC_TEXT, .text = text};
    if (ww_str_is(text, "#")) {
        out->kind = WW_TOPIC_REST;
        return left > 0 ? "has # before its end" : NULL;
    }
    if (ww_str_is(text, "+")) {
        out->kind = WW_TOPIC_ONE;
        return NULL;
    }
    if (text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}') {
        out->kind = WW_TOPIC_NAME;
        out->text = (struct ww_str){text.ptr + 1, text.len - 2};
        return is_name(out->text)
                   ? NULL
                   : "has a {name} that is not made of 1 to 64 letters, digits and underscores";
    }
    return holds_any(text, "{}+#") ? "has {, }, + or # within a level" : NULL;
}

static bool names_twice(const struct ww_topic_pattern *p) {
    for (uint32_t i = 0; i < p->n_levels; i++)
        for (uint32_t k = 0; k < i; k++)
            if (p->levels[i].kind == WW_TOPIC_NAME && p->levels[k].kind == WW_TOPIC_NAME &&
                ww_str_eq(p->levels[i].text, p->levels[k].text))
                return true;
    return false;
}

static uint32_t count_levels(struct ww_str text) {
    uint32_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '/';
    return n;
}

static struct ww_str take_level(struct ww_str *rest, bool *more) {
    const char *slash = rest->len > 0 ? memchr(rest->ptr, '/', rest->len) : NULL;
    struct ww_str level = {rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len};
    *more = slash != NULL;
    size_t used = level.len + (slash != NULL);
    if (used > 0)
        *rest = (struct ww_str){rest->ptr + used, rest->len - used};
    return level;
}

/* Never longer than the pattern: + is shorter than any {name}. */
static struct ww_str write_filter(const struct ww_topic_pattern *p, char *room) {
    size_t n = 0;
    for (uint32_t i = 0; i < p->n_levels; i++) {
        const struct ww_topic_level *level = &p->levels[i];
        if (i > 0)
            room[n++] = '/';
        if (level->kind == WW_TOPIC_NAME || level->kind == WW_TOPIC_ONE) {
            room[n++] = '+';
        } else if (level->text.len > 0) {
            memcpy(room + n, level->text.ptr, level->text.len);
            n += level->text.len;
        }
    }
    room[n] = '\0';
    return (struct ww_str){room, n};
}

enum ww_status ww_topic_pattern_parse(struct ww_str text, struct ww_arena *arena,
                                      struct ww_topic_pattern *out, struct ww_error *err) {
    const char *fault = find_text_fault(text);
    struct ww_topic_pattern p = {.n_levels = count_levels(text)};
    if (!fault && p.n_levels > MAX_LEVELS)
        fault = "has more than 64 levels";
    if (fault)
        return ww_error_set(err, WW_BAD_INPUT, "the topic pattern %s", fault);
    struct ww_str rest = ww_arena_copy(arena, text);
    p.levels = ww_arena_calloc(arena, p.n_levels, sizeof *p.levels);
    char *room = ww_arena_alloc(arena, text.len + 1);
    if (!rest.ptr || !p.levels || !room)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a topic pattern");
    for (uint32_t i = 0; i < p.n_levels && !fault; i++) {
        bool more;
        fault = read_level(take_level(&rest, &more), p.n_levels - i - 1, &p.levels[i]);
    }
    if (!fault && names_twice(&p))
        fault = "has a {name} twice";
    if (fault)
        return ww_error_set(err, WW_BAD_INPUT, "the topic pattern %s", fault);
    p.filter = write_filter(&p, room);
    *out = p;
    return WW_OK;
}

bool ww_topic_pattern_match(const struct ww_topic_pattern *pattern, struct ww_str topic,
                            struct ww_str *values) {
    uint32_t n_values = 0;
    bool more = true;
    if (topic.len > 0 && topic.ptr[0] == '$' &&
        (pattern->levels[0].kind != WW_TOPIC_TEXT || !ww_str_starts(pattern->levels[0].text, WW_STR("$"))))
        return false;
    for (uint32_t i = 0; i < pattern->n_levels; i++) {
        const struct ww_topic_level *level = &pattern->levels[i];
        if (level->kind == WW_TOPIC_REST)
            return true;
        if (!more)
            return false;
        struct ww_str text = take_level(&topic, &more);
        if (level->kind == WW_TOPIC_TEXT && !ww_str_eq(level->text, text))
            return false;
        if (level->kind == WW_TOPIC_NAME && values)
            values[n_values++] = text;
    }
    return !more;
}
