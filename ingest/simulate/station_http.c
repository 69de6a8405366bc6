/* A simulated HTTP gateway: POSTs NDJSON, one request on its way after another, on one kept connection. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/buf.h"
#include "ingest/simulate/stations.h"

static void on_connected(struct ww_station *s) {
    s->is_ready = true;
}

static void write_body(const struct ww_station *s, uint64_t message, struct ww_buf *body) {
    int64_t ms = ww_station_time(s, message) / 1000;
    for (uint32_t i = 0; i < s->options->factors; i++) {
        const struct ww_station_factor *f = ww_station_factor(i);
        ww_buf_printf(body,
                      "{\"thing\":\"%s\",\"property\":\"%s\",\"unit\":\"%s\",\"time\":%" PRId64
                      ",\"value\":%.3f}\n",
                      s->name, f->property, f->unit, ms, ww_station_value(s, i, message));
    }
}

static void write_request(struct ww_station *s, uint64_t message, struct evbuffer *out) {
    struct ww_buf body;
    ww_buf_init(&body, 1 << 20);
    write_body(s, message, &body);
    evbuffer_add_printf(out,
                        "POST /ingest/v1/%s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                        s->options->feed, s->options->host, s->options->port, s->options->token, body.len);
    evbuffer_add(out, body.data, body.len);
    ww_buf_clear(&body);
}

static void write_message(struct ww_station *s, uint64_t message, bool again) {
    (void)again;
    write_request(s, message, s->out);
}

static void write_beginning(struct ww_station *s, struct evbuffer *out) {
    struct evbuffer *whole = evbuffer_new();
    if (!whole)
        return;
    write_request(s, 0, whole);
    evbuffer_remove_buffer(whole, out, evbuffer_get_length(whole) / 2);
    evbuffer_free(whole);
}

/* Answers of our own server only: a head, Content-Length, a body. */
static bool on_read(struct ww_station *s) {
    while (s->in) {
        struct evbuffer_ptr end = evbuffer_search(s->in, "\r\n\r\n", 4, NULL);
        if (end.pos < 0)
            return evbuffer_get_length(s->in) < 65536;
        size_t head_len = (size_t)end.pos + 4;
        const char *head = (const char *)evbuffer_pullup(s->in, (ev_ssize_t)head_len);
        const char *length = memmem(head, head_len, "Content-Length: ", 16);
        if (head_len < 16 || !length)
            return false;
        size_t whole = head_len + (size_t)strtoul(length + 16, NULL, 10);
        int status = atoi(head + 9);
        if (evbuffer_get_length(s->in) < whole)
            return true;
        evbuffer_drain(s->in, whole);
        if (status != 200) {
            ww_station_refused(s);
            return false; /* dial again, send again */
        }
        ww_station_acked(s, s->first);
    }
    return true;
}

const struct ww_station_protocol ww_station_http = {.name = "http",
                                                    .on_connected = on_connected,
                                                    .write = write_message,
                                                    .on_read = on_read,
                                                    .write_beginning = write_beginning};
