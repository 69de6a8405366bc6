/* Writes a tree in the text encoding, with no more parentheses than it needs. */
#include <stdio.h>

#include "geo/civil.h"
#include "geo/instant.h"
#include "server/cql2/lexer.h"
#include "server/cql2/shape.h"
#include "server/cql2/write.h"

/* How tightly a node holds together; a node inside of a tighter one stands in parentheses. */
enum { LOOSE, OR, AND, NOT, PREDICATE, SUM, PRODUCT, POWER, TIGHT };

struct writer {
    const struct ww_cql2_expr *expr;
    struct ww_buf *out;
    bool unwritable;
};

static int tightness(const struct ww_cql2_node *node) {
    switch (node->op) {
    case CQL2_OR:
        return OR;
    case CQL2_AND:
        return AND;
    case CQL2_NOT:
        return NOT;
    case CQL2_ADD:
    case CQL2_SUBTRACT:
        return SUM;
    case CQL2_MULTIPLY:
    case CQL2_DIVIDE:
    case CQL2_MODULO:
    case CQL2_DIV:
        return PRODUCT;
    case CQL2_POWER:
        return POWER;
    default:
        return node->op >= CQL2_EQ && node->op <= CQL2_IS_NULL ? PREDICATE : TIGHT;
    }
}

static void write_node(struct writer *w, const struct ww_cql2_node *node, int around);

static void write_capitals(struct writer *w, const char *name) {
    for (; *name; name++)
        ww_buf_char(w->out, *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name);
}

/* ---- Leaves ---- */

static void write_quoted(struct writer *w, struct ww_str text) {
    ww_buf_char(w->out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        bool last = i + 1 == text.len;
        if (text.ptr[i] == '\\' && (last || text.ptr[i + 1] == '\''))
            w->unwritable = true;
        if (text.ptr[i] == '\'')
            ww_buf_char(w->out, '\'');
        ww_buf_char(w->out, text.ptr[i]);
    }
    ww_buf_char(w->out, '\'');
}

static bool is_word_of_ours(struct ww_str name) {
    static const char *const words[] = {"and",  "between",  "div",   "false", "in",       "is",
                                        "like", "not",      "null",  "or",    "true",     "date",
                                        "bbox", "interval", "point", "z",     "timestamp"};
    enum ww_cql2_shape_kind kind;
    enum ww_cql2_op op;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ww_str_eq_nocase(name, ww_str_of(words[i])))
            return true;
    return ww_cql2_shape_kind_find(name, &kind) || ww_cql2_op_find(name, &op);
}

static void write_property(struct writer *w, const struct ww_cql2_node *node) {
    struct ww_str name = w->expr->schema->properties[node->property].name;
    if (ww_cql2_is_identifier(name) && !is_word_of_ours(name)) {
        ww_buf_str_add(w->out, name);
        return;
    }
    ww_buf_char(w->out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            ww_buf_char(w->out, '"');
        ww_buf_char(w->out, name.ptr[i]);
    }
    ww_buf_char(w->out, '"');
}

int ww_cql2_time_text(const struct ww_cql2_node *node, char out[40]) {
    if (node->op == CQL2_OPEN)
        return snprintf(out, 40, "..");
    if (node->op == CQL2_INSTANT)
        return ww_instant_text(node->integer, out);
    int year, month, day;
    ww_date_of(node->integer, &year, &month, &day);
    return snprintf(out, 40, "%04d-%02d-%02d", year, month, day);
}

static void write_time(struct writer *w, const struct ww_cql2_node *node, bool with_name) {
    char text[40];
    int len = ww_cql2_time_text(node, text);
    if (with_name)
        ww_buf_text(w->out, node->op == CQL2_DATE ? "DATE(" : "TIMESTAMP(");
    write_quoted(w, (struct ww_str){text, (size_t)len});
    if (with_name)
        ww_buf_char(w->out, ')');
}

static void write_leaf(struct writer *w, const struct ww_cql2_node *node) {
    char digits[32];
    switch (node->op) {
    case CQL2_TEXT:
        write_quoted(w, node->text);
        break;
    case CQL2_INTEGER:
        ww_buf_printf(w->out, "%lld", (long long)node->integer);
        break;
    case CQL2_NUMBER:
        ww_buf_add(w->out, digits, (size_t)ww_double_text(node->number, digits));
        break;
    case CQL2_BOOLEAN:
        ww_buf_text(w->out, node->boolean ? "TRUE" : "FALSE");
        break;
    case CQL2_SHAPE:
        ww_cql2_shape_text(node->shape, w->out);
        break;
    case CQL2_PROPERTY:
        write_property(w, node);
        break;
    default:
        write_time(w, node, true);
        break;
    }
}

