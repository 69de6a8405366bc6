/* wardwatch serve: builds the running server from its parts and takes it down again. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/base/log.h"
#include "geo/instant.h"
#include "ingest/path.h"
#include "server/accounts.h"
#include "server/backtests.h"
#include "server/commands.h"
#include "server/device_doors.h"
#include "server/memory_keeper.h"
#include "server/ogc/ogc.h"
#include "server/routes.h"
#include "server/sse_hub.h"
#include "server/static_files.h"
#include "server/tiles/tiles.h"
#include "sql/migrate.h"

enum { POOL_SIZE = 4, SHUTDOWN_GRACE_MS = 5000, READY_POLL_MS = 20 };

static const char help[] =
    "usage: wardwatch serve --db CONNINFO [OPTIONS]\n\n"
    "  --listen HOST:PORT   default 127.0.0.1:8080; port 0 picks a free one\n"
    "  --port-file FILE     writes the port there once it listens\n"
    "Doors for devices are shut unless named (their usual ports: 9212, 1883, 8883):\n"
    "  --hj212 HOST:PORT    HJ 212 stations connect here\n"
    "  --mqtt HOST:PORT     MQTT devices connect here; --mqtt-tls HOST:PORT with --tls-cert FILE --tls-key "
    "FILE\n"
    "  --hj212-port-file FILE, --mqtt-port-file FILE, --mqtt-tls-port-file FILE   as --port-file\n"
    "  --no-outward         contacts neither brokers nor endpoints of pulled feeds\n"
    "  --web DIR            the built page; without it the server has its interface only\n"
    "  --anonymous-read     wards, things, readings and alerts may be read without a token\n"
    "  --log LEVEL          error, warn, info (default) or debug\n\n"
    "Prints \"ready http://HOST:PORT/\" when the district is loaded and the judging state is rebuilt. The "
    "database\n"
    "must be migrated (wardwatch migrate). SIGINT or SIGTERM: takes no new request, finishes what is under "
    "way.\n"
    "SIGKILL at any moment loses nothing that was acknowledged.\n";

struct options {
    const char *db, *listen, *port_file, *web, *log;
    bool anonymous_read;
    struct ww_door_options doors;
};

struct server {
    struct ww_app app;
    char host[128];
    int port;
    struct event *on_int, *on_term, *ready_timer, *give_up;
    struct ww_memory_keeper *memory;
    bool drained_http, drained_path, stopping, failed;
};

static int set_log_level(const char *name) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) {
            ww_log_set_level((enum ww_log_level)i);
            return 0;
        }
    fprintf(stderr, "wardwatch serve: --log must be error, warn, info or debug, not %s\n", name);
    return 2;
}

/* A server on an old schema would fail in odd places: better say it at once. */
static int check_schema(const char *db) {
    struct ww_pg_sync *sync = ww_db_open("serve", db);
    if (!sync)
        return 1;
    const struct ww_pg_result *r;
    struct ww_error err;
    enum ww_status st = ww_pg_sync_exec(sync, "SELECT max(version) FROM wardwatch.migration", NULL, &r, &err);
    int64_t version = st == WW_OK ? ww_pg_i64(r, 0, 0) : 0;
    ww_pg_sync_close(sync);
    if (version == ww_migrate_version())
        return 0;
    fprintf(stderr, "wardwatch serve: the database's schema is at version %lld, this program's at %d: %s\n",
            (long long)version, ww_migrate_version(),
            version > ww_migrate_version() ? "use the newer program" : "run wardwatch migrate first");
    return 1;
}

/* ---- Coming up ---- */

static void on_ready_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct server *s = arg;
    if (!ww_path_is_ready(s->app.path) || !ww_accounts_are_loaded(s->app.accounts) ||
        !ww_sse_hub_is_ready(s->app.sse))
        return;
    event_del(s->ready_timer);
    struct ww_error err;
    if (ww_doors_open(s->app.doors, &err) != WW_OK) {
        ww_complain("serve", NULL, &err);
        s->failed = true;
        event_base_loopbreak(s->app.base);
        return;
    }
    ww_doors_print(s->app.doors);
    printf("ready http://%s:%d/\n", s->host, s->port);
    fflush(stdout);
}

