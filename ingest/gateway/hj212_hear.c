/* What a frame means, and who may say it.
 *
 *   the CRC does not fit   → kept as a dead letter, not answered (a request: 9011, QnRtn 9)
 *   the MN is unknown      → as the feed says: kept and answered | registered | the connection is cut
 *   a wrong address        → the connection is cut, nothing is kept
 *   a wrong password       → uploads are kept as dead letters and not acknowledged; else 9011, QnRtn 3
 *   an upload              → to the path; 9014 after COMMIT when bit A is set
 *   a notification         → 9013 when bit A is set; 1013 makes us set the clock, 1014 is told as an event
 *   a login (2005: 9021)   → 9022 with Logon=1, or 0 to who may not speak
 *   a reply                → to the command that it belongs to, else counted and told; never answered
 *   a request              → 9011: only a host may ask
 *   an unknown command     → kept as a dead letter; 9011, QnRtn 8, after COMMIT when bit A is set
 *
 * Answers carry ST=91, the QN, PW and MN that were received, and the version's Flag without bit A.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "geo/base/log.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum {
    FRAME_MEMORY = 1 << 20,
    GARBAGE_KEPT = 4, /* pieces a minute and connection */
    GARBAGE_MINUTE_MS = 60000,
    MOST_REGISTERED = 256, /* a connection */
    REGISTER_WAIT_MS = 30000
};
#define CONTENT_TYPE "application/hj212"

enum { CN_HARDWARE = 1001, CN_ASKS_TIME = 1013, CN_ASKS_KEY = 1014, CN_RESTARTED = 2081, CN_LOGIN = 9021 };
enum qn_rtn { QN_RTN_PW = 3, QN_RTN_MN, QN_RTN_ST, QN_RTN_FLAG, QN_RTN_QN, QN_RTN_CN, QN_RTN_CRC };

/* A frame that is being heard. */
struct heard {
    struct session *session;
    struct ww_hj212_gateway *gateway;
    const struct ww_catalog *catalog;
    const struct ww_hj212_frame *frame;
    struct ww_arena *arena;
    struct ww_hj212_message message;
    enum ww_status status;                 /* of parsing */
    const struct ww_hj212_station *record; /* NULL: not in the registry */
    enum ww_hj212_kind kind;
};

/* ---- Feeds ---- */

static const struct ww_cat_feed *feed_by_id(const struct ww_catalog *catalog, int32_t id) {
    for (uint32_t i = 0; i < catalog->n_feeds; i++)
        if (catalog->feeds[i].id == id)
            return &catalog->feeds[i];
    return NULL;
}

static const struct ww_feed_source *source_of(const struct ww_cat_feed *feed) {
    return feed->config ? ww_feed_config_source(feed->config) : NULL;
}

/* The feed for senders that are not in the registry: one that registers, else one that keeps them. */
static const struct ww_cat_feed *feed_of_unknown(const struct ww_catalog *catalog,
                                                 enum ww_unknown_station *policy) {
    const struct ww_cat_feed *keeps = NULL;
    *policy = WW_UNKNOWN_REFUSE;
    for (uint32_t i = 0; i < catalog->n_feeds; i++) {
        const struct ww_cat_feed *feed = &catalog->feeds[i];
        const struct ww_feed_source *source = feed->enabled ? source_of(feed) : NULL;
        if (!source || source->protocol != WW_PROTOCOL_HJ212)
            continue;
        if (source->hj212.unknown == WW_UNKNOWN_REGISTER) {
            *policy = WW_UNKNOWN_REGISTER;
            return feed;
        }
        if (source->hj212.unknown == WW_UNKNOWN_KEEP && !keeps)
            keeps = feed;
    }
    if (keeps)
        *policy = WW_UNKNOWN_KEEP;
    return keeps;
}

/* For what names no station: the feed of the station that spoke here last. */
static const struct ww_cat_feed *feed_of_session(const struct ww_catalog *catalog, const struct session *s) {
    enum ww_unknown_station policy;
    const struct ww_cat_feed *feed = s->feed_id ? feed_by_id(catalog, s->feed_id) : NULL;
    return feed ? feed : feed_of_unknown(catalog, &policy);
}

/* ---- Answers ---- */

static const char *echo(struct heard *h, struct ww_str text) {
    struct ww_str copy = text.len > 0 ? ww_arena_copy(h->arena, text) : WW_STR_NONE;
    return copy.ptr;
}

