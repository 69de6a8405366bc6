/* Finds the next page in an answer's body or Link header, and counts its records. */
#include "ingest/gateway/pull_page.h"

#include "geo/base/json_reader.h"

enum { MAX_KEY = 4096 };

/* ---- Members of JSON ---- */

static enum ww_status unescaped(const struct ww_json_event *ev, struct ww_buf *out, struct ww_error *err) {
    if (!ev->escaped) {
        ww_buf_str_add(out, ev->text);
        return ww_buf_status(out);
    }
    struct ww_str text;
    struct ww_arena *arena = ww_arena_new(ev->text.len + MAX_KEY);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for this page");
    enum ww_status st = ww_json_unescape(arena, ev, &text, err);
    if (st == WW_OK)
        ww_buf_str_add(out, text);
    ww_arena_free(arena);
    return st == WW_OK ? ww_buf_status(out) : st;
}

/* How much of `path` the key is: all of it, or steps up to a dot. 0 = it is another key. */
static size_t key_fits(const struct ww_json_event *key, struct ww_str path) {
    struct ww_buf text;
    size_t fits = 0;
    if (!key->escaped && (key->text.len > path.len || memcmp(key->text.ptr, path.ptr, key->text.len) != 0))
        return 0; /* most keys */
    ww_buf_init(&text, MAX_KEY);
    if (unescaped(key, &text, NULL) == WW_OK) {
        struct ww_str name = ww_buf_str(&text);
        if (name.len > 0 && ww_str_starts(path, name) && (name.len == path.len || path.ptr[name.len] == '.'))
            fits = name.len;
    }
    ww_buf_clear(&text);
    return fits;
}

/* After the event `ev` of a value: moves on to the value at `path`. `ev->type` is WW_JSON_END when there is
 * none. */
static enum ww_status find(struct ww_json_reader *r, struct ww_str path, struct ww_json_event *ev,
                           struct ww_error *err) {
    enum ww_status st = WW_OK;
    while (path.len > 0 && ev->type == WW_JSON_OBJECT) {
        size_t fits = 0;
        while (fits == 0) {
            if ((st = ww_json_next(r, ev, err)) != WW_OK)
                return st;
            if (ev->type != WW_JSON_KEY) { /* the object's end */
                ev->type = WW_JSON_END;
                return WW_OK;
            }
            fits = key_fits(ev, path);
            if (fits == 0 && (st = ww_json_skip(r, ev, NULL, err)) != WW_OK)
                return st;
        }
        if ((st = ww_json_next(r, ev, err)) != WW_OK)
            return st;
        size_t step = fits < path.len ? fits + 1 : fits;
        path = (struct ww_str){path.ptr + step, path.len - step};
    }
    if (path.len > 0)
        ev->type = WW_JSON_END;
    return WW_OK;
}

/* After an OBJECT event: its "href" into `out` when its "rel" is next, else nothing. */
static enum ww_status read_link(struct ww_json_reader *r, struct ww_buf *out, bool *is_next,
                                struct ww_error *err) {
    struct ww_json_event ev;
    enum ww_status st;
    size_t from = out->len;
    *is_next = false;
    while ((st = ww_json_next(r, &ev, err)) == WW_OK && ev.type == WW_JSON_KEY) {
        bool is_rel = ww_str_is(ev.text, "rel"), is_href = ww_str_is(ev.text, "href");
        if ((st = ww_json_next(r, &ev, err)) != WW_OK)
            return st;
        if (is_rel && ev.type == WW_JSON_STRING)
            *is_next = ww_str_is(ev.text, "next");
        if (is_href && ev.type == WW_JSON_STRING) {
            out->len = from;
            st = unescaped(&ev, out, err);
        } else {
            st = ww_json_skip(r, &ev, NULL, err);
        }
        if (st != WW_OK)
            return st;
    }
    if (!*is_next)
        out->len = from;
    return st;
}

/* After an ARRAY event. */
static enum ww_status find_next_link(struct ww_json_reader *r, struct ww_buf *out, struct ww_error *err) {
    struct ww_json_event ev;
    bool is_next = false;
    enum ww_status st = WW_OK;
    while (!is_next && (st = ww_json_next(r, &ev, err)) == WW_OK && ev.type != WW_JSON_END_ARRAY) {
        st = ev.type == WW_JSON_OBJECT ? read_link(r, out, &is_next, err) : ww_json_skip(r, &ev, NULL, err);
        if (st != WW_OK)
            return st;
    }
    return st;
}

static struct ww_str without_bom(struct ww_str body) {
    bool has = body.len >= 3 && memcmp(body.ptr, "\xEF\xBB\xBF", 3) == 0;
    return has ? (struct ww_str){body.ptr + 3, body.len - 3} : body;
}

static bool has_control(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
    return false;
}

enum ww_status ww_pull_member(struct ww_str json, struct ww_str path, struct ww_buf *out,
                              struct ww_error *err) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, without_bom(json));
    enum ww_status st = ww_json_next(&r, &ev, err);
    if (st == WW_OK)
        st = find(&r, path, &ev, err);
    if (st != WW_OK)
        return st;
    size_t from = out->len;
    if (ev.type == WW_JSON_NUMBER || ev.type == WW_JSON_STRING)
        st = unescaped(&ev, out, err);
    else if (ev.type == WW_JSON_ARRAY)
        st = find_next_link(&r, out, err);
    if (st == WW_TOO_LARGE)
        return ww_error_set(err, WW_BAD_INPUT, "what names the next page is too long");
    if (st == WW_OK && out->len > from && has_control((struct ww_str){out->data + from, out->len - from})) {
        out->len = from;
        return ww_error_set(err, WW_BAD_INPUT, "what names the next page holds control characters");
    }
    return st;
}

