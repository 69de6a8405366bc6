/* Against a real PostgreSQL: the SQL of random filters says of every row what the filter says in memory;
 * texts are folded alike, character by character; indexes are used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "geo/base/json_reader.h"
#include "server/cql2/cql2.h"
#include "server/cql2/fold.h"
#include "sql/migrate.h"
#include "sql/pg.h"
#include "tests/unit/cql2/random_filter.h"
#include "tests/unit/sql/pg_cluster.h"

enum { N_ROWS = 64, N_COLUMNS = 14, TAGS = 13, MOST_ELEMENTS = 4 };

static struct cluster cluster;
static struct ww_pg_sync *database;
static int n_filters = 2000;
static uint64_t seed = 20261128;
static struct ww_arena *kept; /* the rows' texts */

#define COLUMN(name, type)                                                                                   \
    { WW_STR(name), WW_CQL2_##type, WW_STR("t." name) }
static const struct ww_cql2_property columns[N_COLUMNS] = {
    COLUMN("name", TEXT),      COLUMN("alt", TEXT),   COLUMN("n", INTEGER),    COLUMN("m", INTEGER),
    COLUMN("x", NUMBER),       COLUMN("y", NUMBER),   COLUMN("flag", BOOLEAN), COLUMN("day", DATE),
    COLUMN("day2", DATE),      COLUMN("t1", INSTANT), COLUMN("t2", INSTANT),   COLUMN("geom", GEOMETRY),
    COLUMN("geom2", GEOMETRY), COLUMN("tags", ARRAY)};
static const struct ww_cql2_schema schema = {columns, N_COLUMNS, 4490};

/* Every column takes its values in turn, each with another length of list, and NULL is in all of them. `name`
 * has a collation that orders otherwise than code points. */
static const char make_table[] =
    "CREATE TABLE public.row AS SELECT id,"
    " (ARRAY['Kiev','kiev','København','kobenhavn','Straße','STRASSE','重庆','O''Brien','','Chișinău','ΟΔΟΣ',"
    "'οδος',"
    "        '％a', NULL, '100%', 'a_b', 'e' || U&'\\0301'])[1 + id % 17] COLLATE \"und-x-icu\" AS name,"
    " (ARRAY['Kiev','straße','chisinau',NULL,'Å','a\\b','aXb','Ｋ'])[1 + id * 5 % 8] COLLATE \"en-x-icu\" AS "
    "alt,"
    " (ARRAY[0,1,2,3,-1,NULL,1000,9007199254740993,9007199254740992])[1 + id % 9]::bigint AS n,"
    " (ARRAY[2,0,NULL,-3,7])[1 + id * 3 % 5]::bigint AS m,"
    " (ARRAY[0,0.5,-2.5,1,NULL,1e3,-1,0.1])[1 + id * 7 % 8]::float8 AS x,"
    " (ARRAY[1.5,NULL,2,0,-0.5,1e200])[1 + id * 5 % 6]::float8 AS y,"
    " (ARRAY[true,false,NULL])[1 + id % 3] AS flag,"
    " (ARRAY['2026-11-01','2026-11-02',NULL,'2026-10-31'])[1 + id * 3 % 4]::date AS day,"
    " (ARRAY['2026-11-03','2026-11-02','2026-11-01',NULL,'2026-12-01'])[1 + id % 5]::date AS day2,"
    " (ARRAY['2026-11-01 00:00+00','2026-11-01 12:00+00',NULL,'2026-11-02 00:00+00','2026-10-31 "
    "23:59:59.999999+00'])"
    "        [1 + id * 2 % 5]::timestamptz AS t1,"
    " (ARRAY['2026-11-01 12:00+00','2026-11-02 23:59:59.999999+00',NULL,'2026-11-03 "
    "00:00+00','2026-11-04+00','2026-11-02+00'])"
    "        [1 + id * 5 % 6]::timestamptz AS t2,"
    " ST_GeomFromText((ARRAY['POINT(0 0)','POINT(1 1)','POINT(0.5 0.5)','POINT(2 1)',NULL,'LINESTRING(0 0,2 "
    "2)',"
    "        'LINESTRING(0 2,2 0)','POLYGON((0 0,2 0,2 2,0 2,0 0))','POLYGON((1 1,3 1,3 3,1 3,1 "
    "1))','POINT(179.5 1)',"
    "        'MULTIPOINT((0 0),(1 1))'])[1 + id % 11], 4490) AS geom,"
    " ST_GeomFromText((ARRAY['POLYGON((0 0,1 0,1 1,0 1,0 0))','POINT(1 1)',NULL,"
    "        'MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((2 2,3 2,3 3,2 3,2 2)))','LINESTRING(1 0,1 2)'])[1 + id "
    "* 3 % 5], 4490) AS geom2,"
    " (ARRAY['[\"a\"]','[\"a\",\"b\"]','[]',NULL,'[1,2]','[\"b\",\"a\",\"a\"]','[1.0,true,\"a\"]'])[1 + id * "
    "3 % 7]::jsonb AS tags"
    " FROM generate_series(0, 63) id";

/* ---- The same rows in memory ---- */

struct row {
    struct ww_cql2_value values[N_COLUMNS];
    struct ww_cql2_element elements[MOST_ELEMENTS];
};
static struct row rows[N_ROWS];

static void get_value(void *row, size_t property, struct ww_cql2_value *out) {
    *out = ((struct row *)row)->values[property];
}

static void read_tags(struct row *row, struct ww_str json) {
    struct ww_json_node *root;
    struct ww_cql2_value *value = &row->values[TAGS];
    assert_int_equal(ww_json_parse(kept, json, &root, NULL), WW_OK);
    value->array.elements = row->elements;
    for (const struct ww_json_node *e = root->child; e; e = e->next) {
        struct ww_cql2_element *to = &row->elements[value->array.n++];
        if (ww_json_as_str(e, &to->text))
            to->type = WW_CQL2_TEXT;
        else if (ww_json_as_bool(e, &to->boolean))
            to->type = WW_CQL2_BOOLEAN;
        else {
            to->type = WW_CQL2_NUMBER;
            assert_true(ww_json_as_double(e, &to->number));
        }
    }
}

static void read_value(const struct ww_pg_result *r, int row, int column) {
    struct ww_cql2_value *value = &rows[row].values[column];
    value->is_null = ww_pg_is_null(r, row, column);
    if (value->is_null)
        return;
    switch (columns[column].type) {
    case WW_CQL2_TEXT:
        value->text = ww_arena_copy(kept, ww_pg_str(r, row, column));
        break;
    case WW_CQL2_NUMBER:
        value->number = ww_pg_double(r, row, column);
        break;
    case WW_CQL2_BOOLEAN:
        value->boolean = ww_pg_bool(r, row, column);
        break;
    case WW_CQL2_GEOMETRY: {
        struct ww_str wkb;
        assert_int_equal(ww_pg_bytes(r, row, column, kept, &wkb), WW_OK);
        value->wkb = wkb;
        value->is_place = wkb.ptr[1] == 1; /* a point: given as a place, as live layers have it */
        if (value->is_place)
            memcpy(&value->place, wkb.ptr + 5, sizeof value->place);
        break;
    }
    case WW_CQL2_ARRAY:
        read_tags(&rows[row], ww_arena_copy(kept, ww_pg_str(r, row, column)));
        break;
    default: /* INTEGER, DATE, INSTANT: numbers as memory has them */
        value->integer = ww_pg_i64(r, row, column);
        break;
    }
}

static int make_rows(void **state) {
    const struct ww_pg_result *r;
    struct ww_error err;
    int applied;
    (void)state;
    kept = ww_arena_new(1 << 20);
    if (ww_pg_sync_open(cluster.conninfo, 20000, &database, &err) != WW_OK ||
        ww_migrate(database, NULL, NULL, &applied, &err) != WW_OK ||
        ww_pg_sync_exec(database, make_table, NULL, NULL, &err) != WW_OK ||
        ww_pg_sync_exec(
            database,
            "SELECT name, alt, n, m, x, y, flag, day - date '1970-01-01', day2 - date '1970-01-01',"
            " (extract(epoch FROM t1) * 1000000)::bigint, (extract(epoch FROM t2) * 1000000)::bigint,"
            " ST_AsBinary(geom, 'NDR'), ST_AsBinary(geom2, 'NDR'), tags FROM public.row ORDER BY id",
            NULL, &r, &err) != WW_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int row = 0; row < N_ROWS; row++)
        for (int column = 0; column < N_COLUMNS; column++)
            read_value(r, row, column);
    return 0;
}

static int drop_rows(void **state) {
    (void)state;
    ww_pg_sync_close(database);
    ww_arena_free(kept);
    return 0;
}

/* ---- Random filters ---- */

/* What PostgreSQL says of each row: 't', 'f', '?'. False when it refuses the query. */
static bool ask_postgresql(const struct ww_cql2_expr *filter, char answers[N_ROWS + 1], struct ww_buf *sql) {
    struct ww_pg_args args;
    struct ww_error err;
    const struct ww_pg_result *r;
    ww_pg_args_init(&args);
    ww_buf_reset(sql);
    ww_buf_text(sql, "SELECT string_agg(CASE answer WHEN true THEN 't' WHEN false THEN 'f' ELSE '?' END, '' "
                     "ORDER BY id) FROM "
                     "(SELECT id, ");
    if (ww_cql2_to_sql(filter, &schema, sql, &args, &err) != WW_OK)
        fail_msg("%s", err.message);
    ww_buf_text(sql, " AS answer FROM public.row t) q");
    enum ww_status st = ww_pg_sync_exec(database, sql->data, &args, &r, &err);
    ww_pg_args_clear(&args);
    if (st != WW_OK) {
        /* A number too large or too small for a double: the one thing that it may refuse. */
        if (strcmp(err.field, "22003") != 0)
            fail_msg("%s: %s", err.message, sql->data);
        return false;
    }
    assert_int_equal(ww_pg_str(r, 0, 0).len, N_ROWS);
    memcpy(answers, ww_pg_str(r, 0, 0).ptr, N_ROWS);
    answers[N_ROWS] = '\0';
    return true;
}

static void ask_memory(const struct ww_cql2_expr *filter, char answers[N_ROWS + 1]) {
    struct ww_cql2_evaluator *evaluator;
    struct ww_error err;
    if (ww_cql2_evaluator_new(filter, &evaluator, &err) != WW_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < N_ROWS; i++)
        answers[i] = "ft?"[ww_cql2_test(evaluator, get_value, &rows[i])];
    answers[N_ROWS] = '\0';
    ww_cql2_evaluator_free(evaluator);
}

/* The filter's text and JSON, read again, write the same, and the JSON's tree answers the same. */
static void check_writing(struct ww_arena *arena, const struct ww_cql2_expr *filter, struct ww_str source) {
    struct ww_buf text, json, again;
    struct ww_cql2_expr *of_text, *of_json;
    struct ww_error err;
    ww_buf_init(&text, 1 << 20);
    ww_buf_init(&json, 1 << 20);
    ww_buf_init(&again, 1 << 20);
    assert_int_equal(ww_cql2_write_text(filter, &text, &err), WW_OK);
    ww_cql2_write_json(filter, &json);
    if (ww_cql2_parse_text(ww_buf_str(&text), &schema, WW_CQL2_CRS84, arena, &of_text, &err) != WW_OK)
        fail_msg("%s: %s", err.message, text.data);
    if (ww_cql2_parse_json(ww_buf_str(&json), &schema, WW_CQL2_CRS84, arena, &of_json, &err) != WW_OK)
        fail_msg("%s: %s", err.message, json.data);
    assert_int_equal(ww_cql2_write_text(of_json, &again, &err), WW_OK);
    if (!ww_str_eq(ww_buf_str(&text), ww_buf_str(&again)))
        fail_msg("%.*s:\n%s\n%s", WW_STR_ARG(source), text.data, again.data);
    ww_buf_reset(&again);
    ww_cql2_write_json(of_text, &again);
    if (!ww_str_eq(ww_buf_str(&json), ww_buf_str(&again)))
        fail_msg("%.*s:\n%s\n%s", WW_STR_ARG(source), json.data, again.data);
    ww_buf_clear(&text);
    ww_buf_clear(&json);
    ww_buf_clear(&again);
}

static void memory_says_of_every_row_what_postgresql_says(void **state) {
    struct dice dice = {.state = seed};
    struct ww_buf text, sql;
    int refused = 0, taken = 0, kept_some = 0, unknown = 0;
    (void)state;
    ww_buf_init(&text, 1 << 20);
    ww_buf_init(&sql, 1 << 20);
    for (int i = 0; i < n_filters; i++) {
        struct ww_arena *arena = ww_arena_new(8 << 20);
        struct ww_cql2_expr *filter;
        struct ww_error err;
        char theirs[N_ROWS + 1], ours[N_ROWS + 1];
        ww_buf_reset(&text);
        write_random_filter(&dice, &text, 3);
        if (ww_cql2_parse_text(ww_buf_str(&text), &schema, WW_CQL2_CRS84, arena, &filter, &err) != WW_OK) {
            /* Intervals that end before they begin, and IN of a mixture are all that it makes wrong. */
            if (!strstr(err.message, "ends before"))
                fail_msg("%s at %d: %s", err.message, (int)err.column, text.data);
        } else if (!ask_postgresql(filter, theirs, &sql))
            refused++;
        else {
            taken++;
            ask_memory(filter, ours);
            if (strcmp(theirs, ours) != 0)
                fail_msg("filter %d: %s\n%s\npostgresql %s\nmemory     %s", i, text.data, sql.data, theirs,
                         ours);
            kept_some += strchr(ours, 't') && strchr(ours, 'f');
            unknown += strchr(ours, '?') != NULL;
            check_writing(arena, filter, ww_buf_str(&text));
        }
        ww_arena_free(arena);
    }
    print_message(
        "%d filters compared, %d tell rows apart, %d have unknown, %d refused for a number's size\n", taken,
        kept_some, unknown, refused);
    assert_true(taken > n_filters * 3 / 4 && kept_some > taken / 4 && unknown > taken / 3);
    ww_buf_clear(&text);
    ww_buf_clear(&sql);
}

/* ---- Letters ---- */

static size_t write_utf8(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((len == 2 ? 0xC0u : len == 3 ? 0xE0u : 0xF0u) | c);
    return len;
}

/* All characters but NUL and surrogates, 4,096 a query, each followed by a line's end. */
static void compare_folds(enum ww_cql2_op op, const char *function) {
    struct ww_buf ours, query;
    struct ww_error err;
    const struct ww_pg_result *r;
    ww_buf_init(&ours, 1 << 20);
    ww_buf_init(&query, 4096);
    for (uint32_t first = 0; first < 0x110000; first += 4096) {
        ww_buf_reset(&ours);
        ww_buf_reset(&query);
        for (uint32_t c = first ? first : 1; c < first + 4096; c++) {
            char utf8[4];
            if (c >= 0xD800 && c < 0xE000)
                continue;
            ww_cql2_fold(op, (struct ww_str){utf8, write_utf8(c, utf8)}, &ours);
            ww_buf_char(&ours, '\n');
        }
        ww_buf_printf(
            &query,
            "SELECT string_agg(wardwatch.%s(chr(i)) || chr(10), '' ORDER BY i) FROM generate_series(%u, %u) i"
            " WHERE i NOT BETWEEN 55296 AND 57343",
            function, first ? first : 1, first + 4095);
        if (ww_pg_sync_exec(database, query.data, NULL, &r, &err) != WW_OK)
            fail_msg("%s", err.message);
        struct ww_str theirs = ww_pg_str(r, 0, 0);
        if (!ww_str_eq(theirs, ww_buf_str(&ours))) {
            size_t at = 0, line = 0;
            for (; at < theirs.len && at < ours.len && theirs.ptr[at] == ours.data[at]; at++)
                line += theirs.ptr[at] == '\n';
            fail_msg("%s differs at U+%04X", function, (unsigned)((first ? first : 1) + line));
        }
    }
    ww_buf_clear(&ours);
    ww_buf_clear(&query);
}

static void every_character_is_folded_as_postgresql_folds_it(void **state) {
    (void)state;
    compare_folds(CQL2_CASEI, "cql2_casefold");
    compare_folds(CQL2_ACCENTI, "cql2_unaccent");
}

/* ---- Plans ---- */

static const char make_large_table[] =
    "CREATE TABLE public.large AS SELECT i AS n, i * 0.5 AS x, 'name ' || i AS name, i % 1000 < 3 AS flag,"
    " timestamptz '2026-01-01+00' + i * interval '1 minute' AS t1, date '2026-01-01' + i / 10 AS day,"
    " ST_SetSRID(ST_MakePoint(i % 200, i / 200 - 50), 4490) AS geom, jsonb_build_array('t' || i) AS tags"
    " FROM generate_series(1, 20000) i;"
    "ALTER TABLE public.large ALTER n TYPE bigint, ALTER x TYPE float8;"
    "CREATE INDEX by_n ON public.large (n); CREATE INDEX by_x ON public.large (x); CREATE INDEX by_t1 ON "
    "public.large (t1);"
    "CREATE INDEX by_name ON public.large (name); CREATE INDEX by_day ON public.large (day);"
    "CREATE INDEX by_code ON public.large (name COLLATE \"C\");"
    "CREATE INDEX by_fold ON public.large (wardwatch.cql2_unaccent(wardwatch.cql2_casefold(name)));"
    "CREATE INDEX by_geom ON public.large USING gist (geom); CREATE INDEX by_tags ON public.large USING gin "
    "(tags);"
    "ANALYZE public.large";

static void indexes_of_columns_are_used(void **state) {
    static const struct {
        const char *filter, *index;
    } cases[] = {
        {"n = 17", "by_n"},
        {"n > 19000 + 9 * 100", "by_n"},
        {"n IN (1, 2, 3)", "by_n"},
        {"n BETWEEN 5 AND 4 + 5", "by_n"},
        {"x < 1.5", "by_x"},
        {"x = 7", "by_x"},
        {"name = 'name 5'", "by_name"},
        {"name IN ('name 5', 'name 6')", "by_name"},
        {"name > 'name 9998'", "by_code"},
        {"name LIKE 'name 199%'", "by_code"},
        {"ACCENTI(CASEI(name)) = ACCENTI(CASEI('NÁME 5'))", "by_fold"},
        {"day = DATE('2026-03-01')", "by_day"},
        {"t1 >= DATE('2026-01-14')", "by_t1"},
        {"T_INTERSECTS(t1, DATE('2026-01-03'))", "by_t1"},
        {"T_INTERSECTS(t1, INTERVAL('2026-01-03T00:00:00Z', '2026-01-03T02:00:00Z'))", "by_t1"},
        {"T_DURING(t1, INTERVAL('2026-01-03', '2026-01-03'))", "by_t1"},
        {"T_AFTER(t1, TIMESTAMP('2026-01-14T20:00:00Z'))", "by_t1"},
        {"T_EQUALS(t1, TIMESTAMP('2026-01-14T20:00:00Z'))", "by_t1"},
        {"S_INTERSECTS(geom, BBOX(10, 10, 12, 12))", "by_geom"},
        {"S_INTERSECTS(BBOX(10, 10, 12, 12), geom)", "by_geom"},
        {"S_WITHIN(geom, POLYGON((10 10, 12 10, 12 12, 10 10)))", "by_geom"},
        {"S_EQUALS(geom, POINT(10 10))", "by_geom"},
        {"A_CONTAINS(tags, ('t5'))", "by_tags"},
    };
    static const struct ww_cql2_property large[] = {
        COLUMN("n", INTEGER), COLUMN("x", NUMBER),     COLUMN("name", TEXT),     COLUMN("t1", INSTANT),
        COLUMN("day", DATE),  COLUMN("flag", BOOLEAN), COLUMN("geom", GEOMETRY), COLUMN("tags", ARRAY)};
    const struct ww_cql2_schema large_schema = {large, sizeof large / sizeof *large, 4490};
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_buf sql;
    struct ww_error err;
    (void)state;
    ww_buf_init(&sql, 1 << 20);
    if (ww_pg_sync_exec(database, make_large_table, NULL, NULL, &err) != WW_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_cql2_expr *filter;
        struct ww_pg_args args;
        const struct ww_pg_result *r;
        ww_pg_args_init(&args);
        ww_buf_reset(&sql);
        ww_buf_text(&sql, "EXPLAIN SELECT * FROM public.large t WHERE ");
        if (ww_cql2_parse_text(ww_str_of(cases[i].filter), &large_schema, WW_CQL2_CRS84, arena, &filter,
                               &err) != WW_OK ||
            ww_cql2_to_sql(filter, &large_schema, &sql, &args, &err) != WW_OK ||
            ww_pg_sync_exec(database, sql.data, &args, &r, &err) != WW_OK)
            fail_msg("%s: %s", cases[i].filter, err.message);
        bool used = false;
        for (int row = 0; row < ww_pg_rows(r); row++)
            used = used || strstr(ww_pg_str(r, row, 0).ptr, cases[i].index);
        if (!used)
            fail_msg("%s does not use %s: %s\n%s", cases[i].filter, cases[i].index, sql.data,
                     ww_pg_str(r, 0, 0).ptr);
        ww_pg_args_clear(&args);
    }
    ww_buf_clear(&sql);
    ww_arena_free(arena);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_says_of_every_row_what_postgresql_says),
        cmocka_unit_test(every_character_is_folded_as_postgresql_folds_it),
        cmocka_unit_test(indexes_of_columns_are_used),
    };
    if (argc > 1)
        n_filters = atoi(argv[1]);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    if (cluster_start(&cluster, "cql2") != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, make_rows, drop_rows);
    return cluster_do(&cluster, "remove") != 0 || failed;
}
