/* The server's birth and end: errors that a person can act on, requests that outlive their server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/http/http.h"
#include "server/http/peer_table.h"

static struct ww_http_request *held;
static int gone;

static void hold(void *arg, struct ww_http_request *req) {
    held = req;
    event_base_loopbreak(arg);
}

static void count_gone(void *arg) {
    (void)arg;
    gone++;
}

static void a_taken_port_and_a_foreign_address_are_named(void **state) {
    (void)state;
    struct event_base *base = event_base_new();
    struct ww_http_handlers handlers = {NULL, hold, NULL, base};
    struct ww_http_server *first, *second;
    struct ww_error err;
    char expected[100];
    assert_int_equal(ww_http_server_open(base, "127.0.0.1", 0, NULL, &handlers, &first, &err), WW_OK);
    int port = ww_http_server_port(first);
    assert_int_equal(ww_http_server_open(base, "127.0.0.1", port, NULL, &handlers, &second, &err),
                     WW_CONFLICT);
    snprintf(expected, sizeof expected, "port %d on 127.0.0.1 is taken by another program", port);
    assert_string_equal(err.message, expected);
    assert_null(second);
    assert_int_equal(ww_http_server_open(base, "192.0.2.1", 0, NULL, &handlers, &second, &err), WW_BAD_INPUT);
    assert_string_equal(err.message, "this machine does not have the address 192.0.2.1");
    assert_int_equal(ww_http_server_open(base, "not an address", 0, NULL, &handlers, &second, &err),
                     WW_BAD_INPUT);
    ww_http_server_free(first);
    event_base_free(base);
}

static void a_request_may_be_answered_after_its_server_is_freed(void **state) {
    (void)state;
    struct event_base *base = event_base_new();
    struct ww_http_handlers handlers = {NULL, hold, NULL, base};
    struct ww_http_server *server;
    struct ww_error err;
    static const char request[] = "GET /held HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(ww_http_server_open(base, "127.0.0.1", 0, NULL, &handlers, &server, &err), WW_OK);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)ww_http_server_port(server));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    event_base_dispatch(base);
    assert_non_null(held);
    ww_http_on_gone(held, count_gone, NULL);
    ww_http_server_free(server);
    assert_int_equal(gone, 1);
    assert_true(ww_http_is_gone(held));
    assert_true(ww_str_is(ww_http_path(held), "/held"));
    ww_http_respond(held, 200, "text/plain", WW_STR("late"));
    close(fd);
    event_base_free(base);
}

enum { LARGE = 8 << 20 }; /* more than any socket takes at once */

static char byte_at(size_t i) {
    return (char)(i * 7 + i / 251);
}

static void answer_large(void *arg, struct ww_http_request *req) {
    char *body = malloc(LARGE);
    (void)arg;
    assert_non_null(body);
    for (size_t i = 0; i < LARGE; i++)
        body[i] = byte_at(i);
    ww_http_respond(req, 200, "application/octet-stream", (struct ww_str){body, LARGE});
    free(body);
}

static void end_loop(void *arg, const struct ww_http_request *req, int status, int64_t us) {
    (void)req, (void)status, (void)us;
    event_base_loopbreak(arg);
}

/* The client: 0 when the body came whole, behind a head and with nothing behind it. */
static int read_large(int port) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    static char got[LARGE + 4096];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n;
    to.sin_port = htons((uint16_t)port);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        write(fd, request, sizeof request - 1) != sizeof request - 1)
        return 2;
    while (len < sizeof got && (n = read(fd, got + len, sizeof got - len)) > 0)
        len += (size_t)n;
    const char *end = strstr(got, "\r\n\r\n");
    if (!end || len - (size_t)(end + 4 - got) != LARGE)
        return 3;
    for (size_t i = 0; i < LARGE; i++)
        if (end[4 + i] != byte_at(i))
            return 4;
    return 0;
}

static void an_answer_that_no_socket_takes_at_once_arrives_whole(void **state) {
    (void)state;
    struct event_base *base = event_base_new();
    struct ww_http_handlers handlers = {NULL, answer_large, end_loop, base};
    struct ww_http_server *server;
    struct ww_error err;
    int result;
    assert_int_equal(ww_http_server_open(base, "127.0.0.1", 0, NULL, &handlers, &server, &err), WW_OK);
    const pid_t client = fork();
    if (client == 0)
        _exit(read_large(ww_http_server_port(server)));
    event_base_dispatch(base);
    ww_http_server_free(server);
    assert_int_equal(waitpid(client, &result, 0), client);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    event_base_free(base);
}

static struct ww_peer_key key_of(const char *text) {
    struct ww_peer_key key;
    char shown[INET6_ADDRSTRLEN];
    if (strchr(text, ':')) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        inet_pton(AF_INET6, text, &v6.sin6_addr);
        ww_peer_key_of((struct sockaddr *)&v6, &key, shown);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        inet_pton(AF_INET, text, &v4.sin_addr);
        ww_peer_key_of((struct sockaddr *)&v4, &key, shown);
        assert_string_equal(shown, text);
    }
    return key;
}

static void addresses_are_counted_one_by_one_and_ipv6_by_subscriber(void **state) {
    (void)state;
    struct ww_peer_table *table = ww_peer_table_new();
    struct ww_peer_key a = key_of("10.0.0.1"), mapped = key_of("::ffff:10.0.0.1"), b = key_of("10.0.0.2");
    struct ww_peer_key c = key_of("2001:db8::1"), same = key_of("2001:db8::2"),
                       other = key_of("2001:db8:0:1::1");
    assert_true(ww_peer_table_add(table, &a));
    assert_true(ww_peer_table_add(table, &mapped));
    assert_true(ww_peer_table_add(table, &c));
    assert_true(ww_peer_table_add(table, &same));
    assert_int_equal(ww_peer_table_count(table, &a), 2);
    assert_int_equal(ww_peer_table_count(table, &b), 0);
    assert_int_equal(ww_peer_table_count(table, &c), 2);
    assert_int_equal(ww_peer_table_count(table, &other), 0);
    ww_peer_table_remove(table, &a);
    ww_peer_table_remove(table, &a);
    assert_int_equal(ww_peer_table_count(table, &mapped), 0);
    ww_peer_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_taken_port_and_a_foreign_address_are_named),
        cmocka_unit_test(a_request_may_be_answered_after_its_server_is_freed),
        cmocka_unit_test(an_answer_that_no_socket_takes_at_once_arrives_whole),
        cmocka_unit_test(addresses_are_counted_one_by_one_and_ipv6_by_subscriber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
