/* The engine of the load generator: sockets, prebuilt bodies, latencies. */
#include "ingest/simulate/load.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "geo/base/alloc.h"
#include "ingest/simulate/city.h"
#include "ingest/simulate/load_row.h"
#include "ingest/simulate/post.h"

#define ANSWER_MAX      ((size_t)64 << 10)
#define RETRY_US        50000
#define LAST_ANSWERS_US INT64_C(60000000)

enum state { CLOSED, CONNECTING, IDLE, SENDING, READING };

struct connection {
    enum state state;
    int fd;
    uint32_t series_from, series_count;
    uint64_t cursor; /* of the body in `request` */
    uint64_t bodies;
    bool has_body; /* not yet acknowledged */
    char *request;
    size_t head_len, len, sent;
    char answer[ANSWER_MAX];
    size_t answer_len;
    int64_t first_sent_us, not_before_us;
};

struct engine {
    const struct ww_load *load;
    struct addrinfo *address;
    struct connection *connections;
    struct pollfd *polls;
    float *latencies_ms;
    size_t n_latencies, cap_latencies;
    uint64_t started; /* bodies, of all connections */
    int64_t start_us, last_answer_us;
    size_t row_len;
    struct ww_load_result result;
    struct ww_error *err;
    bool failed;
};

/* ---- Preparing ---- */

static enum ww_status find_server(struct engine *e, char host[256], struct ww_error *err) {
    const char *p = e->load->server;
    char port[16] = "80";
    if (strncmp(p, "http://", 7) != 0)
        return ww_error_set(err, WW_BAD_INPUT, "the server must be http://HOST:PORT");
    snprintf(host, 256, "%s", p + 7);
    host[strcspn(host, "/")] = '\0';
    char name[256];
    snprintf(name, sizeof name, "%s", host);
    char *colon = strrchr(name, ':');
    if (colon && !strchr(colon, ']')) {
        snprintf(port, sizeof port, "%s", colon + 1);
        *colon = '\0';
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int failed = getaddrinfo(name, port, &hints, &e->address);
    return failed ? ww_error_set(err, WW_BAD_INPUT, "%s: %s", e->load->server, gai_strerror(failed)) : WW_OK;
}

static enum ww_status read_token(const char *path, char token[512], struct ww_error *err) {
    token[0] = '\0';
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!path)
        return WW_OK;
    if (!file || !fgets(token, 512, file)) {
        if (file)
            fclose(file);
        return ww_error_set(err, WW_BAD_INPUT, "cannot read the token file %.150s", path);
    }
    fclose(file);
    token[strcspn(token, "\r\n")] = '\0';
    return WW_OK;
}

static enum ww_status prepare(struct engine *e, struct ww_error *err) {
    const struct ww_load *load = e->load;
    char host[256], token[512], head[1200];
    enum ww_status st = find_server(e, host, err);
    if (st == WW_OK)
        st = read_token(load->token_file, token, err);
    if (st != WW_OK)
        return st;
    e->row_len = ww_load_row_len(load->with_place);
    size_t body_len = e->row_len * load->batch_rows;
    int head_len = snprintf(
        head, sizeof head,
        "POST /ingest/v1/%s HTTP/1.1\r\nHost: %s\r\n%s%s%sContent-Type: application/x-ndjson\r\n"
        "Content-Length: %zu\r\n\r\n",
        load->feed, host, token[0] ? "Authorization: Bearer " : "", token, token[0] ? "\r\n" : "", body_len);
    if (head_len <= 0 || (size_t)head_len >= sizeof head)
        return ww_error_set(err, WW_BAD_INPUT, "the feed's name is too long");
    e->connections = ww_must_calloc(load->connections, sizeof *e->connections);
    e->polls = ww_must_calloc(load->connections, sizeof *e->polls);
    for (uint32_t i = 0; i < load->connections; i++) {
        struct connection *c = &e->connections[i];
        c->fd = -1;
        c->series_from = (uint32_t)((uint64_t)load->series * i / load->connections);
        c->series_count = (uint32_t)((uint64_t)load->series * (i + 1) / load->connections) - c->series_from;
        c->head_len = (size_t)head_len;
        c->len = c->head_len + body_len;
        c->request = ww_try_malloc(c->len + 1);
        if (!c->request)
            return ww_error_set(err, WW_NO_MEMORY, "the bodies do not fit into memory");
        memcpy(c->request, head, c->head_len);
        for (uint32_t r = 0; r < load->batch_rows; r++)
            ww_load_row_write(c->request + c->head_len + r * e->row_len, load->with_place);
    }
    return WW_OK;
}