/* ---- Going down ---- */

static void leave_when_drained(struct server *s) {
    if (s->drained_http && s->drained_path)
        event_base_loopbreak(s->app.base);
}

static void on_http_drained(void *arg) {
    struct server *s = arg;
    s->drained_http = true;
    leave_when_drained(s);
}

static void on_path_idle(void *arg) {
    struct server *s = arg;
    s->drained_path = true;
    leave_when_drained(s);
}

/* What devices have sent is stored; what isn't by now was not acknowledged and comes again. */
static void on_doors_quiet(void *arg) {
    struct server *s = arg;
    event_del(s->give_up);
    ww_path_drain(s->app.path, on_path_idle, s);
}

static void on_give_up(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    on_doors_quiet(arg);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg) {
    (void)what;
    struct server *s = arg;
    if (s->stopping) { /* asked twice: now */
        event_base_loopbreak(s->app.base);
        return;
    }
    s->stopping = true;
    ww_log(WW_LOG_INFO, "stopping signal=%d", (int)signal_number);
    ww_sse_hub_close(s->app.sse);
    ww_http_server_shutdown(s->app.http, SHUTDOWN_GRACE_MS, on_http_drained, s);
    ww_doors_stop(s->app.doors, on_doors_quiet, s);
    const struct timeval grace = {SHUTDOWN_GRACE_MS / 1000, SHUTDOWN_GRACE_MS % 1000 * 1000};
    event_add(s->give_up, &grace);
}

static void add_events(struct server *s) {
    s->on_int = evsignal_new(s->app.base, SIGINT, on_signal, s);
    s->on_term = evsignal_new(s->app.base, SIGTERM, on_signal, s);
    s->ready_timer = event_new(s->app.base, -1, EV_PERSIST, on_ready_timer, s);
    s->give_up = evtimer_new(s->app.base, on_give_up, s);
    const struct timeval poll = {0, READY_POLL_MS * 1000};
    event_add(s->on_int, NULL);
    event_add(s->on_term, NULL);
    event_add(s->ready_timer, &poll);
}

static void free_server(struct server *s) {
    struct event **events[] = {&s->on_int, &s->on_term, &s->ready_timer, &s->give_up};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (*events[i])
            event_free(*events[i]);
    ww_backtests_free(s->app.backtests);
    ww_doors_close(s->app.doors);
    ww_memory_keeper_free(s->memory);
    ww_tiles_free(s->app.tiles);
    if (s->app.path)
        ww_path_free(s->app.path); /* answers requests: before the HTTP server goes */
    ww_doors_free(s->app.doors);
    if (s->app.http)
        ww_http_server_free(s->app.http);
    ww_ogc_free(s->app.ogc);
    if (s->app.sse)
        ww_sse_hub_free(s->app.sse);
    if (s->app.accounts)
        ww_accounts_free(s->app.accounts);
    if (s->app.pool)
        ww_pg_pool_free(s->app.pool);
    ww_static_free(s->app.web);
    if (s->app.base) {
        event_base_loop(s->app.base, EVLOOP_NONBLOCK); /* what was freed at the end of a turn */
        event_base_free(s->app.base);
    }
    libevent_global_shutdown();
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000;
}

