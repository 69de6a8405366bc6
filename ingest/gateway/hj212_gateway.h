/* The TCP door for HJ 212 stations, and the host side of the protocol.
 *
 * Reads frames (ingest/hj212/), hands uploads to the path through an inlet, answers 9014 after COMMIT when
 * bit A is set, 9013 to notifications, 9011 with QnRtn to requests that make no sense. Runs the commands of
 * the table station_command at stations that are connected here: request, 9011, data, 9012, with time-outs
 * and repeats, one at a time a station. Stations come from the registry of the path's world; a new world is
 * looked at again. What a bad sender does stays on its connection.
 */
#ifndef WW_GATEWAY_HJ212_GATEWAY_H
#define WW_GATEWAY_HJ212_GATEWAY_H

#include "ingest/gateway/inlet.h"

struct ww_hj212_gateway;
struct ww_hj212_gateway_options {
    const char *host;
    int port;             /* 0 picks one */
    int max_connections;  /* 0 = 20 000, lowered to fit RLIMIT_NOFILE */
    int max_per_address;  /* 0 = three quarters of them: a whole district may come through one NAT */
    int idle_s;           /* nothing received: cut; 0 = 7,200 */
    int frame_s;          /* a begun frame must be whole by then; 0 = 60 */
    const char *conninfo; /* to hear NOTIFY ww_station at once; NULL: commands are looked for every 5 s */
};
/* `pool`: for commands; outlives the gateway. */
enum ww_status ww_hj212_gateway_open(struct event_base *base, struct ww_intake *intake,
                                     struct ww_pg_pool *pool, const struct ww_hj212_gateway_options *options,
                                     struct ww_hj212_gateway **out, struct ww_error *err) WW_MUST_CHECK;
int ww_hj212_gateway_port(const struct ww_hj212_gateway *gateway);
/* Accepts and reads no more; what was read is still stored and answered. */
void ww_hj212_gateway_stop(struct ww_hj212_gateway *gateway);
void ww_hj212_gateway_free(struct ww_hj212_gateway *gateway);
/* Told by NOTIFY ww_station (a new command, a changed station) and by a timer of its own. */
void ww_hj212_gateway_look(struct ww_hj212_gateway *gateway);

struct ww_hj212_gateway_counters {
    int connections, stations; /* open; with a known MN */
    int paused;                /* not read because their inlet is full */
    uint64_t accepted, refused, cut_idle, cut_slow;
    uint64_t bytes_in, frames, uploads, answers, garbage, unknown_stations, wrong_password, wrong_address;
    uint64_t sets_complete, sets_incomplete; /* of sub-packets */
    uint64_t commands_sent, commands_done, commands_failed;
    uint64_t replies_unasked; /* answers that belong to no command */
    uint64_t deviations[32];  /* by bit of enum ww_hj212_deviation */
};
void ww_hj212_gateway_get_counters(const struct ww_hj212_gateway *gateway,
                                   struct ww_hj212_gateway_counters *out);

#endif
