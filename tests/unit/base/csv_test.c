/* Rows of text tables: quotes, line ends, blanks, and where something is wrong. */
#include "geo/base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MAX = 4 };

static void join_row(struct ww_csv *csv, char out[200], bool *more, enum ww_status *st,
                     struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_str cells[MAX];
    size_t n, len = 0;
    *more = ww_csv_row(csv, arena, cells, MAX, &n, st, err);
    for (size_t i = 0; i < n && *st == WW_OK; i++) {
        memcpy(out + len, cells[i].ptr, cells[i].len);
        len += cells[i].len;
        out[len++] = '|';
    }
    out[len] = '\0';
    ww_arena_free(arena);
}

static void check_rows(const char *text, bool by_blanks, const char *const *wanted) {
    struct ww_csv csv = ww_csv_of(ww_str_of(text), by_blanks);
    struct ww_error err;
    enum ww_status st;
    char row[200];
    bool more;
    for (size_t i = 0; wanted[i]; i++) {
        join_row(&csv, row, &more, &st, &err);
        assert_true(more);
        assert_int_equal(st, WW_OK);
        assert_string_equal(row, wanted[i]);
    }
    join_row(&csv, row, &more, &st, &err);
    assert_false(more);
}

static void commas_quotes_and_line_ends_are_as_rfc_4180_has_them(void **state) {
    (void)state;
    check_rows("\xEF\xBB\xBF"
               "a, b ,c\r\n\"x\n\"\"y\"\"\",,\n\nlast",
               false, (const char *const[]){"a|b|c|", "x\n\"y\"|||", "|", "last|", NULL});
}

static void blanks_part_cells_when_asked(void **state) {
    (void)state;
    check_rows("  Grant\t1  1977 \r\n \"San Juan\" , 2,3\nx y\n", true,
               (const char *const[]){"Grant|1|1977|", "San Juan|2|3|", "x|y|", NULL});
}

static void what_is_wrong_is_told_with_its_line(void **state) {
    (void)state;
    struct ww_csv csv = ww_csv_of(WW_STR("\"a\nb\",c\n1,2,3,4,5\n"), false);
    struct ww_error err;
    enum ww_status st;
    char row[200];
    bool more;
    join_row(&csv, row, &more, &st, &err);
    join_row(&csv, row, &more, &st, &err);
    assert_int_equal(st, WW_BAD_INPUT);
    assert_int_equal(err.line, 3);
    csv = ww_csv_of(WW_STR("a\n\"b"), false);
    join_row(&csv, row, &more, &st, &err);
    join_row(&csv, row, &more, &st, &err);
    assert_int_equal(st, WW_BAD_INPUT);
    assert_int_equal(err.line, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_quotes_and_line_ends_are_as_rfc_4180_has_them),
        cmocka_unit_test(blanks_part_cells_when_asked),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
