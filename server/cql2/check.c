/* Which operands an operator takes, and what it makes of them. */
#include <stdio.h>

#include "geo/civil.h"
#include "server/cql2/shape.h"

const char *ww_cql2_type_name(enum ww_cql2_type type) {
    static const char *const names[] = {"a text",        "a whole number", "a number",
                                        "true or false", "a date",         "a timestamp",
                                        "a geometry",    "an array",       "an interval"};
    return names[type];
}

/* "name, a text," or "a number": for a sentence. */
struct words {
    char text[80];
};

static struct words describe(const struct ww_cql2_builder *b, const struct ww_cql2_node *node) {
    struct words w;
    const char *kind = ww_cql2_type_name(node->type);
    if (node->op == CQL2_PROPERTY) {
        struct ww_str name = b->schema->properties[node->property].name;
        snprintf(w.text, sizeof w.text, "%.*s (%s)", name.len > 48 ? 48 : (int)name.len, name.ptr, kind);
    } else
        snprintf(w.text, sizeof w.text, "%s", kind);
    return w;
}

static char *capitals(const char *name, char out[24]) {
    size_t i = 0;
    for (; name[i] && i < 23; i++)
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A') : name[i];
    out[i] = '\0';
    return out;
}

static bool needs(struct ww_cql2_builder *b, const struct ww_cql2_node *node, const struct ww_cql2_node *arg,
                  const char *what) {
    char name[24];
    ww_cql2_fail_at(b, arg, "%s needs %s, not %s", capitals(ww_cql2_op_name(node->op), name), what,
                    describe(b, arg).text);
    return false;
}

static bool need_count(struct ww_cql2_builder *b, const struct ww_cql2_node *node, uint32_t least,
                       uint32_t most) {
    char name[24];
    if (node->n_args >= least && node->n_args <= most)
        return true;
    ww_cql2_fail(b, node->n_args > most && most == WW_CQL2_MAX_LIST + 1 ? WW_TOO_LARGE : WW_BAD_INPUT,
                 node->place, "%s takes %s%u operand%s, not %u", capitals(ww_cql2_op_name(node->op), name),
                 least == most          ? ""
                 : node->n_args < least ? "at least "
                                        : "at most ",
                 node->n_args < least ? least : most, (node->n_args < least ? least : most) == 1 ? "" : "s",
                 node->n_args);
    return false;
}

static bool all_are(struct ww_cql2_builder *b, const struct ww_cql2_node *node, enum ww_cql2_type type) {
    for (uint32_t i = 0; i < node->n_args; i++)
        if (node->args[i]->type != type)
            return needs(b, node, node->args[i],
                         type == WW_CQL2_BOOLEAN ? "what is true or false" : ww_cql2_type_name(type));
    return true;
}

static bool all_numbers(struct ww_cql2_builder *b, const struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < node->n_args; i++)
        if (!ww_cql2_is_number(node->args[i]->type))
            return needs(b, node, node->args[i], "numbers");
    return true;
}

/* Every operand is of the first one's kind, and that kind has an order. */
static bool all_comparable(struct ww_cql2_builder *b, const struct ww_cql2_node *node) {
    const struct ww_cql2_node *first = node->args[0];
    char name[24];
    if (first->type >= WW_CQL2_GEOMETRY)
        return needs(b, node, first, "texts, numbers, times or booleans");
    for (uint32_t i = 1; i < node->n_args; i++) {
        const struct ww_cql2_node *other = node->args[i];
        if (first->type == other->type ||
            (ww_cql2_is_number(first->type) && ww_cql2_is_number(other->type)) ||
            (ww_cql2_is_time(first->type) && ww_cql2_is_time(other->type)))
            continue;
        /* A property is what the reader knows by name: it is named, and its place. */
        const struct ww_cql2_node *named =
            first->op != CQL2_PROPERTY && other->op == CQL2_PROPERTY ? other : first;
        ww_cql2_fail_at(
            b, named, "%s does not compare %s with %s%s", capitals(ww_cql2_op_name(node->op), name),
            describe(b, first).text, describe(b, other).text,
            ww_cql2_is_time(first->type) && other->op == CQL2_TEXT ? ": write DATE('…') or TIMESTAMP('…')"
                                                                   : "");
        return false;
    }
    return true;
}

/* A pattern is a text as it stands, perhaps in CASEI() and ACCENTI(). */
static bool check_like(struct ww_cql2_builder *b, struct ww_cql2_node *node) {
    if (!all_are(b, node, WW_CQL2_TEXT))
        return false;
    const struct ww_cql2_node *pattern = node->args[1];
    while (pattern->op == CQL2_CASEI || pattern->op == CQL2_ACCENTI)
        pattern = pattern->args[0];
    if (pattern->op != CQL2_TEXT)
        return needs(b, node, pattern, "a pattern in quotes");
    size_t escapes = 0;
    while (escapes < pattern->text.len && pattern->text.ptr[pattern->text.len - 1 - escapes] == '\\')
        escapes++;
    if (escapes % 2 == 1)
        ww_cql2_fail(b, WW_BAD_INPUT, pattern->place, "a pattern does not end with the escape character \\");
    return escapes % 2 == 0;
}

/* ---- Times ---- */

