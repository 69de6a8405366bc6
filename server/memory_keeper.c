#include "server/memory_keeper.h"

#include <assert.h>
#include <malloc.h>
#include <time.h>

#include "geo/base/alloc.h"
#include "geo/base/log.h"

enum { LOOK_S = 5, CALM_ROWS_S = 2000, BURST_ROWS = 5000 };

struct ww_memory_keeper {
    const struct ww_path *path;
    struct event *tick;
    uint64_t seen_rows;    /* at the last look */
    uint64_t trimmed_rows; /* when memory was last given back */
    uint64_t trimmed_rebuilds;
    bool ready;
};

static int64_t monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000 + now.tv_nsec / 1000;
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct ww_memory_keeper *keeper = arg;
    struct ww_path_counters now;
    ww_path_get_counters(keeper->path, &now);
    bool calm = now.received - keeper->seen_rows < LOOK_S * CALM_ROWS_S && now.waiting_bytes == 0;
    keeper->seen_rows = now.received;
    bool ready = ww_path_is_ready(keeper->path);
    bool burst = now.received - keeper->trimmed_rows >= BURST_ROWS ||
                 now.rebuilds != keeper->trimmed_rebuilds || (ready && !keeper->ready);
    if (!calm || !burst || !ready)
        return;
    keeper->ready = true;
    keeper->trimmed_rows = now.received;
    keeper->trimmed_rebuilds = now.rebuilds;
    int64_t started = monotonic_us();
    malloc_trim(0);
    ww_log(WW_LOG_DEBUG, "memory given back us=%lld", (long long)(monotonic_us() - started));
}

struct ww_memory_keeper *ww_memory_keeper_new(struct event_base *base, const struct ww_path *path) {
    struct ww_memory_keeper *keeper = ww_must_calloc(1, sizeof *keeper);
    keeper->path = path;
    keeper->tick = event_new(base, -1, EV_PERSIST, on_tick, keeper);
    assert(keeper->tick);
    const struct timeval look = {LOOK_S, 0};
    event_add(keeper->tick, &look);
    return keeper;
}

void ww_memory_keeper_free(struct ww_memory_keeper *keeper) {
    if (!keeper)
        return;
    event_free(keeper->tick);
    ww_free(keeper);
}
