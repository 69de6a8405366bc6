/* Cuts the text encoding into words: names, quoted names, texts, numbers, signs.
 *
 * What may stand in a name without quotes is the standard's own list (rule identifier of its BNF, Annex B),
 * Chinese included. Blanks are what Unicode calls white space. A quote inside of a text is doubled, or
 * follows a backslash; any other backslash is itself: LIKE gives it its meaning.
 */
#include "server/cql2/lexer.h"

/* ---- Characters ---- */

/* The input is known to be UTF-8. */
static uint32_t character_at(struct ww_str text, size_t pos, size_t *len) {
    const unsigned char *p = (const unsigned char *)text.ptr + pos;
    if (p[0] < 0x80) {
        *len = 1;
        return p[0];
    }
    *len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = *len == 2 ? p[0] & 0x1Fu : *len == 3 ? p[0] & 0x0Fu : p[0] & 0x07u;
    for (size_t i = 1; i < *len; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    return c;
}

struct range {
    uint32_t first, last;
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}
#define IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof *(ranges))

static bool begins_name(uint32_t c) {
    static const struct range letters[] = {
        {'a', 'z'},       {'A', 'Z'},       {'_', '_'},       {':', ':'},
        {0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x2FF},    {0x370, 0x37D},
        {0x37F, 0x1FFE},  {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF},
        {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
    };
    return IN(c, letters);
}

static bool continues_name(uint32_t c) {
    static const struct range more[] = {{'0', '9'}, {'.', '.'}, {0x300, 0x36F}, {0x203F, 0x2040}};
    return begins_name(c) || IN(c, more);
}

static bool is_blank(uint32_t c) {
    static const struct range blanks[] = {
        {'\t', '\r'},     {' ', ' '},       {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    return IN(c, blanks);
}

static bool is_digit(struct ww_str text, size_t pos) {
    return pos < text.len && text.ptr[pos] >= '0' && text.ptr[pos] <= '9';
}

bool ww_cql2_is_identifier(struct ww_str text) {
    size_t len;
    for (size_t pos = 0; pos < text.len; pos += len) {
        uint32_t c = character_at(text, pos, &len);
        if (pos == 0 ? !begins_name(c) || is_blank(c) : !continues_name(c) || is_blank(c))
            return false;
    }
    return text.len > 0;
}

/* ---- Words ---- */

static bool read_name(struct ww_cql2_lexer *lexer, struct ww_cql2_word *out) {
    struct ww_str input = lexer->b->input;
    size_t start = lexer->pos, len;
    while (lexer->pos < input.len) {
        uint32_t c = character_at(input, lexer->pos, &len);
        if (!continues_name(c) || is_blank(c))
            break;
        lexer->pos += len;
    }
    out->kind = CQL2_NAME;
    out->value = (struct ww_str){input.ptr + start, lexer->pos - start};
    return true;
}

/* [digits][.[digits]][E[sign]digits], with a digit before or after the point. */
static bool read_digits(struct ww_cql2_lexer *lexer, struct ww_cql2_word *out) {
    struct ww_str input = lexer->b->input;
    size_t start = lexer->pos, pos = start;
    while (is_digit(input, pos))
        pos++;
    if (pos < input.len && input.ptr[pos] == '.')
        pos++;
    while (is_digit(input, pos))
        pos++;
    if (pos < input.len && (input.ptr[pos] == 'e' || input.ptr[pos] == 'E')) {
        size_t digits = pos + 1;
        if (digits < input.len && (input.ptr[digits] == '-' || input.ptr[digits] == '+'))
            digits++;
        if (is_digit(input, digits))
            for (pos = digits; is_digit(input, pos);)
                pos++;
    }
    lexer->pos = pos;
    out->kind = CQL2_DIGITS;
    out->value = (struct ww_str){input.ptr + start, pos - start};
    return true;
}

/* Finds the closing quote of what begins at `start`; `escapes` counts the bytes to leave out. */
static size_t find_quote(struct ww_str input, size_t start, char quote, size_t *escapes) {
    size_t pos = start;
    *escapes = 0;
    for (; pos < input.len; pos++) {
        bool escaped = pos + 1 < input.len && input.ptr[pos + 1] == quote &&
                       (input.ptr[pos] == quote || (quote == '\'' && input.ptr[pos] == '\\'));
        if (escaped) {
            ++*escapes;
            pos++;
        } else if (input.ptr[pos] == quote)
            break;
    }
    return pos;
}

static bool read_quoted(struct ww_cql2_lexer *lexer, char quote, struct ww_cql2_word *out) {
    struct ww_str input = lexer->b->input;
    size_t start = lexer->pos + 1, escapes, end = find_quote(input, start, quote, &escapes);
    if (end == input.len)
        return ww_cql2_fail(lexer->b, WW_BAD_INPUT, out->place, "a quote %c is opened here and not closed",
                            quote);
    lexer->pos = end + 1;
    out->kind = quote == '"' ? CQL2_QUOTED : CQL2_STRING;
    out->value = (struct ww_str){input.ptr + start, end - start};
    if (escapes == 0)
        return true;
    char *plain = ww_arena_alloc(lexer->b->arena, end - start);
    if (!plain)
        return ww_cql2_no_memory(lexer->b);
    size_t n = 0;
    for (size_t pos = start; pos < end; pos++) {
        if (pos + 1 < end && input.ptr[pos + 1] == quote &&
            (input.ptr[pos] == quote || (quote == '\'' && input.ptr[pos] == '\\')))
            pos++;
        plain[n++] = input.ptr[pos];
    }
    out->value = (struct ww_str){plain, n};
    return true;
}

static bool read_sign(struct ww_cql2_lexer *lexer, struct ww_cql2_word *out) {
    struct ww_str input = lexer->b->input;
    const char *at = input.ptr + lexer->pos;
    char next = lexer->pos + 1 < input.len ? at[1] : '\0';
    out->kind = CQL2_SIGN;
    if (*at == '<' && next == '=')
        out->kind = CQL2_LESS_EQUAL;
    else if (*at == '>' && next == '=')
        out->kind = CQL2_GREATER_EQUAL;
    else if (*at == '<' && next == '>')
        out->kind = CQL2_UNEQUAL;
    else if (*at == '\0' || !strchr("=<>()[],+-*/%^", *at)) {
        size_t len;
        (void)character_at(input, lexer->pos, &len);
        return (unsigned char)*at < ' '
                   ? ww_cql2_fail(lexer->b, WW_BAD_INPUT, lexer->pos, "a control character (byte %d)", *at)
                   : ww_cql2_fail(lexer->b, WW_BAD_INPUT, lexer->pos, "%.*s does not belong into a filter",
                                  (int)len, at);
    }
    out->value = (struct ww_str){at, out->kind == CQL2_SIGN ? 1 : 2};
    lexer->pos += out->value.len;
    return true;
}

bool ww_cql2_next_word(struct ww_cql2_lexer *lexer, struct ww_cql2_word *out) {
    struct ww_str input = lexer->b->input;
    size_t len = 0;
    uint32_t c = 0;
    while (lexer->pos < input.len && is_blank(c = character_at(input, lexer->pos, &len)))
        lexer->pos += len;
    *out = (struct ww_cql2_word){.kind = CQL2_END, .place = lexer->pos};
    if (lexer->pos >= input.len)
        return true;
    if (c == '"' || c == '\'')
        return read_quoted(lexer, (char)c, out);
    if (begins_name(c))
        return read_name(lexer, out);
    if (is_digit(input, lexer->pos) || (c == '.' && is_digit(input, lexer->pos + 1)))
        return read_digits(lexer, out);
    return read_sign(lexer, out);
}
