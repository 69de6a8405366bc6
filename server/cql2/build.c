/* Makes the parts of a tree, within its bounds; keeps the first failure and its place. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "geo/civil.h"
#include "server/cql2/tree.h"

/* ---- Failing ---- */

/* The JSON pointer (RFC 6901) of what begins at `place`: at every level the last child that does not begin
 * after it. */
static void write_pointer(const struct ww_json_node *json, size_t place, char *out, size_t room) {
    size_t used = 0;
    out[0] = '\0';
    while (json && used < room) {
        const struct ww_json_node *inside = NULL;
        size_t index = 0, number = 0;
        for (const struct ww_json_node *c = json->child; c && c->offset <= place; c = c->next, index++) {
            inside = c;
            number = index;
        }
        if (inside && json->type == WW_JSON_OBJECT)
            used += (size_t)snprintf(out + used, room - used, "/%.*s", WW_STR_ARG(inside->key));
        else if (inside)
            used += (size_t)snprintf(out + used, room - used, "/%zu", number);
        json = inside;
    }
}

static void fail_with(struct ww_cql2_builder *b, enum ww_status status, size_t place, const char *text) {
    char pointer[80];
    if (b->status != WW_OK)
        return;
    b->status = status;
    if (!b->err)
        return;
    write_pointer(b->json, place, pointer, sizeof pointer);
    (void)ww_error_set(b->err, status, "%s%s%s%s", pointer[0] ? "at " : "", pointer, pointer[0] ? ": " : "",
                       text);
    ww_text_place(b->input, place, &b->err->line, &b->err->column);
    b->err->offset = place;
}

void *ww_cql2_fail(struct ww_cql2_builder *b, enum ww_status status, size_t place, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fail_with(b, status, place, text);
    return NULL;
}

void *ww_cql2_fail_at(struct ww_cql2_builder *b, const struct ww_cql2_node *arg, const char *fmt, ...) {
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    bool is_first = b->status == WW_OK;
    fail_with(b, WW_BAD_INPUT, arg->place, text);
    if (is_first && arg->op == CQL2_PROPERTY)
        ww_error_at_field(b->err, b->schema->properties[arg->property].name, WW_STR_NONE);
    return NULL;
}

void *ww_cql2_no_memory(struct ww_cql2_builder *b) {
    return ww_cql2_fail(b, WW_TOO_LARGE, 0, "the filter is too large");
}

/* ---- Nodes ---- */

struct ww_cql2_node *ww_cql2_new_leaf(struct ww_cql2_builder *b, enum ww_cql2_op op, enum ww_cql2_type type,
                                      size_t place) {
    if (b->status != WW_OK)
        return NULL;
    if (++b->n_nodes > WW_CQL2_MAX_NODES)
        return ww_cql2_fail(b, WW_TOO_LARGE, place, "a filter has at most %d values and operators",
                            WW_CQL2_MAX_NODES);
    struct ww_cql2_node *node = ww_arena_calloc(b->arena, 1, sizeof *node);
    if (!node)
        return ww_cql2_no_memory(b);
    node->op = op;
    node->type = type;
    node->depth = 1;
    node->place = place;
    if (op == CQL2_SHAPE || op == CQL2_LIKE || op == CQL2_CASEI || op == CQL2_ACCENTI)
        node->slot = b->n_slots++;
    return node;
}

struct ww_cql2_node *ww_cql2_new_text(struct ww_cql2_builder *b, struct ww_str text, size_t place) {
    if (text.len > 0 && memchr(text.ptr, '\0', text.len))
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "a text holds no NUL");
    struct ww_cql2_node *node = ww_cql2_new_leaf(b, CQL2_TEXT, WW_CQL2_TEXT, place);
    if (node)
        node->text = text;
    return node;
}

struct ww_cql2_node *ww_cql2_new_boolean(struct ww_cql2_builder *b, bool value, size_t place) {
    struct ww_cql2_node *node = ww_cql2_new_leaf(b, CQL2_BOOLEAN, WW_CQL2_BOOLEAN, place);
    if (node)
        node->boolean = value;
    return node;
}

