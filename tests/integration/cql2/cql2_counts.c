/* cql2_counts CONNINFO TABLE: reads filters, one a line, and says of each what it finds in the table, for
 * tests/integration/test_cql2.py (and for whoever wants to see a filter's SQL).
 *
 *   count of the text <TAB> count of its JSON, read again <TAB> count in memory <TAB> the JSON <TAB> the SQL
 *   error <TAB> line:column <TAB> message
 *
 * The schema is the table's own: every column of a type that CQL2 knows.
 */
#include <stdio.h>
#include <stdlib.h>

#include "server/cql2/cql2.h"
#include "sql/pg.h"

enum { MOST_COLUMNS = 200 };

struct table {
    struct ww_pg_sync *sync;
    struct ww_cql2_property columns[MOST_COLUMNS];
    struct ww_cql2_schema schema;
    const char *name;
    struct ww_arena *arena;       /* of all that follows */
    struct ww_cql2_value *values; /* row by row */
    int n_rows;
};

static _Noreturn void give_up(const char *what, const struct ww_error *err) {
    fprintf(stderr, "cql2_counts: %s: %s\n", what, err ? err->message : "");
    exit(2);
}

static bool type_of(struct ww_str name, enum ww_cql2_type *out) {
    static const struct {
        const char *name;
        enum ww_cql2_type type;
    } types[] = {
        {"text", WW_CQL2_TEXT},         {"varchar", WW_CQL2_TEXT},     {"bpchar", WW_CQL2_TEXT},
        {"int2", WW_CQL2_INTEGER},      {"int4", WW_CQL2_INTEGER},     {"int8", WW_CQL2_INTEGER},
        {"float4", WW_CQL2_NUMBER},     {"float8", WW_CQL2_NUMBER},    {"numeric", WW_CQL2_NUMBER},
        {"bool", WW_CQL2_BOOLEAN},      {"date", WW_CQL2_DATE},        {"timestamptz", WW_CQL2_INSTANT},
        {"timestamp", WW_CQL2_INSTANT}, {"geometry", WW_CQL2_GEOMETRY}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (ww_str_is(name, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    return false;
}

static void read_schema(struct table *t) {
    static const char query[] =
        "SELECT a.attname, y.typname, format(CASE y.typname WHEN 'timestamp' THEN 't.%I AT TIME ZONE "
        "''UTC''' ELSE 't.%I' END, "
        "a.attname), coalesce((SELECT srid FROM public.geometry_columns g WHERE g.f_table_name = c.relname "
        "LIMIT 1), 4490) "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type y ON y.oid = a.atttypid "
        "WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    struct ww_pg_args args;
    struct ww_error err;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_str_of(t->name));
    if (ww_pg_sync_exec(t->sync, query, &args, &r, &err) != WW_OK)
        give_up(t->name, &err);
    ww_pg_args_clear(&args);
    for (int row = 0; row < ww_pg_rows(r) && t->schema.n < MOST_COLUMNS; row++) {
        struct ww_cql2_property *p = &t->columns[t->schema.n];
        if (!type_of(ww_pg_str(r, row, 1), &p->type))
            continue;
        p->name = ww_arena_copy(t->arena, ww_pg_str(r, row, 0));
        p->sql = ww_arena_copy(t->arena, ww_pg_str(r, row, 2));
        t->schema.srid = (int)ww_pg_i64(r, row, 3);
        t->schema.n++;
    }
    t->schema.properties = t->columns;
}

/* ---- The rows in memory ---- */

static struct ww_cql2_value read_value(struct table *t, const struct ww_pg_result *r, int row, int column) {
    struct ww_cql2_value value = {.is_null = ww_pg_is_null(r, row, column)};
    struct ww_error err = {.message = "wrong WKB"};
    if (value.is_null)
        return value;
    switch (t->columns[column].type) {
    case WW_CQL2_TEXT:
        value.text = ww_arena_copy(t->arena, ww_pg_str(r, row, column));
        break;
    case WW_CQL2_NUMBER:
        value.number = ww_pg_double(r, row, column);
        break;
    case WW_CQL2_BOOLEAN:
        value.boolean = ww_pg_bool(r, row, column);
        break;
    case WW_CQL2_GEOMETRY:
        if (ww_pg_bytes(r, row, column, t->arena, &value.wkb) != WW_OK)
            give_up("a geometry", &err);
        break;
    default: /* whole numbers, days, microseconds */
        value.integer = ww_pg_i64(r, row, column);
        break;
    }
    return value;
}

static void read_rows(struct table *t) {
    static const struct {
        const char *before, *after;
    } forms[] = {[WW_CQL2_TEXT] = {"(", ")::text"},
                 [WW_CQL2_INTEGER] = {"(", ")::bigint"},
                 [WW_CQL2_NUMBER] = {"(", ")::float8"},
                 [WW_CQL2_BOOLEAN] = {"(", ")"},
                 [WW_CQL2_DATE] = {"(", ") - date '1970-01-01'"},
                 [WW_CQL2_INSTANT] = {"(extract(epoch FROM ", ") * 1000000)::bigint"},
                 [WW_CQL2_GEOMETRY] = {"ST_AsBinary(", ", 'NDR')"}};
    struct ww_buf sql;
    struct ww_error err;
    const struct ww_pg_result *r;
    ww_buf_init(&sql, 1 << 20);
    ww_buf_text(&sql, "SELECT ");
    for (size_t i = 0; i < t->schema.n; i++) {
        ww_buf_text(&sql, i ? ", " : "");
        ww_buf_text(&sql, forms[t->columns[i].type].before);
        ww_buf_str_add(&sql, t->columns[i].sql);
        ww_buf_text(&sql, forms[t->columns[i].type].after);
    }
    ww_buf_printf(&sql, " FROM %s t", t->name);
    if (ww_pg_sync_exec(t->sync, sql.data, NULL, &r, &err) != WW_OK)
        give_up(t->name, &err);
    t->n_rows = ww_pg_rows(r);
    t->values = ww_arena_calloc(t->arena, (size_t)t->n_rows * t->schema.n, sizeof *t->values);
    for (int row = 0; row < t->n_rows; row++)
        for (size_t i = 0; i < t->schema.n; i++)
            t->values[(size_t)row * t->schema.n + i] = read_value(t, r, row, (int)i);
    ww_buf_clear(&sql);
}

static void get_value(void *row, size_t property, struct ww_cql2_value *out) {
    *out = ((const struct ww_cql2_value *)row)[property];
}

static enum ww_status count_in_memory(struct table *t, const struct ww_cql2_expr *filter, int64_t *out,
                                      struct ww_error *err) {
    struct ww_cql2_evaluator *evaluator;
    enum ww_status st = ww_cql2_evaluator_new(filter, &evaluator, err);
    if (st != WW_OK)
        return st;
    *out = 0;
    for (int row = 0; row < t->n_rows; row++)
        *out += ww_cql2_test(evaluator, get_value, t->values + (size_t)row * t->schema.n) == WW_CQL2_TRUE;
    ww_cql2_evaluator_free(evaluator);
    return WW_OK;
}

/* ---- Filters ---- */

static enum ww_status count(struct table *t, const struct ww_cql2_expr *filter, struct ww_buf *sql,
                            int64_t *out, struct ww_error *err) {
    struct ww_pg_args args;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_buf_reset(sql);
    ww_buf_printf(sql, "SELECT count(*) FROM %s t WHERE ", t->name);
    size_t condition = sql->len;
    enum ww_status st = ww_cql2_to_sql(filter, &t->schema, sql, &args, err);
    if (st == WW_OK)
        st = ww_pg_sync_exec(t->sync, sql->data, &args, &r, err);
    if (st == WW_OK) {
        *out = ww_pg_i64(r, 0, 0);
        memmove(sql->data, sql->data + condition, sql->len - condition + 1);
    }
    ww_pg_args_clear(&args);
    return st;
}

static void answer(struct table *t, struct ww_str line) {
    struct ww_arena *arena = ww_arena_new(64 << 20);
    struct ww_cql2_expr *filter, *again;
    struct ww_error err;
    struct ww_buf json, sql;
    int64_t of_text = 0, of_json = 0, in_memory = 0;
    ww_buf_init(&json, 1 << 20);
    ww_buf_init(&sql, 1 << 20);
    enum ww_status st = ww_cql2_parse_text(line, &t->schema, WW_CQL2_CRS84, arena, &filter, &err);
    if (st == WW_OK)
        st = count(t, filter, &sql, &of_text, &err);
    if (st == WW_OK) {
        ww_cql2_write_json(filter, &json);
        st = ww_cql2_parse_json(ww_buf_str(&json), &t->schema, WW_CQL2_CRS84, arena, &again, &err);
    }
    if (st == WW_OK)
        st = count(t, again, &sql, &of_json, &err);
    if (st == WW_OK)
        st = count_in_memory(t, filter, &in_memory, &err);
    if (st == WW_OK)
        printf("%lld\t%lld\t%lld\t%s\t%s\n", (long long)of_text, (long long)of_json, (long long)in_memory,
               json.data, sql.data);
    else
        printf("error\t%llu:%llu\t%s\n", (unsigned long long)err.line, (unsigned long long)err.column,
               err.message);
    ww_buf_clear(&json);
    ww_buf_clear(&sql);
    ww_arena_free(arena);
}

int main(int argc, char **argv) {
    static struct table table;
    struct ww_error err;
    if (argc != 3) {
        fprintf(stderr, "usage: cql2_counts CONNINFO TABLE <FILTERS\n");
        return 2;
    }
    table.name = argv[2];
    if (ww_pg_sync_open(argv[1], 20000, &table.sync, &err) != WW_OK)
        give_up("no database", &err);
    table.arena = ww_arena_new((size_t)1 << 30);
    read_schema(&table);
    read_rows(&table);
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, stdin)) > 0) {
        if (line[len - 1] == '\n')
            len--;
        answer(&table, (struct ww_str){line, (size_t)len});
        fflush(stdout);
    }
    free(line);
    ww_arena_free(table.arena);
    ww_pg_sync_close(table.sync);
    return 0;
}
