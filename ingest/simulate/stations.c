/* Many simulated stations: connections, schedules, counts. */
#include "ingest/simulate/stations.h"

#include <assert.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/instant.h"
#include "ingest/simulate/city.h"

enum {
    TICK_MS = 10,
    RECONNECT_MS = 500,
    KEEP_ALIVE_S = 30,
    CONNECTING_AT_ONCE = 500,
    N_BINS = 4096 /* of latencies, logarithmic: 1 µs … 10⁸ µs in steps of half a per cent */
};

/* One connection: a station's, or one that only misbehaves. */
struct link {
    struct ww_station station;
    struct bufferevent *bev;
    int64_t due_us;   /* next message */
    int64_t retry_us; /* next attempt to connect */
    int64_t wrote_us;
    enum { LINK_STATION, LINK_STALLED, LINK_DRIPPING } kind;
    bool connecting, connected;
    size_t dripped;
};

struct ww_stations {
    const struct ww_station_options *options;
    const struct ww_station_protocol *protocol;
    const volatile sig_atomic_t *stop;
    struct event_base *base;
    struct event *tick;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct link *links;
    uint32_t n_links, connecting;
    uint32_t done; /* stations whose messages are all acknowledged */
    int64_t began_us, first_sent_us, last_acked_us;
    struct ww_station_result result;
    uint64_t bins[N_BINS];
    int64_t longest_us;
};

static int64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

/* ---- Latencies ---- */

static size_t bin_of(int64_t us) {
    double bin = us > 1 ? log((double)us) / log(1.005) : 0;
    return bin < N_BINS - 1 ? (size_t)bin : N_BINS - 1;
}

static double quantile_ms(const struct ww_stations *s, double q) {
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < N_BINS; i++)
        total += s->bins[i];
    double edge = 1;
    for (size_t i = 0; i < N_BINS; i++, edge *= 1.005) {
        seen += s->bins[i];
        if (total > 0 && (double)seen >= q * (double)total)
            return edge / 1000;
    }
    return 0;
}

/* ---- What protocols call ---- */

int64_t ww_station_time(const struct ww_station *station, uint64_t message) {
    return station->options->start_us + (int64_t)message * station->options->step_us;
}

static const struct ww_station_factor factors[] = {{"w01018", "cod", "mg/L", 60, 25},
                                                   {"w21003", "nh3n", "mg/L", 6, 3},
                                                   {"w21011", "tp", "mg/L", 0.6, 0.3},
                                                   {"w21001", "tn", "mg/L", 15, 5},
                                                   {"w01001", "ph", "[pH]", 7.4, 0.5},
                                                   {"w00000", "flow", "L/s", 12, 4},
                                                   {"w01010", "water_temperature", "degC", 18, 4},
                                                   {"w01012", "ss", "mg/L", 20, 8},
                                                   {"w01009", "do", "mg/L", 6, 2},
                                                   {"w01014", "conductivity", "uS/cm", 600, 150},
                                                   {"w01017", "bod5", "mg/L", 12, 5},
                                                   {"w01019", "codmn", "mg/L", 6, 2},
                                                   {"w23002", "volatile_phenols", "mg/L", 0.03, 0.02},
                                                   {"w21016", "cyanide", "mg/L", 0.02, 0.01},
                                                   {"w02003", "fecal_coliform", "MPN/L", 300, 150},
                                                   {"w20111", "mercury", "ug/L", 0.8, 0.4},
                                                   {"w20115", "cadmium", "ug/L", 3, 1.5},
                                                   {"w20117", "chromium_vi", "ug/L", 15, 8},
                                                   {"w20119", "arsenic", "ug/L", 9, 5},
                                                   {"w20120", "lead", "ug/L", 12, 7}};

const struct ww_station_factor *ww_station_factor(uint32_t n) {
    return &factors[n % (sizeof factors / sizeof *factors)];
}

double ww_station_value(const struct ww_station *station, uint32_t factor, uint64_t message) {
    const struct ww_station_factor *f = ww_station_factor(factor);
    double value = f->middle + f->spread * (2 * ww_mix_unit(station->index, factor, message) - 1);
    return (double)(int64_t)(value * 1000 + 0.5) / 1000;
}

void ww_station_refused(struct ww_station *station) {
    station->all->result.refused++;
}

void ww_station_asked(struct ww_station *station) {
    station->all->result.asked++;
}

static bool has_all(const struct ww_station *s) {
    return s->options->messages > 0 && s->first >= s->options->messages;
}

void ww_station_acked(struct ww_station *station, uint64_t message) {
    struct ww_stations *all = station->all;
    uint32_t window = station->options->window;
    if (message < station->first || message >= station->next || station->acked[message % window])
        return; /* a repeat's */
    int64_t now_us = clock_us();
    int64_t took_us = now_us - station->sent_us[message % window];
    station->acked[message % window] = true;
    all->bins[bin_of(took_us)]++;
    all->longest_us = took_us > all->longest_us ? took_us : all->longest_us;
    all->last_acked_us = now_us;
    all->result.acknowledged++;
    all->result.values_acknowledged += station->options->factors;
    if (station->options->ack_log)
        fprintf(station->options->ack_log, "%s %llu\n", station->name, (unsigned long long)message);
    while (station->first < station->next && station->acked[station->first % window])
        station->acked[station->first++ % window] = false;
    if (has_all(station))
        all->done++;
}