static void clean_up(struct engine *e) {
    for (uint32_t i = 0; e->connections && i < e->load->connections; i++) {
        if (e->connections[i].fd >= 0)
            close(e->connections[i].fd);
        ww_free(e->connections[i].request);
    }
    ww_free(e->connections);
    ww_free(e->polls);
    ww_free(e->latencies_ms);
    if (e->address)
        freeaddrinfo(e->address);
}

/* ---- One connection ---- */

static void fill_body(struct engine *e, struct connection *c) {
    const struct ww_load *load = e->load;
    char *row = c->request + c->head_len;
    uint64_t round = c->cursor / c->series_count;
    uint32_t offset = (uint32_t)(c->cursor % c->series_count);
    bool exceeds = load->exceed_every && c->bodies % load->exceed_every == load->exceed_every - 1;
    for (uint32_t r = 0; r < load->batch_rows; r++, row += e->row_len) {
        int64_t time_ms = load->start_ms + (int64_t)round * load->step_ms;
        ww_load_row_patch(row, c->series_from + offset, time_ms, exceeds && r == 0, load->with_place);
        if (++offset == c->series_count) {
            offset = 0;
            round++;
        }
    }
    c->has_body = true;
    c->first_sent_us = 0;
}

static void drop_connection(struct engine *e, struct connection *c) {
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->state = CLOSED;
    c->not_before_us = ww_monotonic_us() + RETRY_US;
    e->result.reconnects++;
}