struct ww_cql2_node *ww_cql2_new_number(struct ww_cql2_builder *b, struct ww_str digits, bool negative,
                                        size_t place) {
    static const double exact = 9007199254740992.0; /* 2^53: below it a whole double is what was written */
    struct ww_cql2_node *node = ww_cql2_new_leaf(b, CQL2_INTEGER, WW_CQL2_INTEGER, place);
    double value;
    int64_t whole;
    if (!node)
        return NULL;
    if (!negative && ww_str_to_i64(digits, &whole)) {
        node->integer = whole;
        return node;
    }
    if (negative &&
        digits.len < 24) { /* the sign belongs to the digits: -9223372036854775808 is an integer */
        char text[32] = "-";
        memcpy(text + 1, digits.ptr, digits.len);
        if (ww_str_to_i64((struct ww_str){text, digits.len + 1}, &whole)) {
            node->integer = whole;
            return node;
        }
    }
    if (!ww_str_to_double(digits, &value) || !isfinite(value))
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "%.40s is not a number that can be kept",
                            digits.len < 40 ? "this" : "this long text");
    if (negative)
        value = -value;
    if (trunc(value) == value && fabs(value) <= exact) {
        node->integer = (int64_t)value;
        return node;
    }
    node->op = CQL2_NUMBER;
    node->type = WW_CQL2_NUMBER;
    node->number = value;
    return node;
}

struct ww_cql2_node *ww_cql2_new_property(struct ww_cql2_builder *b, struct ww_str name, size_t place) {
    for (size_t i = 0; i < b->schema->n; i++)
        if (ww_str_eq(b->schema->properties[i].name, name)) {
            struct ww_cql2_node *node =
                ww_cql2_new_leaf(b, CQL2_PROPERTY, b->schema->properties[i].type, place);
            if (node)
                node->property = i;
            return node;
        }
    bool is_first = b->status == WW_OK;
    ww_cql2_fail(b, WW_BAD_INPUT, place, "there is no property %.*s", name.len > 80 ? 80 : (int)name.len,
                 name.ptr ? name.ptr : "");
    if (is_first)
        ww_error_at_field(b->err, name, WW_STR_NONE);
    return NULL;
}

struct ww_cql2_node *ww_cql2_new_op(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node **args,
                                    uint32_t n_args, size_t place) {
    struct ww_cql2_node *node = ww_cql2_new_leaf(b, op, WW_CQL2_BOOLEAN, place);
    if (!node)
        return NULL;
    node->args = args;
    node->n_args = n_args;
    for (uint32_t i = 0; i < n_args; i++)
        if (args[i]->depth >= node->depth)
            node->depth = args[i]->depth + 1;
    if (node->depth > WW_CQL2_MAX_DEPTH)
        return ww_cql2_fail(b, WW_TOO_LARGE, place, "operators are nested more than %d deep",
                            WW_CQL2_MAX_DEPTH);
    return ww_cql2_check(b, node) ? node : NULL;
}

static struct ww_cql2_node *new_op_of(struct ww_cql2_builder *b, enum ww_cql2_op op,
                                      struct ww_cql2_node *first, struct ww_cql2_node *second, uint32_t n,
                                      size_t place) {
    if (!first || (n == 2 && !second))
        return NULL;
    struct ww_cql2_node **args = ww_arena_alloc(b->arena, n * sizeof *args);
    if (!args)
        return ww_cql2_no_memory(b);
    args[0] = first;
    if (n == 2)
        args[1] = second;
    return ww_cql2_new_op(b, op, args, n, place);
}

struct ww_cql2_node *ww_cql2_new_op1(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node *arg,
                                     size_t place) {
    return new_op_of(b, op, arg, NULL, 1, place);
}

struct ww_cql2_node *ww_cql2_new_op2(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node *left,
                                     struct ww_cql2_node *right, size_t place) {
    return new_op_of(b, op, left, right, 2, place);
}

bool ww_cql2_list_add(struct ww_cql2_builder *b, struct ww_cql2_list *list, struct ww_cql2_node *node) {
    if (!node)
        return false;
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        struct ww_cql2_node **grown =
            ww_arena_grow(b->arena, list->nodes, list->n * sizeof(struct ww_cql2_node *),
                          cap * sizeof(struct ww_cql2_node *));
        if (!grown) {
            ww_cql2_no_memory(b);
            return false;
        }
        list->nodes = grown;
        list->cap = cap;
    }
    list->nodes[list->n++] = node;
    return true;
}

