/* For operators: /healthz, /readyz, and /metrics as Prometheus text. No ward's data. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "geo/base/buf.h"
#include "ingest/health.h"
#include "ingest/path.h"
#include "server/device_doors.h"
#include "server/route_table.h"
#include "server/sse_hub.h"
#include "server/tiles/tiles.h"

static void metric(struct ww_buf *out, const char *type, const char *name, const char *help, double value) {
    ww_buf_printf(out, "# HELP wardwatch_%s %s\n# TYPE wardwatch_%s %s\nwardwatch_%s %.17g\n", name, help,
                  name, type, name, value);
}

static void counter(struct ww_buf *out, const char *name, const char *help, uint64_t value) {
    metric(out, "counter", name, help, (double)value);
}

static void gauge(struct ww_buf *out, const char *name, const char *help, double value) {
    metric(out, "gauge", name, help, value);
}

static void write_http(struct ww_buf *out, const struct ww_http_counters *c) {
    gauge(out, "http_open_connections", "Connections that are open", c->open_connections);
    gauge(out, "http_body_bytes_held", "Bytes of request bodies in memory", (double)c->body_bytes_held);
    counter(out, "http_accepted_total", "Connections accepted", c->accepted);
    counter(out, "http_refused_connections_total", "Connections refused by a cap", c->refused_connections);
    counter(out, "http_requests_total", "Requests whose head was good", c->requests);
    counter(out, "http_bad_requests_total", "Requests that were no good HTTP", c->bad_requests);
    counter(out, "http_timeouts_total", "Connections that were too slow", c->timeouts);
    counter(out, "http_too_large_total", "Heads and bodies over their ceiling", c->too_large);
    counter(out, "http_cut_readers_total", "Readers cut because they lagged", c->cut_readers);
    counter(out, "http_bytes_in_total", "Bytes read", c->bytes_in);
    counter(out, "http_bytes_out_total", "Bytes written", c->bytes_out);
    ww_buf_text(out, "# HELP wardwatch_http_responses_total Answers by class\n"
                     "# TYPE wardwatch_http_responses_total counter\n");
    for (int class = 2; class <= 5; class ++)
        ww_buf_printf(out, "wardwatch_http_responses_total{class=\"%dxx\"} %" PRIu64 "\n", class,
                      c->responses[class]);
}

static void write_path(struct ww_buf *out, const struct ww_path_counters *c) {
    counter(out, "ingest_messages_total", "Requests taken", c->messages);
    counter(out, "ingest_commits_total", "Transactions committed", c->commits);
    counter(out, "ingest_fast_commits_total", "Of these without the staging table", c->fast_commits);
    counter(out, "ingest_failed_commits_total", "Transactions that failed or whose end is unknown",
            c->failed_commits);
    counter(out, "ingest_rebuilds_total", "Times the judging state was rebuilt", c->rebuilds);
    counter(out, "ingest_late_total", "Values older than the newest of their datastream", c->late);
    counter(out, "scan_looks_total", "Looks of live scans for clusters", c->looks);
    counter(out, "ingest_outside_wards_total", "Values measured outside all wards", c->outside_wards);
    counter(out, "alerts_opened_total", "Alerts opened", c->alerts_opened);
    counter(out, "alerts_cleared_total", "Alerts cleared", c->alerts_cleared);
    ww_buf_printf(out,
                  "# HELP wardwatch_signals_muted_total Signals that raised no alert, by reason\n"
                  "# TYPE wardwatch_signals_muted_total counter\n"
                  "wardwatch_signals_muted_total{reason=\"rain\"} %" PRIu64 "\n"
                  "wardwatch_signals_muted_total{reason=\"maintenance\"} %" PRIu64 "\n",
                  c->muted_by_rain, c->muted_by_maintenance);
    gauge(out, "ingest_waiting_bytes", "Bytes waiting to be committed", (double)c->waiting_bytes);
    gauge(out, "things", "Things known", c->things);
    gauge(out, "datastreams", "Datastreams known", c->datastreams);
    gauge(out, "wards", "Wards known", c->wards);
    gauge(out, "rules", "Rules that are enabled", c->rules);
    gauge(out, "open_alerts", "Alerts about pollution that are open", c->open_alerts);
}

static void write_tiles(struct ww_buf *out, const struct ww_tiles_counters *c) {
    counter(out, "tile_cache_hits_total", "Tiles that were answered as they were kept", c->cache.hits);
    counter(out, "tile_cache_misses_total", "Tiles that were not kept", c->cache.misses);
    counter(out, "tile_cache_dropped_total", "Kept tiles that changed", c->cache.dropped);
    counter(out, "tile_cache_evicted_total", "Kept tiles that made room for others", c->cache.evicted);
    counter(out, "tiles_drawn_total", "Tiles drawn", c->drawn);
    gauge(out, "tile_cache_bytes", "Bytes of tiles kept", (double)c->cache.bytes);
    gauge(out, "live_layer_bytes", "Bytes of the live layers, roughly", (double)c->layer_bytes);
    gauge(out, "live_things", "Things on the live map", (double)c->rows[WW_LIVE_THING]);
}

/* ---- How feeds are. By feed and state only: what is known of each thing is on the interface, for those who
 * may see it ---- */

