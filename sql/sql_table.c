/* Finds a named statement among the embedded files of sql/queries/. */
#include <stdio.h>
#include <stdlib.h>

#include "sql/embed.h"

static int compare_name(const void *key, const void *row) {
    return strcmp(key, ((const struct ww_sql *)row)->name);
}

const struct ww_sql *ww_sql_find(const char *name) {
    const struct ww_sql *found =
        bsearch(name, embedded_queries, embedded_query_count, sizeof *embedded_queries, compare_name);
    if (!found) {
        fprintf(stderr, "there is no sql/queries/%s.sql\n", name);
        abort();
    }
    return found;
}

const struct ww_sql *ww_sql_all(size_t *count) {
    *count = embedded_query_count;
    return embedded_queries;
}
