/* The codec against the standard's own vectors: CRC, SM4, and every frame of its flows byte for byte; streams
 * in pieces, lengths that lie, ciphertexts in both forms. What frames mean is in
 * tests/data/decode/hj212.frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "ingest/hj212/hj212.h"

#define M "010000A8900016F000169DC0"

/* ---- CRC ---- */

static void crcs_are_the_standard_s(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        uint16_t crc, modbus;
    } vectors[] = {
        {"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=" M ";Flag=5;CP=&&RtdInterval=30&&", 101, 0x1C80,
         0x0759},
        {"QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=" M ";Flag=9;CP=&&&&", 87, 0x2200, 0},
        {"", 0, 0xFFFF, 0xFFFF},
        {"\0", 1, 0x4040, 0},
        {"123456789", 9, 0, 0x4B37}, /* the check value of CRC-16/MODBUS */
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct ww_str text = {vectors[i].text, vectors[i].len};
        if (vectors[i].crc)
            assert_int_equal(ww_hj212_crc(text), vectors[i].crc);
        if (vectors[i].modbus)
            assert_int_equal(ww_hj212_crc_modbus(text), vectors[i].modbus);
    }
}

/* The register's low byte is thrown away at each step: what remains is one of 256. */
static void a_crc_has_256_values(void **state) {
    (void)state;
    bool seen[1 << 16] = {false};
    size_t n = 0;
    for (unsigned i = 0; i < 1 << 16; i++) {
        char text[2] = {(char)(i >> 8), (char)i};
        uint16_t crc = ww_hj212_crc((struct ww_str){text, 2});
        n += !seen[crc];
        seen[crc] = true;
    }
    assert_int_equal(n, 256);
}

/* ---- Flows ---- */

/* The frames of HJ 212-2017 Appendix C and 2025 A.1, as reference implementations and the standard compute
 * them. */
static const char *const flows[] = {
    "##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=" M ";Flag=5;CP=&&RtdInterval=30&&1C80",
    "##0087QN=20240601085857223;ST=32;CN=1011;PW=123456;MN=" M ";Flag=9;CP=&&&&2200",
    "##0107QN=20160801085857223;ST=32;CN=1000;PW=123456;MN=" M ";Flag=5;CP=&&OverTime=5;ReCount=3&&CAC1",
    "##0094QN=20160801085857223;ST=91;CN=9011;PW=123456;MN=" M ";Flag=4;CP=&&QnRtn=1&&1B00",
    "##0095QN=20160801085857223;ST=91;CN=9012;PW=123456;MN=" M ";Flag=4;CP=&&ExeRtn=1&&6240",
    "##0099QN=20160801085857223;ST=32;CN=1011;PW=123456;MN=" M ";Flag=5;CP=&&PolId=w01018&&5A00",
    "##0125QN=20160801085857223;ST=32;CN=1011;PW=123456;MN=" M
    ";Flag=4;CP=&&PolId=w01018;SystemTime=20160801085857&&3740",
    "##0218QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=" M
    ";Flag=5;CP=&&DataTime=20160801085857;w01001-Rtd=7.1,w01001-Flag=N;w01018-SampleTime=20160801070000,"
    "w01018-Rtd=2.2,w01018-Flag=N,w01018-EFlag=A01&&6E80",
    "##0087QN=20160801085857223;ST=91;CN=9014;PW=123456;MN=" M ";Flag=4;CP=&&&&3240",
    "##0128QN=20160801085857223;ST=32;CN=2021;PW=123456;MN=" M
    ";Flag=5;CP=&&DataTime=20160801085857;SB1-RS=1;SB2-RS=0&&F141",
    "##0099QN=20160801085857223;ST=32;CN=1013;PW=123456;MN=" M ";Flag=5;CP=&&PolId=w01018&&CAC1",
    "##0087QN=20160801085857223;ST=91;CN=9013;PW=123456;MN=" M ";Flag=4;CP=&&&&2A80",
    "##0112QN=20160801085857223;ST=32;CN=1012;PW=123456;MN=" M ";Flag=5;CP=&&SystemTime=20160801085857&&6C00",
    "##0087QN=20160801085857223;ST=32;CN=2012;PW=123456;MN=" M ";Flag=5;CP=&&&&3C00",
    "##0134QN=20160801085857223;ST=32;CN=2061;PW=123456;MN=" M
    ";Flag=5;CP=&&BeginTime=20160801080000;EndTime=20160801080000&&7EC0",
    "##0260QN=20160801085857534;ST=32;CN=2061;PW=123456;MN=" M
    ";Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20160801080000;w00000-Cou=63.0,w00000-Min=16.4,w00000-Avg=17.5,"
    "w00000-Max=20.1,w00000-Flag=N;w01001-Min=7.1,w01001-Avg=7.5,w01001-Max=7.8,w01001-Flag=N&&D941",
    "##0087QN=20160801085857534;ST=91;CN=9014;PW=123456;MN=" M ";Flag=4;CP=&&&&5B40",
    "##0201QN=20160801085857535;ST=32;CN=2061;PW=123456;MN=" M
    ";Flag=7;PNUM=2;PNO=2;CP=&&DataTime=20160801080000;w01018-Cou=63.0,w01018-Min=40.1,w01018-Avg=40.1,"
    "w01018-Max=40.1,w01018-Flag=N&&E2C1",
    "##0087QN=20160801085857535;ST=91;CN=9014;PW=123456;MN=" M ";Flag=4;CP=&&&&4A40",
    "##0097QN=20160801085857223;ST=91;CN=9012;PW=123456;MN=" M ";Flag=4;CP=&&ExeRtn=100&&1C80",
};

