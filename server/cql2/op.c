/* The operators of CQL2 and their names: one row each. */
#include "server/cql2/tree.h"

struct op_row {
    const char *name;
    bool is_function;
};

static const struct op_row ops[CQL2_N_OPS] = {
    [CQL2_AND] = {"and", false},
    [CQL2_OR] = {"or", false},
    [CQL2_NOT] = {"not", false},
    [CQL2_EQ] = {"=", false},
    [CQL2_NE] = {"<>", false},
    [CQL2_LT] = {"<", false},
    [CQL2_GT] = {">", false},
    [CQL2_LE] = {"<=", false},
    [CQL2_GE] = {">=", false},
    [CQL2_LIKE] = {"like", false},
    [CQL2_BETWEEN] = {"between", false},
    [CQL2_IN] = {"in", false},
    [CQL2_IS_NULL] = {"isNull", false},
    [CQL2_ADD] = {"+", false},
    [CQL2_SUBTRACT] = {"-", false},
    [CQL2_MULTIPLY] = {"*", false},
    [CQL2_DIVIDE] = {"/", false},
    [CQL2_POWER] = {"^", false},
    [CQL2_MODULO] = {"%", false},
    [CQL2_DIV] = {"div", false},
    [CQL2_CASEI] = {"casei", true},
    [CQL2_ACCENTI] = {"accenti", true},
    [CQL2_S_CONTAINS] = {"s_contains", true},
    [CQL2_S_CROSSES] = {"s_crosses", true},
    [CQL2_S_DISJOINT] = {"s_disjoint", true},
    [CQL2_S_EQUALS] = {"s_equals", true},
    [CQL2_S_INTERSECTS] = {"s_intersects", true},
    [CQL2_S_OVERLAPS] = {"s_overlaps", true},
    [CQL2_S_TOUCHES] = {"s_touches", true},
    [CQL2_S_WITHIN] = {"s_within", true},
    [CQL2_T_AFTER] = {"t_after", true},
    [CQL2_T_BEFORE] = {"t_before", true},
    [CQL2_T_CONTAINS] = {"t_contains", true},
    [CQL2_T_DISJOINT] = {"t_disjoint", true},
    [CQL2_T_DURING] = {"t_during", true},
    [CQL2_T_EQUALS] = {"t_equals", true},
    [CQL2_T_FINISHED_BY] = {"t_finishedBy", true},
    [CQL2_T_FINISHES] = {"t_finishes", true},
    [CQL2_T_INTERSECTS] = {"t_intersects", true},
    [CQL2_T_MEETS] = {"t_meets", true},
    [CQL2_T_MET_BY] = {"t_metBy", true},
    [CQL2_T_OVERLAPPED_BY] = {"t_overlappedBy", true},
    [CQL2_T_OVERLAPS] = {"t_overlaps", true},
    [CQL2_T_STARTED_BY] = {"t_startedBy", true},
    [CQL2_T_STARTS] = {"t_starts", true},
    [CQL2_A_CONTAINED_BY] = {"a_containedBy", true},
    [CQL2_A_CONTAINS] = {"a_contains", true},
    [CQL2_A_EQUALS] = {"a_equals", true},
    [CQL2_A_OVERLAPS] = {"a_overlaps", true},
};

const char *ww_cql2_op_name(enum ww_cql2_op op) {
    return ops[op].name;
}

bool ww_cql2_op_find(struct ww_str name, enum ww_cql2_op *out) {
    for (int op = CQL2_AND; op < CQL2_N_OPS; op++)
        if (ww_str_eq_nocase(name, ww_str_of(ops[op].name))) {
            *out = (enum ww_cql2_op)op;
            return true;
        }
    return false;
}

bool ww_cql2_op_is_function(enum ww_cql2_op op) {
    return ops[op].is_function;
}
