/* Filters as GDAL 3.6 writes them (filter-lang=cql-text), in the words of CQL2. Pure.
 *
 *   at >= '2026-01-01T05:00:00Z'   at >= TIMESTAMP('2026-01-01T05:00:00Z')
 *   at > '2026-01-01T'             at > DATE('2026-01-01')
 *   name ILIKE 'a%'                CASEI(name) LIKE CASEI('a%')
 *
 * Only what stands beside a time column is changed, and only where it looks like a time: everything else goes
 * to the parser as it came, and what is wrong is told by it.
 */
#include "server/ogc/request.h"

enum kind { KIND_NAME, KIND_TEXT, KIND_COMPARISON, KIND_OTHER };

struct token {
    enum kind kind;
    struct ww_str text; /* as written, quotes too */
};

enum { MAX_TOKENS = 4096 };

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* The length of the token at the start of `rest`, which is no blank. */
static size_t token_length(struct ww_str rest, enum kind *kind) {
    char c = rest.ptr[0];
    size_t n = 1;
    *kind = KIND_OTHER;
    if (c == '\'' || c == '"') {
        *kind = c == '"' ? KIND_NAME : KIND_TEXT;
        while (n < rest.len && rest.ptr[n] != c)
            n++;
        return n < rest.len ? n + 1 : n; /* a doubled quote makes two tokens, side by side, which stay so */
    }
    if (strchr("<>=", c)) {
        *kind = KIND_COMPARISON;
        while (n < rest.len && n < 2 && strchr("<>=", rest.ptr[n]))
            n++;
        return n;
    }
    if (!is_name_byte(c))
        return 1;
    *kind = KIND_NAME;
    while (n < rest.len && (is_name_byte(rest.ptr[n]) || rest.ptr[n] == '.'))
        n++;
    return n;
}

static const struct ww_layer_column *time_column(const struct ww_layer *layer, const struct token *token) {
    struct ww_str name = token->text;
    if (token->kind != KIND_NAME)
        return NULL;
    if (name.len >= 2 && name.ptr[0] == '"')
        name = (struct ww_str){name.ptr + 1, name.len - 2};
    int at = ww_layer_column_find(layer, name);
    if (at < 0)
        return NULL;
    const struct ww_layer_column *column = &layer->columns[at];
    bool is_time =
        column->type == WW_LAYER_INSTANT || column->type == WW_LAYER_CIVIL || column->type == WW_LAYER_DATE;
    return is_time ? column : NULL;
}

/* '2026-01-01T05:00:00Z', without a zone, or a date with a "T" behind it. */
static bool add_time(const struct ww_layer_column *column, struct ww_str quoted, struct ww_buf *out) {
    struct ww_str text = {quoted.ptr + 1, quoted.len >= 2 ? quoted.len - 2 : 0};
    struct ogc_interval ignored;
    if (text.len < 10 || memchr(text.ptr, '/', text.len) || ogc_interval_read(text, &ignored, NULL) != WW_OK)
        return false;
    if (text.len <= 11 || column->type == WW_LAYER_DATE) {
        ww_buf_printf(out, "DATE('%.10s')", text.ptr);
        return true;
    }
    struct ww_str tail = {text.ptr + 11, text.len - 11};
    bool has_zone = memchr(tail.ptr, 'Z', tail.len) || memchr(tail.ptr, 'z', tail.len) ||
                    memchr(tail.ptr, '+', tail.len) || memchr(tail.ptr, '-', tail.len);
    ww_buf_printf(out, "TIMESTAMP('%.*s%s')", WW_STR_ARG(text), has_zone ? "" : "Z");
    return true;
}

static const struct ww_layer_column *compared_with(const struct ww_layer *layer, const struct token *tokens,
                                                   size_t n, size_t i) {
    if (i >= 2 && tokens[i - 1].kind == KIND_COMPARISON)
        return time_column(layer, &tokens[i - 2]);
    if (i + 2 < n && tokens[i + 1].kind == KIND_COMPARISON)
        return time_column(layer, &tokens[i + 2]);
    return NULL;
}

static bool is_ilike(const struct token *token) {
    return token->kind == KIND_NAME && ww_str_eq_nocase(token->text, WW_STR("ILIKE"));
}

enum ww_status ogc_old_cql(struct ww_arena *arena, const struct ww_layer *layer, struct ww_str text,
                           struct ww_str *out) {
    struct token *tokens = ww_arena_calloc(arena, MAX_TOKENS, sizeof *tokens);
    struct ww_buf made;
    size_t n = 0;
    *out = text;
    if (!tokens)
        return WW_NO_MEMORY;
    for (size_t at = 0; at < text.len;) {
        struct ww_str rest = {text.ptr + at, text.len - at};
        if (strchr(" \t\r\n", rest.ptr[0])) {
            at++;
            continue;
        }
        if (n == MAX_TOKENS)
            return WW_OK; /* too long to be what GDAL writes: as it came */
        struct token *token = &tokens[n++];
        token->text = (struct ww_str){rest.ptr, token_length(rest, &token->kind)};
        at += token->text.len;
    }
    ww_buf_init(&made, (size_t)2 << 20);
    const char *end = text.ptr;
    for (size_t i = 0; i < n; i++) {
        struct ww_str t = tokens[i].text;
        ww_buf_add(&made, end, (size_t)(t.ptr - end)); /* the blanks between */
        end = t.ptr + t.len;
        const struct ww_layer_column *time =
            tokens[i].kind == KIND_TEXT ? compared_with(layer, tokens, n, i) : NULL;
        if (time && add_time(time, t, &made))
            continue;
        if (tokens[i].kind == KIND_NAME && i + 2 < n && is_ilike(&tokens[i + 1]) &&
            tokens[i + 2].kind == KIND_TEXT)
            ww_buf_printf(&made, "CASEI(%.*s)", WW_STR_ARG(t));
        else if (i > 0 && i + 1 < n && is_ilike(&tokens[i]) && tokens[i + 1].kind == KIND_TEXT)
            ww_buf_text(&made, "LIKE");
        else if (i > 0 && tokens[i].kind == KIND_TEXT && is_ilike(&tokens[i - 1]))
            ww_buf_printf(&made, "CASEI(%.*s)", WW_STR_ARG(t));
        else
            ww_buf_str_add(&made, t);
    }
    enum ww_status st = ww_buf_status(&made);
    if (st == WW_OK)
        *out = ww_arena_copy(arena, ww_buf_str(&made));
    ww_buf_clear(&made);
    return st == WW_OK && out->ptr ? WW_OK : WW_NO_MEMORY;
}
