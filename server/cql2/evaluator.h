/* What the files eval*.c share. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_EVALUATOR_H
#define WW_SERVER_CQL2_EVALUATOR_H

#include "geo/geos_glue.h"
#include "server/cql2/shape.h"

/* A value in memory: of the type of the node that has it; dates and instants both as `integer`. */
struct ww_cql2_datum {
    bool is_null;
    union {
        struct ww_str text;
        int64_t integer;
        double number;
        enum ww_cql2_truth truth;
    };
};

/* One geometry of a literal, ready. */
struct ww_cql2_ready {
    struct ww_shape *shape;
    struct ww_prepared *prepared;
};

struct ww_cql2_slot {
    struct ww_buf text;          /* LIKE: the pattern; CASEI, ACCENTI: the text as it is now */
    bool is_constant;            /* that text is the same for all rows */
    struct ww_cql2_ready *ready; /* SHAPE */
    uint32_t n_ready;
};

struct ww_cql2_evaluator {
    const struct ww_cql2_expr *expr;
    struct ww_geos *geos; /* NULL until there is a geometry */
    struct ww_cql2_slot *slots;
    /* Of the row that is looked at: */
    ww_cql2_get get;
    void *row;
};

enum ww_cql2_truth ww_cql2_truth_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);
struct ww_cql2_value ww_cql2_property_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);

/* eval_time.c */
enum ww_cql2_truth ww_cql2_eval_temporal(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);
/* A date or an instant; a date as its first moment if so asked. */
struct ww_cql2_datum ww_cql2_time_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                     bool as_instant);
/* eval_space.c */
enum ww_status ww_cql2_prepare_shape(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                     struct ww_error *err) WW_MUST_CHECK;
/* Can the relation be asked of many rows? Else WW_TOO_LARGE. */
enum ww_status ww_cql2_check_cost(const struct ww_cql2_node *node, struct ww_error *err) WW_MUST_CHECK;
void ww_cql2_drop_shape(struct ww_cql2_evaluator *e, struct ww_cql2_slot *slot);
enum ww_cql2_truth ww_cql2_eval_spatial(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);
/* eval_array.c */
enum ww_cql2_truth ww_cql2_eval_arrays(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);
/* eval.c: for elements of arrays */
struct ww_cql2_datum ww_cql2_text_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);
struct ww_cql2_datum ww_cql2_number_of(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node);

static inline enum ww_cql2_truth ww_cql2_truth(bool value) {
    return value ? WW_CQL2_TRUE : WW_CQL2_FALSE;
}

#endif
