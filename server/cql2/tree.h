/* The tree of a filter, and how both readers build it. Private to server/cql2.
 *
 * Readers call ww_cql2_new_… for every part, from the leaves up; check.c is behind ww_cql2_new_op and refuses
 * what has no meaning, so that everything that walks a tree may trust it. The first failure stays in
 * `status`, and NULL is passed through.
 */
#ifndef WW_SERVER_CQL2_TREE_H
#define WW_SERVER_CQL2_TREE_H

#include "geo/base/json_reader.h"
#include "server/cql2/cql2.h"

enum ww_cql2_op {
    /* leaves */
    CQL2_TEXT,
    CQL2_INTEGER,
    CQL2_NUMBER,
    CQL2_BOOLEAN,
    CQL2_DATE,    /* integer: days since 1970-01-01 */
    CQL2_INSTANT, /* integer: microseconds since 1970-01-01T00:00:00Z */
    CQL2_OPEN,    /* ".." in an interval */
    CQL2_SHAPE,
    CQL2_PROPERTY,
    /* made of parts */
    CQL2_INTERVAL, /* begin, end */
    CQL2_ARRAY,
    /* operators, in the order of the table in op.c */
    CQL2_AND,
    CQL2_OR,
    CQL2_NOT,
    CQL2_EQ,
    CQL2_NE,
    CQL2_LT,
    CQL2_GT,
    CQL2_LE,
    CQL2_GE,
    CQL2_LIKE,
    CQL2_BETWEEN,
    CQL2_IN, /* the value, then the list's values */
    CQL2_IS_NULL,
    CQL2_ADD,
    CQL2_SUBTRACT,
    CQL2_MULTIPLY,
    CQL2_DIVIDE,
    CQL2_POWER,
    CQL2_MODULO,
    CQL2_DIV, /* to a whole number */
    CQL2_CASEI,
    CQL2_ACCENTI,
    CQL2_S_CONTAINS,
    CQL2_S_CROSSES,
    CQL2_S_DISJOINT,
    CQL2_S_EQUALS,
    CQL2_S_INTERSECTS,
    CQL2_S_OVERLAPS,
    CQL2_S_TOUCHES,
    CQL2_S_WITHIN,
    CQL2_T_AFTER,
    CQL2_T_BEFORE,
    CQL2_T_CONTAINS,
    CQL2_T_DISJOINT,
    CQL2_T_DURING,
    CQL2_T_EQUALS,
    CQL2_T_FINISHED_BY,
    CQL2_T_FINISHES,
    CQL2_T_INTERSECTS,
    CQL2_T_MEETS,
    CQL2_T_MET_BY,
    CQL2_T_OVERLAPPED_BY,
    CQL2_T_OVERLAPS,
    CQL2_T_STARTED_BY,
    CQL2_T_STARTS,
    CQL2_A_CONTAINED_BY,
    CQL2_A_CONTAINS,
    CQL2_A_EQUALS,
    CQL2_A_OVERLAPS,
    CQL2_N_OPS
};

struct ww_cql2_shape;

struct ww_cql2_node {
    enum ww_cql2_op op;
    enum ww_cql2_type type; /* of its value */
    unsigned depth;         /* 1 for a leaf */
    size_t place;           /* its first byte in the text or JSON */
    uint32_t slot;          /* SHAPE, LIKE, CASEI, ACCENTI: where an evaluator keeps what it makes of them */
    uint32_t n_args;
    struct ww_cql2_node **args;
    union {
        struct ww_str text;
        int64_t integer; /* INTEGER, DATE, INSTANT */
        double number;
        bool boolean;
        size_t property; /* its number in the schema */
        struct ww_cql2_shape *shape;
    };
};

struct ww_cql2_expr {
    const struct ww_cql2_node *root; /* of type BOOLEAN */
    const struct ww_cql2_schema *schema;
    struct ww_cql2_crs crs;
    uint32_t n_slots;
};

/* ---- op.c ---- */

/* As JSON writes it ("and", "t_metBy", "<>"); text writes it in capitals. NULL for leaves. */
const char *ww_cql2_op_name(enum ww_cql2_op op);
/* An operator or function by its name in any case; false when there is none. "isNull", "between" … included.
 */
bool ww_cql2_op_find(struct ww_str name, enum ww_cql2_op *out);
bool ww_cql2_op_is_function(enum ww_cql2_op op); /* is written NAME(…) in text */

/* ---- build.c ---- */

struct ww_cql2_builder {
    struct ww_arena *arena;
    const struct ww_cql2_schema *schema;
    struct ww_cql2_crs crs;
    struct ww_str input;
    struct ww_error *err;
    enum ww_status status;
    uint32_t n_nodes;
    uint32_t n_vertices;
    uint32_t n_slots;
    const struct ww_json_node *json; /* the whole JSON, to tell where in it a mistake is; NULL for text */
};