/* "" when what would be said back is too long for any edition, or there is no memory. */
static struct ww_str build_answer(struct heard *h, int cn, const char *data) {
    const struct ww_hj212_message *m = &h->message;
    struct ww_buf out;
    if (m->qn.len > HJ212_MAX_ECHO || m->pw.len > HJ212_MAX_ECHO || m->mn.len > HJ212_MAX_ECHO)
        return WW_STR_NONE;
    ww_buf_init(&out, 1024);
    enum ww_status st = ww_hj212_write(&out, &(struct ww_hj212_out){.qn = echo(h, m->qn),
                                                                    .st = "91",
                                                                    .cn = cn,
                                                                    .pw = echo(h, m->pw),
                                                                    .mn = echo(h, m->mn),
                                                                    .flag = ww_hj212_flag(m->version, false),
                                                                    .data = ww_str_of(data)});
    struct ww_str answer = st == WW_OK ? ww_arena_copy(h->arena, ww_buf_str(&out)) : WW_STR_NONE;
    ww_buf_clear(&out);
    return answer.ptr ? answer : WW_STR_NONE;
}

static struct ww_str build_9011(struct heard *h, int qn_rtn) {
    char data[24];
    snprintf(data, sizeof data, "QnRtn=%d", qn_rtn);
    return build_answer(h, 9011, data);
}

static void answer_now(struct heard *h, struct ww_str answer) {
    h->gateway->counters.answers += answer.len > 0;
    ww_hj212_session_write(h->session, answer);
}

/* HJ/T 212-2005: the QN stands in the data area. */
static void answer_login(struct heard *h, bool may_speak) {
    char data[HJ212_MAX_ECHO + 32] = "";
    struct ww_str qn = h->message.qn;
    if (qn.len > 0 && qn.len <= HJ212_MAX_ECHO)
        snprintf(data, sizeof data, "QN=%.*s;", WW_STR_ARG(qn));
    strcat(data, may_speak ? "Logon=1" : "Logon=0");
    answer_now(h, build_answer(h, 9022, data));
}

/* 9011 that says no: to requests always, to others when they want an answer; never to an answer. */
static void refuse(struct heard *h, int qn_rtn) {
    if (h->message.command == CN_LOGIN)
        answer_login(h, false);
    else if (h->kind == WW_HJ212_REQUEST || (h->message.wants_answer && h->kind != WW_HJ212_REPLY))
        answer_now(h, build_9011(h, qn_rtn));
}

/* ---- To the path ---- */

static bool store(struct heard *h, const struct ww_cat_feed *feed, struct ww_str content_type,
                  struct ww_str answer) {
    if (!feed) { /* the registry was changed just now: the next world tells */
        ww_log(WW_LOG_WARN, "hj212=no_feed peer=%s", h->session->peer);
        return true;
    }
    return ww_hj212_session_store(h->session, ww_str_of(feed->name), content_type, h->frame->whole, answer);
}

/* A packet that says no DataTime is read with that of its set: the content type tells the decoder. */
static struct ww_str content_type_of(struct heard *h, struct ww_hj212_packet *packet) {
    const struct ww_hj212_message *m = &h->message;
    const struct ww_hj212_item *time = ww_hj212_find(m, "DataTime", "");
    if (m->pnum < 2)
        return WW_STR(CONTENT_TYPE);
    *packet = (struct ww_hj212_packet){.mn = m->mn,
                                       .st = m->st,
                                       .cn = m->command,
                                       .pnum = m->pnum,
                                       .pno = m->pno,
                                       .data_time = time ? time->value : WW_STR_NONE};
    if (packet->data_time.len > 0)
        return WW_STR(CONTENT_TYPE);
    packet->data_time = ww_hj212_packets_time_of(h->gateway->packets, packet);
    char text[96];
    snprintf(text, sizeof text, CONTENT_TYPE "; data-time=%.*s", WW_STR_ARG(packet->data_time));
    struct ww_str copy = packet->data_time.len ? ww_arena_copy(h->arena, ww_str_of(text)) : WW_STR_NONE;
    if (!copy.ptr)
        return WW_STR(CONTENT_TYPE);
    packet->data_time = (struct ww_str){copy.ptr + copy.len - packet->data_time.len, packet->data_time.len};
    return copy;
}

