/* Files are cut at record borders only, whatever stands inside the records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "ingest/simulate/city.h"
#include "ingest/simulate/split.h"

static char path[64];

static void write_file(const char *suffix, struct ww_str text, bool packed) {
    snprintf(path, sizeof path, "/tmp/ww_split_XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    assert_true(fd >= 0);
    close(fd);
    gzFile file = gzopen(path, packed ? "wb" : "wbT");
    assert_int_equal(gzwrite(file, text.ptr, (unsigned)text.len), text.len);
    gzclose(file);
}

/* All bodies of at most `limit` bytes of records each, one after another, with | between. */
static enum ww_status cut(size_t limit, struct ww_buf *out, struct ww_error *err) {
    struct ww_splitter *split;
    struct ww_buf body;
    struct ww_str record;
    uint64_t n = 0;
    enum ww_status st = ww_splitter_open(path, WW_SPLIT_AUTO, &split, err);
    if (st != WW_OK)
        return st;
    ww_buf_init(&body, 1 << 24);
    while ((st = ww_splitter_next(split, &record, err)) == WW_OK && record.ptr) {
        if (n > 0 && body.len + record.len > limit) {
            ww_body_end(split, &body);
            ww_buf_str_add(out, ww_buf_str(&body));
            ww_buf_char(out, '|');
            n = 0;
        }
        if (n == 0)
            ww_body_begin(split, &body);
        ww_body_add(split, &body, n++, record);
    }
    if (n > 0) {
        ww_body_end(split, &body);
        ww_buf_str_add(out, ww_buf_str(&body));
    }
    ww_buf_clear(&body);
    ww_splitter_close(split);
    remove(path);
    return st;
}

static void check(const char *suffix, const char *text, size_t limit, const char *expected) {
    struct ww_buf out;
    struct ww_error err;
    ww_buf_init(&out, 1 << 24);
    write_file(suffix, ww_str_of(text), false);
    assert_int_equal(cut(limit, &out, &err), WW_OK);
    assert_string_equal(out.len ? out.data : "", expected);
    ww_buf_clear(&out);
}

static void csv_keeps_quoted_line_feeds_and_repeats_the_header(void **state) {
    (void)state;
    check(".csv", "a,b\n1,\"x\ny\"\n2,\"say \"\"\n\"\"\"\n3,z", 1,
          "a,b\n1,\"x\ny\"\n|a,b\n2,\"say \"\"\n\"\"\"\n|a,b\n3,z\n");
    check(".csv", "a,b\r\n5\" pipe,1\r\n\r\n2,2\r\n", 1, "a,b\r\n5\" pipe,1\r\n|a,b\r\n2,2\r\n");
    check(".csv", "a,b\n", 10, "");
}

static void ndjson_is_cut_at_line_feeds_and_drops_empty_lines(void **state) {
    (void)state;
    check(".ndjson", "{\"a\":1}\n\n{\"a\":\"}\"}\n{\"a\":3}", 16, "{\"a\":1}\n|{\"a\":\"}\"}\n|{\"a\":3}\n");
    check(".json", "{\"a\":1}\n{\"a\":2}\n", 100, "{\"a\":1}\n{\"a\":2}\n");
}

static void geojson_bodies_are_collections_again(void **state) {
    (void)state;
    check(".geojson",
          "{\"features_\":[{}],\"name\":\"features\",\"crs\":{\"features\":[1]},\n \"features\" : [ "
          "{\"t\":\"]}\\\"\"},\n"
          "{\"g\":{\"c\":[1,2]}} , {}], \"type\":\"FeatureCollection\"}",
          18,
          "{\"type\":\"FeatureCollection\",\"features\":[{\"t\":\"]}\\\"\"}]}|"
          "{\"type\":\"FeatureCollection\",\"features\":[{\"g\":{\"c\":[1,2]}}]}|"
          "{\"type\":\"FeatureCollection\",\"features\":[{}]}");
}

static void json_arrays_are_cut_and_other_json_is_one_body(void **state) {
    (void)state;
    check(".json", " [ {\"a\":[1,{}]} ,{\"b\":2}\n]", 1, "[{\"a\":[1,{}]}]|[{\"b\":2}]");
    check(".json", "{\"data\":{\"items\":[1,\n2]}}", 1, "{\"data\":{\"items\":[1,\n2]}}");
}

