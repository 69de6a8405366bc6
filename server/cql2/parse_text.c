/* Reads the text encoding by recursive descent; one function a rule, loosest first.
 *
 *   condition  ← conjunct { OR conjunct }
 *   conjunct   ← negation { AND negation }
 *   negation   ← NOT negation | predicate
 *   predicate  ← sum [ compare sum | [NOT] LIKE sum | [NOT] BETWEEN sum AND sum | [NOT] IN ( … ) | IS [NOT]
 * NULL ] sum        ← product { (+|-) product } product    ← power { (*|/|%|DIV) power } power      ← signed
 * [ ^ power ] signed     ← - signed | primary primary    ← literal | property | function | ( condition ) | (
 * array )
 *
 * This is the standard's grammar (OGC 21-065, Annex B) in a form that can be read with one word of looking
 * ahead, made wider where that costs nothing: conditions may be compared, parentheses stand wherever a value
 * may, a boolean property is a condition, arrays are written ( … ) as version 1.0 has it or [ … ] as its
 * drafts had. Types, which the grammar mixes in, are checked on the tree (check.c).
 */
#include "server/cql2/lexer.h"
#include "server/cql2/shape.h"
#include "server/cql2/text_parser.h"

/* ---- Words ---- */

bool ww_cql2_step(struct ww_cql2_parser *p) {
    p->word = p->next;
    return ww_cql2_next_word(&p->lexer, &p->next);
}

bool ww_cql2_is_sign(const struct ww_cql2_word *word, char sign) {
    return word->kind == CQL2_SIGN && word->value.ptr[0] == sign;
}

static bool is_keyword(const struct ww_cql2_word *word, const char *keyword) {
    return word->kind == CQL2_NAME && ww_str_eq_nocase(word->value, ww_str_of(keyword));
}

void *ww_cql2_expected(struct ww_cql2_parser *p, const char *what) {
    const struct ww_cql2_word *word = &p->word;
    if (word->kind == CQL2_END)
        return ww_cql2_fail(p->lexer.b, WW_BAD_INPUT, word->place, "%s is expected where the filter ends",
                            what);
    size_t len = word->value.len > 40 ? 40 : word->value.len;
    while (len > 0 && len < word->value.len && ((unsigned char)word->value.ptr[len] & 0xC0) == 0x80)
        len--;
    return ww_cql2_fail(p->lexer.b, WW_BAD_INPUT, word->place, "%s is expected, not %.*s", what, (int)len,
                        word->value.ptr);
}

bool ww_cql2_take_sign(struct ww_cql2_parser *p, char sign) {
    const char what[] = {'"', sign, '"', '\0'};
    if (!ww_cql2_is_sign(&p->word, sign))
        return ww_cql2_expected(p, what);
    return ww_cql2_step(p);
}

static bool enter(struct ww_cql2_parser *p) {
    if (++p->nesting > WW_CQL2_MAX_PARENS)
        return ww_cql2_fail(p->lexer.b, WW_TOO_LARGE, p->word.place,
                            "parentheses are nested more than %d deep", WW_CQL2_MAX_PARENS);
    return true;
}

static struct ww_cql2_node *leave(struct ww_cql2_parser *p, struct ww_cql2_node *node) {
    p->nesting--;
    return node;
}

static struct ww_cql2_node *read_condition(struct ww_cql2_parser *p);

/* ---- Lists ---- */

/* After "(" or "[": values up to `close`. */
static bool read_values(struct ww_cql2_parser *p, char close, struct ww_cql2_list *list) {
    if (ww_cql2_is_sign(&p->word, close))
        return ww_cql2_step(p);
    for (;;) {
        if (list->n == WW_CQL2_MAX_LIST + 1) /* one more than a list may have: an IN begins with its value */
            return ww_cql2_fail(p->lexer.b, WW_TOO_LARGE, p->word.place, "a list has at most %d values",
                                WW_CQL2_MAX_LIST);
        if (!ww_cql2_list_add(p->lexer.b, list, read_condition(p)))
            return false;
        if (!ww_cql2_is_sign(&p->word, ','))
            break;
        if (!ww_cql2_step(p))
            return false;
    }
    return ww_cql2_take_sign(p, close);
}

