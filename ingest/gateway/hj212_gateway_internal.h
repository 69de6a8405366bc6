/* What the files of the HJ 212 gateway share.
 *
 *   hj212_gateway.c  listens, the caps, the janitor, the turn's end, life
 *   hj212_session.c  one connection: reads, cuts frames, pauses, answers after COMMIT, ends
 *   hj212_hear.c     what a frame means and who may say it: uploads, notifications, requests, replies
 *   hj212_station.c  one known MN: which connections speak for it, its habits, its clock, its events
 *   hj212_command.c  what the host asks of a station: request, 9011, data, 9012
 *   hj212_record.c   rows that are written in batches: events, registrations, stations that connected
 *   hj212_packets.c  sets of sub-packets
 *
 * A session and a station know each other by links: a connection may carry several MNs, an MN may have
 * several connections, of which the newest is sent commands. Sessions are retired, never freed in their own
 * callbacks; the turn's end frees them. Stations stay until the gateway goes: there are no more than the
 * registry has.
 */
#ifndef WW_GATEWAY_HJ212_GATEWAY_INTERNAL_H
#define WW_GATEWAY_HJ212_GATEWAY_INTERNAL_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "geo/base/json_writer.h"
#include "geo/base/map.h"
#include "ingest/catalog.h"
#include "ingest/gateway/hj212_gateway.h"
#include "ingest/gateway/hj212_packets.h"
#include "sql/pg.h"

enum {
    HJ212_FRAMES_A_TURN = 32,    /* of one connection; then the others */
    HJ212_READ_AHEAD = 16 << 10, /* of input a connection: more than the longest frame */
    HJ212_MAX_OUTPUT = 64 << 10, /* answers that a peer does not read */
    HJ212_MAX_LINKS = 1024,      /* MNs a connection */
    HJ212_MAX_ECHO = 64,         /* bytes of QN, PW, MN that are said back */
    HJ212_MAX_ANSWERS = 64 << 10 /* of one command, as JSON */
};

/* ---- Batches (hj212_record.c) ---- */

struct batch {
    struct ww_hj212_gateway *gateway;
    const char *query;                                 /* takes one jsonb array */
    void (*on_done)(struct ww_hj212_gateway *gateway); /* may be NULL */
    uint32_t max_rows;
    struct ww_buf rows; /* waiting */
    uint32_t n_rows;
    struct ww_buf sending; /* kept until it is known to be written */
    uint32_t n_sending;
    uint64_t sequence; /* of what is being sent; rows that wait will be of the next */
    bool is_under_way;
    uint64_t dropped;
};

struct ww_hj212_detail { /* a member of an event's detail: a text, or a number when text is NULL */
    const char *key, *text;
    int64_t number;
};

/* ---- Stations ---- */

struct link {
    struct session *session;
    struct station *station;
    LIST_ENTRY(link) of_station; /* newest first */
    SLIST_ENTRY(link) of_session;
    bool is_new; /* the station came with it */
};

struct station {
    TAILQ_ENTRY(station) all, look;
    LIST_HEAD(, link) links;
    char mn[HJ212_MAX_ECHO];
    char st[8];
    char pw[HJ212_MAX_ECHO]; /* as received: what is sent when the registry has none */
    int version;
    unsigned habits; /* deviations seen */
    uint64_t frames;
    uint32_t counted[1 + WW_HJ212_N_DEVIATIONS];           /* frames, and those that deviate; not yet told */
    int64_t setup_ms, clock_ms, clock_asked_ms, events_ms; /* when these were last begun; 0 = never */
    int events_left, links_left;
    uint64_t arrival; /* the batch that tells the database that it is connected here; 0 = not yet told */
    bool is_prepared; /* it was told: commands may be claimed */
    bool wants_look;
    struct run *run; /* a command that is being run; owned */
};

/* A command of the table that is being run. */
struct run {
    TAILQ_ENTRY(run) all;
    struct ww_hj212_gateway *gateway;
    struct station *station; /* NULL: the gateway is gone, a query still holds this */
    struct link *link;       /* it was sent there; NULL: that is lost */
    int64_t id;
    int cn, tries;     /* `tries` names this try: what another server does later is not touched */
    const char *state; /* as in the table */
    bool is_over;      /* to be written a last time */
    bool is_dirty, is_writing;
    int sends, over_ms, re_count;
    int64_t deadline_ms;
    int qn_rtn, exe_rtn; /* -1 = none came */
    char qn[24];
    char reason[160];
    struct ww_buf answers; /* JSON without the closing bracket */
    struct ww_str fields;  /* JSON, in `bytes` */
    char bytes[];
};

