/* Tables of characters for fold.c. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_FOLD_TABLES_H
#define WW_SERVER_CQL2_FOLD_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* Every `step`-th character from first to last moves by `distance`. */
struct ww_cql2_run {
    uint32_t first, last, step;
    int32_t distance;
};
struct ww_cql2_change {
    uint32_t from;
    char to[8]; /* UTF-8, ends with NUL */
};

extern const struct ww_cql2_run ww_cql2_fold_runs[];
extern const size_t ww_cql2_n_fold_runs;
extern const struct ww_cql2_change ww_cql2_folds[];
extern const size_t ww_cql2_n_folds;
extern const struct ww_cql2_change ww_cql2_accents[];
extern const size_t ww_cql2_n_accents;

#endif
