/* Opens and closes what devices connect to. */
#include "server/device_doors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/hj212_gaps.h"
#include "ingest/gateway/hj212_gateway.h"
#include "ingest/gateway/mqtt_client.h"
#include "ingest/gateway/mqtt_endpoint.h"
#include "ingest/gateway/pull.h"
#include "ingest/hj212/hj212.h"
#include "server/accounts.h"

struct address {
    char host[128];
    int port;
    bool wanted;
};

struct ww_doors {
    struct ww_app *app;
    struct ww_door_options options;
    struct address hj212_at, mqtt_at, mqtt_tls_at;
    struct ww_intake *intake;
    struct ww_hj212_gateway *hj212;
    struct ww_hj212_gaps *gaps;
    struct ww_mqtt_endpoint *mqtt, *mqtt_tls;
    struct ww_mqtt_clients *clients;
    struct ww_pull *pull;
};

bool ww_listen_split(const char *text, char *host, size_t room, int *port) {
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text)
        return false;
    const char *from = text;
    size_t len = (size_t)(colon - text);
    if (from[0] == '[' && len > 2 && from[len - 1] == ']') {
        from++;
        len -= 2;
    }
    char *end;
    long value = strtol(colon + 1, &end, 10);
    if (*end || end == colon + 1 || value < 0 || value > 65535 || len >= room)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    *port = (int)value;
    return true;
}

enum ww_status ww_port_file_write(const char *path, int port, struct ww_error *err) {
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "w");
    bool wrote = file && fprintf(file, "%d\n", port) > 0;
    if (file && fclose(file) != 0)
        wrote = false;
    if (!wrote || rename(temporary, path) != 0)
        return ww_error_set(err, WW_BAD_INPUT, "can't write %s", path);
    return WW_OK;
}

/* ---- Options ---- */

static enum ww_status read_address(const char *text, const char *option, struct address *out,
                                   struct ww_error *err) {
    if (!text)
        return WW_OK;
    out->wanted = true;
    if (ww_listen_split(text, out->host, sizeof out->host, &out->port))
        return WW_OK;
    ww_error_set(err, WW_BAD_INPUT, "--%s must be HOST:PORT, not %s", option, text);
    ww_error_at_field(err, ww_str_of(option), ww_str_of(text));
    return WW_BAD_INPUT;
}

static enum ww_status read_options(const struct ww_door_options *options, struct ww_doors *d,
                                   struct ww_error *err) {
    enum ww_status st;
    if ((st = read_address(options->hj212, "hj212", &d->hj212_at, err)) != WW_OK ||
        (st = read_address(options->mqtt, "mqtt", &d->mqtt_at, err)) != WW_OK ||
        (st = read_address(options->mqtt_tls, "mqtt-tls", &d->mqtt_tls_at, err)) != WW_OK)
        return st;
    if (options->mqtt_tls && (!options->tls_certificate_file || !options->tls_key_file))
        return ww_error_set(err, WW_BAD_INPUT, "--mqtt-tls needs --tls-cert and --tls-key");
    return WW_OK;
}

enum ww_status ww_doors_check(const struct ww_door_options *options, struct ww_error *err) {
    struct ww_doors scratch = {0};
    return read_options(options, &scratch, err);
}

enum ww_status ww_doors_new(struct ww_app *app, const struct ww_door_options *options, struct ww_doors **out,
                            struct ww_error *err) {
    struct ww_doors *d = ww_must_calloc(1, sizeof *d);
    d->app = app;
    d->options = *options;
    enum ww_status st = read_options(options, d, err);
    if (st != WW_OK) {
        ww_free(d);
        return st;
    }
    d->intake = ww_intake_new(app->base, app->path, NULL);
    *out = d;
    return WW_OK;
}

/* ---- Logging in over MQTT: an account's name, and one of its tokens as password ---- */

