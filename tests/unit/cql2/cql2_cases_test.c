/* Runs the case files in tests/data/cql2: a filter, and what must become of it, as text.
 *
 * To add a case, add its filter to one of those files and run `unit_cql2_cases --show FILE`: it prints the
 * file with what comes out now, to be read before it is kept. tests/data/cql2/README.md explains the form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/cql2/cql2.h"

#define COLUMN(name, type)                                                                                   \
    { WW_STR(name), WW_CQL2_##type, WW_STR("t.\"" name "\"") }
static const struct ww_cql2_property columns[] = {
    COLUMN("name", TEXT),
    COLUMN("note", TEXT),
    COLUMN("n", INTEGER),
    COLUMN("m", INTEGER),
    COLUMN("x", NUMBER),
    COLUMN("y", NUMBER),
    COLUMN("ok", BOOLEAN),
    COLUMN("day", DATE),
    COLUMN("start", INSTANT),
    COLUMN("end", INSTANT),
    COLUMN("geom", GEOMETRY),
    COLUMN("tags", ARRAY),
    COLUMN("date", DATE),
    COLUMN("站点", TEXT),
    COLUMN("a-b", INTEGER),
    COLUMN("is", BOOLEAN),
    {WW_STR("say \"hi\""), WW_CQL2_TEXT, WW_STR("t.\"say \"\"hi\"\"\"")}};
static const struct ww_cql2_schema schema = {columns, sizeof columns / sizeof *columns, 4490};

static const char *const data_dir = WW_SOURCE_DIR "/tests/data/cql2/";

/* ---- What becomes of a filter ---- */

static void show_args(const struct ww_pg_args *args, struct ww_buf *out) {
    for (int i = 0; i < args->count; i++) {
        const char *bytes = args->bytes.data + args->start[i];
        ww_buf_printf(out, "$%d ", i + 1);
        for (int k = 0; args->binary[i] && k < args->length[i]; k++)
            ww_buf_printf(out, "%02x", (unsigned)(unsigned char)bytes[k]);
        if (!args->binary[i])
            ww_buf_add(out, bytes, (size_t)args->length[i]);
        ww_buf_char(out, '\n');
    }
}

static void show_error(const struct ww_error *err, struct ww_buf *out) {
    ww_buf_printf(out, "%s %llu:%llu %s%s%s\n", ww_status_name(err->status), (unsigned long long)err->line,
                  (unsigned long long)err->column, err->message, err->field[0] ? " | " : "", err->field);
}

static void show_filter(const struct ww_cql2_expr *filter, struct ww_buf *out) {
    struct ww_pg_args args;
    struct ww_error err;
    ww_pg_args_init(&args);
    ww_buf_text(out, "text ");
    size_t text = out->len;
    if (ww_cql2_write_text(filter, out, &err) != WW_OK) {
        out->len = text; /* what was written until then is no text */
        show_error(&err, out);
    } else
        ww_buf_char(out, '\n');
    ww_buf_text(out, "json ");
    ww_cql2_write_json(filter, out);
    ww_buf_text(out, "\nsql  ");
    size_t sql = out->len;
    if (ww_cql2_to_sql(filter, &schema, out, &args, &err) != WW_OK) {
        out->len = sql;
        show_error(&err, out);
    } else {
        ww_buf_char(out, '\n');
        show_args(&args, out);
    }
    ww_pg_args_clear(&args);
}

/* `line` is "> TEXT" or "json> JSON", with "EPSG [lat]" in front if the geometries are not in CRS84. */
static void show_case(struct ww_str line, struct ww_buf *out) {
    struct ww_arena *arena = ww_arena_new(64 << 20);
    struct ww_cql2_expr *filter;
    struct ww_error err;
    struct ww_cql2_crs crs = WW_CQL2_CRS84;
    const char *sign = memchr(line.ptr, '>', line.len);
    struct ww_str head = {line.ptr, (size_t)(sign - line.ptr)},
                  text = {sign + 2, (size_t)(line.ptr + line.len - sign - 2)};
    if (head.len > 0 && head.ptr[0] >= '0' && head.ptr[0] <= '9')
        crs.srid = atoi(head.ptr);
    crs.lat_first = memmem(head.ptr, head.len, "lat", 3) != NULL;
    bool json = memmem(head.ptr, head.len, "json", 4) != NULL;
    enum ww_status st =
        (json ? ww_cql2_parse_json : ww_cql2_parse_text)(text, &schema, crs, arena, &filter, &err);
    if (st == WW_OK)
        show_filter(filter, out);
    else
        show_error(&err, out);
    ww_arena_free(arena);
}

/* ---- Files ---- */

static bool is_case(struct ww_str line) {
    return line.len > 1 && line.ptr[0] != '#' && memchr(line.ptr, '>', line.len < 12 ? line.len : 12) &&
           !ww_str_starts(line, WW_STR("sql ")) && !ww_str_starts(line, WW_STR("text ")) &&
           !ww_str_starts(line, WW_STR("json {"));
}

static struct ww_buf read_file(const char *path) {
    struct ww_buf text;
    char piece[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    ww_buf_init(&text, 1 << 22);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        ww_buf_add(&text, piece, n);
    fclose(file);
    return text;
}

static struct ww_str next_line(struct ww_str *rest) {
    const char *end = memchr(rest->ptr, '\n', rest->len);
    struct ww_str line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = line.len + (end != NULL);
    rest->ptr += used;
    rest->len -= used;
    return line;
}

/* The file as it would be if everything in it were right: comments and filters kept, results made anew. */
static void rewrite(struct ww_str file, struct ww_buf *out, int *cases) {
    while (file.len > 0) {
        struct ww_str line = next_line(&file);
        if (line.len == 0 || line.ptr[0] == '#' || is_case(line)) {
            ww_buf_str_add(out, line);
            ww_buf_char(out, '\n');
        }
        if (is_case(line)) {
            ++*cases;
            show_case(line, out);
        }
    }
}

static void check_file(const char *name) {
    char path[300];
    int cases = 0;
    snprintf(path, sizeof path, "%s%s", data_dir, name);
    struct ww_buf file = read_file(path), made;
    ww_buf_init(&made, 1 << 22);
    rewrite(ww_buf_str(&file), &made, &cases);
    struct ww_str want = ww_buf_str(&file), have = ww_buf_str(&made), filter = WW_STR_NONE;
    for (int number = 1; want.len > 0 || have.len > 0; number++) {
        struct ww_str expected = next_line(&want), got = next_line(&have);
        if (is_case(expected))
            filter = expected;
        if (!ww_str_eq(expected, got))
            fail_msg("%s:%d: %.*s\nexpected %.*s\ngot      %.*s", name, number, WW_STR_ARG(filter),
                     WW_STR_ARG(expected), WW_STR_ARG(got));
    }
    assert_true(cases > 10);
    ww_buf_clear(&file);
    ww_buf_clear(&made);
}

static void texts_become_what_they_should(void **state) {
    (void)state;
    check_file("text.cases");
}
static void json_becomes_what_it_should(void **state) {
    (void)state;
    check_file("json.cases");
}
static void what_is_wrong_is_refused_with_its_place(void **state) {
    (void)state;
    check_file("errors.cases");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_what_they_should),
        cmocka_unit_test(json_becomes_what_it_should),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
    };
    if (argc == 3 && strcmp(argv[1], "--show") == 0) {
        struct ww_buf file = read_file(argv[2]), made;
        int cases = 0;
        ww_buf_init(&made, 1 << 22);
        rewrite(ww_buf_str(&file), &made, &cases);
        fwrite(made.data, 1, made.len, stdout);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
