/* Writes a tree as a condition of PostgreSQL.
 *
 * Literals become arguments, each with its type ("$3::bigint"), and a list of literals one array, so that a
 * plan can be kept. Properties stay bare wherever their own type suffices, so that an index on the column can
 * be used: a bigint is compared as a bigint as long as the other side is whole, and texts get COLLATE "C"
 * only where their order counts. times: to_sql_time.c; geometries: to_sql_space.c.
 */
#include <stdio.h>

#include "geo/base/json_writer.h"
#include "server/cql2/like.h"
#include "server/cql2/sql_writer.h"
#include "server/cql2/write.h"

/* ---- Arguments and properties ---- */

bool ww_cql2_sql_can_add(struct ww_cql2_sql *w) {
    if (w->args->count < WW_PG_ARGS_MAX)
        return true;
    if (w->status == WW_OK)
        w->status = ww_error_set(w->err, WW_TOO_LARGE,
                                 "a filter has at most %d values (a list of values is one)", WW_PG_ARGS_MAX);
    return false;
}

void ww_cql2_sql_last(struct ww_cql2_sql *w, const char *cast) {
    ww_buf_printf(w->out, "$%d::%s", w->args->count, cast);
}

void ww_cql2_sql_property(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    ww_buf_char(w->out, '(');
    ww_buf_str_add(w->out, w->schema->properties[node->property].sql);
    ww_buf_char(w->out, ')');
}

static void add_whole(struct ww_cql2_sql *w, int64_t value) {
    if (!ww_cql2_sql_can_add(w))
        return;
    ww_pg_arg_i64(w->args, value);
    ww_cql2_sql_last(w, "bigint");
}

static void add_number(struct ww_cql2_sql *w, double value) {
    if (!ww_cql2_sql_can_add(w))
        return;
    ww_pg_arg_double(w->args, value);
    ww_cql2_sql_last(w, "float8");
}

static void add_text(struct ww_cql2_sql *w, struct ww_str value) {
    if (!ww_cql2_sql_can_add(w))
        return;
    ww_pg_arg_str(w->args, value);
    ww_cql2_sql_last(w, "text");
}

/* ---- Numbers ---- */

/* As a double, for arithmetic. */
static void write_double(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    static const struct {
        const char *open, *between, *close;
    } forms[] = {
        [CQL2_ADD - CQL2_ADD] = {"(", " + ", ")"},
        [CQL2_SUBTRACT - CQL2_ADD] = {"(", " - ", ")"},
        [CQL2_MULTIPLY - CQL2_ADD] = {"(", " * ", ")"},
        [CQL2_DIVIDE - CQL2_ADD] = {"(", " / nullif(", ", 0))"},
        [CQL2_POWER - CQL2_ADD] = {"wardwatch.cql2_power(", ", ", ")"},
        [CQL2_MODULO - CQL2_ADD] = {"wardwatch.cql2_modulo(", ", ", ")"},
        [CQL2_DIV - CQL2_ADD] = {"trunc(", " / nullif(", ", 0))"},
    };
    double value;
    enum ww_cql2_constant constant = ww_cql2_constant_of(node, &value);
    if (constant == CQL2_CONSTANT)
        add_number(w, value);
    else if (constant == CQL2_IS_NULL_CONSTANT)
        ww_cql2_sql_text(w, "NULL::float8");
    else if (node->op == CQL2_PROPERTY) {
        ww_cql2_sql_property(w, node);
        ww_cql2_sql_text(w, "::float8");
    } else {
        ww_cql2_sql_text(w, forms[node->op - CQL2_ADD].open);
        write_double(w, node->args[0]);
        ww_cql2_sql_text(w, forms[node->op - CQL2_ADD].between);
        write_double(w, node->args[1]);
        ww_cql2_sql_text(w, forms[node->op - CQL2_ADD].close);
    }
}

/* For a comparison: all sides whole, or all doubles. */
static void write_number(struct ww_cql2_sql *w, const struct ww_cql2_node *node, bool whole) {
    int64_t value;
    if (node->op == CQL2_PROPERTY && (whole || node->type == WW_CQL2_NUMBER))
        ww_cql2_sql_property(w, node);
    else if (whole && ww_cql2_whole_of(node, &value))
        add_whole(w, value);
    else
        write_double(w, node);
}

/* ---- Comparisons ---- */

static bool has_instant(const struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < node->n_args; i++)
        if (node->args[i]->type == WW_CQL2_INSTANT)
            return true;
    return false;
}

/* One operand of a comparison, BETWEEN or IN. */
struct operands {
    enum ww_cql2_type type; /* INTEGER: all whole; INSTANT: dates become instants */
    bool collate;           /* texts: order counts, or two columns might have two collations */
};