static int build(struct server *s, const struct options *o) {
    struct ww_app *app = &s->app;
    struct ww_error err;
    app->anonymous_read = o->anonymous_read;
    app->started_us = now_us();
    app->base = event_base_new();
    if (!app->base) {
        fprintf(stderr, "wardwatch serve: no event loop on this machine\n");
        return 1;
    }
    if (o->web && ww_static_load(o->web, &app->web, &err) != WW_OK)
        return ww_complain("serve", o->web, &err);
    struct ww_pg_options pool = {.conninfo = o->db,
                                 .application = "wardwatch reader",
                                 .on_connect = WW_POOL_ON_CONNECT,
                                 .prepare = true};
    app->pool = ww_pg_pool_new(app->base, &pool, POOL_SIZE);
    app->path = ww_path_new(app->base, &(struct ww_path_options){.conninfo = o->db});
    s->memory = ww_memory_keeper_new(app->base, app->path);
    app->backtests = ww_backtests_new(o->db);
    app->accounts = ww_accounts_new(app->base, app->pool);
    if (ww_doors_new(app, &o->doors, &app->doors, &err) != WW_OK)
        return ww_complain("serve", NULL, &err);
    app->sse =
        ww_sse_hub_new(app->base, &(struct ww_sse_options){.conninfo = o->db, .accounts = app->accounts});
    app->ogc = ww_ogc_new(app, o->db);
    app->tiles = ww_tiles_new(
        app->base, &(struct ww_tiles_options){.pool = app->pool, .path = app->path, .sse = app->sse});
    const struct ww_http_limits limits = {0};
    const struct ww_http_handlers handlers = {
        .on_head = ww_routes_on_head, .on_request = ww_routes_on_request, .arg = app};
    if (ww_http_server_open(app->base, s->host, s->port, &limits, &handlers, &app->http, &err) != WW_OK)
        return ww_complain("serve", NULL, &err);
    s->port = ww_http_server_port(app->http);
    if (o->port_file && ww_port_file_write(o->port_file, s->port, &err) != WW_OK)
        return ww_complain("serve", NULL, &err);
    return 0;
}

int ww_cmd_serve(int argc, char **argv) {
    struct options o = {.listen = "127.0.0.1:8080"};
    const struct ww_option options[] = {{"db", &o.db, NULL},
                                        {"listen", &o.listen, NULL},
                                        {"port-file", &o.port_file, NULL},
                                        {"web", &o.web, NULL},
                                        {"log", &o.log, NULL},
                                        {"anonymous-read", NULL, &o.anonymous_read},
                                        {"hj212", &o.doors.hj212, NULL},
                                        {"hj212-port-file", &o.doors.hj212_port_file, NULL},
                                        {"mqtt", &o.doors.mqtt, NULL},
                                        {"mqtt-port-file", &o.doors.mqtt_port_file, NULL},
                                        {"mqtt-tls", &o.doors.mqtt_tls, NULL},
                                        {"mqtt-tls-port-file", &o.doors.mqtt_tls_port_file, NULL},
                                        {"tls-cert", &o.doors.tls_certificate_file, NULL},
                                        {"tls-key", &o.doors.tls_key_file, NULL},
                                        {"no-outward", NULL, &o.doors.no_outward},
                                        {NULL, NULL, NULL}};
    int rest;
    int code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    struct server s = {0};
    if (rest > 0 || !ww_listen_split(o.listen, s.host, sizeof s.host, &s.port)) {
        fputs(help, stderr);
        return 2;
    }
    if (o.log && (code = set_log_level(o.log)) > 0)
        return code;
    struct ww_error err;
    if (ww_doors_check(&o.doors, &err) != WW_OK) {
        (void)ww_complain("serve", NULL, &err);
        return 2;
    }
    o.db = ww_db_or_complain("serve", o.db);
    if (!o.db)
        return 2;
    if ((code = check_schema(o.db)) != 0)
        return code;
    o.doors.db = o.db;
    signal(SIGPIPE, SIG_IGN);
    code = build(&s, &o);
    if (code == 0) {
        add_events(&s);
        event_base_dispatch(s.app.base);
        ww_log(WW_LOG_INFO, "stopped");
        code = s.failed ? 1 : 0;
    }
    free_server(&s);
    return code;
}