static struct ww_cql2_node *new_array(struct ww_cql2_parser *p, const struct ww_cql2_list *list,
                                      size_t place) {
    if (list->n > WW_CQL2_MAX_LIST)
        return ww_cql2_fail(p->lexer.b, WW_TOO_LARGE, place, "an array has at most %d elements",
                            WW_CQL2_MAX_LIST);
    return ww_cql2_new_op(p->lexer.b, CQL2_ARRAY, list->nodes, list->n, place);
}

/* "( condition )", or an array: empty, or with a comma. */
static struct ww_cql2_node *read_parenthesis(struct ww_cql2_parser *p) {
    struct ww_cql2_list list = {0};
    size_t place = p->word.place;
    if (!ww_cql2_step(p) || !read_values(p, ')', &list))
        return NULL;
    return list.n == 1 ? list.nodes[0] : new_array(p, &list, place);
}

/* Where an array is due, ('a') is one too. */
static struct ww_cql2_node *read_array(struct ww_cql2_parser *p) {
    struct ww_cql2_list list = {0};
    size_t place = p->word.place;
    bool square = ww_cql2_is_sign(&p->word, '[');
    if (!square && !ww_cql2_is_sign(&p->word, '('))
        return read_condition(p);
    if (!enter(p) || !ww_cql2_step(p) || !read_values(p, square ? ']' : ')', &list))
        return NULL;
    return leave(p, new_array(p, &list, place));
}

/* ---- Functions and literals with names ---- */

/* After the name: its arguments. None takes more than two, so that a third is enough to be refused. */
static struct ww_cql2_node *read_call(struct ww_cql2_parser *p, enum ww_cql2_op op, size_t place) {
    struct ww_cql2_list list = {0};
    bool arrays = op >= CQL2_A_CONTAINED_BY;
    if (!ww_cql2_take_sign(p, '('))
        return NULL;
    while (list.n < 3 && !ww_cql2_is_sign(&p->word, ')')) {
        if (list.n > 0 && !ww_cql2_take_sign(p, ','))
            return NULL;
        if (!ww_cql2_list_add(p->lexer.b, &list, arrays ? read_array(p) : read_condition(p)))
            return NULL;
    }
    struct ww_cql2_node *call = ww_cql2_new_op(p->lexer.b, op, list.nodes, list.n, place);
    return call && ww_cql2_take_sign(p, ')') ? call : NULL;
}

/* DATE('…'), TIMESTAMP('…') */
static struct ww_cql2_node *read_instant(struct ww_cql2_parser *p, bool date, size_t place) {
    if (!ww_cql2_take_sign(p, '('))
        return NULL;
    if (p->word.kind != CQL2_STRING)
        return ww_cql2_expected(p, date ? "a date in quotes" : "a timestamp in quotes");
    struct ww_cql2_node *node = date ? ww_cql2_new_date(p->lexer.b, p->word.value, place)
                                     : ww_cql2_new_timestamp(p->lexer.b, p->word.value, place);
    return node && ww_cql2_step(p) && ww_cql2_take_sign(p, ')') ? node : NULL;
}

static struct ww_cql2_node *read_interval(struct ww_cql2_parser *p, size_t place) {
    struct ww_cql2_node *bounds[2] = {NULL, NULL};
    if (!ww_cql2_take_sign(p, '('))
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (i == 1 && !ww_cql2_take_sign(p, ','))
            return NULL;
        if (p->word.kind == CQL2_STRING) {
            bounds[i] = ww_cql2_new_bound(p->lexer.b, p->word.value, p->word.place);
            if (!ww_cql2_step(p))
                return NULL;
        } else
            bounds[i] = read_condition(p);
        if (!bounds[i])
            return NULL;
    }
    return ww_cql2_take_sign(p, ')') ? ww_cql2_new_op2(p->lexer.b, CQL2_INTERVAL, bounds[0], bounds[1], place)
                                     : NULL;
}