static bool has_property(const struct ww_cql2_node *node) {
    while (node->op == CQL2_CASEI || node->op == CQL2_ACCENTI)
        node = node->args[0];
    return node->op == CQL2_PROPERTY;
}

static bool compares_columns(const struct ww_cql2_node *node) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < node->n_args; i++)
        n += has_property(node->args[i]);
    return n > 1;
}

static struct operands operands_of(const struct ww_cql2_node *node) {
    struct operands o = {node->args[0]->type,
                         node->op != CQL2_EQ && node->op != CQL2_NE && node->op != CQL2_IN};
    o.collate = o.collate || compares_columns(node);
    if (ww_cql2_is_number(o.type))
        o.type = ww_cql2_all_whole(node) ? WW_CQL2_INTEGER : WW_CQL2_NUMBER;
    else if (ww_cql2_is_time(o.type))
        o.type = has_instant(node) ? WW_CQL2_INSTANT : WW_CQL2_DATE;
    return o;
}

static void write_operand(struct ww_cql2_sql *w, const struct operands *o, const struct ww_cql2_node *node) {
    if (ww_cql2_is_number(o->type))
        write_number(w, node, o->type == WW_CQL2_INTEGER);
    else if (ww_cql2_is_time(o->type))
        ww_cql2_sql_time(w, node, o->type == WW_CQL2_INSTANT);
    else {
        bool collate = o->type == WW_CQL2_TEXT && o->collate;
        ww_cql2_sql_text(w, collate ? "(" : "");
        ww_cql2_sql_node(w, node);
        ww_cql2_sql_text(w, collate ? " COLLATE \"C\")" : "");
    }
}

static void write_comparison(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    const struct operands o = operands_of(node);
    ww_buf_char(w->out, '(');
    write_operand(w, &o, node->args[0]);
    ww_buf_printf(w->out, " %s ", ww_cql2_op_name(node->op));
    write_operand(w, &o, node->args[1]);
    ww_buf_char(w->out, ')');
}

static void write_between(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    const struct operands o = operands_of(node);
    ww_buf_char(w->out, '(');
    write_operand(w, &o, node->args[0]);
    ww_cql2_sql_text(w, " BETWEEN ");
    write_operand(w, &o, node->args[1]);
    ww_cql2_sql_text(w, " AND ");
    write_operand(w, &o, node->args[2]);
    ww_buf_char(w->out, ')');
}

/* ---- Lists ---- */

/* An element of an array's text form: quoted, with backslashes. */
static void add_element(struct ww_buf *list, struct ww_str text) {
    ww_buf_char(list, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            ww_buf_char(list, '\\');
        ww_buf_char(list, text.ptr[i]);
    }
    ww_buf_char(list, '"');
}

static struct ww_str literal_text(const struct ww_cql2_node *node, enum ww_cql2_type type, char room[40]) {
    int64_t whole;
    double value;
    int len = 0;
    if (type == WW_CQL2_TEXT)
        return node->text;
    if (ww_cql2_is_time(type))
        len = ww_cql2_time_text(node, room);
    else if (type == WW_CQL2_INTEGER && ww_cql2_whole_of(node, &whole))
        len = snprintf(room, 40, "%lld", (long long)whole);
    else if (ww_cql2_constant_of(node, &value) == CQL2_CONSTANT)
        len = ww_double_text(value, room);
    return (struct ww_str){room, (size_t)len};
}

/* Can all values of the list be one argument? */
static bool is_plain_list(const struct ww_cql2_node *node, enum ww_cql2_type type) {
    double value;
    for (uint32_t i = 1; i < node->n_args; i++) {
        const struct ww_cql2_node *v = node->args[i];
        if (ww_cql2_is_number(type) ? ww_cql2_constant_of(v, &value) != CQL2_CONSTANT
                                    : !ww_cql2_is_literal(v))
            return false;
    }
    return type != WW_CQL2_BOOLEAN;
}

static void write_plain_list(struct ww_cql2_sql *w, const struct ww_cql2_node *node, enum ww_cql2_type type) {
    static const char *const casts[] = {[WW_CQL2_TEXT] = "text[]",
                                        [WW_CQL2_INTEGER] = "bigint[]",
                                        [WW_CQL2_NUMBER] = "float8[]",
                                        [WW_CQL2_DATE] = "date[]",
                                        [WW_CQL2_INSTANT] = "timestamptz[]"};
    struct ww_buf list;
    char room[40];
    ww_buf_init(&list, 4 * WW_CQL2_MAX_BYTES);
    for (uint32_t i = 1; i < node->n_args; i++) {
        struct ww_str text = literal_text(node->args[i], type, room);
        ww_buf_char(&list, i == 1 ? '{' : ',');
        add_element(&list, text);
        if (type == WW_CQL2_INSTANT && node->args[i]->type == WW_CQL2_DATE) { /* …" → …T00:00:00Z" */
            list.len--;
            ww_buf_text(&list, "T00:00:00Z\"");
        }
    }
    ww_buf_char(&list, '}');
    if (ww_buf_status(&list) != WW_OK)
        w->status = ww_error_set(w->err, ww_buf_status(&list), "a list of values is too long");
    else if (ww_cql2_sql_can_add(w)) {
        ww_pg_arg_str(w->args, ww_buf_str(&list));
        ww_cql2_sql_text(w, "ANY(");
        ww_cql2_sql_last(w, casts[type]);
        ww_buf_char(w->out, ')');
    }
    ww_buf_clear(&list);
}