static bool login(void *arg, struct ww_str name, struct ww_str password, struct ww_mqtt_login *out) {
    const struct ww_doors *d = arg;
    const struct ww_account *account = ww_accounts_by_token(d->app->accounts, password);
    if (!account || !ww_str_is(name, account->name) ||
        (account->role != WW_ROLE_FEED && account->role != WW_ROLE_ADMIN))
        return false;
    out->account_id = account->id;
    snprintf(out->name, sizeof out->name, "%s", account->name);
    return true;
}

static bool may_feed(void *arg, int32_t account_id, struct ww_str feed) {
    const struct ww_doors *d = arg;
    const struct ww_account *account = ww_accounts_by_id(d->app->accounts, account_id);
    return account && (account->role == WW_ROLE_FEED || account->role == WW_ROLE_ADMIN) &&
           ww_account_may_feed(account, feed);
}

/* ---- Opening ---- */

static enum ww_status write_port(const char *file, int port, struct ww_error *err) {
    return file ? ww_port_file_write(file, port, err) : WW_OK;
}

static enum ww_status open_hj212(struct ww_doors *d, struct ww_error *err) {
    if (!d->hj212_at.wanted)
        return WW_OK;
    struct ww_hj212_gateway_options options = {
        .host = d->hj212_at.host, .port = d->hj212_at.port, .conninfo = d->options.db};
    enum ww_status st =
        ww_hj212_gateway_open(d->app->base, d->intake, d->app->pool, &options, &d->hj212, err);
    if (st == WW_OK)
        d->gaps = ww_hj212_gaps_new(d->app->base, d->app->pool);
    return st != WW_OK ? st : write_port(d->options.hj212_port_file, ww_hj212_gateway_port(d->hj212), err);
}

static enum ww_status open_mqtt(struct ww_doors *d, const struct address *at, bool tls,
                                struct ww_mqtt_endpoint **out, struct ww_error *err) {
    if (!at->wanted)
        return WW_OK;
    struct ww_mqtt_endpoint_options options = {.host = at->host,
                                               .port = at->port,
                                               .tls_certificate_file =
                                                   tls ? d->options.tls_certificate_file : NULL,
                                               .tls_key_file = tls ? d->options.tls_key_file : NULL,
                                               .login = login,
                                               .may_feed = may_feed,
                                               .arg = d};
    enum ww_status st = ww_mqtt_endpoint_open(d->app->base, d->intake, &options, out, err);
    const char *file = tls ? d->options.mqtt_tls_port_file : d->options.mqtt_port_file;
    return st != WW_OK ? st : write_port(file, ww_mqtt_endpoint_port(*out), err);
}

enum ww_status ww_doors_open(struct ww_doors *d, struct ww_error *err) {
    enum ww_status st;
    if ((st = open_hj212(d, err)) != WW_OK ||
        (st = open_mqtt(d, &d->mqtt_at, false, &d->mqtt, err)) != WW_OK ||
        (st = open_mqtt(d, &d->mqtt_tls_at, true, &d->mqtt_tls, err)) != WW_OK)
        return st;
    if (!d->options.no_outward) {
        d->clients = ww_mqtt_clients_new(d->app->base, d->intake);
        d->pull = ww_pull_new(d->app->base, d->intake, d->app->pool);
    }
    return WW_OK;
}

void ww_doors_print(const struct ww_doors *d) {
    if (d->hj212)
        printf("hj212 %s:%d\n", d->hj212_at.host, ww_hj212_gateway_port(d->hj212));
    if (d->mqtt)
        printf("mqtt %s:%d\n", d->mqtt_at.host, ww_mqtt_endpoint_port(d->mqtt));
    if (d->mqtt_tls)
        printf("mqtts %s:%d\n", d->mqtt_tls_at.host, ww_mqtt_endpoint_port(d->mqtt_tls));
}

/* ---- Closing ---- */

void ww_doors_stop(struct ww_doors *d, void (*on_quiet)(void *arg), void *arg) {
    if (d->hj212)
        ww_hj212_gateway_stop(d->hj212);
    if (d->mqtt)
        ww_mqtt_endpoint_stop(d->mqtt);
    if (d->mqtt_tls)
        ww_mqtt_endpoint_stop(d->mqtt_tls);
    if (d->clients)
        ww_mqtt_clients_stop(d->clients);
    if (d->pull)
        ww_pull_stop(d->pull);
    ww_intake_when_empty(d->intake, on_quiet, arg);
}

