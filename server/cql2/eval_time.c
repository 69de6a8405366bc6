/* Times and their relations in memory: first and last moments compared as relation.c says, like in
 * to_sql_time.c. */
#include "geo/instant.h"
#include "server/cql2/evaluator.h"
#include "server/cql2/relation.h"

static struct ww_cql2_datum moment_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                      bool as_instant, bool last) {
    struct ww_cql2_datum out = {.integer = node->integer};
    if (node->op == CQL2_OPEN)
        return (struct ww_cql2_datum){.integer = last ? INT64_MAX : INT64_MIN};
    if (node->op == CQL2_PROPERTY) {
        struct ww_cql2_value value = ww_cql2_property_of(e, node);
        out.is_null = value.is_null;
        out.integer = node->type == WW_CQL2_DATE ? value.days : value.instant_us;
    }
    if (as_instant && node->type == WW_CQL2_DATE && !out.is_null)
        out.integer = last ? (out.integer + 1) * WW_DAY_US - 1 : out.integer * WW_DAY_US;
    return out;
}

struct ww_cql2_datum ww_cql2_time_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                     bool as_instant) {
    return moment_of(e, node, as_instant, false);
}

static bool needs_instants(const struct ww_cql2_node *node) {
    return node->type == WW_CQL2_INSTANT ||
           (node->op == CQL2_INTERVAL &&
            (node->args[0]->type == WW_CQL2_INSTANT || node->args[1]->type == WW_CQL2_INSTANT));
}

static struct ww_cql2_datum end_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                   bool as_instant, enum ww_cql2_end end) {
    const struct ww_cql2_node *operand = node->args[end >= CQL2_FIRST_B];
    bool last = end == CQL2_LAST_A || end == CQL2_LAST_B;
    return moment_of(e, operand->op == CQL2_INTERVAL ? operand->args[last] : operand, as_instant, last);
}

static bool holds(enum ww_cql2_op op, int64_t a, int64_t b) {
    switch (op) {
    case CQL2_EQ:
        return a == b;
    case CQL2_LT:
        return a < b;
    case CQL2_GT:
        return a > b;
    case CQL2_LE:
        return a <= b;
    default:
        return a >= b;
    }
}

enum ww_cql2_truth ww_cql2_eval_temporal(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    const struct ww_cql2_relation *relation = ww_cql2_relation_of(node->op);
    bool as_instant = needs_instants(node->args[0]) || needs_instants(node->args[1]);
    enum ww_cql2_truth decides = relation->any ? WW_CQL2_TRUE : WW_CQL2_FALSE,
                       whole = ww_cql2_truth(!relation->any);
    for (int i = 0; i < relation->n; i++) {
        const struct ww_cql2_end_test *test = &relation->tests[i];
        struct ww_cql2_datum a = end_of(e, node, as_instant, test->left),
                             b = end_of(e, node, as_instant, test->right);
        enum ww_cql2_truth part =
            a.is_null || b.is_null ? WW_CQL2_UNKNOWN : ww_cql2_truth(holds(test->op, a.integer, b.integer));
        if (part == decides)
            return part;
        if (part == WW_CQL2_UNKNOWN)
            whole = part;
    }
    return whole;
}
