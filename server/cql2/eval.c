/* Asks a filter of rows in memory: values, comparisons, logic. The answers are those of the SQL (to_sql.c),
 * which is tested on random filters (tests/unit/cql2/cql2_sql_test.c). Times: eval_time.c; geometries:
 * eval_space.c; arrays: eval_array.c. */
#include "server/cql2/evaluator.h"

#include "geo/base/alloc.h"
#include "server/cql2/fold.h"
#include "server/cql2/like.h"

/* ---- Values ---- */

struct ww_cql2_value ww_cql2_property_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct ww_cql2_value value;
    memset(&value, 0, sizeof value);
    e->get(e->row, node->property, &value);
    return value;
}

struct ww_cql2_datum ww_cql2_text_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    if (node->op == CQL2_TEXT)
        return (struct ww_cql2_datum){.text = node->text};
    if (node->op == CQL2_PROPERTY) {
        struct ww_cql2_value value = ww_cql2_property_of(e, node);
        return (struct ww_cql2_datum){.is_null = value.is_null, .text = value.text};
    }
    struct ww_cql2_slot *slot = &e->slots[node->slot];
    if (slot->is_constant)
        return (struct ww_cql2_datum){.text = ww_buf_str(&slot->text)};
    struct ww_cql2_datum inner = ww_cql2_text_of(e, node->args[0]);
    if (inner.is_null)
        return inner;
    ww_buf_reset(&slot->text);
    ww_cql2_fold(node->op, inner.text, &slot->text);
    return (struct ww_cql2_datum){.is_null = ww_buf_status(&slot->text) != WW_OK,
                                  .text = ww_buf_str(&slot->text)};
}

/* As a double. */
struct ww_cql2_datum ww_cql2_number_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct ww_cql2_datum out = {.is_null = false};
    if (node->op == CQL2_INTEGER)
        out.number = (double)node->integer;
    else if (node->op == CQL2_NUMBER)
        out.number = node->number;
    else if (node->op == CQL2_PROPERTY) {
        struct ww_cql2_value value = ww_cql2_property_of(e, node);
        out.is_null = value.is_null;
        out.number = node->type == WW_CQL2_INTEGER ? (double)value.integer : value.number;
    } else {
        struct ww_cql2_datum a = ww_cql2_number_of(e, node->args[0]), b = ww_cql2_number_of(e, node->args[1]);
        out.is_null =
            a.is_null || b.is_null || !ww_cql2_arithmetic(node->op, a.number, b.number, &out.number);
    }
    return out;
}

static struct ww_cql2_datum whole_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct ww_cql2_datum out = {.is_null = false};
    if (node->op == CQL2_PROPERTY) {
        struct ww_cql2_value value = ww_cql2_property_of(e, node);
        return (struct ww_cql2_datum){.is_null = value.is_null, .integer = value.integer};
    }
    out.is_null = !ww_cql2_whole_of(node, &out.integer);
    return out;
}

/* ---- Comparisons ---- */

/* How the operands of one operator are compared. */
struct comparing {
    enum ww_cql2_type type; /* INTEGER: all whole; INSTANT: dates are their first moment */
};

static struct comparing comparing_of(const struct ww_cql2_node *node) {
    struct comparing c = {node->args[0]->type};
    if (ww_cql2_is_number(c.type))
        c.type = ww_cql2_all_whole(node) ? WW_CQL2_INTEGER : WW_CQL2_NUMBER;
    for (uint32_t i = 0; ww_cql2_is_time(c.type) && i < node->n_args; i++)
        if (node->args[i]->type == WW_CQL2_INSTANT)
            c.type = WW_CQL2_INSTANT;
    return c;
}

static struct ww_cql2_datum operand_of(struct ww_cql2_evaluator *e, struct comparing c,
                                       const struct ww_cql2_node *node) {
    switch (c.type) {
    case WW_CQL2_TEXT:
        return ww_cql2_text_of(e, node);
    case WW_CQL2_INTEGER:
        return whole_of(e, node);
    case WW_CQL2_NUMBER:
        return ww_cql2_number_of(e, node);
    case WW_CQL2_BOOLEAN: {
        enum ww_cql2_truth truth = ww_cql2_truth_of(e, node);
        return (struct ww_cql2_datum){.is_null = truth == WW_CQL2_UNKNOWN, .integer = truth};
    }
    default:
        return ww_cql2_time_of(e, node, c.type == WW_CQL2_INSTANT);
    }
}