void ww_doors_close(struct ww_doors *d) {
    if (!d)
        return;
    if (d->pull)
        ww_pull_free(d->pull);
    if (d->clients)
        ww_mqtt_clients_free(d->clients);
    if (d->mqtt)
        ww_mqtt_endpoint_free(d->mqtt);
    if (d->mqtt_tls)
        ww_mqtt_endpoint_free(d->mqtt_tls);
    ww_hj212_gaps_free(d->gaps);
    if (d->hj212)
        ww_hj212_gateway_free(d->hj212);
    ww_intake_close(d->intake);
}

void ww_doors_free(struct ww_doors *d) {
    if (!d)
        return;
    ww_intake_free(d->intake);
    ww_free(d);
}

/* ---- Metrics ---- */

static void write_one(struct ww_buf *out, const char *type, const char *name, const char *help,
                      uint64_t value) {
    ww_buf_printf(out, "# HELP wardwatch_%s %s\n# TYPE wardwatch_%s %s\nwardwatch_%s %" PRIu64 "\n", name,
                  help, name, type, name, value);
}

static void write_intake(const struct ww_doors *d, struct ww_buf *out) {
    struct ww_intake_counters c;
    ww_intake_get_counters(d->intake, &c);
    write_one(out, "counter", "device_messages_total", "Messages taken from devices", c.taken);
    write_one(out, "counter", "device_messages_committed_total", "Of these committed", c.committed);
    write_one(out, "counter", "device_messages_refused_total", "Of these refused: no such feed, or it is off",
              c.refused);
    write_one(out, "counter", "device_messages_retried_total", "Handed to storage again", c.retried);
    write_one(out, "gauge", "device_messages_held", "Messages taken and not yet committed", c.held_messages);
    write_one(out, "gauge", "device_bytes_held", "Their bytes", c.held_bytes);
    write_one(out, "gauge", "device_inlets", "Connections and sources that may hold messages", c.inlets);
    write_one(out, "gauge", "device_inlets_full", "Of these not read from until there is room",
              c.full_inlets);
}