static bool check_interval(struct ww_cql2_builder *b, struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < 2; i++)
        if (node->args[i]->op != CQL2_OPEN && !ww_cql2_is_time(node->args[i]->type)) {
            ww_cql2_fail_at(b, node->args[i],
                            "an interval begins and ends with a date or a timestamp, not %s",
                            describe(b, node->args[i]).text);
            return false;
        }
    const struct ww_cql2_node *begin = node->args[0], *end = node->args[1];
    node->type = WW_CQL2_INTERVAL;
    if (!ww_cql2_is_literal(begin) || !ww_cql2_is_literal(end))
        return true;
    int64_t first = begin->op == CQL2_DATE ? begin->integer * WW_DAY_US : begin->integer;
    int64_t last = end->op == CQL2_DATE ? (end->integer + 1) * WW_DAY_US - 1 : end->integer;
    if (first > last)
        ww_cql2_fail(b, WW_BAD_INPUT, node->place, "the interval ends before it begins");
    return first <= last;
}

/* Instants have no parts: only five of the relations mean something for them (table 10 of the standard). Its
 * examples also ask whether an instant lies in an interval, and so may a filter. */
static bool takes_instant(enum ww_cql2_op op, uint32_t i) {
    switch (op) {
    case CQL2_T_AFTER:
    case CQL2_T_BEFORE:
    case CQL2_T_DISJOINT:
    case CQL2_T_EQUALS:
    case CQL2_T_INTERSECTS:
        return true;
    case CQL2_T_DURING:
        return i == 0;
    case CQL2_T_CONTAINS:
        return i == 1;
    default:
        return false;
    }
}

static bool check_temporal(struct ww_cql2_builder *b, struct ww_cql2_node *node) {
    for (uint32_t i = 0; i < 2; i++) {
        enum ww_cql2_type type = node->args[i]->type;
        if (type == WW_CQL2_INTERVAL || (ww_cql2_is_time(type) && takes_instant(node->op, i)))
            continue;
        return needs(b, node, node->args[i],
                     takes_instant(node->op, i) ? "a date, a timestamp or an interval" : "an interval");
    }
    return true;
}

/* ---- Arrays ---- */

static bool check_array(struct ww_cql2_builder *b, struct ww_cql2_node *node) {
    node->type = WW_CQL2_ARRAY;
    for (uint32_t i = 0; i < node->n_args; i++) {
        const struct ww_cql2_node *element = node->args[i];
        if (element->type >= WW_CQL2_GEOMETRY ||
            (ww_cql2_is_time(element->type) && !ww_cql2_is_literal(element))) {
            ww_cql2_fail_at(b, element,
                            "an array holds texts, numbers, booleans, dates and timestamps, not %s",
                            describe(b, element).text);
            return false;
        }
    }
    return true;
}

/* ---- Geometries ---- */

/* Neither GEOS nor PostGIS knows more of points, lines and polygons together than whether they meet
 * something. */
static bool check_spatial(struct ww_cql2_builder *b, const struct ww_cql2_node *node) {
    char name[24];
    if (!all_are(b, node, WW_CQL2_GEOMETRY))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        const struct ww_cql2_node *arg = node->args[i];
        if (node->op == CQL2_S_INTERSECTS || node->op == CQL2_S_DISJOINT || arg->op != CQL2_SHAPE ||
            ww_cql2_shape_count(arg->shape) == 1)
            continue;
        ww_cql2_fail_at(
            b, arg, "%s takes no GEOMETRYCOLLECTION of several kinds (only S_INTERSECTS and S_DISJOINT do)",
            capitals(ww_cql2_op_name(node->op), name));
        return false;
    }
    return true;
}

bool ww_cql2_check(struct ww_cql2_builder *b, struct ww_cql2_node *node) {
    node->type = WW_CQL2_BOOLEAN;
    switch (node->op) {
    case CQL2_AND:
    case CQL2_OR:
        return need_count(b, node, 2, WW_CQL2_MAX_NODES) && all_are(b, node, WW_CQL2_BOOLEAN);
    case CQL2_NOT:
        return need_count(b, node, 1, 1) && all_are(b, node, WW_CQL2_BOOLEAN);
    case CQL2_EQ:
    case CQL2_NE:
    case CQL2_LT:
    case CQL2_GT:
    case CQL2_LE:
    case CQL2_GE:
        return need_count(b, node, 2, 2) && all_comparable(b, node);
    case CQL2_LIKE:
        return need_count(b, node, 2, 2) && check_like(b, node);
    case CQL2_BETWEEN:
        return need_count(b, node, 3, 3) && all_comparable(b, node);
    case CQL2_IN:
        return need_count(b, node, 2, WW_CQL2_MAX_LIST + 1) && all_comparable(b, node);
    case CQL2_IS_NULL:
        return need_count(b, node, 1, 1) &&
               (node->args[0]->op != CQL2_ARRAY || needs(b, node, node->args[0], "a value"));
    case CQL2_ADD:
    case CQL2_SUBTRACT:
    case CQL2_MULTIPLY:
    case CQL2_DIVIDE:
    case CQL2_POWER:
    case CQL2_MODULO:
    case CQL2_DIV:
        node->type = WW_CQL2_NUMBER;
        return need_count(b, node, 2, 2) && all_numbers(b, node);
    case CQL2_CASEI:
    case CQL2_ACCENTI:
        node->type = WW_CQL2_TEXT;
        return need_count(b, node, 1, 1) && all_are(b, node, WW_CQL2_TEXT);
    case CQL2_INTERVAL:
        return check_interval(b, node);
    case CQL2_ARRAY:
        return check_array(b, node);
    default:
        if (!need_count(b, node, 2, 2))
            return false;
        if (node->op >= CQL2_A_CONTAINED_BY)
            return all_are(b, node, WW_CQL2_ARRAY);
        return node->op >= CQL2_T_AFTER ? check_temporal(b, node) : check_spatial(b, node);
    }
}
