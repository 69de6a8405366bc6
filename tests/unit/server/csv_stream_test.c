/* Tables in constant memory: every cut of the bytes gives the same rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/csv_stream.h"

struct source {
    const char *text;
    size_t len, at, most; /* bytes a read */
};

static size_t read_source(void *from, char *out, size_t cap) {
    struct source *s = from;
    size_t n = s->len - s->at;
    n = n < cap ? n : cap;
    n = n < s->most ? n : s->most;
    if (n > 0)
        memcpy(out, s->text + s->at, n);
    s->at += n;
    return n;
}

/* Rows as "a|b|c" joined by newlines; an error as "!line:column". */
static void read_all(const char *text, size_t len, size_t most, char *out, size_t cap) {
    struct source source = {text, len, 0, most};
    struct ww_csv_stream *stream;
    struct ww_csv_row row;
    enum ww_status st;
    struct ww_error err;
    size_t at = 0;
    out[0] = '\0';
    assert_int_equal(ww_csv_stream_new(read_source, &source, 0, &stream), WW_OK);
    while (ww_csv_stream_next(stream, &row, &st, &err)) {
        if (st != WW_OK) {
            (void)snprintf(out + at, cap - at, "!%llu:%llu\n", (unsigned long long)err.line,
                           (unsigned long long)err.column);
            break;
        }
        for (size_t i = 0; i < row.n; i++)
            at += (size_t)snprintf(out + at, cap - at, "%s%.*s", i ? "|" : "", WW_STR_ARG(row.cells[i]));
        at += (size_t)snprintf(out + at, cap - at, " (%llu)\n", (unsigned long long)row.line);
    }
    ww_csv_stream_free(stream);
}

static void expect(const char *text, const char *rows) {
    char out[4096];
    for (size_t most = 1; most <= strlen(text) + 1; most++) {
        read_all(text, strlen(text), most, out, sizeof out);
        assert_string_equal(out, rows);
    }
}

static void rows_are_the_same_however_the_bytes_come(void **state) {
    (void)state;
    expect("a,b\n1,2\r\n3,4\r5,6", "a|b (1)\n1|2 (2)\n3|4 (3)\n5|6 (4)\n");
    expect("\xEF\xBB\xBF a , b \n\n1,\n,2\n", "a|b (1)\n1| (3)\n|2 (4)\n");
    expect("a;b;c\n1,5;2,5;\"x;y\"\n", "a|b|c (1)\n1,5|2,5|x;y (2)\n");
    expect("a\tb\n1\t\n", "a|b (1)\n1| (2)\n");
    expect("a,b\n\"say \"\"hi\"\"\",\"two\nlines\"\n3,4\n", "a|b (1)\nsay \"hi\"|two\nlines (2)\n3|4 (4)\n");
    expect("\"a\n,,\";b\n1;2\n", "a\n,,|b (1)\n1|2 (3)\n"); /* the separator is guessed from the whole line */
    expect("", "");
}

static void an_unended_quote_is_an_error_with_its_place(void **state) {
    (void)state;
    expect("a,b\n1,2\n3,\"x\n", "a|b (1)\n1|2 (2)\n!3:3\n");
}

static void a_row_without_end_is_refused_in_bounded_memory(void **state) {
    (void)state;
    size_t len = 3 << 20;
    char *text = malloc(len), out[256];
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "a,b\n", 4);
    read_all(text, len, 1 << 16, out, sizeof out);
    assert_string_equal(out, "a|b (1)\n!2:0\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_however_the_bytes_come),
        cmocka_unit_test(an_unended_quote_is_an_error_with_its_place),
        cmocka_unit_test(a_row_without_end_is_refused_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