/* ---- Sessions ---- */

enum session_state {
    SESSION_OPEN,
    SESSION_ENDED /* the peer has: what came is still taken */,
    SESSION_RETIRED
};
enum { PAUSE_FULL = 1, PAUSE_WORLD = 2, PAUSE_WAIT = 4, PAUSE_STOPPED = 8 };

/* What a session waits to see in the registry before it reads on. */
enum wait_kind { WAIT_REGISTERED, WAIT_KEY, WAIT_PASSWORD };
struct wait {
    enum wait_kind kind;
    bool is_over; /* in vain: that MN is not waited for again */
    int64_t until_ms;
    char mn[HJ212_MAX_ECHO];
    unsigned char value[64];
    size_t value_len;
};

struct answer { /* of a message that is being stored; empty: none is wanted */
    STAILQ_ENTRY(answer) next;
    size_t len;
    char bytes[];
};

struct session {
    struct ww_hj212_gateway *gateway;
    struct bufferevent *bev;
    struct ww_inlet *inlet; /* NULL before the first message */
    TAILQ_ENTRY(session) all, due, to_send;
    enum session_state state;
    unsigned pauses;
    bool is_due, is_mute, is_overdue, is_attended, has_answers /* in to_send */;
    int64_t last_in_ms, begun_ms /* of the frame that is not whole; 0 = none */, ended_ms;
    struct wait *wait;
    STAILQ_HEAD(, answer) answers; /* in the order of the inlet */
    SLIST_HEAD(, link) links;
    uint32_t n_links, n_registered;
    int32_t feed_id; /* of the station that spoke last; 0 = none yet */
    /* Garbage: of a minute only some is kept, the rest counted. */
    int64_t garbage_ms;
    uint32_t garbage_kept, garbage_pieces;
    uint64_t garbage_bytes;
    char peer[48];
};

struct ww_hj212_gateway {
    struct event_base *base;
    struct ww_intake *intake;
    struct ww_path *path;
    struct ww_pg_pool *pool;
    struct ww_pg *listener_pg; /* LISTEN ww_station; NULL without conninfo */
    struct ww_hj212_gateway_options options;
    struct ww_path_listener path_listener;
    int listen_fd, port, fd_ceiling;
    struct event *accepting, *turn, *janitor;
    int64_t accept_again_ms;
    TAILQ_HEAD(session_list, session) open, retired, due, to_send;
    uint32_t n_ended;
    struct ww_map *per_address; /* → open connections */
    bool is_stopped, turn_is_due;
    TAILQ_HEAD(, station) stations, looks; /* all; those whose commands are to be looked for */
    TAILQ_HEAD(, run) runs;
    struct ww_map *by_mn; /* → struct station * */
    bool look_at_all, is_claiming;
    int64_t looked_ms, ticks, last_qn_ms;
    struct ww_hj212_packets *packets;
    struct batch events, registrations, arrivals, deviations;
    int n_queries; /* under way: their callbacks need the gateway */
    bool is_gone;  /* freed but for them */
    struct ww_hj212_gateway_counters counters;
};

/* The Flag of what the host sends: the version's bits and A. */
static inline int ww_hj212_flag(int version, bool wants_answer) {
    return (version == 2025 ? 8 : version == 2005 ? 0 : 4) + wants_answer;
}

/* ---- hj212_gateway.c ---- */

int64_t ww_hj212_now_ms(void);                                /* monotonic */
int64_t ww_hj212_clock_us(void);                              /* since 1970 */
void ww_hj212_gateway_wake(struct ww_hj212_gateway *gateway); /* the turn's end comes */
void ww_hj212_gateway_forget(struct session *session);        /* no longer open: to the retired */
/* First thing in a query's callback; false: the gateway is gone, touch nothing. */
bool ww_hj212_gateway_query_done(struct ww_hj212_gateway *gateway);

/* ---- hj212_session.c ---- */

struct session *ww_hj212_session_open(struct ww_hj212_gateway *gateway, int fd, const char *peer);
void ww_hj212_session_free(struct session *session); /* by the turn's end */
/* Cuts and hears what is buffered, at most so many frames. */
void ww_hj212_session_attend(struct session *session, int most_frames);
void ww_hj212_session_schedule(struct session *session);
void ww_hj212_session_retire(struct session *session, const char *why);
/* Deadlines; from the janitor. */
void ww_hj212_session_check(struct session *session, int64_t now_ms);
void ww_hj212_session_pause(struct session *session, unsigned why);
void ww_hj212_session_resume(struct session *session, unsigned why);
/* Reads on when the registry says it, or the time is over. False: it can't be waited for. */
bool ww_hj212_session_wait(struct session *session, enum wait_kind kind, struct ww_str mn,
                           struct ww_str value, int64_t for_ms);