static void write_in(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    const struct operands o = operands_of(node);
    ww_buf_char(w->out, '(');
    write_operand(w, &o, node->args[0]);
    if (is_plain_list(node, o.type)) {
        ww_cql2_sql_text(w, " = ");
        write_plain_list(w, node, o.type);
    } else
        for (uint32_t i = 1; i < node->n_args; i++) {
            ww_cql2_sql_text(w, i == 1 ? " IN (" : ", ");
            write_operand(w, &o, node->args[i]);
            if (i + 1 == node->n_args)
                ww_buf_char(w->out, ')');
        }
    ww_buf_char(w->out, ')');
}

/* ---- Texts ---- */

static void write_like(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    struct ww_buf pattern;
    ww_buf_init(&pattern, 8 * WW_CQL2_MAX_BYTES);
    ww_cql2_pattern_write(node->args[1], &pattern);
    ww_buf_char(w->out, '(');
    ww_cql2_sql_node(w, node->args[0]);
    ww_cql2_sql_text(w, " COLLATE \"C\" LIKE ");
    if (ww_buf_status(&pattern) != WW_OK)
        w->status = ww_error_set(w->err, ww_buf_status(&pattern), "a pattern is too long");
    else
        add_text(w, ww_buf_str(&pattern));
    ww_buf_char(w->out, ')');
    ww_buf_clear(&pattern);
}

static void write_call(struct ww_cql2_sql *w, const char *name, const struct ww_cql2_node *node) {
    ww_cql2_sql_text(w, name);
    ww_buf_char(w->out, '(');
    ww_cql2_sql_node(w, node->args[0]);
    ww_buf_char(w->out, ')');
}

/* ---- Arrays: as sets, in jsonb ---- */

static bool is_plain_array(const struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < node->n_args; i++)
        if (!ww_cql2_is_literal(node->args[i]))
            return false;
    return true;
}

static void write_plain_array(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    struct ww_buf text;
    struct ww_json json;
    char room[40];
    ww_buf_init(&text, 8 * WW_CQL2_MAX_BYTES);
    ww_json_init(&json, &text);
    ww_json_array(&json);
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct ww_cql2_node *e = node->args[i];
        if (e->type == WW_CQL2_BOOLEAN)
            ww_json_bool(&json, e->boolean);
        else if (ww_cql2_is_number(e->type))
            ww_json_raw(&json, literal_text(e, e->type, room));
        else
            ww_json_str(&json, literal_text(e, e->type, room));
    }
    ww_json_end_array(&json);
    if (ww_buf_status(&text) != WW_OK)
        w->status = ww_error_set(w->err, ww_buf_status(&text), "an array is too long");
    else if (ww_cql2_sql_can_add(w)) {
        ww_pg_arg_str(w->args, ww_buf_str(&text));
        ww_cql2_sql_last(w, "jsonb");
    }
    ww_buf_clear(&text);
}

static void write_array(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    if (is_plain_array(node)) {
        write_plain_array(w, node);
        return;
    }
    ww_cql2_sql_text(w, "jsonb_build_array(");
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (i > 0)
            ww_cql2_sql_text(w, ", ");
        if (ww_cql2_is_time(node->args[i]->type)) {
            char room[40];
            int len = ww_cql2_time_text(node->args[i], room);
            add_text(w, (struct ww_str){room, (size_t)len});
        } else
            ww_cql2_sql_node(w, node->args[i]);
    }
    ww_buf_char(w->out, ')');
}

