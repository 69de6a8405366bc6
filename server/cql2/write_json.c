/* Writes a tree in the JSON encoding. */
#include "geo/base/json_writer.h"
#include "server/cql2/shape.h"
#include "server/cql2/write.h"

struct writer {
    const struct ww_cql2_expr *expr;
    struct ww_json out;
};

static void write_node(struct writer *w, const struct ww_cql2_node *node);

static void write_time_text(struct writer *w, const struct ww_cql2_node *node) {
    char text[40];
    int len = ww_cql2_time_text(node, text);
    ww_json_str(&w->out, (struct ww_str){text, (size_t)len});
}

static void write_leaf(struct writer *w, const struct ww_cql2_node *node) {
    switch (node->op) {
    case CQL2_TEXT:
        ww_json_str(&w->out, node->text);
        break;
    case CQL2_INTEGER:
        ww_json_int(&w->out, node->integer);
        break;
    case CQL2_NUMBER:
        ww_json_double(&w->out, node->number);
        break;
    case CQL2_BOOLEAN:
        ww_json_bool(&w->out, node->boolean);
        break;
    case CQL2_SHAPE:
        ww_cql2_shape_json(node->shape, &w->out);
        break;
    case CQL2_PROPERTY:
        ww_json_object(&w->out);
        ww_json_key(&w->out, "property");
        ww_json_str(&w->out, w->expr->schema->properties[node->property].name);
        ww_json_end_object(&w->out);
        break;
    default:
        ww_json_object(&w->out);
        ww_json_key(&w->out, node->op == CQL2_DATE ? "date" : "timestamp");
        write_time_text(w, node);
        ww_json_end_object(&w->out);
        break;
    }
}

static void write_list(struct writer *w, const struct ww_cql2_node *node, uint32_t first) {
    ww_json_array(&w->out);
    for (uint32_t i = first; i < node->n_args; i++)
        if (node->op == CQL2_INTERVAL &&
            (node->args[i]->op == CQL2_OPEN || ww_cql2_is_literal(node->args[i])))
            write_time_text(w, node->args[i]);
        else
            write_node(w, node->args[i]);
    ww_json_end_array(&w->out);
}

static void write_op(struct writer *w, const struct ww_cql2_node *node) {
    ww_json_object(&w->out);
    if (node->op == CQL2_INTERVAL) {
        ww_json_key(&w->out, "interval");
        write_list(w, node, 0);
    } else {
        ww_json_key(&w->out, "op");
        ww_json_text(&w->out, ww_cql2_op_name(node->op));
        ww_json_key(&w->out, "args");
        if (node->op == CQL2_IN) {
            ww_json_array(&w->out);
            write_node(w, node->args[0]);
            write_list(w, node, 1);
            ww_json_end_array(&w->out);
        } else
            write_list(w, node, 0);
    }
    ww_json_end_object(&w->out);
}

static void write_node(struct writer *w, const struct ww_cql2_node *node) {
    if (node->op <= CQL2_PROPERTY)
        write_leaf(w, node);
    else if (node->op == CQL2_ARRAY)
        write_list(w, node, 0);
    else
        write_op(w, node);
}

void ww_cql2_write_json(const struct ww_cql2_expr *expr, struct ww_buf *out) {
    struct writer w = {.expr = expr};
    ww_json_init(&w.out, out);
    write_node(&w, expr->root);
}
