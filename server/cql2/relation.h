/* The relations in time as comparisons of ends: read by SQL and memory alike. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_RELATION_H
#define WW_SERVER_CQL2_RELATION_H

#include "server/cql2/tree.h"

enum ww_cql2_end { CQL2_FIRST_A, CQL2_LAST_A, CQL2_FIRST_B, CQL2_LAST_B };

struct ww_cql2_end_test {
    enum ww_cql2_end left;
    enum ww_cql2_op op; /* a comparison */
    enum ww_cql2_end right;
};

struct ww_cql2_relation {
    bool any; /* one of the tests suffices */
    int n;
    struct ww_cql2_end_test tests[3];
    struct ww_cql2_end_test of_points; /* the same of two instants, for the five relations that take them */
};

const struct ww_cql2_relation *ww_cql2_relation_of(enum ww_cql2_op op); /* CQL2_T_… */

#endif