void ww_hj212_hear_lost_set(void *arg, const struct ww_hj212_lost_set *set) {
    struct ww_hj212_gateway *gateway = arg;
    char time[24];
    gateway->counters.sets_incomplete++;
    snprintf(time, sizeof time, "%.*s", WW_STR_ARG(set->data_time));
    const struct ww_hj212_detail details[] = {{"cn", NULL, set->cn},
                                              {"data_time", time, 0},
                                              {"packets", NULL, set->pnum},
                                              {"came", NULL, set->came},
                                              {"first_missing", NULL, set->first_missing}};
    ww_hj212_station_event(gateway, ww_hj212_station_named(gateway, set->mn), "incomplete", details, 5);
}

static bool hear_upload(struct heard *h, struct link *link) {
    struct ww_hj212_gateway *gateway = h->gateway;
    const struct ww_hj212_message *m = &h->message;
    struct ww_hj212_packet packet;
    struct ww_str answer = WW_STR_NONE, content_type = content_type_of(h, &packet);
    if (m->wants_answer && h->kind == WW_HJ212_UPLOAD) /* 1001 notifies, although it carries data */
        answer = build_answer(h, m->command == CN_HARDWARE ? 9013 : 9014, "");
    else if (m->wants_answer)
        answer = build_9011(h, QN_RTN_CN);
    if (!store(h, feed_by_id(h->catalog, h->record->feed_id), content_type, answer))
        return false;
    gateway->counters.uploads += h->kind == WW_HJ212_UPLOAD;
    if (m->pnum > 1 && ww_hj212_packets_add(gateway->packets, &packet, ww_hj212_now_ms(),
                                            ww_hj212_hear_lost_set, gateway) == WW_HJ212_SET_COMPLETE)
        gateway->counters.sets_complete++;
    if (link) {
        if (m->command == CN_RESTARTED)
            ww_hj212_station_event(gateway, link->station, "restarted", NULL, 0);
        (void)ww_hj212_command_hear(link, m);
    }
    return true;
}

/* ---- Who speaks ---- */

static struct ww_str find_mn(struct ww_str segment) {
    const char *cp = memmem(segment.ptr, segment.len, "CP=", 3);
    size_t end = cp ? (size_t)(cp - segment.ptr) : segment.len;
    for (size_t i = 0; i + 3 <= end; i++) {
        if (strncasecmp(segment.ptr + i, "MN=", 3) != 0 || (i > 0 && !strchr(";, ", segment.ptr[i - 1])))
            continue;
        size_t to = i + 3;
        while (to < segment.len && segment.ptr[to] != ';' && segment.ptr[to] != ',')
            to++;
        return ww_str_trim((struct ww_str){segment.ptr + i + 3, to - i - 3});
    }
    return WW_STR_NONE;
}

/* As its station's record says; when the MN stands elsewhere, once more with the right one. */
static void parse(struct heard *h, struct ww_error *err) {
    const struct ww_hj212_stations *stations = h->catalog->stations;
    h->record = ww_hj212_station_find(stations, find_mn(h->frame->segment));
    for (int i = 0; i < 2; i++) {
        const struct ww_hj212_station *by = h->record ? h->record : ww_hj212_station_unknown(stations);
        h->status = ww_hj212_parse(h->frame, &by->how, h->arena, &h->message, err);
        const struct ww_hj212_station *named = ww_hj212_station_find(stations, h->message.mn);
        if (named == h->record)
            break;
        h->record = named;
    }
    h->kind = ww_hj212_kind_of(&h->message);
}

static bool names_unit(const struct heard *h, const struct ww_feed_source *feed, struct ww_str code) {
    for (uint32_t i = 0; i < h->record->n_overrides; i++)
        if (h->record->overrides[i].unit.len > 0 && ww_str_eq_nocase(h->record->overrides[i].code, code))
            return true;
    for (uint32_t i = 0; feed && i < feed->hj212.n_overrides; i++)
        if (feed->hj212.overrides[i].unit.len > 0 && ww_str_eq_nocase(feed->hj212.overrides[i].code, code))
            return true;
    return false;
}