void ww_station_key_acked(struct ww_station *station, int64_t key) {
    for (uint64_t m = station->first; m < station->next; m++)
        if (station->key[m % station->options->window] == key) {
            ww_station_acked(station, m);
            return;
        }
}

/* ---- Sending ---- */

static void send_one(struct link *l, int64_t now_us) {
    struct ww_station *s = &l->station;
    struct ww_stations *all = s->all;
    uint64_t message = s->next++;
    bool again = message < s->again_from;
    s->sent_us[message % s->options->window] = now_us;
    l->wrote_us = now_us;
    if (all->first_sent_us == 0)
        all->first_sent_us = now_us;
    all->result.sent++;
    all->result.again += again;
    all->protocol->write(s, message, again);
    if (s->options->no_answer)
        ww_station_acked(s, message);
}

static bool may_send(const struct link *l, int64_t now_us) {
    const struct ww_station *s = &l->station;
    const struct ww_station_options *o = s->options;
    if (!s->is_ready || s->next - s->first >= o->window || (o->messages > 0 && s->next >= o->messages) ||
        (o->idle && s->next > 0 && s->next >= s->again_from))
        return false;
    /* What nobody acknowledges must not pile up in our own buffer. */
    if (o->no_answer && evbuffer_get_length(s->out) > 65536)
        return false;
    return o->every_s == 0 || s->next < s->again_from || now_us >= l->due_us;
}

static void send_due(struct link *l, int64_t now_us) {
    while (may_send(l, now_us)) {
        bool fresh = l->station.next >= l->station.again_from;
        send_one(l, now_us);
        if (fresh && l->station.options->every_s > 0)
            l->due_us += (int64_t)(l->station.options->every_s * (double)WW_SECOND_US);
        else if (fresh && l->station.options->no_answer && l->station.next % 16 == 0)
            return;
    }
}

/* ---- Connections ---- */

static void hang_up(struct link *l, int64_t now_us) {
    struct ww_station *s = &l->station;
    struct ww_stations *all = s->all;
    if (l->connected) {
        all->result.connected--;
        all->result.reconnects++;
    }
    all->connecting -= l->connecting;
    l->connected = l->connecting = false;
    if (l->bev)
        bufferevent_free(l->bev);
    l->bev = NULL;
    s->in = s->out = NULL;
    s->is_ready = false;
    s->again_from = s->next > s->again_from ? s->next : s->again_from;
    s->next = s->first; /* everything that was on its way goes again */
    l->retry_us = now_us + RECONNECT_MS * 1000 + (int64_t)(l->station.index % 97) * 1000;
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct link *l = arg;
    struct ww_stations *all = l->station.all;
    if (!(what & BEV_EVENT_CONNECTED)) {
        hang_up(l, clock_us());
        return;
    }
    int one = 1;
    setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    all->connecting--;
    l->connecting = false;
    l->connected = true;
    all->result.connected++;
    l->station.in = bufferevent_get_input(bev);
    l->station.out = bufferevent_get_output(bev);
    if (l->kind == LINK_STALLED)
        all->protocol->write_beginning(&l->station, l->station.out);
    else if (l->kind == LINK_STATION)
        all->protocol->on_connected(&l->station);
}

static void on_read(struct bufferevent *bev, void *arg) {
    struct link *l = arg;
    if (l->kind != LINK_STATION) {
        evbuffer_drain(bufferevent_get_input(bev), evbuffer_get_length(bufferevent_get_input(bev)));
        return;
    }
    int64_t now_us = clock_us();
    if (!l->station.all->protocol->on_read(&l->station))
        hang_up(l, now_us);
    else
        send_due(l, now_us);
}

static void dial(struct link *l) {
    struct ww_stations *all = l->station.all;
    l->bev = bufferevent_socket_new(all->base, -1, BEV_OPT_CLOSE_ON_FREE);
    assert(l->bev);
    bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
    bufferevent_enable(l->bev, EV_READ | EV_WRITE);
    l->connecting = true;
    all->connecting++;
    l->dripped = 0;
    if (bufferevent_socket_connect(l->bev, (struct sockaddr *)&all->address, (int)all->address_len) != 0)
        hang_up(l, clock_us());
}

/* A byte a second of a message, for ever. */
static void drip(struct link *l, int64_t now_us) {
    if (now_us < l->due_us)
        return;
    l->due_us = now_us + WW_SECOND_US;
    struct evbuffer *whole = evbuffer_new();
    assert(whole);
    l->station.all->protocol->write_beginning(&l->station, whole);
    size_t n = evbuffer_get_length(whole);
    char byte;
    evbuffer_drain(whole, n ? l->dripped++ % n : 0);
    if (evbuffer_remove(whole, &byte, 1) == 1)
        bufferevent_write(l->bev, &byte, 1);
    evbuffer_free(whole);
}