bool ww_hj212_session_waited_in_vain(const struct session *session, struct ww_str mn);
/* A new world: goes on when what is waited for is there. */
void ww_hj212_session_look_at_world(struct session *session);
/* Sends with the turn's end. Cuts a peer that does not read. */
void ww_hj212_session_write(struct session *session, struct ww_str bytes);
void ww_hj212_session_send_out(struct session *session); /* by the turn's end */
/* Hands bytes to the path; `answer` is sent after COMMIT ("" = none). False: not taken, leave them. */
bool ww_hj212_session_store(struct session *session, struct ww_str feed, struct ww_str content_type,
                            struct ww_str body, struct ww_str answer);

/* ---- hj212_hear.c ---- */

/* False: nothing was taken, the bytes stay buffered (the session is paused). */
bool ww_hj212_hear_frame(struct session *session, const struct ww_hj212_frame *frame);
bool ww_hj212_hear_garbage(struct session *session, struct ww_str bytes);
/* Says what was not kept; at the end of a minute and of the session. */
void ww_hj212_garbage_sum_up(struct session *session, bool at_end);
void ww_hj212_hear_lost_set(void *gateway, const struct ww_hj212_lost_set *set);

/* ---- hj212_station.c ---- */

struct station *ww_hj212_station_named(struct ww_hj212_gateway *gateway, struct ww_str mn); /* or NULL */
/* That of an MN of the registry, made when it has not been heard yet; NULL without memory. */
struct station *ww_hj212_station_known(struct ww_hj212_gateway *gateway, struct ww_str mn);
/* One more frame of it, with what it deviates in. */
void ww_hj212_station_tally(struct station *station, unsigned deviations);
/* The station's link with this session, made when it is new; NULL without memory or beyond the bound. */
struct link *ww_hj212_station_link(struct session *session, const struct ww_hj212_station *record,
                                   const struct ww_hj212_message *message);
void ww_hj212_station_note(struct link *link, const struct ww_hj212_station *record,
                           const struct ww_hj212_message *message);
void ww_hj212_station_unlink_all(struct session *session);
/* The connection that commands go to; NULL when none is open. */
struct link *ww_hj212_station_newest(const struct station *station);
/* Asks for 1012 unless it was asked for just now. */
void ww_hj212_station_set_clock(struct link *link, const char *why, int64_t off_ms);
/* One row of station_event; a station has only so many an hour. */
void ww_hj212_station_event(struct ww_hj212_gateway *gateway, struct station *station, const char *kind,
                            const struct ww_hj212_detail *details, size_t n);
/* The same for an MN of the registry that may not have been heard yet. */
void ww_hj212_station_event_of(struct ww_hj212_gateway *gateway, struct ww_str mn, const char *kind,
                               const struct ww_hj212_detail *details, size_t n);
/* Tells the database what was counted of each station since the last time. */
void ww_hj212_stations_tell_counts(struct ww_hj212_gateway *gateway);
/* The arrivals up to this batch are known to the database. */
void ww_hj212_stations_arrived(struct ww_hj212_gateway *gateway);
void ww_hj212_station_free(struct station *station);

/* ---- hj212_command.c ---- */

/* A frame with the QN of the command under way, or an upload that it made the station send. */
/* False: it belongs to no command. */
bool ww_hj212_command_hear(struct link *link, const struct ww_hj212_message *message);
void ww_hj212_command_link_lost(struct link *link);
void ww_hj212_command_want_look(struct station *station);
/* Claims commands for those that are to be looked for, unless that is under way. */
void ww_hj212_commands_look(struct ww_hj212_gateway *gateway);
/* Deadlines, and what could not be written before. */
void ww_hj212_commands_tick(struct ww_hj212_gateway *gateway, int64_t now_ms);
void ww_hj212_run_free(struct run *run);

/* ---- hj212_record.c ---- */

void ww_hj212_batch_init(struct batch *batch, struct ww_hj212_gateway *gateway, const char *query,
                         uint32_t max_rows, void (*on_done)(struct ww_hj212_gateway *gateway));
void ww_hj212_batch_clear(struct batch *batch);
bool ww_hj212_batch_is_full(const struct batch *batch);
/* Writes one row as JSON into `w`; false when the batch is full (counted). */
bool ww_hj212_batch_begin_row(struct batch *batch, struct ww_json *w);
void ww_hj212_batch_flush(struct batch *batch);

#endif