/* As the decoder sees it (hj212_read_factor); here, because habits are noted here. */
static bool assumes_unit(const struct heard *h, const struct ww_feed_source *feed,
                         const struct ww_hj212_item *item) {
    static const char *const values[] = {"Cou", "ZsCou", "Rtd",   "Avg",   "Min",
                                         "Max", "ZsRtd", "ZsAvg", "ZsMin", "ZsMax"};
    enum { SUMS = 2 };
    size_t i = 0;
    while (i < sizeof values / sizeof *values && !ww_str_is(item->suffix, values[i]))
        i++;
    if (i == sizeof values / sizeof *values)
        return false;
    const struct ww_hj212_factor *factor = ww_hj212_factor(item->key);
    if (!factor || !*factor->sum_property)
        return false;
    char of_sum[sizeof factor->code + 4];
    snprintf(of_sum, sizeof of_sum, "%.*s-Cou", WW_STR_ARG(item->key));
    return !names_unit(h, feed, i < SUMS ? ww_str_of(of_sum) : item->key);
}

static void note_assumed_units(struct heard *h) {
    struct ww_hj212_message *m = &h->message;
    const struct ww_cat_feed *cat_feed = feed_by_id(h->catalog, h->record->feed_id);
    const struct ww_feed_source *feed = cat_feed ? source_of(cat_feed) : NULL;
    for (uint32_t i = 0; i < m->n_items && !(m->deviations & WW_HJ212_DEV_ASSUMED_UNIT); i++)
        if (assumes_unit(h, feed, &m->items[i]))
            m->deviations |= WW_HJ212_DEV_ASSUMED_UNIT;
}

static void count(struct heard *h) {
    struct ww_hj212_gateway_counters *c = &h->gateway->counters;
    c->frames++;
    for (int bit = 0; bit < WW_HJ212_N_DEVIATIONS; bit++)
        c->deviations[bit] += h->message.deviations >> bit & 1;
}

/* ---- Those who may not ---- */

static bool hear_bad_crc(struct heard *h) {
    if (h->kind == WW_HJ212_REQUEST) {
        refuse(h, QN_RTN_CRC);
        return true;
    }
    const struct ww_cat_feed *feed = h->record ? feed_by_id(h->catalog, h->record->feed_id) : NULL;
    if (!feed)
        feed = feed_of_session(h->catalog, h->session);
    if (feed)
        return store(h, feed, WW_STR(CONTENT_TYPE), WW_STR_NONE);
    ww_hj212_session_retire(h->session, "a broken frame of a sender that no feed takes");
    return true;
}

/* What it deviates in is its station's, as far as that can be known: a wrong crc_mode shows itself there. */
static void count_broken(const struct heard *h) {
    struct station *station = h->record ? ww_hj212_station_known(h->gateway, h->record->mn) : NULL;
    if (station)
        ww_hj212_station_tally(station, h->message.deviations);
}

static bool may_register(const struct heard *h) {
    struct ww_str mn = h->message.mn;
    for (size_t i = 0; i < mn.len; i++)
        if (mn.ptr[i] < ' ' || mn.ptr[i] > '~')
            return false;
    return h->status == WW_OK && mn.len >= 1 && mn.len <= 32 && h->session->n_registered < MOST_REGISTERED &&
           !ww_hj212_session_waited_in_vain(h->session, mn);
}

/* The frame stays buffered until the registry has its station. True: it will. */
static bool register_station(struct heard *h, const struct ww_cat_feed *feed) {
    struct ww_json w;
    if (!may_register(h) || !ww_hj212_batch_begin_row(&h->gateway->registrations, &w))
        return false;
    ww_json_object(&w);
    ww_json_key(&w, "mn");
    ww_json_str(&w, h->message.mn);
    ww_json_key(&w, "feed_id");
    ww_json_int(&w, feed->id);
    ww_json_key(&w, "config"); /* its CRC as it is, or nothing of it would be taken */
    ww_json_raw(&w, h->message.deviations & WW_HJ212_DEV_CRC_MODBUS ? WW_STR("{\"crc_mode\":\"modbus\"}")
                                                                    : WW_STR("{}"));
    ww_json_end_object(&w);
    h->session->n_registered++;
    ww_hj212_batch_flush(&h->gateway->registrations);
    return ww_hj212_session_wait(h->session, WAIT_REGISTERED, h->message.mn, WW_STR_NONE, REGISTER_WAIT_MS);
}