struct health_list {
    struct ww_feed_health feeds[256]; /* a district has some dozen */
    size_t count;
};

static void keep_health(void *arg, const struct ww_feed_health *feed) {
    struct health_list *list = arg;
    if (list->count < sizeof list->feeds / sizeof *list->feeds)
        list->feeds[list->count++] = *feed;
}

static void feed_gauge(struct ww_buf *out, const char *name, const char *help) {
    ww_buf_printf(out, "# HELP wardwatch_feed_%s %s\n# TYPE wardwatch_feed_%s gauge\n", name, help, name);
}

static void feed_sample(struct ww_buf *out, const char *name, const struct ww_feed_health *feed,
                        double value) {
    if (value == value) /* what is not known is not there */
        ww_buf_printf(out, "wardwatch_feed_%s{feed=\"%s\"} %.6g\n", name, feed->name, value);
}

static double age_s(int64_t at_us, int64_t now_us) {
    return at_us == WW_INSTANT_NONE ? NAN : (double)(now_us - at_us) / 1e6;
}

static void write_health(struct ww_buf *out, const struct ww_health *health, int64_t now_us) {
    static const struct {
        const char *name, *help;
    } gauges[] = {
        {"last_received_age_seconds", "Since the feed was last heard of"},
        {"last_phenomenon_age_seconds", "Age of the newest phenomenon time"},
        {"lag_seconds", "From the end of what was measured to its arrival, mean of its things"},
        {"completeness_ratio", "Of what its things should have sent in 24 hours, mean of its things"},
        {"worst_clock_drift_seconds", "The thing whose clock is off most; positive is ahead"}};
    struct health_list list = {.count = 0};
    ww_health_each_feed(health, keep_health, &list);
    for (size_t g = 0; g < sizeof gauges / sizeof gauges[0]; g++) {
        feed_gauge(out, gauges[g].name, gauges[g].help);
        for (size_t i = 0; i < list.count; i++) {
            const struct ww_feed_health *f = &list.feeds[i];
            const double values[] = {age_s(f->last_received_us, now_us), age_s(f->last_time_us, now_us),
                                     (double)f->lag_s, (double)f->completeness, (double)f->worst_drift_s};
            feed_sample(out, gauges[g].name, f, values[g]);
        }
    }
    feed_gauge(out, "things", "Things of the feed by how they are as senders");
    for (size_t i = 0; i < list.count; i++)
        for (int s = 0; s < WW_HEALTH_STATES; s++)
            ww_buf_printf(out, "wardwatch_feed_things{feed=\"%s\",state=\"%s\"} %u\n", list.feeds[i].name,
                          ww_health_state_name((enum ww_health_state)s), list.feeds[i].things[s]);
    feed_gauge(out, "silent", "1 while the feed as a whole is silent");
    for (size_t i = 0; i < list.count; i++)
        feed_sample(out, "silent", &list.feeds[i], list.feeds[i].state == WW_HEALTH_SILENT);
    gauge(out, "open_sensor_alerts", "Open alerts about senders, as the server that judges them knows",
          ww_health_open_count(health));
}

struct feed_counts {
    char name[64];
    struct ww_path_counters counters;
};

struct feed_list {
    struct ww_arena *arena;
    struct feed_counts *feeds;
    size_t count, room;
};

static void keep_feed(void *arg, const char *feed, const struct ww_path_counters *counters) {
    struct feed_list *list = arg;
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        struct feed_counts *grown =
            ww_arena_grow(list->arena, list->feeds, list->room * sizeof *grown, room * sizeof *grown);
        if (!grown)
            return;
        list->feeds = grown;
        list->room = room;
    }
    struct feed_counts *f = &list->feeds[list->count++];
    snprintf(f->name, sizeof f->name, "%s", feed);
    f->counters = *counters;
}

#define COUNT(member) offsetof(struct ww_path_counters, member)

/* received = stored + duplicates + dead + in_flight + refused: in all, and per feed. */
static const struct {
    const char *name, *type, *help;
    size_t at;
} values_metrics[] = {
    {"values_received_total", "counter", "Values received", COUNT(received)},
    {"values_stored_total", "counter", "Values committed", COUNT(stored)},
    {"values_corrections_total", "counter", "Of the committed: new versions of known values",
     COUNT(corrections)},
    {"values_duplicates_total", "counter", "Values that were known already", COUNT(duplicates)},
    {"values_dead_total", "counter", "Values kept as dead letters", COUNT(dead)},
    {"values_refused_total", "counter", "Values of requests that were not stored", COUNT(refused)},
    {"values_in_flight", "gauge", "Values received and not yet committed", COUNT(in_flight)},
};