static void write_array_relation(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    ww_cql2_sql_text(w, node->op == CQL2_A_OVERLAPS ? "wardwatch.cql2_overlaps(" : "(");
    ww_cql2_sql_node(w, node->args[0]);
    if (node->op == CQL2_A_EQUALS) {
        /* a ⊇ b and a ⊆ b; both sides are written once, and looked at twice */
        ww_cql2_sql_text(w, " OPERATOR(pg_catalog.@>) ");
        size_t first = w->out->len;
        ww_cql2_sql_node(w, node->args[1]);
        size_t second_len = w->out->len - first;
        ww_cql2_sql_text(w, " AND ");
        if (ww_buf_status(w->out) == WW_OK && ww_buf_reserve(w->out, second_len + 1))
            ww_buf_add(w->out, w->out->data + first, second_len);
        ww_cql2_sql_text(w, " OPERATOR(pg_catalog.@>) ");
        ww_cql2_sql_node(w, node->args[0]);
    } else {
        ww_cql2_sql_text(w, node->op == CQL2_A_OVERLAPS   ? ", "
                            : node->op == CQL2_A_CONTAINS ? " OPERATOR(pg_catalog.@>) "
                                                          : " OPERATOR(pg_catalog.<@) ");
        ww_cql2_sql_node(w, node->args[1]);
    }
    ww_buf_char(w->out, ')');
}

/* ---- Conditions ---- */

static void write_logic(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    ww_cql2_sql_text(w, node->op == CQL2_NOT ? "(NOT " : "(");
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (i > 0)
            ww_cql2_sql_text(w, node->op == CQL2_AND ? " AND " : " OR ");
        ww_cql2_sql_node(w, node->args[i]);
    }
    ww_buf_char(w->out, ')');
}

static void write_is_null(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    const struct ww_cql2_node *value = node->args[0];
    ww_buf_char(w->out, '(');
    if (value->op == CQL2_INTERVAL) { /* unknown as soon as one end is */
        bool any = false;
        for (int i = 0; i < 2; i++)
            if (value->args[i]->op == CQL2_PROPERTY) {
                ww_cql2_sql_text(w, any ? " OR " : "");
                ww_cql2_sql_property(w, value->args[i]);
                ww_cql2_sql_text(w, " IS NULL");
                any = true;
            }
        ww_cql2_sql_text(w, any ? ")" : "FALSE)");
        return;
    }
    if (ww_cql2_is_number(value->type))
        write_number(w, value, ww_cql2_is_whole(value));
    else
        ww_cql2_sql_node(w, value);
    ww_cql2_sql_text(w, " IS NULL)");
}

static void write_leaf(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    switch (node->op) {
    case CQL2_TEXT:
        add_text(w, node->text);
        break;
    case CQL2_INTEGER:
    case CQL2_NUMBER:
        write_number(w, node, node->op == CQL2_INTEGER);
        break;
    case CQL2_BOOLEAN:
        ww_cql2_sql_text(w, node->boolean ? "TRUE" : "FALSE");
        break;
    case CQL2_SHAPE:
        ww_cql2_sql_geometry(w, node);
        break;
    case CQL2_PROPERTY:
        ww_cql2_sql_property(w, node);
        break;
    default:
        ww_cql2_sql_time(w, node, false);
        break;
    }
}

void ww_cql2_sql_node(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    if (w->status != WW_OK)
        return;
    switch (node->op) {
    case CQL2_ARRAY:
        write_array(w, node);
        break;
    case CQL2_AND:
    case CQL2_OR:
    case CQL2_NOT:
        write_logic(w, node);
        break;
    case CQL2_LIKE:
        write_like(w, node);
        break;
    case CQL2_BETWEEN:
        write_between(w, node);
        break;
    case CQL2_IN:
        write_in(w, node);
        break;
    case CQL2_IS_NULL:
        write_is_null(w, node);
        break;
    case CQL2_CASEI:
        write_call(w, "wardwatch.cql2_casefold", node);
        break;
    case CQL2_ACCENTI:
        write_call(w, "wardwatch.cql2_unaccent", node);
        break;
    default:
        if (node->op <= CQL2_PROPERTY)
            write_leaf(w, node);
        else if (node->op <= CQL2_GE)
            write_comparison(w, node);
        else if (node->op <= CQL2_DIV)
            write_double(w, node);
        else if (node->op >= CQL2_A_CONTAINED_BY)
            write_array_relation(w, node);
        else if (node->op >= CQL2_T_AFTER)
            ww_cql2_sql_temporal(w, node);
        else
            ww_cql2_sql_spatial(w, node);
    }
}

enum ww_status ww_cql2_to_sql(const struct ww_cql2_expr *expr, const struct ww_cql2_schema *schema,
                              struct ww_buf *sql, struct ww_pg_args *args, struct ww_error *err) {
    struct ww_cql2_sql w = {.expr = expr, .schema = schema, .out = sql, .args = args, .err = err};
    ww_cql2_sql_node(&w, expr->root);
    if (w.status == WW_OK && ww_buf_status(sql) != WW_OK)
        w.status = ww_error_set(err, ww_buf_status(sql), "the filter's SQL is too long");
    if (w.status == WW_OK && ww_buf_status(&args->bytes) != WW_OK)
        w.status = ww_error_set(err, ww_buf_status(&args->bytes), "the filter's values are too long");
    return w.status;
}
