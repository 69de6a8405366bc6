/* A simulated HJ 212 station: uploads 2011, waits for 9014, does what the host asks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/instant.h"
#include "ingest/hj212/hj212.h"
#include "ingest/simulate/stations.h"

enum {
    LOCAL_OFFSET_S = 8 * 3600, /* HJ 212 speaks China Standard Time */
    FRAME_ROOM = 2 * WW_HJ212_MAX_FRAME,
    HISTORY_MAX = 1000 /* intervals of one request */
};

/* ---- Times ---- */

static struct ww_civil local(int64_t at_us) {
    return ww_instant_to_civil(at_us + LOCAL_OFFSET_S * WW_SECOND_US, NULL);
}

static void time_text(int64_t at_us, char out[24]) {
    struct ww_civil c = local(at_us);
    snprintf(out, 24, "%04d%02d%02d%02d%02d%02d", c.year % 10000, c.month % 100, c.day % 100, c.hour % 100,
             c.minute % 100, c.second % 100);
}

/* QN: the station's clock to the millisecond, and never twice. */
static int64_t next_qn(struct ww_station *s, char out[24]) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    s->last_key = ms > s->last_key ? ms : s->last_key + 1;
    time_text(s->last_key * 1000, out);
    snprintf(out + 14, 10, "%03d", (int)(s->last_key % 1000));
    return strtoll(out, NULL, 10);
}

/* ---- Sending ---- */

static void send_frame(struct evbuffer *out, const struct ww_hj212_out *frame) {
    struct ww_buf bytes;
    ww_buf_init(&bytes, FRAME_ROOM);
    if (ww_hj212_write(&bytes, frame) == WW_OK)
        evbuffer_add(out, bytes.data, bytes.len);
    ww_buf_clear(&bytes);
}

static void write_values(const struct ww_station *s, uint64_t message, const char *suffix, int64_t time_us,
                         struct ww_buf *data) {
    char text[24];
    time_text(time_us, text);
    ww_buf_printf(data, "DataTime=%s", text);
    for (uint32_t i = 0; i < s->options->factors; i++) {
        const char *code = ww_station_factor(i)->code;
        ww_buf_printf(data, ";%s-%s=%.3f,%s-Flag=N", code, suffix, ww_station_value(s, i, message), code);
    }
}

static int64_t send_data(struct ww_station *s, struct evbuffer *out, int cn, int flag, const char *suffix,
                         uint64_t message, int64_t time_us) {
    struct ww_buf data;
    char qn[24];
    ww_buf_init(&data, FRAME_ROOM);
    write_values(s, message, suffix, time_us, &data);
    int64_t key = next_qn(s, qn);
    send_frame(out, &(struct ww_hj212_out){.qn = qn,
                                           .st = "32",
                                           .cn = cn,
                                           .pw = "123456",
                                           .mn = s->name,
                                           .flag = flag,
                                           .data = ww_buf_str(&data)});
    ww_buf_clear(&data);
    return key;
}

static void on_connected(struct ww_station *s) {
    s->is_ready = true;
}

static void write_message(struct ww_station *s, uint64_t message, bool again) {
    (void)again;
    s->key[message % s->options->window] = send_data(s, s->out, 2011, s->options->no_answer ? 4 : 5, "Rtd",
                                                     message, ww_station_time(s, message));
}

static void keep_alive(struct ww_station *s) {
    char qn[24];
    next_qn(s, qn);
    send_frame(s->out, &(struct ww_hj212_out){
                           .qn = qn, .st = "91", .cn = 9015, .pw = "123456", .mn = s->name, .flag = 9});
}

static void write_beginning(struct ww_station *s, struct evbuffer *out) {
    struct evbuffer *whole = evbuffer_new();
    if (!whole)
        return;
    send_data(s, whole, 2011, 5, "Rtd", 0, s->options->start_us);
    evbuffer_remove_buffer(whole, out, evbuffer_get_length(whole) / 2);
    evbuffer_free(whole);
}

/* ---- What the host asks ---- */

