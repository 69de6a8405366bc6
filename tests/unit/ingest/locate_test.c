/* Locating decoded batches on a made-up catalog: where rows go, which die and with what reason, what
 * registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/decode/decode.h"
#include "ingest/locate.h"
#include "made_up_catalog.h"

#define CONFIG                                                                                               \
    "\"thing\":\"t\",\"property\":\"p\",\"value\":\"v\",\"unit\":{\"field\":\"u\"},\"time\":{\"field\":"     \
    "\"at\",\"format\":\"epoch\"}"
#define CLOSED    "{" CONFIG ",\"place\":{\"x\":\"x\",\"y\":\"y\"}}"
#define OPEN      "{" CONFIG ",\"place\":{\"x\":\"x\",\"y\":\"y\"},\"register\":true,\"thing_class\":\"probe\"}"
#define BY_WARD   "{" CONFIG ",\"place\":{\"ward\":\"w\"}}"
#define NOW_S     1767225600
#define ROW(more) "{\"t\":\"a\",\"p\":\"cod\",\"v\":5,\"at\":1767225600" more "}"

struct located {
    struct ww_catalog *catalog;
    struct ww_arena *arena;
    struct ww_batch batch;
    struct ww_located out;
    struct ww_buf missing;
    struct ww_error err;
    enum ww_status status;
};

static void locate(struct located *l, const char *config, const char *body) {
    *l = (struct located){.catalog = made_up_catalog(config), .arena = ww_arena_new(16 << 20)};
    ww_buf_init(&l->missing, 1 << 20);
    assert_int_equal(ww_decode(l->catalog->feeds[0].config, WW_FORMAT_NDJSON, ww_str_of(body), 1000, l->arena,
                               &l->batch, &l->err),
                     WW_OK);
    l->batch.arena = l->arena;
    l->status = ww_locate(l->catalog, &l->catalog->feeds[0], &l->batch, ww_str_of(body), NOW_S * WW_SECOND_US,
                          &l->out, &l->missing, &l->err);
}

static void forget(struct located *l) {
    ww_catalog_free(l->catalog);
    ww_arena_free(l->arena);
    ww_buf_clear(&l->missing);
}

static void rows_find_their_datastream_ward_and_unit(void **state) {
    (void)state;
    struct located l;
    locate(&l, CLOSED,
           ROW("") "\n" ROW(",\"u\":\"ug/L\"") "\n" ROW(",\"x\":107.05,\"y\":29.05") "\n" ROW(
               ",\"x\":107.15,\"y\":29.05") "\n" ROW(",\"x\":120,\"y\":30") "\n{\"t\":\"b\",\"p\":\"cod\","
                                                                            "\"v\":5,\"at\":1767225600}\n");
    assert_int_equal(l.status, WW_OK);
    assert_int_equal(l.out.n_rows, 6);
    assert_int_equal(l.batch.n_dead, 0);
    const uint32_t wards[] = {FIRST_WARD, FIRST_WARD, FIRST_WARD, SECOND_WARD, WW_WARD_NONE, WW_WARD_NONE};
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(l.out.datastream[i], i == 5);
        assert_int_equal(l.out.ward_id[i], wards[i]);
        assert_true(fabs(l.out.value[i] - (i == 1 ? 0.005 : 5)) < 1e-12);
    }
    assert_int_equal(l.out.n_own, 2); /* where the thing stands itself is no place of its own */
    assert_int_equal(l.out.own[0].row, 3);
    assert_int_equal(l.out.own[0].ward_id, SECOND_WARD);
    assert_int_equal(l.out.n_outside, 2);
    forget(&l);
}

static const struct {
    const char *row, *config, *field, *reason;
} deaths[] = {
    {"{\"t\":\"z\",\"p\":\"cod\",\"v\":5,\"at\":1767225600}", CLOSED, "thing", "unknown thing \"z\""},
    {"{\"t\":\"a\",\"p\":\"noise_leq\",\"v\":5,\"at\":1767225600}", CLOSED, "thing",
     "no such datastream: \"noise_leq\""},
    {"{\"t\":\"a\",\"p\":\"quark\",\"v\":5,\"at\":1767225600}", CLOSED, "property",
     "unknown property \"quark\""},
    {"{\"t\":\"a\",\"p\":\"quark\",\"v\":5,\"at\":1767225600}", OPEN, "property",
     "unknown property \"quark\""},
    {ROW(",\"u\":\"dB(A)\""), CLOSED, "unit", "dB(A)"},
    {ROW(",\"u\":\"furlong\""), CLOSED, "unit", "furlong"},
    {"{\"t\":\"a\",\"p\":\"cod\",\"v\":5,\"at\":1767226201}", CLOSED, "time", "in the future"},
    {"{\"t\":\"a\",\"p\":\"cod\",\"v\":5,\"at\":-2208988801}", CLOSED, "time", "before the year 1900"},
    {ROW(",\"x\":500,\"y\":29"), CLOSED, "place", ""},
    {ROW(",\"w\":\"999\""), BY_WARD, "place", "unknown ward code \"999\""},
};