/* Below 0, 0, above 0. */
static int order_of(struct comparing c, const struct ww_cql2_datum *a, const struct ww_cql2_datum *b) {
    if (c.type == WW_CQL2_TEXT) {
        size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
        int order = n ? memcmp(a->text.ptr, b->text.ptr, n) : 0;
        return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
    }
    if (c.type == WW_CQL2_NUMBER)
        return (a->number > b->number) - (a->number < b->number);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static bool holds(enum ww_cql2_op op, int order) {
    switch (op) {
    case CQL2_EQ:
        return order == 0;
    case CQL2_NE:
        return order != 0;
    case CQL2_LT:
        return order < 0;
    case CQL2_GT:
        return order > 0;
    case CQL2_LE:
        return order <= 0;
    default:
        return order >= 0;
    }
}

static enum ww_cql2_truth compare(struct ww_cql2_evaluator *e, struct comparing c,
                                  const struct ww_cql2_node *left, enum ww_cql2_op op,
                                  const struct ww_cql2_node *right) {
    struct ww_cql2_datum a = operand_of(e, c, left), b = operand_of(e, c, right);
    return a.is_null || b.is_null ? WW_CQL2_UNKNOWN : ww_cql2_truth(holds(op, order_of(c, &a, &b)));
}

/* ---- Logic ---- */

/* One more part of an AND (`decides` is false) or an OR (true). */
static bool decided(enum ww_cql2_truth part, enum ww_cql2_truth decides, enum ww_cql2_truth *whole) {
    if (part == decides || part == WW_CQL2_UNKNOWN)
        *whole = part;
    return part == decides;
}

static enum ww_cql2_truth eval_chain(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                     enum ww_cql2_truth decides) {
    enum ww_cql2_truth whole = decides == WW_CQL2_TRUE ? WW_CQL2_FALSE : WW_CQL2_TRUE;
    for (uint32_t i = 0; i < node->n_args; i++)
        if (decided(ww_cql2_truth_of(e, node->args[i]), decides, &whole))
            break;
    return whole;
}

static enum ww_cql2_truth eval_not(enum ww_cql2_truth truth) {
    return truth == WW_CQL2_UNKNOWN ? truth : truth == WW_CQL2_TRUE ? WW_CQL2_FALSE : WW_CQL2_TRUE;
}

static enum ww_cql2_truth eval_between(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    const struct comparing c = comparing_of(node);
    enum ww_cql2_truth whole = WW_CQL2_TRUE;
    if (!decided(compare(e, c, node->args[0], CQL2_GE, node->args[1]), WW_CQL2_FALSE, &whole))
        decided(compare(e, c, node->args[0], CQL2_LE, node->args[2]), WW_CQL2_FALSE, &whole);
    return whole;
}

static enum ww_cql2_truth eval_in(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    const struct comparing c = comparing_of(node);
    enum ww_cql2_truth whole = WW_CQL2_FALSE;
    for (uint32_t i = 1; i < node->n_args; i++)
        if (decided(compare(e, c, node->args[0], CQL2_EQ, node->args[i]), WW_CQL2_TRUE, &whole))
            break;
    return whole;
}

static enum ww_cql2_truth eval_like(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct ww_cql2_datum text = ww_cql2_text_of(e, node->args[0]);
    if (text.is_null)
        return WW_CQL2_UNKNOWN;
    return ww_cql2_truth(ww_cql2_like(text.text, ww_buf_str(&e->slots[node->slot].text)));
}

static bool is_null(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    if (node->op == CQL2_PROPERTY)
        return ww_cql2_property_of(e, node).is_null;
    if (node->op == CQL2_INTERVAL)
        return is_null(e, node->args[0]) || is_null(e, node->args[1]);
    if (node->op <= CQL2_SHAPE)
        return false;
    if (node->type == WW_CQL2_TEXT)
        return ww_cql2_text_of(e, node).is_null;
    if (node->type == WW_CQL2_NUMBER)
        return ww_cql2_number_of(e, node).is_null;
    return ww_cql2_truth_of(e, node) == WW_CQL2_UNKNOWN;
}

static enum ww_cql2_truth property_truth(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct ww_cql2_value value = ww_cql2_property_of(e, node);
    return value.is_null ? WW_CQL2_UNKNOWN : ww_cql2_truth(value.boolean);
}

enum ww_cql2_truth ww_cql2_truth_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    switch (node->op) {
    case CQL2_BOOLEAN:
        return ww_cql2_truth(node->boolean);
    case CQL2_PROPERTY:
        return property_truth(e, node);
    case CQL2_AND:
        return eval_chain(e, node, WW_CQL2_FALSE);
    case CQL2_OR:
        return eval_chain(e, node, WW_CQL2_TRUE);
    case CQL2_NOT:
        return eval_not(ww_cql2_truth_of(e, node->args[0]));
    case CQL2_LIKE:
        return eval_like(e, node);
    case CQL2_BETWEEN:
        return eval_between(e, node);
    case CQL2_IN:
        return eval_in(e, node);
    case CQL2_IS_NULL:
        return ww_cql2_truth(is_null(e, node->args[0]));
    default:
        if (node->op <= CQL2_GE)
            return compare(e, comparing_of(node), node->args[0], node->op, node->args[1]);
        if (node->op >= CQL2_A_CONTAINED_BY)
            return ww_cql2_eval_arrays(e, node);
        return node->op >= CQL2_T_AFTER ? ww_cql2_eval_temporal(e, node) : ww_cql2_eval_spatial(e, node);
    }
}

