/* MQTT packets: read as written, refused when they are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/mqtt/mqtt.h"

static const struct ww_mqtt_reading client4 = {4, 1 << 20, true}, client5 = {5, 1 << 20, true},
                                    server4 = {4, 1 << 20, false}, server5 = {5, 1 << 20, false};

static struct ww_buf out;

static int begin(void **state) {
    (void)state;
    ww_buf_init(&out, 1 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    ww_buf_clear(&out);
    return 0;
}

/* Reads what `out` holds: whole, and not a byte earlier. */
static struct ww_mqtt_packet read_whole(const struct ww_mqtt_reading *reading) {
    struct ww_mqtt_packet p;
    size_t used = 0;
    assert_int_equal(ww_buf_status(&out), WW_OK);
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(ww_mqtt_next((struct ww_str){out.data, n}, reading, &used, &p), WW_MQTT_MORE);
    assert_int_equal(ww_mqtt_next(ww_buf_str(&out), reading, &used, &p), WW_MQTT_PACKET);
    assert_int_equal(used, out.len);
    return p;
}

static uint8_t fault_of(const char *bytes, size_t len, const struct ww_mqtt_reading *reading) {
    struct ww_mqtt_packet p;
    size_t used;
    assert_int_equal(ww_mqtt_next((struct ww_str){bytes, len}, reading, &used, &p), WW_MQTT_BROKEN);
    return p.reason;
}
#define FAULT(text, reading) fault_of(text, sizeof(text) - 1, reading)

static void a_connect_says_who_it_is(void **state) {
    (void)state;
    for (int version = 4; version <= 5; version++) {
        ww_buf_reset(&out);
        struct ww_mqtt_connect c = {.version = version,
                                    .clean = true,
                                    .keep_alive_s = 60,
                                    .client_id = WW_STR("probe-1"),
                                    .username = WW_STR("station"),
                                    .password = WW_STR("secret"),
                                    .has_username = true,
                                    .has_password = true,
                                    .session_expiry_s = 3600,
                                    .receive_maximum = 7};
        ww_mqtt_write_connect(&out, &c);
        struct ww_mqtt_packet p = read_whole(&client4);
        assert_int_equal(p.type, WW_MQTT_CONNECT);
        assert_int_equal(p.version, version);
        assert_int_equal(p.keep_alive_s, 60);
        assert_true(p.clean && ww_str_is(p.client_id, "probe-1") && ww_str_is(p.username, "station") &&
                    ww_str_is(p.password, "secret"));
        assert_int_equal(p.receive_maximum, version == 5 ? 7 : 0);
        assert_int_equal(p.session_expiry_s, version == 5 ? 3600 : 0);
    }
}

static void a_publish_comes_back_whole(void **state) {
    (void)state;
    for (int version = 4; version <= 5; version++)
        for (int qos = 0; qos <= 2; qos++) {
            ww_buf_reset(&out);
            ww_mqtt_write_publish(&out, version, WW_STR("city/\xE9\x95\xBF\xE5\xAF\xBF/up"),
                                  WW_STR("{\"v\":1}"), qos, qos > 0, qos ? 513 : 0);
            struct ww_mqtt_packet p = read_whole(version == 5 ? &client5 : &client4);
            assert_int_equal(p.qos, qos);
            assert_int_equal(p.dup, qos > 0);
            assert_int_equal(p.id, qos ? 513 : 0);
            assert_true(ww_str_is(p.topic, "city/\xE9\x95\xBF\xE5\xAF\xBF/up") &&
                        ww_str_is(p.payload, "{\"v\":1}"));
        }
}

static void acknowledgements_have_the_bytes_of_the_standard(void **state) {
    (void)state;
    ww_mqtt_write_ack(&out, 4, WW_MQTT_PUBACK, 10, WW_MQTT_NOT_AUTHORIZED);
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\x40\x02\x00\x0a", 4}));
    ww_buf_reset(&out);
    ww_mqtt_write_ack(&out, 5, WW_MQTT_PUBREC, 10, WW_MQTT_NOT_AUTHORIZED);
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\x50\x03\x00\x0a\x87", 5}));
    ww_buf_reset(&out);
    ww_mqtt_write_ack(&out, 5, WW_MQTT_PUBREL, 258, WW_MQTT_SUCCESS);
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\x62\x02\x01\x02", 4}));
    ww_buf_reset(&out);
    ww_mqtt_write_connack(&out, 4, &(struct ww_mqtt_connack){.reason = WW_MQTT_BAD_LOGIN});
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\x20\x02\x00\x04", 4}));
    ww_buf_reset(&out);
    ww_mqtt_write_suback(&out, 4, WW_MQTT_SUBACK, 1, 2, WW_MQTT_NOT_AUTHORIZED);
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\x90\x04\x00\x01\x80\x80", 6}));
    ww_buf_reset(&out);
    ww_mqtt_write_suback(&out, 4, WW_MQTT_UNSUBACK, 1, 2, WW_MQTT_SUCCESS);
    assert_true(ww_str_eq(ww_buf_str(&out), (struct ww_str){"\xb0\x02\x00\x01", 4}));
}

