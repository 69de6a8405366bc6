/* Allen's relations between A and B, each a few comparisons of their ends. */
#include "server/cql2/relation.h"

#define A1 CQL2_FIRST_A
#define A2 CQL2_LAST_A
#define B1 CQL2_FIRST_B
#define B2 CQL2_LAST_B

static const struct ww_cql2_relation relations[] = {
    [CQL2_T_AFTER - CQL2_T_AFTER] = {false, 1, {{A1, CQL2_GT, B2}}, {A1, CQL2_GT, B1}},
    [CQL2_T_BEFORE - CQL2_T_AFTER] = {false, 1, {{A2, CQL2_LT, B1}}, {A1, CQL2_LT, B1}},
    [CQL2_T_CONTAINS - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_LT, B1}, {A2, CQL2_GT, B2}}},
    [CQL2_T_DISJOINT - CQL2_T_AFTER] = {true, 2, {{A2, CQL2_LT, B1}, {A1, CQL2_GT, B2}}, {A1, CQL2_NE, B1}},
    [CQL2_T_DURING - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_GT, B1}, {A2, CQL2_LT, B2}}},
    [CQL2_T_EQUALS - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_EQ, B1}, {A2, CQL2_EQ, B2}}, {A1, CQL2_EQ, B1}},
    [CQL2_T_FINISHED_BY - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_LT, B1}, {A2, CQL2_EQ, B2}}},
    [CQL2_T_FINISHES - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_GT, B1}, {A2, CQL2_EQ, B2}}},
    [CQL2_T_INTERSECTS -
        CQL2_T_AFTER] = {false, 2, {{A1, CQL2_LE, B2}, {A2, CQL2_GE, B1}}, {A1, CQL2_EQ, B1}},
    [CQL2_T_MEETS - CQL2_T_AFTER] = {false, 1, {{A2, CQL2_EQ, B1}}},
    [CQL2_T_MET_BY - CQL2_T_AFTER] = {false, 1, {{A1, CQL2_EQ, B2}}},
    [CQL2_T_OVERLAPPED_BY -
        CQL2_T_AFTER] = {false, 3, {{A1, CQL2_GT, B1}, {A1, CQL2_LT, B2}, {A2, CQL2_GT, B2}}},
    [CQL2_T_OVERLAPS - CQL2_T_AFTER] = {false, 3, {{A1, CQL2_LT, B1}, {A2, CQL2_GT, B1}, {A2, CQL2_LT, B2}}},
    [CQL2_T_STARTED_BY - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_EQ, B1}, {A2, CQL2_GT, B2}}},
    [CQL2_T_STARTS - CQL2_T_AFTER] = {false, 2, {{A1, CQL2_EQ, B1}, {A2, CQL2_LT, B2}}},
};

const struct ww_cql2_relation *ww_cql2_relation_of(enum ww_cql2_op op) {
    return &relations[op - CQL2_T_AFTER];
}