/* Says what is wrong at `place`, unless something was said before; always NULL. */
void *ww_cql2_fail(struct ww_cql2_builder *b, enum ww_status status, size_t place, const char *fmt, ...)
    WW_PRINTF(4, 5);
/* The same at an operator's argument; names it if it is a property. */
void *ww_cql2_fail_at(struct ww_cql2_builder *b, const struct ww_cql2_node *arg, const char *fmt, ...)
    WW_PRINTF(3, 4);
void *ww_cql2_no_memory(struct ww_cql2_builder *b);

struct ww_cql2_node *ww_cql2_new_leaf(struct ww_cql2_builder *b, enum ww_cql2_op op, enum ww_cql2_type type,
                                      size_t place);
struct ww_cql2_node *ww_cql2_new_text(struct ww_cql2_builder *b, struct ww_str text, size_t place);
struct ww_cql2_node *ww_cql2_new_boolean(struct ww_cql2_builder *b, bool value, size_t place);
/* Digits as CQL2 or JSON write them, perhaps "5." or ".5"; a whole number becomes an INTEGER. */
struct ww_cql2_node *ww_cql2_new_number(struct ww_cql2_builder *b, struct ww_str digits, bool negative,
                                        size_t place);
struct ww_cql2_node *ww_cql2_new_property(struct ww_cql2_builder *b, struct ww_str name, size_t place);
struct ww_cql2_node *ww_cql2_new_date(struct ww_cql2_builder *b, struct ww_str text, size_t place);
struct ww_cql2_node *ww_cql2_new_timestamp(struct ww_cql2_builder *b, struct ww_str text, size_t place);
/* What stands between the quotes in an interval: a date, a timestamp or "..". */
struct ww_cql2_node *ww_cql2_new_bound(struct ww_cql2_builder *b, struct ww_str text, size_t place);
/* Takes over `args`, which lie in the arena; checked. */
struct ww_cql2_node *ww_cql2_new_op(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node **args,
                                    uint32_t n_args, size_t place);
struct ww_cql2_node *ww_cql2_new_op1(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node *arg,
                                     size_t place);
struct ww_cql2_node *ww_cql2_new_op2(struct ww_cql2_builder *b, enum ww_cql2_op op, struct ww_cql2_node *left,
                                     struct ww_cql2_node *right, size_t place);
enum ww_status ww_cql2_finish(struct ww_cql2_builder *b, struct ww_cql2_node *root,
                              struct ww_cql2_expr **out) WW_MUST_CHECK;

/* A list of arguments that grows. */
struct ww_cql2_list {
    struct ww_cql2_node **nodes;
    uint32_t n;
    uint32_t cap;
};
/* False when `node` is NULL or it does not fit. */
bool ww_cql2_list_add(struct ww_cql2_builder *b, struct ww_cql2_list *list, struct ww_cql2_node *node);

/* ---- check.c ---- */

/* Gives `node` its type, or says why it has none. */
bool ww_cql2_check(struct ww_cql2_builder *b, struct ww_cql2_node *node);
const char *ww_cql2_type_name(enum ww_cql2_type type); /* "a text" */

static inline bool ww_cql2_is_number(enum ww_cql2_type type) {
    return type == WW_CQL2_INTEGER || type == WW_CQL2_NUMBER;
}
static inline bool ww_cql2_is_time(enum ww_cql2_type type) {
    return type == WW_CQL2_DATE || type == WW_CQL2_INSTANT;
}
static inline bool ww_cql2_is_literal(const struct ww_cql2_node *node) {
    return node->op <= CQL2_INSTANT;
}

/* ---- number.c ---- */

enum ww_cql2_constant { CQL2_VARIES, CQL2_IS_NULL_CONSTANT, CQL2_CONSTANT };
/* One arithmetic step as both SQL and memory make it; false: unknown (division by zero, no real power). */
bool ww_cql2_arithmetic(enum ww_cql2_op op, double a, double b, double *out);
/* Is a numeric tree without properties a number? */
enum ww_cql2_constant ww_cql2_constant_of(const struct ww_cql2_node *node, double *out);
/* Does it have an exact value as a 64-bit integer? */
bool ww_cql2_whole_of(const struct ww_cql2_node *node, int64_t *out);
/* Are all operands whole, so that they are compared as integers? */
bool ww_cql2_all_whole(const struct ww_cql2_node *node);
bool ww_cql2_is_whole(const struct ww_cql2_node *node);

#endif