static bool hear_unknown(struct heard *h) {
    enum ww_unknown_station policy;
    const struct ww_cat_feed *feed = feed_of_unknown(h->catalog, &policy);
    if (policy == WW_UNKNOWN_REGISTER && register_station(h, feed))
        return false;
    count(h);
    h->gateway->counters.unknown_stations++;
    if (policy == WW_UNKNOWN_REFUSE) {
        ww_hj212_session_retire(h->session, "its station is not registered");
        return true;
    }
    if (h->kind == WW_HJ212_REPLY)
        return true;
    if (h->kind == WW_HJ212_REQUEST || h->kind == WW_HJ212_NOTIFY) {
        refuse(h, QN_RTN_MN);
        return true;
    }
    struct ww_str answer = h->message.wants_answer ? build_answer(h, 9014, "") : WW_STR_NONE;
    return store(h, feed, WW_STR(CONTENT_TYPE), answer);
}

static bool hear_wrong_address(struct heard *h) {
    struct ww_hj212_gateway *gateway = h->gateway;
    gateway->counters.wrong_address++;
    const struct ww_hj212_detail details[] = {{"address", h->session->peer, 0}};
    ww_hj212_station_event_of(gateway, h->record->mn, "wrong_address", details, 1);
    ww_hj212_session_retire(h->session, "it may not speak for its station from there");
    return true;
}

static bool hear_wrong_password(struct heard *h) {
    struct ww_hj212_gateway *gateway = h->gateway;
    if (h->kind == WW_HJ212_UPLOAD || h->kind == WW_HJ212_UNKNOWN) {
        if (!store(h, feed_by_id(h->catalog, h->record->feed_id), WW_STR(CONTENT_TYPE), WW_STR_NONE))
            return false;
    } else {
        refuse(h, QN_RTN_PW);
    }
    gateway->counters.wrong_password++;
    const struct ww_hj212_detail details[] = {{"address", h->session->peer, 0}};
    ww_hj212_station_event_of(gateway, h->record->mn, "wrong_password", details, 1);
    return true;
}

/* ---- Those who may ---- */

/* Why a device can't ask us that. */
static int request_fault(const struct ww_hj212_message *m) {
    if (m->st.len != 2)
        return QN_RTN_ST;
    if (m->flag < 0)
        return QN_RTN_FLAG;
    if (m->deviations & WW_HJ212_DEV_QN)
        return QN_RTN_QN;
    return QN_RTN_CN;
}

static void hear_notification(struct heard *h, struct link *link) {
    if (h->message.command == CN_LOGIN)
        answer_login(h, true);
    else if (h->message.wants_answer)
        answer_now(h, build_answer(h, 9013, ""));
    if (h->message.command == CN_ASKS_TIME && h->record->set_clock && link)
        ww_hj212_station_set_clock(link, "asked", 0);
    if (h->message.command == CN_ASKS_KEY && link) /* a person gives it: `wardwatch station send MN 1014 …` */
        ww_hj212_station_event(h->gateway, link->station, "key_asked", NULL, 0);
}