/* ---- Operators ---- */

/* The nodes from `first` on, with commas. */
static void write_list(struct writer *w, const struct ww_cql2_node *node, uint32_t first) {
    ww_buf_char(w->out, '(');
    for (uint32_t i = first; i < node->n_args; i++) {
        if (i > first)
            ww_buf_text(w->out, ", ");
        if (node->op == CQL2_INTERVAL &&
            (node->args[i]->op == CQL2_OPEN || ww_cql2_is_literal(node->args[i])))
            write_time(w, node->args[i], false);
        else
            write_node(w, node->args[i], LOOSE);
    }
    ww_buf_char(w->out, ')');
}

static void write_between_operands(struct writer *w, const struct ww_cql2_node *node, const char *word,
                                   int left, int others) {
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (i > 0)
            ww_buf_text(w->out, word);
        write_node(w, node->args[i], i == 0 ? left : others);
    }
}

/* LIKE, BETWEEN, IN and IS NULL, which have their NOT inside. */
static void write_test(struct writer *w, const struct ww_cql2_node *node, bool negated) {
    write_node(w, node->args[0], SUM);
    if (node->op == CQL2_IS_NULL) {
        ww_buf_text(w->out, negated ? " IS NOT NULL" : " IS NULL");
        return;
    }
    ww_buf_text(w->out, negated ? " NOT " : " ");
    write_capitals(w, ww_cql2_op_name(node->op));
    ww_buf_char(w->out, ' ');
    if (node->op == CQL2_IN) {
        write_list(w, node, 1);
        return;
    }
    write_node(w, node->args[1], SUM);
    if (node->op == CQL2_BETWEEN) {
        ww_buf_text(w->out, " AND ");
        write_node(w, node->args[2], SUM);
    }
}

static void write_not(struct writer *w, const struct ww_cql2_node *node) {
    const struct ww_cql2_node *inner = node->args[0];
    if (inner->op >= CQL2_LIKE && inner->op <= CQL2_IS_NULL) {
        write_test(w, inner, true);
        return;
    }
    ww_buf_text(w->out, "NOT ");
    write_node(w, inner, NOT);
}

static void write_infix(struct writer *w, const struct ww_cql2_node *node) {
    char word[16];
    int mine = tightness(node), left = mine, others = mine + 1;
    snprintf(word, sizeof word, " %s ", ww_cql2_op_name(node->op));
    for (char *c = word; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    if (mine == POWER) /* a ^ b ^ c is a ^ (b ^ c) */
        left = TIGHT, others = POWER;
    else if (mine <= AND) /* equal ones beside each other would become one */
        left = mine + 1;
    else if (mine == PREDICATE)
        left = SUM;
    write_between_operands(w, node, word, left, others);
}

static void write_node(struct writer *w, const struct ww_cql2_node *node, int around) {
    /* NOT with its NOT inside holds as tightly as what it negates. */
    int mine = tightness(node);
    if (mine == NOT && node->args[0]->op >= CQL2_LIKE && node->args[0]->op <= CQL2_IS_NULL)
        mine = PREDICATE;
    bool parentheses = mine < around;
    if (parentheses)
        ww_buf_char(w->out, '(');
    if (node->op <= CQL2_PROPERTY)
        write_leaf(w, node);
    else if (node->op == CQL2_ARRAY)
        write_list(w, node, 0);
    else if (node->op == CQL2_NOT)
        write_not(w, node);
    else if (node->op >= CQL2_LIKE && node->op <= CQL2_IS_NULL)
        write_test(w, node, false);
    else if (node->op == CQL2_INTERVAL || ww_cql2_op_is_function(node->op)) {
        write_capitals(w, node->op == CQL2_INTERVAL ? "interval" : ww_cql2_op_name(node->op));
        write_list(w, node, 0);
    } else
        write_infix(w, node);
    if (parentheses)
        ww_buf_char(w->out, ')');
}

enum ww_status ww_cql2_write_text(const struct ww_cql2_expr *expr, struct ww_buf *out, struct ww_error *err) {
    struct writer w = {.expr = expr, .out = out};
    write_node(&w, expr->root, LOOSE);
    if (w.unwritable)
        return ww_error_set(err, WW_BAD_INPUT,
                            "a text with a backslash before a quote, or at its end, can only be "
                            "written in the JSON encoding");
    return ww_buf_status(out) == WW_OK ? WW_OK
                                       : ww_error_set(err, ww_buf_status(out), "the text is too long");
}
