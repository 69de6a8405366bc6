/* From devices to the path: takes messages and does not give up on one until it is committed.
 *
 * A device that speaks HJ 212 without asking for answers, or MQTT at QoS 0, can't be told to send again. So
 * whatever was read off a socket is kept here, in order, until the path says that it is stored (as rows or as
 * a dead letter), also when the device has gone meanwhile. What bounds it: an inlet that is full must not be
 * read from, and all inlets of an intake together hold at most max_bytes; then all are full.
 *
 *   struct ww_inlet *inlet = ww_inlet_new(intake, &(struct ww_inlet_options){.peer = "10.0.0.7", .on_room =
 * read_on}); st = ww_inlet_take(inlet, &message, on_stored, packet_id, &err);   // body is copied if
 * (ww_inlet_is_full(inlet)) stop reading until on_room …on_stored(arg, packet_id, WW_OK, receipt, NULL): now
 * acknowledge ww_inlet_free(inlet)   // what is under way goes on without its callbacks
 *
 * While the database is away nothing is answered; when it is back everything is handed in again in its order.
 * One thread (the loop's).
 */
#ifndef WW_GATEWAY_INLET_H
#define WW_GATEWAY_INLET_H

#include "ingest/path.h"

struct ww_intake;
struct ww_intake_options {
    size_t max_bytes; /* of bodies held in all inlets; 0 = 64 MiB */
};
/* `path` outlives it. */
struct ww_intake *ww_intake_new(struct event_base *base, struct ww_path *path,
                                const struct ww_intake_options *options);
/* At the end: close (no more answers are heard), then ww_path_free, then free. What is still held was never
 * acknowledged and is dropped. */
void ww_intake_close(struct ww_intake *intake);
void ww_intake_free(struct ww_intake *intake);
struct ww_path *ww_intake_path(const struct ww_intake *intake);

struct ww_intake_counters {
    uint64_t taken, committed, refused, retried; /* messages */
    size_t held_bytes;
    uint32_t held_messages, inlets, full_inlets;
};
void ww_intake_get_counters(const struct ww_intake *intake, struct ww_intake_counters *out);
/* Nothing is held any more, or `cb` is called when that is so. For a clean end. */
void ww_intake_when_empty(struct ww_intake *intake, void (*cb)(void *arg), void *arg);

struct ww_inlet;
struct ww_inlet_options {
    const char *peer;      /* copied; kept with each raw message */
    uint32_t max_messages; /* held before it is full; 0 = 64 */
    size_t max_bytes;      /* 0 = 64 KiB; one larger message is taken when nothing else is held */
    void (*on_room)(
        void *arg); /* was full and is no more; from the loop, never from inside a call. May be NULL */
    void *arg;
};
struct ww_inlet *ww_inlet_new(struct ww_intake *intake, const struct ww_inlet_options *options);
void ww_inlet_free(struct ww_inlet *inlet); /* NULL is allowed; allowed inside its own callbacks */
bool ww_inlet_is_full(const struct ww_inlet *inlet);
uint32_t ww_inlet_held(const struct ww_inlet *inlet); /* messages */

struct ww_message {
    struct ww_str feed;         /* name */
    struct ww_str content_type; /* kept with the raw message */
    struct ww_str body;
    int32_t account_id; /* 0 = none */
};
/* WW_OK: committed, as rows or as a dead letter. WW_NOT_FOUND, WW_DENIED: there is no such feed, or it is
 * off: nothing was stored. Called from the loop in the order of taking, never from inside ww_inlet_take. */
typedef void (*ww_inlet_cb)(void *arg, uint64_t tag, enum ww_status status, const struct ww_receipt *receipt,
                            const struct ww_error *err);
/* Copies the message. WW_BUSY: full, nothing was taken. `cb` may be NULL. */
enum ww_status ww_inlet_take(struct ww_inlet *inlet, const struct ww_message *message, ww_inlet_cb cb,
                             uint64_t tag, struct ww_error *err) WW_MUST_CHECK;

#endif