static void write_again(const struct ww_hj212_message *m, struct ww_arena *arena, struct ww_buf *out) {
    struct ww_hj212_out frame = {.qn = ww_arena_copy(arena, m->qn).ptr,
                                 .st = ww_arena_copy(arena, m->st).ptr,
                                 .pw = ww_arena_copy(arena, m->pw).ptr,
                                 .mn = ww_arena_copy(arena, m->mn).ptr,
                                 .cn = m->command,
                                 .flag = m->flag,
                                 .pnum = m->pnum,
                                 .pno = m->pno,
                                 .rf = m->rf,
                                 .data = m->data_area};
    assert_int_equal(ww_hj212_write(out, &frame), WW_OK);
}

static void every_frame_of_the_flows_is_read_and_written_byte_for_byte(void **state) {
    (void)state;
    static const struct ww_hj212_reading strictly = {.strict = true};
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        char text[600];
        size_t len = (size_t)snprintf(text, sizeof text, "%s\r\n", flows[i]), consumed;
        struct ww_arena *arena = ww_arena_new(1 << 16);
        struct ww_hj212_frame frame;
        struct ww_hj212_message m;
        struct ww_error err = {0};
        struct ww_buf out;
        assert_int_equal(ww_hj212_next((struct ww_str){text, len}, false, &consumed, &frame),
                         WW_HJ212_CUT_FRAME);
        assert_int_equal(consumed, len);
        if (ww_hj212_parse(&frame, &strictly, arena, &m, &err) != WW_OK)
            fail_msg("%s: %s", flows[i], err.message);
        ww_buf_init(&out, 4096);
        write_again(&m, arena, &out);
        assert_string_equal(out.data, text);
        ww_buf_clear(&out);
        ww_arena_free(arena);
    }
}

/* ---- Streams ---- */

static void frames_come_out_of_any_pieces(void **state) {
    (void)state;
    struct ww_buf stream;
    const size_t n_flows = sizeof flows / sizeof *flows;
    ww_buf_init(&stream, 1 << 16);
    for (size_t i = 0; i < n_flows; i++)
        ww_buf_printf(&stream, "%s\r\n", flows[i]);
    for (size_t step = 1; step < 700; step += step < 20 ? 1 : 97) {
        size_t done = 0, n = 0;
        for (size_t there = 0; there < stream.len;) {
            there = there + step < stream.len ? there + step : stream.len;
            struct ww_hj212_frame frame;
            size_t consumed;
            while (ww_hj212_next((struct ww_str){stream.data + done, there - done}, false, &consumed,
                                 &frame) == WW_HJ212_CUT_FRAME) {
                assert_true(frame.whole.len == strlen(flows[n]) + 2);
                assert_memory_equal(frame.whole.ptr, flows[n], frame.whole.len - 2);
                done += consumed;
                n++;
            }
        }
        assert_int_equal(n, n_flows);
    }
    ww_buf_clear(&stream);
}