static const char *copy_text(struct ww_str text, char *out, size_t room) {
    snprintf(out, room, "%.*s", WW_STR_ARG(text));
    return out;
}

static void reply(struct ww_station *s, const struct ww_hj212_message *m, int cn, const char *data) {
    char qn[32];
    send_frame(s->out, &(struct ww_hj212_out){.qn = copy_text(m->qn, qn, sizeof qn),
                                              .st = "91",
                                              .cn = cn,
                                              .pw = "123456",
                                              .mn = s->name,
                                              .flag = 4,
                                              .data = ww_str_of(data)});
}

static const struct history {
    int cn;
    int64_t step_us;
} histories[] = {{2051, 600 * WW_SECOND_US}, {2061, WW_HOUR_US}, {2031, WW_DAY_US}};

/* One upload an interval; how many. */
static int send_history(struct ww_station *s, const struct ww_hj212_message *m) {
    const struct ww_hj212_item *begin = ww_hj212_find(m, "BeginTime", "");
    const struct ww_hj212_item *end = ww_hj212_find(m, "EndTime", "");
    struct ww_zone *zone = NULL;
    struct ww_error err;
    int64_t from_us, to_us;
    int n = 0;
    for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
        if (histories[i].cn != m->command || !begin || !end ||
            ww_zone_open(WW_STR("+08:00"), &zone, &err) != WW_OK)
            continue;
        if (ww_hj212_time(begin->value, zone, &from_us, &err) == WW_OK &&
            ww_hj212_time(end->value, zone, &to_us, &err) == WW_OK)
            for (; from_us <= to_us && n < HISTORY_MAX; from_us += histories[i].step_us, n++)
                send_data(s, s->out, m->command, 4, "Avg", (uint64_t)(from_us / WW_SECOND_US), from_us);
        ww_zone_close(zone);
    }
    return n;
}

static void answer_request(struct ww_station *s, const struct ww_hj212_message *m) {
    ww_station_asked(s);
    reply(s, m, 9011, "QnRtn=1");
    bool is_history = m->command == 2051 || m->command == 2061 || m->command == 2031;
    int sent = is_history ? send_history(s, m) : 0;
    reply(s, m, 9012, is_history && sent == 0 ? "ExeRtn=100" : "ExeRtn=1");
}

static void on_message(struct ww_station *s, const struct ww_hj212_message *m) {
    if (m->command == 9014) {
        char qn[32];
        ww_station_key_acked(s, strtoll(copy_text(m->qn, qn, sizeof qn), NULL, 10));
    } else if (m->command == 9011) {
        ww_station_refused(s);
    } else if (m->command == 2012 || m->command == 2022) {
        reply(s, m, 9013, "");
    } else if (m->command >= 1000 && m->command < 4000) {
        answer_request(s, m);
    }
}

static bool on_read(struct ww_station *s) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    bool good = arena != NULL;
    while (good && s->in) {
        size_t len = evbuffer_get_length(s->in), used = 0;
        struct ww_str bytes = {(const char *)evbuffer_pullup(s->in, -1), len};
        struct ww_hj212_frame frame;
        enum ww_hj212_cut cut = len > 0 ? ww_hj212_next(bytes, false, &used, &frame) : WW_HJ212_CUT_MORE;
        if (cut == WW_HJ212_CUT_MORE)
            break;
        struct ww_hj212_message message;
        struct ww_error err;
        if (cut == WW_HJ212_CUT_GARBAGE)
            good = false;
        else if (ww_hj212_parse(&frame, &(struct ww_hj212_reading){0}, arena, &message, &err) == WW_OK)
            on_message(s, &message);
        evbuffer_drain(s->in, used);
    }
    ww_arena_free(arena);
    return good;
}

const struct ww_station_protocol ww_station_hj212 = {.name = "hj212",
                                                     .on_connected = on_connected,
                                                     .write = write_message,
                                                     .on_read = on_read,
                                                     .keep_alive = keep_alive,
                                                     .write_beginning = write_beginning};
