/* The route table: finding rows, checking parameters, rows that make sense, the document made from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/json_reader.h"
#include "server/route_table.h"

static struct ww_route_match find(enum ww_http_method method, const char *path) {
    return ww_route_find(method, ww_str_of(path));
}

static void test_a_path_finds_its_row_and_its_parts(void **state) {
    (void)state;
    struct ww_route_match m = find(WW_HTTP_POST, "/api/v1/dead-letters/17/resubmit");
    assert_non_null(m.route);
    assert_string_equal(m.route->path, "/api/v1/dead-letters/{id}/resubmit");
    assert_true(ww_str_is(m.path_arg[0], "17"));
    assert_ptr_equal(find(WW_HTTP_HEAD, "/api/v1/wards").route, find(WW_HTTP_GET, "/api/v1/wards").route);
}

static void test_what_is_almost_a_path_is_none(void **state) {
    static const char *const paths[] = {"/api/v1/alerts/",
                                        "/api/v1/alerts/1/",
                                        "/api/v1/alert",
                                        "/api/v1/wardsx",
                                        "/API/v1/wards",
                                        "/api/v1/dead-letters/1/resubmitx",
                                        "/api/v1/dead-letters//resubmit",
                                        "",
                                        "/"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct ww_route_match m = find(WW_HTTP_GET, paths[i]);
        assert_null(m.route);
        assert_int_equal(m.allowed, 0);
    }
}

static void test_a_wrong_method_is_told_the_right_ones(void **state) {
    char allow[64];
    (void)state;
    struct ww_route_match m = find(WW_HTTP_PATCH, "/api/v1/session");
    assert_null(m.route);
    ww_route_allow_text(m.allowed, allow);
    assert_string_equal(allow, "GET, HEAD, POST, DELETE");
    ww_route_allow_text(0x7f, allow);
    assert_string_equal(allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

static void test_values_are_checked_by_type(void **state) {
    static const struct {
        enum ww_param_type type;
        const char *value;
        bool good;
    } cases[] = {
        {WW_PARAM_ID, "0", true},
        {WW_PARAM_ID, "9223372036854775807", true},
        {WW_PARAM_ID, "9223372036854775808", false},
        {WW_PARAM_ID, "-1", false},
        {WW_PARAM_ID, "", false},
        {WW_PARAM_ID, "1 ", false},
        {WW_PARAM_INSTANT, "2026-11-23T01:02:03+08:00", true},
        {WW_PARAM_INSTANT, "2026-02-30T00:00:00Z", false},
        {WW_PARAM_INSTANT, "now", false},
        {WW_PARAM_WORD, "open", true},
        {WW_PARAM_WORD, "ope", false},
        {WW_PARAM_WORD, "open|cleared", false},
        {WW_PARAM_WORD, "", false},
        {WW_PARAM_TEXT, "", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ww_param param = {"p", cases[i].type, WW_IN_QUERY, false, "open|cleared", "", ""};
        struct ww_error err;
        enum ww_status st = ww_param_check(&param, ww_str_of(cases[i].value), &err);
        assert_int_equal(st, cases[i].good ? WW_OK : WW_BAD_INPUT);
        if (st != WW_OK)
            assert_string_equal(err.field, "p");
    }
    char longer[258];
    memset(longer, 'x', sizeof longer - 1);
    longer[257] = 0;
    struct ww_param text = {"p", WW_PARAM_TEXT, WW_IN_QUERY, false, NULL, "", ""};
    assert_int_equal(ww_param_check(&text, ww_str_of(longer), NULL), WW_BAD_INPUT);
    assert_int_equal(ww_param_check(&text, WW_STR("a\0b"), NULL), WW_BAD_INPUT);
}

static size_t count_braces(const char *path) {
    size_t n = 0;
    for (; *path; path++)
        n += *path == '{';
    return n;
}

/* How many $n a query takes, the first four being those of every list. */
static int highest_argument(const char *sql) {
    int highest = 0;
    for (const char *p = strchr(sql, '$'); p; p = strchr(p + 1, '$')) {
        int n = atoi(p + 1);
        highest = n > highest ? n : highest;
    }
    return highest;
}

