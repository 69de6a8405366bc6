/* A listening socket for devices: accepts, keeps the caps, says who the peer is.
 *
 * Connections are counted in all and by address; beyond a cap, or near the end of the process's file
 * descriptors, they are closed at once. What becomes of an accepted one is its owner's; when it is gone the
 * owner says so once.
 */
#ifndef WW_GATEWAY_DEVICE_LISTENER_H
#define WW_GATEWAY_DEVICE_LISTENER_H

#include <event2/event.h>

#include "geo/base/status.h"

enum { WW_PEER_TEXT = 48 };

struct ww_device_listener_options {
    const char *host;
    int port;             /* 0 picks one */
    const char *protocol; /* for people: "MQTT" */
    int max_connections;  /* 0 = 20 000, lowered to fit RLIMIT_NOFILE */
    int max_per_address;  /* 0 = three quarters of them: a whole district may come through one NAT */
    /* Takes the connection (non-blocking, TCP_NODELAY, keep-alive after 120 s) and owns `fd`; false: it does
     * not, and it is closed. `peer` is its address without the port. */
    bool (*take)(void *arg, int fd, const char *peer);
    void *arg;
};

struct ww_device_listener;
enum ww_status ww_device_listener_open(struct event_base *base,
                                       const struct ww_device_listener_options *options,
                                       struct ww_device_listener **out, struct ww_error *err) WW_MUST_CHECK;
int ww_device_listener_port(const struct ww_device_listener *listener);
/* A connection that was taken is closed. */
void ww_device_listener_gone(struct ww_device_listener *listener, const char *peer);
void ww_device_listener_stop(struct ww_device_listener *listener); /* accepts no more */
void ww_device_listener_free(struct ww_device_listener *listener); /* NULL is allowed */

struct ww_device_listener_counters {
    int connections;
    uint64_t accepted, refused;
};
void ww_device_listener_get_counters(const struct ww_device_listener *listener,
                                     struct ww_device_listener_counters *out);

#endif