enum ww_cql2_truth ww_cql2_test(struct ww_cql2_evaluator *evaluator, ww_cql2_get get, void *row) {
    evaluator->get = get;
    evaluator->row = row;
    return ww_cql2_truth_of(evaluator, evaluator->expr->root);
}

/* ---- Making ready ---- */

static bool is_constant_text(const struct ww_cql2_node *node) {
    while (node->op == CQL2_CASEI || node->op == CQL2_ACCENTI)
        node = node->args[0];
    return node->op == CQL2_TEXT;
}

static enum ww_status prepare(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                              struct ww_error *err) {
    enum ww_status st = WW_OK;
    for (uint32_t i = 0; i < node->n_args && st == WW_OK; i++)
        st = prepare(e, node->args[i], err);
    if (st != WW_OK)
        return st;
    if (node->op == CQL2_SHAPE)
        return ww_cql2_prepare_shape(e, node, err);
    if (node->op >= CQL2_S_CONTAINS && node->op <= CQL2_S_WITHIN)
        return ww_cql2_check_cost(node, err);
    if (node->op != CQL2_LIKE && node->op != CQL2_CASEI && node->op != CQL2_ACCENTI)
        return WW_OK;
    struct ww_cql2_slot *slot = &e->slots[node->slot];
    if (node->op == CQL2_LIKE)
        ww_cql2_pattern_write(node->args[1], &slot->text);
    else if (is_constant_text(node)) {
        (void)ww_cql2_text_of(e, node);
        slot->is_constant = true;
    }
    st = ww_buf_status(&slot->text);
    return st == WW_OK ? st : ww_error_set(err, st, "a text of the filter is too long");
}

enum ww_status ww_cql2_evaluator_new(const struct ww_cql2_expr *expr, struct ww_cql2_evaluator **out,
                                     struct ww_error *err) {
    *out = NULL;
    struct ww_cql2_evaluator *e = ww_try_calloc(1, sizeof *e);
    if (e)
        e->slots = ww_try_calloc(expr->n_slots + 1, sizeof *e->slots);
    if (!e || !e->slots) {
        ww_free(e);
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a filter");
    }
    e->expr = expr;
    for (uint32_t i = 0; i < expr->n_slots; i++)
        ww_buf_init(&e->slots[i].text, 8 * WW_CQL2_MAX_BYTES);
    enum ww_status st = prepare(e, expr->root, err);
    if (st != WW_OK) {
        ww_cql2_evaluator_free(e);
        return st;
    }
    *out = e;
    return WW_OK;
}

void ww_cql2_evaluator_free(struct ww_cql2_evaluator *evaluator) {
    if (!evaluator)
        return;
    for (uint32_t i = 0; i < evaluator->expr->n_slots; i++) {
        ww_buf_clear(&evaluator->slots[i].text);
        ww_cql2_drop_shape(evaluator, &evaluator->slots[i]);
    }
    ww_geos_close(evaluator->geos);
    ww_free(evaluator->slots);
    ww_free(evaluator);
}
