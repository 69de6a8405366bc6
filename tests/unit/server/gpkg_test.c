/* What GDAL can't show of GeoPackages: their bound, errors, and that the file has no name. */
#include "server/ogc/gpkg.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/ww-gpkg-XXXXXX";
static const struct ww_gpkg_column columns[] = {{{"a", 1}, WW_GPKG_INTEGER}, {{"b", 1}, WW_GPKG_TEXT}};

static struct ww_gpkg_options options(uint64_t max_bytes) {
    return (struct ww_gpkg_options){
        .folder = folder, .max_bytes = max_bytes, .table = WW_STR("t"), .columns = columns, .n_columns = 2};
}

static int files_there(void) {
    int n = 0;
    DIR *d = opendir(folder);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void add_rows(struct ww_gpkg *g, int n) {
    char text[1000];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < n; i++) {
        ww_gpkg_row(g, 0);
        ww_gpkg_int(g, 0, i);
        ww_gpkg_text(g, 1, (struct ww_str){text, sizeof text});
        ww_gpkg_row_end(g);
    }
}

static void a_file_is_read_back_whole_and_has_no_name(void **unused) {
    const struct ww_gpkg_options o = options(1 << 20);
    struct ww_gpkg *g = ww_gpkg_new(&o);
    struct ww_error err;
    char piece[1000];
    int64_t n, size = 0;
    (void)unused;
    add_rows(g, 100);
    assert_int_equal(files_there(), 0);
    assert_int_equal(ww_gpkg_finish(g, &err), WW_OK);
    while ((n = ww_gpkg_read(g, piece, sizeof piece)) > 0) {
        if (size == 0)
            assert_memory_equal(piece, "SQLite format 3", 16);
        size += n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(size % 4096, 0);
    assert_true(size > 100000 && size < 300000);
    ww_gpkg_free(g);
}

static void more_than_may_be_is_too_large_and_says_what_to_do(void **unused) {
    const struct ww_gpkg_options o = options(200000);
    struct ww_gpkg *g = ww_gpkg_new(&o);
    struct ww_error err;
    (void)unused;
    add_rows(g, 100);
    assert_int_equal(ww_gpkg_status(g, &err), WW_OK);
    add_rows(g, 1000);
    assert_int_equal(ww_gpkg_status(g, &err), WW_TOO_LARGE);
    assert_non_null(strstr(err.message, "ask for less"));
    assert_int_equal(ww_gpkg_finish(g, &err), WW_TOO_LARGE);
    ww_gpkg_free(g);
}

static void a_folder_that_is_not_there_is_an_error_and_no_crash(void **unused) {
    struct ww_gpkg_options o = options(1 << 20);
    struct ww_error err;
    (void)unused;
    o.folder = "/nowhere/at/all";
    struct ww_gpkg *g = ww_gpkg_new(&o);
    add_rows(g, 3);
    assert_int_equal(ww_gpkg_finish(g, &err), WW_UNAVAILABLE);
    ww_gpkg_free(g);
    ww_gpkg_free(NULL);
}

static int make_folder(void **unused) {
    (void)unused;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **unused) {
    (void)unused;
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_back_whole_and_has_no_name),
        cmocka_unit_test(more_than_may_be_is_too_large_and_says_what_to_do),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