/* Passwords and keys are shown to nobody: "NewPW=abc123" becomes "NewPW=******". */
static void mask_secrets(char *data) {
    static const char *const names[] = {"pw=", "sk="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (char *at = strcasestr(data, names[i]); at; at = strcasestr(at, names[i])) {
            at += strlen(names[i]);
            for (; *at && !strchr(";,&", *at); at++)
                *at = '*';
        }
}

/* An answer to nothing that was asked, or too late. Of a parameter that comes by itself the event keeps what
 * it says. */
static void hear_reply(struct heard *h, struct link *link) {
    char data[200];
    if (link && ww_hj212_command_hear(link, &h->message))
        return;
    h->gateway->counters.replies_unasked++;
    snprintf(data, sizeof data, "%.*s",
             (int)(h->message.data_area.len < 199 ? h->message.data_area.len : 199),
             h->message.data_area.ptr ? h->message.data_area.ptr : "");
    mask_secrets(data);
    const struct ww_hj212_detail details[] = {{"cn", NULL, h->message.command}, {"data", data, 0}};
    if (link)
        ww_hj212_station_event(h->gateway, link->station, "unasked", details, 2);
}

static bool hear_station(struct heard *h) {
    const struct ww_hj212_message *m = &h->message;
    if (!ww_hj212_station_allows(h->record, h->session->peer))
        return hear_wrong_address(h);
    if (h->record->password.len > 0 && !ww_str_eq(h->record->password, m->pw))
        return hear_wrong_password(h);
    h->session->feed_id = h->record->feed_id;
    note_assumed_units(h);
    struct link *link = h->record->enabled ? ww_hj212_station_link(h->session, h->record, m) : NULL;
    if (h->kind == WW_HJ212_UPLOAD || h->kind == WW_HJ212_UNKNOWN) {
        if (!hear_upload(h, link))
            return false;
    } else if (h->status == WW_OK && h->kind == WW_HJ212_NOTIFY) {
        hear_notification(h, link);
    } else if (h->status == WW_OK && h->kind == WW_HJ212_REPLY) {
        hear_reply(h, link);
    } else if (h->kind == WW_HJ212_REQUEST) {
        refuse(h, request_fault(m));
    } else { /* a notification or reply that is broken */
        if (!store(h, feed_by_id(h->catalog, h->record->feed_id), WW_STR(CONTENT_TYPE), WW_STR_NONE))
            return false;
    }
    if (link)
        ww_hj212_station_note(link, h->record, m);
    return true;
}

bool ww_hj212_hear_frame(struct session *session, const struct ww_hj212_frame *frame) {
    struct heard h = {.session = session, .gateway = session->gateway, .frame = frame};
    struct ww_error err;
    h.catalog = ww_path_catalog(h.gateway->path);
    h.arena = ww_arena_new(FRAME_MEMORY);
    if (!h.arena)
        return true; /* without a kilobyte nothing can be done; it was not acknowledged */
    parse(&h, &err);
    bool taken;
    if (!h.message.crc_ok && h.status != WW_OK) {
        taken = hear_bad_crc(&h);
        if (taken)
            count_broken(&h);
    } else if (!h.record) {
        taken = hear_unknown(&h); /* counts itself: its frame may be heard again */
        ww_arena_free(h.arena);
        return taken;
    } else
        taken = hear_station(&h);
    if (taken)
        count(&h);
    ww_arena_free(h.arena);
    return taken;
}

/* ---- Garbage ---- */

static bool keep_garbage(struct session *s, struct ww_str bytes) {
    const struct ww_catalog *catalog = ww_path_catalog(s->gateway->path);
    const struct ww_cat_feed *feed = catalog ? feed_of_session(catalog, s) : NULL;
    return !feed ||
           ww_hj212_session_store(s, ww_str_of(feed->name), WW_STR(CONTENT_TYPE), bytes, WW_STR_NONE);
}

/* Only a few pieces of a minute are kept as they are: a flood must not become a million dead letters. */
bool ww_hj212_hear_garbage(struct session *s, struct ww_str bytes) {
    int64_t now = ww_hj212_now_ms();
    if (s->garbage_ms && now - s->garbage_ms >= GARBAGE_MINUTE_MS)
        ww_hj212_garbage_sum_up(s, false);
    if (s->garbage_kept < GARBAGE_KEPT) {
        if (!keep_garbage(s, bytes))
            return false;
        s->garbage_kept++;
    } else {
        s->garbage_pieces++;
        s->garbage_bytes += bytes.len;
    }
    if (!s->garbage_ms)
        s->garbage_ms = now;
    s->gateway->counters.garbage++;
    return true;
}

/* One dead letter in our words for all that was not kept of the minute. */
void ww_hj212_garbage_sum_up(struct session *s, bool at_end) {
    if (s->garbage_pieces > 0) {
        char text[160];
        bool is_full = (s->pauses & PAUSE_FULL) || (s->inlet && ww_inlet_is_full(s->inlet));
        if (is_full && !at_end)
            return; /* said when there is room */
        snprintf(text, sizeof text,
                 "(not kept: %" PRIu64 " bytes in %" PRIu32 " more pieces that were no frame, from %s)",
                 s->garbage_bytes, s->garbage_pieces, s->peer);
        ww_log(WW_LOG_WARN, "hj212=garbage peer=%s pieces=%" PRIu32 " bytes=%" PRIu64, s->peer,
               s->garbage_pieces, s->garbage_bytes);
        if (!is_full)
            (void)keep_garbage(s, ww_str_of(text));
    }
    s->garbage_ms = 0;
    s->garbage_kept = s->garbage_pieces = 0;
    s->garbage_bytes = 0;
}
