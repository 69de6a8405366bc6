/* Allen's relations between A and B, each a few comparisons of their ends. */
#include "server/cql2/relation.h"

#define A1      CQL2_FIRST_A
#define A2      CQL2_LAST_A
#define B1      CQL2_FIRST_B
#define B2      CQL2_LAST_B
#define ROW(op) [CQL2_T_##op - CQL2_T_AFTER]
#define LT      CQL2_LT
#define GT      CQL2_GT
#define EQ      CQL2_EQ

static const struct ww_cql2_relation relations[] = {
    ROW(AFTER) = {.n = 1, .tests = {{A1, GT, B2}}, .of_points = {A1, GT, B1}},
    ROW(BEFORE) = {.n = 1, .tests = {{A2, LT, B1}}, .of_points = {A1, LT, B1}},
    ROW(CONTAINS) = {.n = 2, .tests = {{A1, LT, B1}, {A2, GT, B2}}},
    ROW(DISJOINT) = {.n = 2,
                     .any = true,
                     .tests = {{A2, LT, B1}, {A1, GT, B2}},
                     .of_points = {A1, CQL2_NE, B1}},
    ROW(DURING) = {.n = 2, .tests = {{A1, GT, B1}, {A2, LT, B2}}},
    ROW(EQUALS) = {.n = 2, .tests = {{A1, EQ, B1}, {A2, EQ, B2}}, .of_points = {A1, EQ, B1}},
    ROW(FINISHED_BY) = {.n = 2, .tests = {{A1, LT, B1}, {A2, EQ, B2}}},
    ROW(FINISHES) = {.n = 2, .tests = {{A1, GT, B1}, {A2, EQ, B2}}},
    ROW(INTERSECTS) = {.n = 2, .tests = {{A1, CQL2_LE, B2}, {A2, CQL2_GE, B1}}, .of_points = {A1, EQ, B1}},
    ROW(MEETS) = {.n = 1, .tests = {{A2, EQ, B1}}},
    ROW(MET_BY) = {.n = 1, .tests = {{A1, EQ, B2}}},
    ROW(OVERLAPPED_BY) = {.n = 3, .tests = {{A1, GT, B1}, {A1, LT, B2}, {A2, GT, B2}}},
    ROW(OVERLAPS) = {.n = 3, .tests = {{A1, LT, B1}, {A2, GT, B1}, {A2, LT, B2}}},
    ROW(STARTED_BY) = {.n = 2, .tests = {{A1, EQ, B1}, {A2, GT, B2}}},
    ROW(STARTS) = {.n = 2, .tests = {{A1, EQ, B1}, {A2, LT, B2}}},
};

const struct ww_cql2_relation *ww_cql2_relation_of(enum ww_cql2_op op) {
    return &relations[op - CQL2_T_AFTER];
}