/* What a stream is cut into: "F" a frame, "g" garbage, lower case f: a frame that deviates. */
static void cut_all(const char *text, char out[20]) {
    struct ww_str rest = ww_str_of(text);
    size_t n = 0, consumed;
    struct ww_hj212_frame frame;
    while (rest.len > 0 && n < 18) {
        enum ww_hj212_cut cut = ww_hj212_next(rest, true, &consumed, &frame);
        out[n++] = cut == WW_HJ212_CUT_GARBAGE ? 'g' : frame.deviations ? 'f' : 'F';
        rest = (struct ww_str){rest.ptr + consumed, rest.len - consumed};
    }
    out[n] = '\0';
}

static void streams_are_cut_at_the_next_start_after_a_failure(void **state) {
    (void)state;
    static const struct {
        const char *text, *cut;
    } cases[] = {
        {"##0008CP=&&a&&zFFFF\r\n", "f"}, /* a length too small by one */
        {"##0009CP=&&a&&zFFFF\r\n##0009CP=&&a&&zFFFF\r\n", "FF"},
        {"##0011CP=&&a&&zFFFF\r\n##0009CP=&&a&&zFFFF\r\n", "fF"}, /* too big by two */
        {"noise\r\n##0009CP=&&a&&zFFFF\r\n", "gF"},
        {"##0009CP=&&a##0009CP=&&a&&zFFFF\r\n", "gF"}, /* one that was broken off */
        {"##0009CP=&&a&&zFFFF\n##0009CP=&&a&&zFFFF\r\n", "fF"},
        {"##0005&&a&&FFFF\n##0005&&a&&FFFF##0005&&a&&FFFF", "fff"}, /* LF, nothing, nothing at the end */
        {"##00x0CP=&&a&&FFFF\r\n", "g"},
        {"##0005&&a&&zzzz\r\n", "F"}, /* a CRC that is none is the reader's business */
        {"\r\n  ##0005&&a&&FFFF\r\n", "F"},
        {"##9999short\r\n", "g"},
        {"##", "g"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char cut[20];
        cut_all(cases[i].text, cut);
        if (strcmp(cut, cases[i].cut) != 0)
            fail_msg("%s is cut %s, not %s", cases[i].text, cut, cases[i].cut);
    }
}

/* ---- SM4 ---- */

static void sm4_is_gb_t_32907(void **state) {
    (void)state;
    static const unsigned char key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                          0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const unsigned char cipher[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e,
                                             0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_str out, back;
    struct ww_error err;
    assert_int_equal(ww_hj212_sm4_encrypt(key, (struct ww_str){(const char *)key, 16}, arena, &out, &err),
                     WW_OK);
    assert_int_equal(out.len, 16);
    assert_memory_equal(out.ptr, cipher, 16);
    /* Whole blocks; a tail of less than sixteen bytes stays as it is. */
    struct ww_str text = WW_STR("DataTime=20260801085857;w01018-Rtd=2.2");
    assert_int_equal(ww_hj212_sm4_encrypt(key, text, arena, &out, &err), WW_OK);
    assert_int_equal(out.len, text.len);
    assert_memory_equal(out.ptr + 32, text.ptr + 32, text.len - 32);
    assert_int_equal(ww_hj212_sm4_decrypt(key, out, arena, &back, &err), WW_OK);
    assert_true(ww_str_eq(back, text));
    ww_arena_free(arena);
}

/* As another implementation of SM4 (OpenSSL's) has it: PKCS7 is filled up by hand, Base64 left out. */
static void sm4_encrypts_the_example_of_appendix_h(void **state) {
    (void)state;
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_str out, text = WW_STR("testuser:AezF0nZRs4kypuGO\7\7\7\7\7\7\7");
    struct ww_error err;
    assert_int_equal(ww_hj212_sm4_encrypt((const unsigned char *)"msbE74gsiSHSEh5e", text, arena, &out, &err),
                     WW_OK);
    assert_int_equal(out.len, 32);
    char got[65] = "";
    for (int i = 0; i < 32; i++)
        (void)snprintf(got + (ptrdiff_t)2 * i, 3, "%02x", (unsigned char)out.ptr[i]);
    assert_string_equal(got, "2c6fe6ee5b0553fb5a8a0faf6d0b03257cb834601a1368f696994fc2164cee23");
    ww_arena_free(arena);
}

static const unsigned char key_zeros[16] = "0000000000000000", key_other[16] = "1234567890123456";

static void write_upload(struct ww_buf *out, const unsigned char *key) {
    struct ww_hj212_out frame = {.qn = "20260801085857223",
                                 .st = "32",
                                 .pw = "123456",
                                 .mn = M,
                                 .cn = 2011,
                                 .flag = 9,
                                 .data = WW_STR("DataTime=20260801085857;w01018-Rtd=2.2,w01018-Flag=N"),
                                 .sm4_key = key};
    ww_buf_init(out, 4096);
    assert_int_equal(ww_hj212_write(out, &frame), WW_OK);
}

static enum ww_status read_upload(const struct ww_buf *text, const struct ww_hj212_reading *how,
                                  struct ww_arena *arena, struct ww_hj212_message *m, struct ww_error *err) {
    struct ww_hj212_frame frame;
    size_t consumed;
    assert_int_equal(ww_hj212_next(ww_buf_str(text), false, &consumed, &frame), WW_HJ212_CUT_FRAME);
    assert_int_equal(consumed, text->len);
    return ww_hj212_parse(&frame, how, arena, m, err);
}

static void a_ciphertext_is_read_with_the_key_or_the_one_before(void **state) {
    (void)state;
    const struct ww_hj212_reading ways[] = {{.sm4_key = key_zeros},
                                            {.sm4_key = key_other, .sm4_previous = key_zeros},
                                            {.sm4_key = key_other},
                                            {0}};
    struct ww_buf text, plain;
    write_upload(&text, key_zeros);
    write_upload(&plain, NULL);
    assert_int_equal(text.len, plain.len);
    assert_memory_equal(text.data + text.len - 6, plain.data + plain.len - 6,
                        6); /* the CRC is the plain text's */
    for (size_t i = 0; i < 4; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 16);
        struct ww_hj212_message m;
        struct ww_error err;
        enum ww_status st = read_upload(&text, &ways[i], arena, &m, &err);
        assert_true(m.encrypted);
        assert_int_equal(st, i < 2 ? WW_OK : WW_BAD_INPUT);
        if (i < 2)
            assert_true(m.n_items == 3 && ww_str_is(m.items[1].value, "2.2") && m.deviations == 0);
        else
            assert_non_null(
                strstr(err.message, i == 2 ? "no key of the station opens it" : "the station has no key"));
        ww_arena_free(arena);
    }
    ww_buf_clear(&text);
    ww_buf_clear(&plain);
}

/* "{0xE4,0x3E,…}" instead of bytes: the length is still the plain text's. */
static void a_ciphertext_may_be_written_as_text(void **state) {
    (void)state;
    struct ww_buf raw, text;
    write_upload(&raw, key_zeros);
    const char *area = strstr(raw.data, "CP=&&");
    assert_non_null(area);
    area += 5;
    size_t before = (size_t)(area - raw.data), len = raw.len - before - 8, whole = len / 16 * 16;
    ww_buf_init(&text, 8192);
    ww_buf_add(&text, raw.data, before);
    for (size_t i = 0; i < whole; i++)
        ww_buf_printf(&text, "%c0x%02X", i ? ',' : '{', (unsigned char)area[i]);
    ww_buf_char(&text, '}');
    ww_buf_add(&text, area + whole, len - whole + 8);
    struct ww_arena *arena = ww_arena_new(1 << 16);
    struct ww_hj212_message m;
    struct ww_error err;
    assert_int_equal(read_upload(&text, &(struct ww_hj212_reading){.sm4_key = key_zeros}, arena, &m, &err),
                     WW_OK);
    assert_true(m.encrypted && m.n_items == 3);
    assert_int_equal(m.deviations, 0);
    ww_arena_free(arena);
    ww_buf_clear(&raw);
    ww_buf_clear(&text);
}

/* Whatever byte it begins with: with a brace it looks like the text form. */
static void a_ciphertext_may_begin_with_any_byte(void **state) {
    (void)state;
    bool seen[256] = {false};
    int n_seen = 0;
    for (int i = 0; i < 4000; i++) {
        char data[64];
        int len = snprintf(data, sizeof data, "w%05d-Rtd=2.%d,w01018-Flag=N", i, i % 10);
        struct ww_hj212_out frame = {.qn = "20260801085857223",
                                     .st = "32",
                                     .pw = "123456",
                                     .mn = M,
                                     .cn = 2011,
                                     .flag = 9,
                                     .data = {data, (size_t)len},
                                     .sm4_key = key_zeros};
        struct ww_buf text;
        ww_buf_init(&text, 4096);
        assert_int_equal(ww_hj212_write(&text, &frame), WW_OK);
        unsigned char first = (unsigned char)text.data[text.len - 8 - (size_t)len];
        n_seen += !seen[first];
        seen[first] = true;
        struct ww_arena *arena = ww_arena_new(1 << 16);
        struct ww_hj212_message m;
        struct ww_error err;
        assert_int_equal(
            read_upload(&text, &(struct ww_hj212_reading){.sm4_key = key_zeros}, arena, &m, &err), WW_OK);
        assert_true(m.encrypted && ww_str_eq(m.data_area, frame.data));
        ww_arena_free(arena);
        ww_buf_clear(&text);
    }
    assert_int_equal(n_seen, 256);
}

/* ---- Versions ---- */

static void the_version_is_that_of_flag_or_of_what_only_2025_has(void **state) {
    (void)state;
    static const struct {
        const char *segment;
        int version;
    } cases[] = {
        {"ST=32;CN=2011;MN=" M ";CP=&&&&", 2005},
        {"ST=32;CN=2011;MN=" M ";Flag=3;CP=&&&&", 2005},
        {"ST=32;CN=2011;MN=" M ";Flag=5;CP=&&&&", 2017},
        {"ST=32;CN=2011;MN=" M ";Flag=11;CP=&&&&", 2025},
        {"ST=21;CN=2011;MN=A110000_0001;Flag=9;CP=&&&&", 2017}, /* surface water 2017 */
        {"ST=21;CN=2011;MN=" M ";Flag=9;CP=&&&&", 2025},
        {"ST=21;CN=9015;MN=A110000_0001;Flag=9;CP=&&&&", 2025},
        {"ST=32;CN=9015;MN=" M ";Flag=5;CP=&&&&", 2017}, /* it borrows the heartbeat */
        {"ST=21;CN=2061;MN=A110000_0001;Flag=9;RF=1;CP=&&&&", 2025},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ww_arena *arena = ww_arena_new(1 << 16);
        struct ww_hj212_frame frame = {.segment = ww_str_of(cases[i].segment), .crc_is_hex = true};
        struct ww_hj212_message m;
        struct ww_error err;
        frame.stated_crc = ww_hj212_crc(frame.segment);
        assert_int_equal(ww_hj212_parse(&frame, NULL, arena, &m, &err), WW_OK);
        if (m.version != cases[i].version)
            fail_msg("%s is read as %d", cases[i].segment, m.version);
        ww_arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crcs_are_the_standard_s),
        cmocka_unit_test(a_crc_has_256_values),
        cmocka_unit_test(every_frame_of_the_flows_is_read_and_written_byte_for_byte),
        cmocka_unit_test(frames_come_out_of_any_pieces),
        cmocka_unit_test(streams_are_cut_at_the_next_start_after_a_failure),
        cmocka_unit_test(sm4_is_gb_t_32907),
        cmocka_unit_test(sm4_encrypts_the_example_of_appendix_h),
        cmocka_unit_test(a_ciphertext_is_read_with_the_key_or_the_one_before),
        cmocka_unit_test(a_ciphertext_may_be_written_as_text),
        cmocka_unit_test(a_ciphertext_may_begin_with_any_byte),
        cmocka_unit_test(the_version_is_that_of_flag_or_of_what_only_2025_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