/* ---- Link headers ---- */

static void skip_blanks(struct ww_str *s) {
    while (s->len > 0 && (*s->ptr == ' ' || *s->ptr == '\t')) {
        s->ptr++;
        s->len--;
    }
}

static void skip(struct ww_str *s, size_t n) {
    s->ptr += n;
    s->len -= n;
}

/* A token, or what stands between quotes (escapes as they are: no relation type has any). */
static struct ww_str take_value(struct ww_str *s) {
    size_t n = 0;
    struct ww_str value;
    if (s->len > 0 && *s->ptr == '"') {
        skip(s, 1);
        while (n < s->len && s->ptr[n] != '"')
            n += s->ptr[n] == '\\' && n + 1 < s->len ? 2 : 1;
        value = (struct ww_str){s->ptr, n};
        skip(s, n + (n < s->len));
        return value;
    }
    while (n < s->len && !strchr(";, \t", s->ptr[n]))
        n++;
    value = (struct ww_str){s->ptr, n};
    skip(s, n);
    return value;
}

/* "prev next": a relation is one of several words. */
static bool has_word(struct ww_str list, struct ww_str word) {
    while (list.len > 0) {
        size_t n = 0;
        skip_blanks(&list);
        while (n < list.len && list.ptr[n] != ' ' && list.ptr[n] != '\t')
            n++;
        if (ww_str_eq_nocase((struct ww_str){list.ptr, n}, word))
            return true;
        skip(&list, n);
    }
    return false;
}

/* The parameters behind a target, up to the comma; true when rel says next. Of several rel the first counts.
 */
static bool params_say_next(struct ww_str *s) {
    bool is_next = false, has_rel = false;
    for (;;) {
        skip_blanks(s);
        if (s->len == 0 || *s->ptr != ';')
            return is_next;
        skip(s, 1);
        skip_blanks(s);
        size_t n = 0;
        while (n < s->len && !strchr("=;, \t", s->ptr[n]))
            n++;
        struct ww_str name = {s->ptr, n}, value = WW_STR("");
        skip(s, n);
        skip_blanks(s);
        if (s->len > 0 && *s->ptr == '=') {
            skip(s, 1);
            skip_blanks(s);
            value = take_value(s);
        }
        if (!has_rel && ww_str_eq_nocase(name, WW_STR("rel"))) {
            has_rel = true;
            is_next = has_word(value, WW_STR("next"));
        }
    }
}

bool ww_pull_link_next(struct ww_str s, struct ww_str *target) {
    while (s.len > 0) {
        const char *open = memchr(s.ptr, '<', s.len);
        if (!open)
            return false;
        skip(&s, (size_t)(open - s.ptr) + 1);
        const char *close = memchr(s.ptr, '>', s.len);
        if (!close)
            return false;
        struct ww_str url = {s.ptr, (size_t)(close - s.ptr)};
        skip(&s, url.len + 1);
        if (params_say_next(&s)) {
            *target = url;
            return true;
        }
    }
    return false;
}

/* ---- Records ---- */

/* After an ARRAY event. */
static int64_t count_items(struct ww_json_reader *r) {
    struct ww_json_event ev;
    for (int64_t n = 0;; n++) {
        if (ww_json_next(r, &ev, NULL) != WW_OK)
            return -1;
        if (ev.type == WW_JSON_END_ARRAY)
            return n;
        if (ww_json_skip(r, &ev, NULL, NULL) != WW_OK)
            return -1;
    }
}

static int64_t count_array(struct ww_str records, struct ww_str body) {
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, body);
    if (ww_json_next(&r, &ev, NULL) != WW_OK || find(&r, records, &ev, NULL) != WW_OK)
        return -1;
    return ev.type == WW_JSON_ARRAY ? count_items(&r) : -1;
}

static int64_t count_json(enum ww_format format, struct ww_str records, struct ww_str body) {
    if (records.len > 0)
        return count_array(records, body);
    if (format == WW_FORMAT_GEOJSON)
        return count_array(WW_STR("features"), body);
    if (format == WW_FORMAT_SENSORTHINGS)
        return count_array(WW_STR("value"), body);
    return count_array(WW_STR(""), body);
}

/* Lines that hold something; a line break between quotes is none in CSV. */
static int64_t count_lines(struct ww_str body, bool quotes) {
    int64_t n = 0;
    bool inside = false, filled = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (quotes && c == '"')
            inside = !inside;
        if (c == '\n' && !inside) {
            n += filled;
            filled = false;
        } else if (c != '\r' && c != ' ' && c != '\t') {
            filled = true;
        }
    }
    return n + filled;
}

int64_t ww_pull_count_records(enum ww_format format, struct ww_str records, struct ww_str body) {
    body = ww_str_trim(without_bom(body));
    if (body.len == 0)
        return 0;
    if (format == WW_FORMAT_AUTO)
        format = *body.ptr == '[' || *body.ptr == '{' ? WW_FORMAT_JSON : WW_FORMAT_CSV;
    if (format == WW_FORMAT_NDJSON)
        return count_lines(body, false);
    if (format == WW_FORMAT_CSV)
        return count_lines(body, true) - 1; /* the header */
    if (format == WW_FORMAT_TEXT || format == WW_FORMAT_HJ212)
        return -1;
    return count_json(format, records, body);
}