static struct ww_cql2_node *read_named(struct ww_cql2_parser *p) {
    const struct ww_cql2_word word = p->word;
    enum ww_cql2_shape_kind kind;
    enum ww_cql2_op op;
    bool called = ww_cql2_is_sign(&p->next, '(');
    if (!ww_cql2_step(p))
        return NULL;
    if (!called && is_keyword(&word, "true"))
        return ww_cql2_new_boolean(p->lexer.b, true, word.place);
    if (!called && is_keyword(&word, "false"))
        return ww_cql2_new_boolean(p->lexer.b, false, word.place);
    if (ww_cql2_shape_kind_find(word.value, &kind) && (called || is_keyword(&p->word, "z")))
        return ww_cql2_new_shape(p->lexer.b, ww_cql2_read_shape(p, kind, word.place), word.place);
    if (ww_cql2_shape_kind_find(word.value, &kind) && is_keyword(&p->word, "empty"))
        return ww_cql2_expected(p, "\"(\"");
    if (!called)
        return ww_cql2_new_property(p->lexer.b, word.value, word.place);
    if (is_keyword(&word, "date") || is_keyword(&word, "timestamp"))
        return read_instant(p, is_keyword(&word, "date"), word.place);
    if (is_keyword(&word, "interval"))
        return read_interval(p, word.place);
    if (ww_cql2_op_find(word.value, &op) && ww_cql2_op_is_function(op))
        return read_call(p, op, word.place);
    return ww_cql2_fail(p->lexer.b, WW_BAD_INPUT, word.place, "there is no function %.*s",
                        word.value.len > 80 ? 80 : (int)word.value.len, word.value.ptr);
}