static void a_file_that_breaks_off_names_the_record(void **state) {
    (void)state;
    struct ww_buf out;
    struct ww_error err;
    ww_buf_init(&out, 1 << 20);
    write_file(".geojson", WW_STR("{\"type\":\"FeatureCollection\",\"features\":[{},{\"a\":"), false);
    assert_int_equal(cut(1, &out, &err), WW_BAD_INPUT);
    assert_int_equal(err.line, 2);
    write_file(".geojson", WW_STR("{\"type\":\"Feature\"}"), false);
    assert_int_equal(cut(1, &out, &err), WW_BAD_INPUT);
    remove(path);
    ww_buf_clear(&out);
}

/* Random CSV with quoted cells, long and short, packed or not, cut at any size: joined again it is the
 * same file, and every body has whole records only. */
static void any_csv_put_together_again_is_the_same(void **state) {
    (void)state;
    static const char *const cells[] = {"1",    "",      "\"\"",    "\"a\nb\"", "\"q\"\"\"\"\n\"",
                                        "x\"y", "\",\"", "\"\r\n\""};
    for (uint64_t round = 0; round < 60; round++) {
        struct ww_buf text, out, joined;
        struct ww_error err;
        ww_buf_init(&text, 1 << 24);
        ww_buf_init(&out, 1 << 26);
        ww_buf_init(&joined, 1 << 24);
        uint64_t n_rows = round % 10 == 0 ? 60000 : ww_mix(3, round, 1) % 200;
        ww_buf_text(&text, "h1,\"h\n2\"\n");
        for (uint64_t r = 0; r < n_rows; r++)
            ww_buf_printf(&text, "%s,%s\n", cells[ww_mix(round, r, 2) % 8], cells[ww_mix(round, r, 3) % 8]);
        write_file(round % 2 ? ".csv.gz" : ".csv", ww_buf_str(&text), round % 2);
        assert_int_equal(cut(1 + ww_mix(3, round, 4) % 3000, &out, &err), WW_OK);
        ww_buf_text(&joined, "h1,\"h\n2\"\n");
        struct ww_str rest = ww_buf_str(&out);
        while (rest.len > 0) {
            const char *bar = memchr(rest.ptr, '|', rest.len);
            size_t len = bar ? (size_t)(bar - rest.ptr) : rest.len;
            assert_true(len > 9 && memcmp(rest.ptr, "h1,\"h\n2\"\n", 9) == 0);
            ww_buf_add(&joined, rest.ptr + 9, len - 9);
            rest.ptr += len + (bar ? 1 : 0);
            rest.len -= len + (bar ? 1 : 0);
        }
        assert_true(ww_str_eq(ww_buf_str(&joined), ww_buf_str(&text)));
        ww_buf_clear(&text);
        ww_buf_clear(&out);
        ww_buf_clear(&joined);
    }
}

static void lines_in_a_body_are_told_as_lines_of_the_file(void **state) {
    (void)state;
    struct ww_splitter *split;
    struct ww_error err;
    struct ww_str record;
    write_file(".csv", WW_STR("a\n1\n\"2\n2\"\n3\n"), false);
    assert_int_equal(ww_splitter_open(path, WW_SPLIT_AUTO, &split, &err), WW_OK);
    uint64_t lines[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ww_splitter_next(split, &record, &err), WW_OK);
        lines[i] = ww_splitter_line(split);
    }
    assert_int_equal(lines[0], 2);
    assert_int_equal(lines[1], 3);
    assert_int_equal(lines[2], 5);
    /* A body that begins with the record of line 3: its line 2 is that line, its line 4 is line 5. */
    assert_int_equal(ww_body_line_in_file(split, 3, 2), 3);
    assert_int_equal(ww_body_line_in_file(split, 3, 4), 5);
    ww_splitter_close(split);
    remove(path);
}

static void a_missing_file_is_said(void **state) {
    (void)state;
    struct ww_splitter *split = NULL;
    struct ww_error err;
    assert_int_equal(ww_splitter_open("/nonexistent/x.csv", WW_SPLIT_AUTO, &split, &err), WW_NOT_FOUND);
    assert_null(split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_keeps_quoted_line_feeds_and_repeats_the_header),
        cmocka_unit_test(ndjson_is_cut_at_line_feeds_and_drops_empty_lines),
        cmocka_unit_test(geojson_bodies_are_collections_again),
        cmocka_unit_test(json_arrays_are_cut_and_other_json_is_one_body),
        cmocka_unit_test(a_file_that_breaks_off_names_the_record),
        cmocka_unit_test(any_csv_put_together_again_is_the_same),
        cmocka_unit_test(lines_in_a_body_are_told_as_lines_of_the_file),
        cmocka_unit_test(a_missing_file_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
