/* Arrays as sets, in memory: the relations that jsonb's @> gives of arrays of scalars. */
#include "server/cql2/evaluator.h"
#include "server/cql2/write.h"

/* Elements of a literal are made one by one: `room` is where a time's text stands. */
struct source {
    const struct ww_cql2_node *literal; /* or NULL */
    struct ww_cql2_value value;
    size_t n;
};

struct element {
    bool is_null;
    struct ww_cql2_element of;
    char room[40];
};

static struct source open_source(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct source s = {.n = node->n_args};
    if (node->op == CQL2_ARRAY)
        s.literal = node;
    else {
        s.value = ww_cql2_property_of(e, node);
        s.n = s.value.is_null ? 0 : s.value.array.n;
    }
    return s;
}

static void element_of_literal(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                               struct element *out) {
    struct ww_cql2_datum datum;
    out->of.type = node->type;
    if (ww_cql2_is_time(node->type)) {
        int len = ww_cql2_time_text(node, out->room);
        out->of.type = WW_CQL2_TEXT;
        out->of.text = (struct ww_str){out->room, (size_t)len};
    } else if (node->type == WW_CQL2_TEXT) {
        datum = ww_cql2_text_of(e, node);
        out->is_null = datum.is_null;
        out->of.text = datum.text;
    } else if (node->type == WW_CQL2_BOOLEAN) {
        enum ww_cql2_truth truth = ww_cql2_truth_of(e, node);
        out->is_null = truth == WW_CQL2_UNKNOWN;
        out->of.boolean = truth == WW_CQL2_TRUE;
    } else if (node->op == CQL2_INTEGER)
        out->of.integer = node->integer;
    else if (node->op == CQL2_PROPERTY && node->type == WW_CQL2_INTEGER) {
        struct ww_cql2_value value = ww_cql2_property_of(e, node);
        out->is_null = value.is_null;
        out->of.integer = value.integer;
    } else {
        datum = ww_cql2_number_of(e, node);
        out->is_null = datum.is_null;
        out->of.type = WW_CQL2_NUMBER;
        out->of.number = datum.number;
    }
}

static void element_at(struct ww_cql2_evaluator *e, const struct source *s, size_t i, struct element *out) {
    out->is_null = false;
    if (s->literal)
        element_of_literal(e, s->literal->args[i], out);
    else
        out->of = s->value.array.elements[i];
}

static double as_double(const struct ww_cql2_element *e) {
    return e->type == WW_CQL2_INTEGER ? (double)e->integer : e->number;
}

/* Elements that are null are alike: it is JSON's null that stands in the array. */
static bool are_equal(const struct element *a, const struct element *b) {
    if (a->is_null || b->is_null)
        return a->is_null && b->is_null;
    if (ww_cql2_is_number(a->of.type) && ww_cql2_is_number(b->of.type))
        return a->of.type == WW_CQL2_INTEGER && b->of.type == WW_CQL2_INTEGER
                   ? a->of.integer == b->of.integer
                   : as_double(&a->of) == as_double(&b->of);
    if (a->of.type != b->of.type)
        return false;
    return a->of.type == WW_CQL2_TEXT ? ww_str_eq(a->of.text, b->of.text) : a->of.boolean == b->of.boolean;
}

static bool has(struct ww_cql2_evaluator *e, const struct source *s, const struct element *wanted) {
    struct element other;
    for (size_t i = 0; i < s->n; i++) {
        element_at(e, s, i, &other);
        if (are_equal(&other, wanted))
            return true;
    }
    return false;
}

/* Is one of b's elements in a (`wanted`), or is one not? */
static bool finds(struct ww_cql2_evaluator *e, const struct source *a, const struct source *b, bool wanted) {
    struct element element;
    for (size_t i = 0; i < b->n; i++) {
        element_at(e, b, i, &element);
        if (has(e, a, &element) == wanted)
            return true;
    }
    return false;
}

static bool contains(struct ww_cql2_evaluator *e, const struct source *a, const struct source *b) {
    return !finds(e, a, b, false);
}

enum ww_cql2_truth ww_cql2_eval_arrays(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    struct source a = open_source(e, node->args[0]), b = open_source(e, node->args[1]);
    if (a.value.is_null || b.value.is_null)
        return WW_CQL2_UNKNOWN;
    switch (node->op) {
    case CQL2_A_CONTAINS:
        return ww_cql2_truth(contains(e, &a, &b));
    case CQL2_A_CONTAINED_BY:
        return ww_cql2_truth(contains(e, &b, &a));
    case CQL2_A_EQUALS:
        return ww_cql2_truth(contains(e, &a, &b) && contains(e, &b, &a));
    default:
        return ww_cql2_truth(finds(e, &a, &b, true));
    }
}