static uint64_t count_at(const struct ww_path_counters *counters, size_t at) {
    uint64_t value;
    memcpy(&value, (const char *)counters + at, sizeof value);
    return value;
}

/* Prometheus wants all samples of one metric together. */
static void write_values(struct ww_buf *out, const struct ww_path_counters *total,
                         const struct feed_list *list) {
    for (size_t m = 0; m < sizeof values_metrics / sizeof values_metrics[0]; m++) {
        const char *name = values_metrics[m].name;
        size_t at = values_metrics[m].at;
        metric(out, values_metrics[m].type, name, values_metrics[m].help, (double)count_at(total, at));
        ww_buf_printf(out, "# HELP wardwatch_feed_%s %s, by feed\n# TYPE wardwatch_feed_%s %s\n", name,
                      values_metrics[m].help, name, values_metrics[m].type);
        for (size_t i = 0; i < list->count; i++)
            ww_buf_printf(out, "wardwatch_feed_%s{feed=\"%s\"} %" PRIu64 "\n", name, list->feeds[i].name,
                          count_at(&list->feeds[i].counters, at));
    }
}

static double resident_bytes(void) {
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n - 1; /* without the one that reads them */
}

static void write_process(struct ww_buf *out, const struct ww_app *app) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ww_buf_printf(
        out,
        "# HELP process_resident_memory_bytes Memory in use\n# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes %.0f\n"
        "# HELP process_open_fds Open files\n# TYPE process_open_fds gauge\nprocess_open_fds %.0f\n",
        resident_bytes(), open_files());
    gauge(out, "uptime_seconds", "Since start", (double)now.tv_sec - (double)app->started_us / 1e6);
    gauge(out, "ready", "1 when /readyz says so",
          ww_path_is_ready(app->path) && ww_pg_pool_is_up(app->pool) &&
              ww_accounts_are_loaded(app->accounts));
}

static void write_streams(struct ww_buf *out, const struct ww_sse_hub *hub) {
    struct ww_sse_counters c;
    ww_sse_hub_get_counters(hub, &c);
    gauge(out, "streams_open", "Event streams that are open", c.streams);
    counter(out, "streams_joined_total", "Event streams opened", c.joined);
    counter(out, "stream_events_total", "Alert events read for the streams", c.events);
    counter(out, "stream_sent_total", "Events sent to readers", c.sent);
    counter(out, "stream_resets_total", "Readers that could not resume", c.resets);
    counter(out, "stream_cut_total", "Readers cut because they lagged", c.cut);
    gauge(out, "last_alert_event_id", "The newest alert event", (double)c.last_event_id);
}

void ww_handle_metrics(struct ww_route_call *call) {
    struct ww_buf out;
    struct ww_path_counters total;
    struct feed_list feeds = {.arena = ww_http_arena(call->req)};
    ww_buf_init(&out, (size_t)8 << 20);
    ww_path_get_counters(call->app->path, &total);
    ww_path_each_feed(call->app->path, keep_feed, &feeds);
    write_values(&out, &total, &feeds);
    write_path(&out, &total);
    if (ww_path_health(call->app->path)) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        write_health(&out, ww_path_health(call->app->path), now.tv_sec * WW_SECOND_US + now.tv_nsec / 1000);
    }
    if (call->app->doors)
        ww_doors_metrics(call->app->doors, &out);
    write_streams(&out, call->app->sse);
    struct ww_tiles_counters tiles;
    ww_tiles_get_counters(call->app->tiles, &tiles);
    write_tiles(&out, &tiles);
    if (call->app->http)
        write_http(&out, ww_http_server_counters(call->app->http));
    write_process(&out, call->app);
    if (ww_buf_status(&out) == WW_OK)
        ww_http_respond(call->req, 200, "text/plain; version=0.0.4; charset=utf-8", ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

void ww_handle_healthz(struct ww_route_call *call) {
    ww_http_respond(call->req, 200, "text/plain; charset=utf-8", WW_STR("ok\n"));
}

void ww_handle_readyz(struct ww_route_call *call) {
    const struct ww_app *app = call->app;
    if (!ww_pg_pool_is_up(app->pool))
        ww_call_fail(call, WW_UNAVAILABLE, "", "the database is not reachable");
    else if (!ww_accounts_are_loaded(app->accounts))
        ww_call_fail(call, WW_UNAVAILABLE, "", "accounts are not loaded yet");
    else if (!ww_path_is_ready(app->path))
        ww_call_fail(call, WW_UNAVAILABLE, "", "%s", ww_path_why_not_ready(app->path));
    else if (!ww_sse_hub_is_ready(app->sse))
        ww_call_fail(call, WW_UNAVAILABLE, "", "events are not loaded yet");
    else
        ww_call_answer_json(call, 200, WW_STR("{\"ready\":true}"));
}