enum ww_status ww_cql2_finish(struct ww_cql2_builder *b, struct ww_cql2_node *root,
                              struct ww_cql2_expr **out) {
    if (root && b->status == WW_OK && root->type != WW_CQL2_BOOLEAN)
        ww_cql2_fail_at(b, root, "a filter is true or false, and this is %s", ww_cql2_type_name(root->type));
    struct ww_cql2_expr *expr = b->status == WW_OK ? ww_arena_calloc(b->arena, 1, sizeof *expr) : NULL;
    if (!expr) {
        ww_cql2_no_memory(b);
        return b->status;
    }
    *expr = (struct ww_cql2_expr){.root = root, .schema = b->schema, .crs = b->crs, .n_slots = b->n_slots};
    *out = expr;
    return WW_OK;
}

/* ---- Times: RFC 3339 to the letter, so that "2026" or "yesterday" is never guessed at ---- */

/* Does `text` have the form of `pattern`, where 0 stands for a digit? */
static bool has_form(struct ww_str text, const char *pattern) {
    if (text.len != strlen(pattern))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (pattern[i] == '0' ? !digit : text.ptr[i] != pattern[i])
            return false;
    }
    return true;
}

static bool is_date(struct ww_str text) {
    return has_form(text, "0000-00-00");
}

static bool is_timestamp(struct ww_str text) {
    if (text.len < 20 || !has_form((struct ww_str){text.ptr, 19}, "0000-00-00T00:00:00"))
        return false;
    struct ww_str rest = {text.ptr + 19, text.len - 19};
    if (rest.ptr[0] == '.') {
        size_t digits = 1;
        while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9')
            digits++;
        if (digits == 1)
            return false;
        rest = (struct ww_str){rest.ptr + digits, rest.len - digits};
    }
    return ww_str_is(rest, "Z") || has_form(rest, "+00:00") || has_form(rest, "-00:00");
}

static struct ww_cql2_node *new_time(struct ww_cql2_builder *b, struct ww_str text, bool date, size_t place) {
    struct ww_cql2_node *node =
        ww_cql2_new_leaf(b, date ? CQL2_DATE : CQL2_INSTANT, date ? WW_CQL2_DATE : WW_CQL2_INSTANT, place);
    struct ww_error err;
    if (!node)
        return NULL;
    if (ww_instant_parse(text, NULL, &node->integer, &err) != WW_OK)
        return ww_cql2_fail(b, WW_BAD_INPUT, place, "'%.*s' does not exist: %.100s", (int)text.len, text.ptr,
                            err.message);
    if (date)
        node->integer = ww_floor_div(node->integer, WW_DAY_US);
    return node;
}

static void *not_a_time(struct ww_cql2_builder *b, const char *form, struct ww_str text, size_t place) {
    return ww_cql2_fail(b, WW_BAD_INPUT, place, "%s, not '%.*s'", form, text.len > 60 ? 60 : (int)text.len,
                        text.ptr ? text.ptr : "");
}

struct ww_cql2_node *ww_cql2_new_date(struct ww_cql2_builder *b, struct ww_str text, size_t place) {
    return is_date(text) ? new_time(b, text, true, place)
                         : not_a_time(b, "a date is written '2026-11-28'", text, place);
}

struct ww_cql2_node *ww_cql2_new_timestamp(struct ww_cql2_builder *b, struct ww_str text, size_t place) {
    return is_timestamp(text) && text.len < 60
               ? new_time(b, text, false, place)
               : not_a_time(b, "a timestamp is written '2026-11-28T01:02:03Z'", text, place);
}

struct ww_cql2_node *ww_cql2_new_bound(struct ww_cql2_builder *b, struct ww_str text, size_t place) {
    if (ww_str_is(text, ".."))
        return ww_cql2_new_leaf(b, CQL2_OPEN, WW_CQL2_INTERVAL, place);
    if (is_date(text))
        return new_time(b, text, true, place);
    if (is_timestamp(text) && text.len < 60)
        return new_time(b, text, false, place);
    return not_a_time(b, "an interval begins and ends with a date, a timestamp, a property or '..'", text,
                      place);
}