static void test_every_row_fits_its_path_and_its_query(void **state) {
    size_t count;
    const struct ww_route *routes = ww_route_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct ww_route *r = &routes[i];
        size_t in_path = 0, n = 0;
        for (const struct ww_param *p = r->params; p->name; p++, n++)
            in_path += p->in == WW_IN_PATH;
        assert_int_equal(in_path, count_braces(r->path));
        assert_non_null(r->handle);
        assert_true((r->flags & WW_ROUTE_PUBLIC) ? r->roles == 0 : r->roles != 0);
        if (r->handle == ww_handle_list || r->handle == ww_handle_object) {
            assert_int_equal(highest_argument(ww_sql_find(r->query)->text), 4 + (int)n);
            assert_true(n <= WW_ROUTE_MOST_FILTERS);
            if (r->query_desc)
                assert_int_equal(highest_argument(ww_sql_find(r->query_desc)->text), 4 + (int)n);
        }
        for (size_t k = 0; k < i; k++)
            assert_true(routes[k].method != r->method || strcmp(routes[k].path, r->path) != 0);
    }
}

static void test_only_reading_is_ever_anonymous(void **state) {
    size_t count;
    const struct ww_route *routes = ww_route_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (routes[i].flags & WW_ROUTE_ANONYMOUS) {
            /* A search reads, though its filter comes as a body. */
            assert_true(routes[i].method == WW_HTTP_GET || routes[i].handle == ww_handle_ogc_search);
            assert_null(strstr(routes[i].path, "feed"));
            assert_null(strstr(routes[i].path, "dead"));
        }
    }
}

static const struct ww_json_node *operation_of(const struct ww_json_node *root,
                                               const struct ww_route *route) {
    static const char *const names[] = {"get", "head", "post", "put", "patch", "delete", "options"};
    return ww_json_get(ww_json_get(ww_json_get(root, "paths"), route->path), names[route->method]);
}

static void test_the_document_has_every_row_with_every_parameter(void **state) {
    struct ww_arena *arena = ww_arena_new(8 << 20);
    struct ww_buf out;
    struct ww_json_node *root;
    struct ww_error err;
    size_t count;
    const struct ww_route *routes = ww_route_table(&count);
    (void)state;
    ww_buf_init(&out, 1 << 20);
    ww_openapi_write(routes, count, &out);
    assert_int_equal(ww_buf_status(&out), WW_OK);
    assert_int_equal(ww_json_parse(arena, ww_buf_str(&out), &root, &err),
                     WW_OK); /* refuses a key given twice */
    for (size_t i = 0; i < count; i++) {
        const struct ww_json_node *operation = operation_of(root, &routes[i]);
        assert_non_null(operation);
        assert_non_null(ww_json_get(ww_json_get(operation, "responses"), "200"));
        assert_int_equal(ww_json_get(operation, "requestBody") != NULL, routes[i].max_body > 0);
        const struct ww_json_node *node = ww_json_get(operation, "parameters")->child;
        const struct ww_param *param;
        for (size_t k = 0; (param = ww_route_param(&routes[i], k)); k++) {
            struct ww_str name;
            if (param->in == WW_IN_NOTHING)
                continue;
            assert_true(ww_json_as_str(ww_json_get(node, "name"), &name));
            assert_true(ww_str_is(name, param->name));
            node = node->next;
        }
        assert_null(node);
    }
    ww_buf_clear(&out);
    ww_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_finds_its_row_and_its_parts),
        cmocka_unit_test(test_what_is_almost_a_path_is_none),
        cmocka_unit_test(test_a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(test_values_are_checked_by_type),
        cmocka_unit_test(test_every_row_fits_its_path_and_its_query),
        cmocka_unit_test(test_only_reading_is_ever_anonymous),
        cmocka_unit_test(test_the_document_has_every_row_with_every_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