static void what_cannot_be_taken_dies_with_its_reason_and_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        char body[512];
        snprintf(body, sizeof body, "%s\n%s\n", ROW(""), deaths[i].row);
        struct located l;
        locate(&l, deaths[i].config, body);
        assert_int_equal(l.status, WW_OK);
        if (l.out.n_rows != 1 || l.batch.n_dead != 1)
            fail_msg("%s: %u rows, %u dead", deaths[i].row, l.out.n_rows, l.batch.n_dead);
        const struct ww_dead_row *dead = &l.batch.dead[0];
        assert_string_equal(dead->field, deaths[i].field);
        if (!strstr(dead->reason, deaths[i].reason))
            fail_msg("%s: %s", deaths[i].row, dead->reason);
        assert_int_equal(dead->line, 2);
        assert_true(ww_str_is(dead->raw, deaths[i].row));
        forget(&l);
    }
}

static void clocks_may_differ_by_ten_minutes(void **state) {
    (void)state;
    struct located l;
    locate(&l, CLOSED, "{\"t\":\"a\",\"p\":\"cod\",\"v\":5,\"at\":1767226200}");
    assert_int_equal(l.out.n_rows, 1);
    forget(&l);
}

static void a_ward_code_places_a_row(void **state) {
    (void)state;
    struct located l;
    locate(&l, BY_WARD, ROW(",\"w\":\"500115002\"") "\n" ROW(""));
    assert_int_equal(l.out.ward_id[0], SECOND_WARD);
    assert_int_equal(l.out.ward_id[1], FIRST_WARD); /* the thing's own */
    assert_int_equal(l.out.n_own, 0);
    forget(&l);
}

static void what_is_missing_is_listed_once_with_its_first_place(void **state) {
    (void)state;
    struct located l;
    locate(&l, OPEN,
           "{\"t\":\"new \\\"1\\\"\",\"p\":\"cod\",\"v\":5,\"at\":1767225600,\"x\":107.15,\"y\":29.05}\n"
           "{\"t\":\"new \\\"1\\\"\",\"p\":\"cod\",\"v\":6,\"at\":1767225601,\"x\":107.05,\"y\":29.05}\n"
           "{\"t\":\"a\",\"p\":\"noise_leq\",\"v\":6,\"at\":1767225601}\n"
           "{\"t\":\"new2\",\"p\":\"quark\",\"v\":6,\"at\":1767225601}\n");
    assert_int_equal(l.status, WW_NOT_FOUND);
    char text[2000];
    snprintf(text, sizeof text, "%.*s", WW_STR_ARG(ww_buf_str(&l.missing)));
    assert_string_equal(text, "[{\"feed_id\":7,\"key\":\"new "
                              "\\\"1\\\"\",\"property_id\":1,\"statistic\":\"\",\"interval_s\":0,\"class\":"
                              "\"probe\",\"ward_id\":12,"
                              "\"x\":107.15,\"y\":29.05,\"lon\":107.15,\"lat\":29.05,\"datum\":\"WGS84\"},"
                              "{\"feed_id\":7,\"key\":\"a\",\"property_id\":2,\"statistic\":\"\",\"interval_"
                              "s\":0,\"class\":\"probe\"}]");
    forget(&l);
}

static void an_empty_batch_is_located(void **state) {
    (void)state;
    struct located l;
    locate(&l, CLOSED, "");
    assert_int_equal(l.status, WW_OK);
    assert_int_equal(l.out.n_rows, 0);
    forget(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_find_their_datastream_ward_and_unit),
        cmocka_unit_test(what_cannot_be_taken_dies_with_its_reason_and_bytes),
        cmocka_unit_test(clocks_may_differ_by_ten_minutes),
        cmocka_unit_test(a_ward_code_places_a_row),
        cmocka_unit_test(what_is_missing_is_listed_once_with_its_first_place),
        cmocka_unit_test(an_empty_batch_is_located),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
