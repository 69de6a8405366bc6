/* The set of feeds that subscribe at brokers: one connection each, made again when the feed changes. */
#include "ingest/gateway/mqtt_client.h"

#include <assert.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "ingest/gateway/mqtt_client_internal.h"

/* ---- The catalog ---- */

static struct subscriber *find_subscriber(struct ww_mqtt_clients *clients, const char *feed) {
    struct subscriber *s;
    TAILQ_FOREACH(s, &clients->all, all) {
        if (strcmp(s->plan.feed, feed) == 0)
            return s;
    }
    return NULL;
}

static void take_feed(struct ww_mqtt_clients *clients, const struct ww_cat_feed *feed) {
    struct client_plan plan;
    struct subscriber *old = find_subscriber(clients, feed->name);
    if (client_plan_make(feed, &plan) != WW_OK) {
        ww_log(WW_LOG_ERROR, "mqtt_client=skipped feed=%s reason=\"no memory\"", feed->name);
        if (old)
            old->is_wanted = true;
        return;
    }
    if (old && ww_str_eq(old->plan.key, plan.key)) {
        old->is_wanted = true;
        client_plan_clear(&plan);
        return;
    }
    struct subscriber *made = subscriber_new(clients, &plan);
    made->is_wanted = true;
    if (old) {
        subscriber_succeed(made, old);
        subscriber_free(old);
    }
    ww_log(WW_LOG_INFO, "mqtt_client=%s feed=%s broker=%.*s:%d", old ? "changed" : "added", made->plan.feed,
           WW_STR_ARG(made->plan.source.host), made->plan.source.port);
    subscriber_start(made);
}

static void compare(struct ww_mqtt_clients *clients, const struct ww_catalog *catalog) {
    struct subscriber *s, *next;
    TAILQ_FOREACH(s, &clients->all, all)
    s->is_wanted = false;
    for (uint32_t i = 0; i < catalog->n_feeds; i++) {
        const struct ww_cat_feed *feed = &catalog->feeds[i];
        if (feed->enabled && feed->config &&
            ww_feed_config_source(feed->config)->protocol == WW_PROTOCOL_MQTT_CLIENT)
            take_feed(clients, feed);
    }
    for (s = TAILQ_FIRST(&clients->all); s; s = next) {
        next = TAILQ_NEXT(s, all);
        if (!s->is_wanted) {
            ww_log(WW_LOG_INFO, "mqtt_client=removed feed=%s", s->plan.feed);
            subscriber_free(s);
        }
    }
}

/* Also told when the path begins or ceases to take; what is held then waits in the inlets. */
static void on_change(void *arg) {
    struct ww_mqtt_clients *clients = arg;
    const struct ww_catalog *catalog = ww_path_catalog(clients->path);
    if (!clients->is_stopping && catalog && ww_path_is_ready(clients->path))
        compare(clients, catalog);
}

/* ---- Life ---- */

/* Names are asked for on the loop. Without a resolv.conf there are still addresses and the hosts file. */
static struct evdns_base *open_dns(struct event_base *base) {
    struct evdns_base *dns =
        evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!dns) {
        dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        assert(dns);
        evdns_base_load_hosts(dns, "/etc/hosts");
    }
    return dns;
}

struct ww_mqtt_clients *ww_mqtt_clients_new(struct event_base *base, struct ww_intake *intake) {
    struct ww_mqtt_clients *clients = ww_must_calloc(1, sizeof *clients);
    clients->base = base;
    clients->intake = intake;
    clients->path = ww_intake_path(intake);
    clients->dns = open_dns(base);
    TAILQ_INIT(&clients->all);
    clients->listener = (struct ww_path_listener){.on_change = on_change, .arg = clients};
    ww_path_listen(clients->path, &clients->listener);
    on_change(clients);
    return clients;
}

void ww_mqtt_clients_stop(struct ww_mqtt_clients *clients) {
    struct subscriber *s;
    clients->is_stopping = true;
    TAILQ_FOREACH(s, &clients->all, all)
    subscriber_stop(s);
}

void ww_mqtt_clients_free(struct ww_mqtt_clients *clients) {
    if (!clients)
        return;
    struct subscriber *s;
    clients->is_stopping = true;
    ww_path_unlisten(clients->path, &clients->listener);
    while ((s = TAILQ_FIRST(&clients->all)))
        subscriber_free(s);
    evdns_base_free(clients->dns, 0);
    ww_free(clients);
}

void ww_mqtt_clients_each(const struct ww_mqtt_clients *clients,
                          void (*each)(void *arg, const struct ww_mqtt_client_state *state), void *arg) {
    const struct subscriber *s;
    TAILQ_FOREACH(s, &clients->all, all)
    each(arg, &s->shown);
}