static void a_connack_tells_a_client_of_5_what_it_may_do(void **state) {
    (void)state;
    ww_mqtt_write_connack(&out, 5,
                          &(struct ww_mqtt_connack){.receive_maximum = 32,
                                                    .maximum_packet_size = 1 << 20,
                                                    .assigned_client_id = WW_STR("auto-1")});
    struct ww_mqtt_packet p = read_whole(&server5);
    assert_int_equal(p.receive_maximum, 32);
    assert_int_equal(p.maximum_packet_size, 1 << 20);
    assert_true(ww_str_is(p.assigned_client_id, "auto-1"));
}

static void filters_are_listed_in_order(void **state) {
    (void)state;
    struct ww_str wanted[] = {WW_STR("a/+/b"), WW_STR("$share/group/c/#")};
    ww_mqtt_write_subscribe(&out, 5, 9, wanted, 2, 1);
    struct ww_mqtt_packet p = read_whole(&client5);
    assert_int_equal(p.n_filters, 2);
    size_t at = 0;
    struct ww_str filter;
    int qos;
    for (int i = 0; i < 2; i++) {
        assert_true(ww_mqtt_filter(&p, 5, &at, &filter, &qos));
        assert_true(ww_str_eq(filter, wanted[i]));
        assert_int_equal(qos, 1);
    }
    assert_false(ww_mqtt_filter(&p, 5, &at, &filter, &qos));
}

static void what_is_no_packet_is_refused_with_its_reason(void **state) {
    (void)state;
    assert_int_equal(FAULT("\x00\x00", &client4), WW_MQTT_MALFORMED);              /* reserved type */
    assert_int_equal(FAULT("\xf0\x00", &client4), WW_MQTT_MALFORMED);              /* AUTH in 3.1.1 */
    assert_int_equal(FAULT("\x20\x02\x00\x00", &client4), WW_MQTT_PROTOCOL_ERROR); /* a server's packet */
    assert_int_equal(FAULT("\xc1\x00", &client4), WW_MQTT_MALFORMED);              /* flags of PINGREQ */
    assert_int_equal(FAULT("\x30\xff\xff\xff\xff", &client4), WW_MQTT_MALFORMED);  /* length of five bytes */
    assert_int_equal(FAULT("\x30\xff\xff\xff\x7f", &client4), WW_MQTT_PACKET_TOO_LARGE);
    assert_int_equal(FAULT("\x36\x05\x00\x01"
                           "a"
                           "\x00\x01",
                           &client4),
                     WW_MQTT_MALFORMED); /* QoS 3 */
    assert_int_equal(FAULT("\x38\x03\x00\x01"
                           "a",
                           &client4),
                     WW_MQTT_MALFORMED); /* DUP at QoS 0 */
    assert_int_equal(FAULT("\x32\x05\x00\x01"
                           "a"
                           "\x00\x00",
                           &client4),
                     WW_MQTT_PROTOCOL_ERROR); /* id 0 */
    assert_int_equal(FAULT("\x30\x03\x00\x01"
                           "#",
                           &client4),
                     WW_MQTT_TOPIC_INVALID);
    assert_int_equal(FAULT("\x30\x02\x00\x00", &client4), WW_MQTT_PROTOCOL_ERROR);        /* no topic */
    assert_int_equal(FAULT("\x30\x03\x00\x01\x00", &client4), WW_MQTT_MALFORMED);         /* NUL in it */
    assert_int_equal(FAULT("\x30\x05\x00\x03\xed\xa0\x80", &client4), WW_MQTT_MALFORMED); /* a surrogate */
    assert_int_equal(FAULT("\x30\x05\x00\x09"
                           "abc",
                           &client4),
                     WW_MQTT_MALFORMED);                                           /* runs over the end */
    assert_int_equal(FAULT("\x82\x02\x00\x01", &client4), WW_MQTT_PROTOCOL_ERROR); /* no filter */
    assert_int_equal(FAULT("\x10\x0c\x00\x04MQTT\x03\x02\x00\x00\x00\x00", &client4),
                     WW_MQTT_UNSUPPORTED_VERSION);
    assert_int_equal(FAULT("\x10\x0c\x00\x04MQTT\x04\x03\x00\x00\x00\x00", &client4),
                     WW_MQTT_MALFORMED); /* reserved bit */
    assert_int_equal(FAULT("\x30\x06\x00\x01"
                           "a\x02\x7f\x00",
                           &client5),
                     WW_MQTT_MALFORMED); /* unknown property */
    assert_int_equal(FAULT("\x30\x07\x00\x01"
                           "a\x03\x23\x00\x00",
                           &client5),
                     WW_MQTT_TOPIC_ALIAS_INVALID);
    assert_int_equal(FAULT("\x30\x08\x00\x01"
                           "a\x04\x01\x00\x01\x00",
                           &client5),
                     WW_MQTT_PROTOCOL_ERROR); /* twice */
    assert_int_equal(FAULT("\x30\x00", &server4), WW_MQTT_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connect_says_who_it_is, begin, end),
        cmocka_unit_test_setup_teardown(a_publish_comes_back_whole, begin, end),
        cmocka_unit_test_setup_teardown(acknowledgements_have_the_bytes_of_the_standard, begin, end),
        cmocka_unit_test_setup_teardown(a_connack_tells_a_client_of_5_what_it_may_do, begin, end),
        cmocka_unit_test_setup_teardown(filters_are_listed_in_order, begin, end),
        cmocka_unit_test(what_is_no_packet_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
