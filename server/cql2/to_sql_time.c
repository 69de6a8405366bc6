/* Writes times and their relations (T_AFTER … T_STARTS) as SQL.
 *
 * Every operand is looked at as a first and a last moment, both belonging to it: an instant is both,
 * INTERVAL() has two, open ends are -infinity and infinity, and a date beside timestamps is its whole day in
 * UTC. The relations are Allen's, as W3C's Time Ontology defines them, written as comparisons of bare columns
 * with arguments: a btree index on a column can be used.
 */
#include "geo/instant.h"
#include "server/cql2/relation.h"
#include "server/cql2/sql_writer.h"
#include "server/cql2/write.h"

static void add_time(struct ww_cql2_sql *w, int64_t value, bool date) {
    if (!ww_cql2_sql_can_add(w))
        return;
    if (date) {
        char text[40];
        struct ww_cql2_node day = {.op = CQL2_DATE, .integer = value};
        int len = ww_cql2_time_text(&day, text);
        ww_pg_arg_str(w->args, (struct ww_str){text, (size_t)len});
    } else
        ww_pg_arg_instant(w->args, value);
    ww_cql2_sql_last(w, date ? "date" : "timestamptz");
}

/* A date property as a moment: its day's first, or last. */
static void write_day(struct ww_cql2_sql *w, const struct ww_cql2_node *property, bool last) {
    ww_cql2_sql_text(w, last ? "((" : "(");
    ww_cql2_sql_property(w, property);
    ww_cql2_sql_text(w, last ? " + 1)::timestamp AT TIME ZONE 'UTC' - interval '1 microsecond')"
                             : "::timestamp AT TIME ZONE 'UTC')");
}

/* The first or last moment of a date or an instant. */
static void write_moment(struct ww_cql2_sql *w, const struct ww_cql2_node *node, bool as_instant, bool last) {
    if (node->op == CQL2_OPEN) {
        ww_cql2_sql_text(w, last ? "'infinity'::" : "'-infinity'::");
        ww_cql2_sql_text(w, as_instant ? "timestamptz" : "date");
    } else if (node->op == CQL2_PROPERTY) {
        if (as_instant && node->type == WW_CQL2_DATE)
            write_day(w, node, last);
        else
            ww_cql2_sql_property(w, node);
    } else if (node->op == CQL2_DATE && as_instant)
        add_time(w, last ? (node->integer + 1) * WW_DAY_US - 1 : node->integer * WW_DAY_US, false);
    else
        add_time(w, node->integer, node->op == CQL2_DATE);
}

void ww_cql2_sql_time(struct ww_cql2_sql *w, const struct ww_cql2_node *node, bool as_instant) {
    write_moment(w, node, as_instant, false);
}

/* ---- Relations ---- */

static bool needs_instants(const struct ww_cql2_node *node) {
    if (node->op != CQL2_INTERVAL)
        return node->type == WW_CQL2_INSTANT;
    return node->args[0]->type == WW_CQL2_INSTANT || node->args[1]->type == WW_CQL2_INSTANT;
}

/* Does it have one moment only, seen as instants or as dates? */
static bool is_point(const struct ww_cql2_node *node, bool as_instant) {
    return node->op != CQL2_INTERVAL && !(as_instant && node->type == WW_CQL2_DATE);
}

/* The ends of both operands. One that is compared twice has its SQL written once and copied, with its
 * argument. */
struct ends {
    const struct ww_cql2_node *node;
    bool as_instant;
    struct {
        size_t first, len; /* in the output; len 0: not yet written */
    } written[4];          /* by enum ww_cql2_end */
};

static void write_end(struct ww_cql2_sql *w, struct ends *ends, enum ww_cql2_end end) {
    const struct ww_cql2_node *operand = ends->node->args[end >= CQL2_FIRST_B];
    bool last = end == CQL2_LAST_A || end == CQL2_LAST_B;
    if (last && is_point(operand, ends->as_instant))
        end--, last = false;
    size_t len = ends->written[end].len;
    if (len > 0) {
        char *to = ww_buf_reserve(w->out, len);
        if (to)
            ww_buf_add(w->out, w->out->data + ends->written[end].first, len);
        return;
    }
    ends->written[end].first = w->out->len;
    write_moment(w, operand->op == CQL2_INTERVAL ? operand->args[last] : operand, ends->as_instant, last);
    ends->written[end].len = w->out->len - ends->written[end].first;
}

void ww_cql2_sql_temporal(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    struct ends ends = {.node = node,
                        .as_instant = needs_instants(node->args[0]) || needs_instants(node->args[1])};
    const struct ww_cql2_relation *relation = ww_cql2_relation_of(node->op);
    bool points = is_point(node->args[0], ends.as_instant) && is_point(node->args[1], ends.as_instant);
    ww_buf_char(w->out, '(');
    for (int i = 0; i < (points ? 1 : relation->n); i++) {
        const struct ww_cql2_end_test *test = points ? &relation->of_points : &relation->tests[i];
        if (i > 0)
            ww_cql2_sql_text(w, relation->any ? " OR " : " AND ");
        write_end(w, &ends, test->left);
        ww_buf_printf(w->out, " %s ", ww_cql2_op_name(test->op));
        write_end(w, &ends, test->right);
    }
    ww_buf_char(w->out, ')');
}
