/* `wardwatch simulate --protocol hj212|mqtt|http`: many stations at once, each on its own connection.
 *
 * A client of the doors in ingest/gateway and of POST /ingest/v1/{feed}: what a district's monitors do, as
 * fast or as slowly as asked. Station i sends its messages in order; message n holds `factors` values of the
 * time start + n × step, so any two runs with the same options send the same values. What is not acknowledged
 * is sent again after a reconnect. HJ 212 stations also answer what the host asks of them: 9011, the data of
 * a history request, 9012.
 *
 * stations.c keeps connections, schedules and counts and knows no protocol; station_hj212.c, station_mqtt.c
 * and station_http.c each know one (struct ww_station_protocol).
 */
#ifndef WW_SIMULATE_STATIONS_H
#define WW_SIMULATE_STATIONS_H

#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>

#include "geo/base/status.h"

struct ww_station_options {
    const char *protocol; /* hj212, mqtt, http */
    const char *host;
    int port;
    uint32_t stations, factors;  /* values a message */
    uint32_t window;             /* messages of a station on their way */
    double every_s;              /* between two messages of a station; 0 = as fast as answers come */
    int64_t run_us;              /* 0: until stopped */
    uint64_t messages;           /* of a station; 0 = no end */
    int64_t start_us, step_us;   /* of the values' times */
    const char *prefix;          /* of station names; station i is PREFIX%06u */
    const char *feed;            /* http: which; mqtt: topics are FEED/STATION */
    const char *account, *token; /* mqtt, http */
    uint32_t stalled;            /* extra connections that begin a message and stop */
    uint32_t dripping;           /* extra connections that send a byte a second */
    bool idle;                   /* connects, sends one message, then nothing */
    bool no_answer;              /* hj212: bit A not set; mqtt: QoS 0 */
    int qos;                     /* mqtt: 1 (default) or 2 */
    FILE *ack_log;               /* may be NULL: "STATION MESSAGE" a line when it is acknowledged */
};

struct ww_station_result {
    uint32_t connected;
    uint64_t sent, acknowledged, values_acknowledged, again, reconnects, refused,
        asked; /* asked: by the host */
    double seconds;
    double p50_ms, p99_ms, longest_ms; /* from sending to the acknowledgement */
};

/* Prints progress to stderr unless quiet. */
enum ww_status ww_stations_run(const struct ww_station_options *options, const volatile sig_atomic_t *stop,
                               struct ww_station_result *out, struct ww_error *err) WW_MUST_CHECK;
int ww_stations_main(int argc, char **argv); /* the command line */

/* ---- Between stations.c and the protocols ---- */

struct ww_station {
    const struct ww_station_options *options;
    struct ww_stations *all;
    uint32_t index;
    char name[32];
    struct evbuffer *in, *out; /* of its connection; NULL while there is none */
    bool is_ready;             /* logged in: messages may go */
    uint64_t first, next;      /* messages: oldest not acknowledged, next to send */
    int64_t *sent_us;          /* [window] */
    bool *acked;               /* [window] */
    uint64_t again_from;       /* those below were sent on an earlier connection */
    int64_t *key;              /* [window] what the protocol's answers name a message by */
    int64_t last_key;
};

struct ww_station_protocol {
    const char *name;
    void (*on_connected)(struct ww_station *station); /* greets; sets is_ready, or waits for an answer */
    void (*write)(struct ww_station *station, uint64_t message, bool again);
    /* Reads what is in `in`; calls ww_station_acked. False: the server speaks nonsense or refuses. */
    bool (*on_read)(struct ww_station *station);
    void (*keep_alive)(struct ww_station *station); /* every 30 s when nothing was sent; may be NULL */
    void (*write_beginning)(struct ww_station *station,
                            struct evbuffer *out); /* of a message that never ends */
};
extern const struct ww_station_protocol ww_station_hj212, ww_station_mqtt, ww_station_http;

void ww_station_acked(struct ww_station *station, uint64_t message);
/* The same by key; nothing when no message on its way has it. */
void ww_station_key_acked(struct ww_station *station, int64_t key);
void ww_station_refused(struct ww_station *station);                         /* counted */
void ww_station_asked(struct ww_station *station);                           /* the host asked something */
int64_t ww_station_time(const struct ww_station *station, uint64_t message); /* of its values */
/* The factors in turn: HJ 212 code, property, unit and a plausible value of that message. */
struct ww_station_factor {
    const char *code, *property, *unit;
    double middle, spread;
};
const struct ww_station_factor *ww_station_factor(uint32_t n);
double ww_station_value(const struct ww_station *station, uint32_t factor, uint64_t message);

#endif