static void write_hj212(const struct ww_doors *d, struct ww_buf *out) {
    if (!d->hj212)
        return;
    struct ww_hj212_gateway_counters c;
    struct ww_hj212_gaps_counters gaps;
    ww_hj212_gateway_get_counters(d->hj212, &c);
    ww_hj212_gaps_get_counters(d->gaps, &gaps);
    const struct {
        const char *type, *name, *help;
        uint64_t value;
    } rows[] = {
        {"gauge", "hj212_connections", "Connections that are open", (uint64_t)c.connections},
        {"gauge", "hj212_stations", "Known stations that are connected", (uint64_t)c.stations},
        {"gauge", "hj212_paused", "Connections not read until there is room", (uint64_t)c.paused},
        {"counter", "hj212_accepted_total", "Connections accepted", c.accepted},
        {"counter", "hj212_refused_total", "Connections refused by a cap", c.refused},
        {"counter", "hj212_cut_idle_total", "Connections cut because nothing came", c.cut_idle},
        {"counter", "hj212_cut_slow_total", "Connections cut because a frame took too long", c.cut_slow},
        {"counter", "hj212_bytes_in_total", "Bytes read", c.bytes_in},
        {"counter", "hj212_frames_total", "Frames cut", c.frames},
        {"counter", "hj212_uploads_total", "Of these uploads", c.uploads},
        {"counter", "hj212_answers_total", "Answers sent", c.answers},
        {"counter", "hj212_garbage_total", "Runs of bytes that were no frame", c.garbage},
        {"counter", "hj212_unknown_stations_total", "Frames of stations that are not registered",
         c.unknown_stations},
        {"counter", "hj212_wrong_password_total", "Frames with a wrong password", c.wrong_password},
        {"counter", "hj212_wrong_address_total",
         "Frames from an address that may not speak for their station", c.wrong_address},
        {"counter", "hj212_sets_complete_total", "Sets of sub-packets that came whole", c.sets_complete},
        {"counter", "hj212_sets_incomplete_total", "Sets of sub-packets that stayed incomplete",
         c.sets_incomplete},
        {"counter", "hj212_commands_sent_total", "Commands sent to stations", c.commands_sent},
        {"counter", "hj212_commands_done_total", "Of these done", c.commands_done},
        {"counter", "hj212_commands_failed_total", "Of these refused, failed, timed out", c.commands_failed},
        {"counter", "hj212_replies_unasked_total", "Answers that belong to no command", c.replies_unasked},
        {"counter", "hj212_gap_rounds_total", "Looks for gaps over all stations", gaps.rounds},
        {"counter", "hj212_gaps_found_total", "Windows of missing intervals found", gaps.found},
        {"counter", "hj212_gaps_filled_total", "Of these filled", gaps.filled},
        {"counter", "hj212_gaps_asked_total", "Requests for history queued", gaps.asked},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        write_one(out, rows[i].type, rows[i].name, rows[i].help, rows[i].value);
    ww_buf_text(out,
                "# HELP wardwatch_hj212_deviations_total Frames that deviate from the standard, by what\n"
                "# TYPE wardwatch_hj212_deviations_total counter\n");
    for (int bit = 0; bit < WW_HJ212_N_DEVIATIONS; bit++)
        ww_buf_printf(out, "wardwatch_hj212_deviations_total{kind=\"%s\"} %" PRIu64 "\n",
                      ww_hj212_deviation_name(bit), c.deviations[bit]);
}

static void write_mqtt(const struct ww_doors *d, struct ww_buf *out) {
    struct ww_mqtt_endpoint_counters sum = {0};
    const struct ww_mqtt_endpoint *both[] = {d->mqtt, d->mqtt_tls};
    if (!d->mqtt && !d->mqtt_tls)
        return;
    for (int i = 0; i < 2; i++) {
        struct ww_mqtt_endpoint_counters c;
        if (!both[i])
            continue;
        ww_mqtt_endpoint_get_counters(both[i], &c);
        sum.connections += c.connections;
        sum.paused += c.paused;
        sum.accepted += c.accepted;
        sum.refused += c.refused;
        sum.bad_packets += c.bad_packets;
        sum.bad_logins += c.bad_logins;
        sum.cut_slow += c.cut_slow;
        sum.cut_silent += c.cut_silent;
        sum.bytes_in += c.bytes_in;
        for (int q = 0; q < 3; q++)
            sum.publishes[q] += c.publishes[q];
        sum.acknowledged += c.acknowledged;
        sum.no_feed += c.no_feed;
        sum.denied += c.denied;
    }
    const struct {
        const char *type, *name, *help;
        uint64_t value;
    } rows[] = {
        {"gauge", "mqtt_connections", "Connections that are open", (uint64_t)sum.connections},
        {"gauge", "mqtt_paused", "Connections not read until there is room", (uint64_t)sum.paused},
        {"counter", "mqtt_accepted_total", "Connections accepted", sum.accepted},
        {"counter", "mqtt_refused_total", "Connections refused by a cap", sum.refused},
        {"counter", "mqtt_bad_packets_total", "Connections cut for packets that are none", sum.bad_packets},
        {"counter", "mqtt_bad_logins_total", "Wrong names or tokens", sum.bad_logins},
        {"counter", "mqtt_cut_slow_total", "Connections cut because a packet took too long", sum.cut_slow},
        {"counter", "mqtt_cut_silent_total", "Connections cut after their keep-alive", sum.cut_silent},
        {"counter", "mqtt_bytes_in_total", "Bytes read", sum.bytes_in},
        {"counter", "mqtt_publishes_qos0_total", "Messages at QoS 0", sum.publishes[0]},
        {"counter", "mqtt_publishes_qos1_total", "Messages at QoS 1", sum.publishes[1]},
        {"counter", "mqtt_publishes_qos2_total", "Messages at QoS 2", sum.publishes[2]},
        {"counter", "mqtt_acknowledged_total", "PUBACK and PUBREC sent after COMMIT", sum.acknowledged},
        {"counter", "mqtt_no_feed_total", "Messages whose topic no feed takes", sum.no_feed},
        {"counter", "mqtt_denied_total", "Messages that the account may not send", sum.denied},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        write_one(out, rows[i].type, rows[i].name, rows[i].help, rows[i].value);
}

struct lines {
    struct ww_buf up, paused, messages, acknowledged; /* of brokers */
    struct ww_buf fetches, failures, last_ok;         /* of pulled feeds */
};

static void note_client(void *arg, const struct ww_mqtt_client_state *s) {
    struct lines *l = arg;
    ww_buf_printf(&l->up, "wardwatch_mqtt_client_up{feed=\"%s\"} %d\n", s->feed, s->connected);
    ww_buf_printf(&l->paused, "wardwatch_mqtt_client_paused{feed=\"%s\"} %d\n", s->feed, s->paused);
    ww_buf_printf(&l->messages, "wardwatch_mqtt_client_messages_total{feed=\"%s\"} %" PRIu64 "\n", s->feed,
                  s->messages);
    ww_buf_printf(&l->acknowledged, "wardwatch_mqtt_client_acknowledged_total{feed=\"%s\"} %" PRIu64 "\n",
                  s->feed, s->acknowledged);
}

static void note_pull(void *arg, const struct ww_pull_feed_state *s) {
    struct lines *l = arg;
    ww_buf_printf(&l->fetches, "wardwatch_pull_fetches_total{feed=\"%s\"} %" PRIu64 "\n", s->feed,
                  s->fetches);
    ww_buf_printf(&l->failures, "wardwatch_pull_failures_total{feed=\"%s\"} %" PRIu64 "\n", s->feed,
                  s->failures);
    ww_buf_printf(&l->last_ok, "wardwatch_pull_last_ok_seconds{feed=\"%s\"} %.3f\n", s->feed,
                  (double)s->last_ok_us / 1e6);
}

static void add_lines(struct ww_buf *out, const char *type, const char *name, const char *help,
                      struct ww_buf *lines) {
    if (lines->len > 0)
        ww_buf_printf(out, "# HELP wardwatch_%s %s\n# TYPE wardwatch_%s %s\n", name, help, name, type);
    ww_buf_str_add(out, ww_buf_str(lines));
    ww_buf_clear(lines);
}

static void write_outward(const struct ww_doors *d, struct ww_buf *out) {
    struct lines l;
    struct ww_buf *all[] = {&l.up,      &l.paused,   &l.messages, &l.acknowledged,
                            &l.fetches, &l.failures, &l.last_ok};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ww_buf_init(all[i], (size_t)1 << 20);
    if (d->clients)
        ww_mqtt_clients_each(d->clients, note_client, &l);
    if (d->pull)
        ww_pull_each(d->pull, note_pull, &l);
    add_lines(out, "gauge", "mqtt_client_up", "1 when subscribed at the broker", &l.up);
    add_lines(out, "gauge", "mqtt_client_paused",
              "1 while its socket is not read: too much waits to be stored", &l.paused);
    add_lines(out, "counter", "mqtt_client_messages_total", "Messages from the broker", &l.messages);
    add_lines(out, "counter", "mqtt_client_acknowledged_total", "Of these acknowledged after COMMIT",
              &l.acknowledged);
    add_lines(out, "counter", "pull_fetches_total", "Requests to the feed's endpoint", &l.fetches);
    add_lines(out, "counter", "pull_failures_total", "Of these failed", &l.failures);
    add_lines(out, "gauge", "pull_last_ok_seconds", "When the last one was good, seconds since 1970",
              &l.last_ok);
}

void ww_doors_metrics(const struct ww_doors *d, struct ww_buf *out) {
    write_intake(d, out);
    write_hj212(d, out);
    write_mqtt(d, out);
    write_outward(d, out);
}