static void open_connection(struct engine *e, struct connection *c) {
    const struct addrinfo *a = e->address;
    int one = 1;
    c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || (connect(c->fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        drop_connection(e, c);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->state = CONNECTING;
}

static void send_on(struct engine *e, struct connection *c) {
    while (c->sent < c->len) {
        ssize_t n = send(c->fd, c->request + c->sent, c->len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            drop_connection(e, c);
            return;
        }
        c->sent += (size_t)n;
    }
    c->state = READING;
}

static void begin_sending(struct engine *e, struct connection *c) {
    c->sent = 0;
    c->answer_len = 0;
    c->state = SENDING;
    if (c->first_sent_us == 0)
        c->first_sent_us = ww_monotonic_us();
    send_on(e, c);
}

static uint64_t number_after(const char *text, const char *key) {
    const char *p = strstr(text, key);
    return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static void keep_latency(struct engine *e, int64_t us) {
    if (e->n_latencies == e->cap_latencies) {
        size_t cap = e->cap_latencies ? e->cap_latencies * 2 : 4096;
        float *grown = ww_try_realloc(e->latencies_ms, cap * sizeof *grown);
        if (!grown)
            return;
        e->latencies_ms = grown;
        e->cap_latencies = cap;
    }
    e->latencies_ms[e->n_latencies++] = (float)us / 1000;
}

static void acknowledge(struct engine *e, struct connection *c, const char *body) {
    e->last_answer_us = ww_monotonic_us();
    keep_latency(e, e->last_answer_us - c->first_sent_us);
    e->result.acked_bodies++;
    e->result.acked_rows += e->load->batch_rows;
    e->result.stored += number_after(body, "\"stored\":");
    e->result.duplicates += number_after(body, "\"duplicates\":");
    e->result.dead += number_after(body, "\"dead\":");
    if (e->load->ack_log) {
        fprintf(e->load->ack_log, "{\"series_from\":%u,\"series_count\":%u,\"cursor\":%llu,\"rows\":%u}\n",
                c->series_from, c->series_count, (unsigned long long)c->cursor, e->load->batch_rows);
        fflush(e->load->ack_log);
    }
    c->cursor += e->load->batch_rows;
    c->bodies++;
    c->has_body = false;
}

/* The answer is whole when Content-Length bytes follow the head; the server never chunks a receipt. */
static void take_answer(struct engine *e, struct connection *c) {
    c->answer[c->answer_len] = '\0';
    char *body = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!body || (length && length < body &&
                  c->answer_len - (size_t)(body + 4 - c->answer) < strtoull(length + 17, NULL, 10)))
        return;
    int status = atoi(c->answer + 9);
    c->state = IDLE;
    if (status == 200) {
        acknowledge(e, c, body + 4);
    } else if (status == 429 || status == 408 || status >= 500) {
        e->result.retries++;
        c->not_before_us = ww_monotonic_us() + RETRY_US;
    } else {
        e->failed = true;
        ww_error_set(e->err, WW_DENIED, "HTTP %d: %.200s", status, body + 4);
    }
    if (strcasestr(c->answer, "\r\nConnection: close"))
        drop_connection(e, c);
}

static void read_on(struct engine *e, struct connection *c) {
    ssize_t n = recv(c->fd, c->answer + c->answer_len, ANSWER_MAX - 1 - c->answer_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* also when an answer does not fit: then there is no room to read into */
        drop_connection(e, c);
        return;
    }
    c->answer_len += (size_t)n;
    take_answer(e, c);
}

static void on_ready(struct engine *e, struct connection *c, short events) {
    int error = 0;
    socklen_t len = sizeof error;
    if (c->state == CONNECTING && events) {
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
            drop_connection(e, c);
        else
            c->state = IDLE;
    } else if (events & POLLIN) {
        /* While sending, an early answer says that the server will not read on. */
        read_on(e, c);
    } else if (events & (POLLHUP | POLLERR)) {
        drop_connection(e, c);
    } else if (c->state == SENDING && (events & POLLOUT)) {
        send_on(e, c);
    }
}

/* ---- All of them ---- */

static int64_t due_us(const struct engine *e) {
    if (e->load->rows_per_s <= 0)
        return e->start_us;
    return e->start_us + (int64_t)((double)e->started * e->load->batch_rows / e->load->rows_per_s * 1e6);
}

/* Gives idle connections work; returns how long the loop may sleep. */
static int start_work(struct engine *e, bool more) {
    int64_t now_us = ww_monotonic_us(), wake_us = now_us + 200000;
    for (uint32_t i = 0; i < e->load->connections; i++) {
        struct connection *c = &e->connections[i];
        if (c->state == CLOSED && (more || c->has_body) && c->not_before_us <= now_us)
            open_connection(e, c);
        if (c->state == IDLE && !c->has_body && more && due_us(e) <= now_us) {
            fill_body(e, c);
            e->started++;
        }
        if (c->state == IDLE && c->has_body && c->not_before_us <= now_us)
            begin_sending(e, c);
        if ((c->state == IDLE || c->state == CLOSED) && c->not_before_us > now_us &&
            c->not_before_us < wake_us)
            wake_us = c->not_before_us;
    }
    if (more && due_us(e) > now_us && due_us(e) < wake_us)
        wake_us = due_us(e);
    return (int)((wake_us - now_us + 999) / 1000);
}

static bool is_working(const struct engine *e) {
    for (uint32_t i = 0; i < e->load->connections; i++)
        if (e->connections[i].has_body)
            return true;
    return false;
}

static void work(struct engine *e, const volatile sig_atomic_t *stop) {
    int64_t end_us = e->start_us + e->load->run_us;
    for (;;) {
        int64_t now_us = ww_monotonic_us();
        bool more = now_us < end_us && !*stop;
        if (e->failed || (!more && (!is_working(e) || now_us > end_us + LAST_ANSWERS_US)))
            return;
        int wait_ms = start_work(e, more);
        for (uint32_t i = 0; i < e->load->connections; i++) {
            const struct connection *c = &e->connections[i];
            short out = c->state == CONNECTING || c->state == SENDING ? POLLOUT : 0;
            e->polls[i] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | out)};
        }
        if (poll(e->polls, e->load->connections, wait_ms) <= 0)
            continue;
        for (uint32_t i = 0; i < e->load->connections; i++)
            if (e->polls[i].revents && e->connections[i].fd == e->polls[i].fd)
                on_ready(e, &e->connections[i], e->polls[i].revents);
    }
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void sum_up(struct engine *e) {
    size_t n = e->n_latencies;
    e->result.seconds = e->last_answer_us > e->start_us ? (double)(e->last_answer_us - e->start_us) / 1e6 : 0;
    if (n == 0)
        return;
    qsort(e->latencies_ms, n, sizeof *e->latencies_ms, by_value);
    e->result.p50_ms = (double)e->latencies_ms[n / 2];
    e->result.p99_ms = (double)e->latencies_ms[n * 99 / 100];
    e->result.longest_ms = (double)e->latencies_ms[n - 1];
}

enum ww_status ww_load_run(const struct ww_load *load, const volatile sig_atomic_t *stop,
                           struct ww_load_result *out, struct ww_error *err) {
    struct engine e = {.load = load, .err = err};
    enum ww_status st = prepare(&e, err);
    if (st == WW_OK) {
        if (load->ack_log)
            fprintf(load->ack_log, "{\"feed\":\"%s\",\"start_ms\":%lld,\"step_ms\":%lld}\n", load->feed,
                    (long long)load->start_ms, (long long)load->step_ms);
        e.start_us = ww_monotonic_us();
        work(&e, stop);
        sum_up(&e);
        st = e.failed ? WW_DENIED : WW_OK;
    }
    *out = e.result;
    clean_up(&e);
    return st;
}