/* A word that can't begin a value. */
static bool is_reserved(const struct ww_cql2_word *word) {
    static const char *const reserved[] = {"and", "between", "div", "in", "is", "like", "not", "null", "or"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (is_keyword(word, reserved[i]))
            return true;
    return false;
}

static struct ww_cql2_node *read_primary(struct ww_cql2_parser *p) {
    const struct ww_cql2_word word = p->word;
    if (word.kind == CQL2_NAME && !is_reserved(&word))
        return read_named(p);
    if (ww_cql2_is_sign(&word, '('))
        return read_parenthesis(p);
    if (ww_cql2_is_sign(&word, '['))
        return read_array(p);
    if (word.kind != CQL2_QUOTED && word.kind != CQL2_STRING && word.kind != CQL2_DIGITS)
        return ww_cql2_expected(p, "a value");
    if (!ww_cql2_step(p))
        return NULL;
    if (word.kind == CQL2_QUOTED)
        return ww_cql2_new_property(p->lexer.b, word.value, word.place);
    if (word.kind == CQL2_STRING)
        return ww_cql2_new_text(p->lexer.b, word.value, word.place);
    return ww_cql2_new_number(p->lexer.b, word.value, false, word.place);
}

/* ---- Arithmetic ---- */

/* A sign before digits is the number's own; before all else it multiplies by -1, as JSON has no other way to
 * say it. */
static struct ww_cql2_node *read_signed(struct ww_cql2_parser *p) {
    size_t place = p->word.place;
    bool minus = ww_cql2_is_sign(&p->word, '-');
    if (!minus && !ww_cql2_is_sign(&p->word, '+'))
        return read_primary(p);
    if (!ww_cql2_step(p))
        return NULL;
    if (p->word.kind == CQL2_DIGITS) {
        struct ww_cql2_node *number = ww_cql2_new_number(p->lexer.b, p->word.value, minus, place);
        return number && ww_cql2_step(p) ? number : NULL;
    }
    if (!minus)
        return ww_cql2_expected(p, "a number");
    if (!enter(p))
        return NULL;
    struct ww_cql2_node *operand = leave(p, read_signed(p));
    return ww_cql2_new_op2(p->lexer.b, CQL2_MULTIPLY,
                           ww_cql2_new_number(p->lexer.b, WW_STR("1"), true, place), operand, place);
}

static struct ww_cql2_node *read_power(struct ww_cql2_parser *p) {
    struct ww_cql2_node *base = read_signed(p);
    if (!base || !ww_cql2_is_sign(&p->word, '^'))
        return base;
    if (!enter(p) || !ww_cql2_step(p))
        return NULL;
    return ww_cql2_new_op2(p->lexer.b, CQL2_POWER, base, leave(p, read_power(p)), base->place);
}

static bool find_operator(const struct ww_cql2_word *word, enum ww_cql2_op first, enum ww_cql2_op last,
                          enum ww_cql2_op *op) {
    bool may_be = word->kind == CQL2_SIGN || word->kind == CQL2_LESS_EQUAL ||
                  word->kind == CQL2_GREATER_EQUAL || word->kind == CQL2_UNEQUAL || is_keyword(word, "div");
    return may_be && ww_cql2_op_find(word->value, op) && *op >= first && *op <= last && *op != CQL2_POWER;
}

static struct ww_cql2_node *read_product(struct ww_cql2_parser *p) {
    struct ww_cql2_node *left = read_power(p);
    enum ww_cql2_op op;
    while (left && find_operator(&p->word, CQL2_MULTIPLY, CQL2_DIV, &op)) {
        if (!ww_cql2_step(p))
            return NULL;
        left = ww_cql2_new_op2(p->lexer.b, op, left, read_power(p), left->place);
    }
    return left;
}

static struct ww_cql2_node *read_sum(struct ww_cql2_parser *p) {
    struct ww_cql2_node *left = read_product(p);
    enum ww_cql2_op op;
    while (left && find_operator(&p->word, CQL2_ADD, CQL2_SUBTRACT, &op)) {
        if (!ww_cql2_step(p))
            return NULL;
        left = ww_cql2_new_op2(p->lexer.b, op, left, read_product(p), left->place);
    }
    return left;
}

/* ---- Predicates ---- */

static struct ww_cql2_node *read_between(struct ww_cql2_parser *p, struct ww_cql2_node *value) {
    struct ww_cql2_list list = {0};
    if (!ww_cql2_list_add(p->lexer.b, &list, value) || !ww_cql2_list_add(p->lexer.b, &list, read_sum(p)))
        return NULL;
    if (!is_keyword(&p->word, "and"))
        return ww_cql2_expected(p, "AND");
    if (!ww_cql2_step(p) || !ww_cql2_list_add(p->lexer.b, &list, read_sum(p)))
        return NULL;
    return ww_cql2_new_op(p->lexer.b, CQL2_BETWEEN, list.nodes, 3, value->place);
}

static struct ww_cql2_node *read_in(struct ww_cql2_parser *p, struct ww_cql2_node *value) {
    struct ww_cql2_list list = {0};
    if (!ww_cql2_list_add(p->lexer.b, &list, value) || !ww_cql2_take_sign(p, '('))
        return NULL;
    if (ww_cql2_is_sign(&p->word, ')'))
        return ww_cql2_expected(p, "a value");
    if (!enter(p) || !read_values(p, ')', &list))
        return NULL;
    return leave(p, ww_cql2_new_op(p->lexer.b, CQL2_IN, list.nodes, list.n, value->place));
}

/* After "value IS". */
static struct ww_cql2_node *read_null(struct ww_cql2_parser *p, struct ww_cql2_node *value) {
    bool negated = is_keyword(&p->word, "not");
    if (negated && !ww_cql2_step(p))
        return NULL;
    if (!is_keyword(&p->word, "null"))
        return ww_cql2_expected(p, negated ? "NULL" : "NULL or NOT NULL");
    if (!ww_cql2_step(p))
        return NULL;
    struct ww_cql2_node *test = ww_cql2_new_op1(p->lexer.b, CQL2_IS_NULL, value, value->place);
    return negated ? ww_cql2_new_op1(p->lexer.b, CQL2_NOT, test, value->place) : test;
}

static struct ww_cql2_node *read_predicate(struct ww_cql2_parser *p) {
    struct ww_cql2_node *value = read_sum(p), *test;
    enum ww_cql2_op op;
    if (!value)
        return NULL;
    if (find_operator(&p->word, CQL2_EQ, CQL2_GE, &op))
        return ww_cql2_step(p) ? ww_cql2_new_op2(p->lexer.b, op, value, read_sum(p), value->place) : NULL;
    if (is_keyword(&p->word, "is"))
        return ww_cql2_step(p) ? read_null(p, value) : NULL;
    bool negated = is_keyword(&p->word, "not");
    if (negated && !ww_cql2_step(p))
        return NULL;
    bool like = is_keyword(&p->word, "like"), between = is_keyword(&p->word, "between");
    if (!like && !between && !is_keyword(&p->word, "in"))
        return negated ? ww_cql2_expected(p, "LIKE, BETWEEN or IN") : value;
    if (!ww_cql2_step(p))
        return NULL;
    if (like)
        test = ww_cql2_new_op2(p->lexer.b, CQL2_LIKE, value, read_sum(p), value->place);
    else
        test = between ? read_between(p, value) : read_in(p, value);
    return negated ? ww_cql2_new_op1(p->lexer.b, CQL2_NOT, test, value->place) : test;
}

static struct ww_cql2_node *read_negation(struct ww_cql2_parser *p) {
    size_t place = p->word.place;
    if (!is_keyword(&p->word, "not"))
        return read_predicate(p);
    if (!enter(p) || !ww_cql2_step(p))
        return NULL;
    return ww_cql2_new_op1(p->lexer.b, CQL2_NOT, leave(p, read_negation(p)), place);
}

/* `a OP b OP c` is one operator with three operands. */
static struct ww_cql2_node *read_chain(struct ww_cql2_parser *p, const char *keyword, enum ww_cql2_op op,
                                       struct ww_cql2_node *(*read)(struct ww_cql2_parser *)) {
    struct ww_cql2_node *first = read(p);
    struct ww_cql2_list list = {0};
    if (!first || !is_keyword(&p->word, keyword))
        return first;
    if (!ww_cql2_list_add(p->lexer.b, &list, first))
        return NULL;
    while (is_keyword(&p->word, keyword))
        if (!ww_cql2_step(p) || !ww_cql2_list_add(p->lexer.b, &list, read(p)))
            return NULL;
    return ww_cql2_new_op(p->lexer.b, op, list.nodes, list.n, first->place);
}

static struct ww_cql2_node *read_conjunct(struct ww_cql2_parser *p) {
    return read_chain(p, "and", CQL2_AND, read_negation);
}

static struct ww_cql2_node *read_condition(struct ww_cql2_parser *p) {
    if (!enter(p))
        return NULL;
    return leave(p, read_chain(p, "or", CQL2_OR, read_conjunct));
}

enum ww_status ww_cql2_parse_text(struct ww_str text, const struct ww_cql2_schema *schema,
                                  struct ww_cql2_crs crs, struct ww_arena *arena, struct ww_cql2_expr **out,
                                  struct ww_error *err) {
    struct ww_cql2_builder b = {.arena = arena, .schema = schema, .crs = crs, .input = text, .err = err};
    struct ww_cql2_parser p = {.lexer = {.b = &b}};
    struct ww_cql2_node *root = NULL;
    *out = NULL;
    if (text.len > WW_CQL2_MAX_BYTES)
        ww_cql2_fail(&b, WW_TOO_LARGE, 0, "a filter has at most %d bytes", WW_CQL2_MAX_BYTES);
    else if (!ww_str_is_utf8(text))
        ww_cql2_fail(&b, WW_BAD_INPUT, 0, "a filter is UTF-8 text");
    else if (ww_cql2_step(&p) && ww_cql2_step(&p))
        root = read_condition(&p);
    if (root && p.word.kind != CQL2_END)
        ww_cql2_expected(&p, "AND, OR or the end");
    return ww_cql2_finish(&b, root, out);
}