static void look_after(struct link *l, int64_t now_us) {
    struct ww_stations *all = l->station.all;
    if (!l->bev) {
        if (now_us >= l->retry_us && all->connecting < CONNECTING_AT_ONCE)
            dial(l);
        return;
    }
    if (!l->connected || l->kind == LINK_STALLED)
        return;
    if (l->kind == LINK_DRIPPING) {
        drip(l, now_us);
        return;
    }
    send_due(l, now_us);
    if (all->protocol->keep_alive && l->station.is_ready &&
        now_us - l->wrote_us > KEEP_ALIVE_S * WW_SECOND_US) {
        l->wrote_us = now_us;
        all->protocol->keep_alive(&l->station);
    }
}

static bool is_over(const struct ww_stations *s, int64_t now_us) {
    return *s->stop || (s->options->run_us > 0 && now_us - s->began_us >= s->options->run_us) ||
           (s->options->messages > 0 && s->done == s->options->stations);
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_stations *s = arg;
    int64_t now_us = clock_us();
    for (uint32_t i = 0; i < s->n_links; i++)
        look_after(&s->links[i], now_us);
    if (is_over(s, now_us))
        event_base_loopbreak(s->base);
}

/* ---- Life ---- */

static void make_links(struct ww_stations *s) {
    const struct ww_station_options *o = s->options;
    s->n_links = o->stations + o->stalled + o->dripping;
    s->links = ww_must_calloc(s->n_links ? s->n_links : 1, sizeof *s->links);
    for (uint32_t i = 0; i < s->n_links; i++) {
        struct link *l = &s->links[i];
        l->station.options = o;
        l->station.all = s;
        l->station.index = i;
        l->station.sent_us = ww_must_calloc(o->window, sizeof *l->station.sent_us);
        l->station.key = ww_must_calloc(o->window, sizeof *l->station.key);
        l->station.acked = ww_must_calloc(o->window, sizeof *l->station.acked);
        snprintf(l->station.name, sizeof l->station.name, "%.20s%06u", o->prefix, i);
        l->kind = i < o->stations                ? LINK_STATION
                  : i < o->stations + o->stalled ? LINK_STALLED
                                                 : LINK_DRIPPING;
        l->due_us = s->began_us + (int64_t)(o->every_s * 1e6 * i / (o->stations ? o->stations : 1));
    }
}

static void free_links(struct ww_stations *s) {
    for (uint32_t i = 0; i < s->n_links; i++) {
        if (s->links[i].bev)
            bufferevent_free(s->links[i].bev);
        ww_free(s->links[i].station.sent_us);
        ww_free(s->links[i].station.key);
        ww_free(s->links[i].station.acked);
    }
    ww_free(s->links);
}

static const struct ww_station_protocol *find_protocol(const char *name) {
    const struct ww_station_protocol *all[] = {&ww_station_hj212, &ww_station_mqtt, &ww_station_http};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static bool find_address(struct ww_stations *s, const struct ww_station_options *options) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", options->port);
    if (getaddrinfo(options->host, service, &hints, &found) != 0 || !found)
        return false;
    memcpy(&s->address, found->ai_addr, found->ai_addrlen);
    s->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

enum ww_status ww_stations_run(const struct ww_station_options *options, const volatile sig_atomic_t *stop,
                               struct ww_station_result *out, struct ww_error *err) {
    struct ww_stations s = {.options = options, .protocol = find_protocol(options->protocol), .stop = stop};
    if (!s.protocol)
        return ww_error_set(err, WW_BAD_INPUT, "--protocol must be hj212, mqtt or http");
    if (!find_address(&s, options))
        return ww_error_set(err, WW_BAD_INPUT, "there is no host \"%s\"", options->host);
    raise_file_limit();
    s.base = event_base_new();
    s.tick = s.base ? event_new(s.base, -1, EV_PERSIST, on_tick, &s) : NULL;
    if (!s.tick)
        return ww_error_set(err, WW_NO_MEMORY, "no event loop");
    s.began_us = clock_us();
    make_links(&s);
    const struct timeval tick = {0, TICK_MS * 1000};
    event_add(s.tick, &tick);
    event_base_dispatch(s.base);

    s.result.seconds =
        s.last_acked_us > s.first_sent_us ? (double)(s.last_acked_us - s.first_sent_us) / 1e6 : 0;
    s.result.p50_ms = quantile_ms(&s, 0.50);
    s.result.p99_ms = quantile_ms(&s, 0.99);
    s.result.longest_ms = (double)s.longest_us / 1000;
    *out = s.result;
    free_links(&s);
    event_free(s.tick);
    event_base_free(s.base);
    return WW_OK;
}
