/* Writes HJ 212 frames as JSON lines. */
#include "server/hj212_lines.h"

#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_writer.h"
#include "geo/instant.h"
#include "ingest/decode/decode.h"
#include "ingest/hj212/request_fields.h"
#include "ingest/hj212/stations.h"

enum { FEED = 1, FRAME_MEMORY = 4 << 20, MAX_VALUES = 10000, SHOWN_GARBAGE = 80 };
#define FEED_CONFIG "{\"protocol\":\"hj212\",\"register\":true,\"hj212\":{\"unknown\":\"register\"}}"

struct ww_hj212_lines {
    char config[160]; /* of the station's record */
    unsigned char key[16];
    bool has_key;
    struct ww_zone *zone;
    struct ww_feed_config *feed;
    struct ww_hj212_stations *stations; /* one: that of the frame at hand */
    uint64_t not_understood;
};

static struct ww_str key_of(const struct ww_hj212_lines *lines) {
    return (struct ww_str){(const char *)lines->key, lines->has_key ? 16 : 0};
}

static bool is_crc_mode(const char *text) {
    return strcmp(text, "standard") == 0 || strcmp(text, "modbus") == 0 || strcmp(text, "ignore") == 0;
}

static enum ww_status take_options(struct ww_hj212_lines *lines, const struct ww_hj212_lines_options *options,
                                   struct ww_error *err) {
    const char *crc = options->crc ? options->crc : "standard";
    const char *zone = options->zone ? options->zone : "Asia/Shanghai";
    if (!is_crc_mode(crc))
        return ww_error_set(err, WW_BAD_INPUT, "--crc is standard, modbus or ignore");
    if (strlen(zone) > 64 || strpbrk(zone, "\"\\") ||
        ww_zone_open(ww_str_of(zone), &lines->zone, NULL) != WW_OK)
        return ww_error_set(err, WW_BAD_INPUT, "--zone is no time zone that this system knows");
    snprintf(lines->config, sizeof lines->config, "{\"crc_mode\":\"%s\",\"time_zone\":\"%s\"}", crc, zone);
    lines->has_key = options->sm4_key.len == sizeof lines->key;
    if (lines->has_key)
        memcpy(lines->key, options->sm4_key.ptr, sizeof lines->key);
    return ww_feed_config_parse(WW_STR(FEED_CONFIG), &lines->feed, err);
}

enum ww_status ww_hj212_lines_new(const struct ww_hj212_lines_options *options, struct ww_hj212_lines **out,
                                  struct ww_error *err) {
    struct ww_hj212_lines *lines = ww_must_calloc(1, sizeof *lines);
    enum ww_status st = take_options(lines, options, err);
    if (st != WW_OK) {
        ww_hj212_lines_free(lines);
        return st;
    }
    *out = lines;
    return WW_OK;
}

void ww_hj212_lines_free(struct ww_hj212_lines *lines) {
    if (!lines)
        return;
    ww_feed_config_free(lines->feed);
    ww_hj212_stations_free(lines->stations);
    ww_zone_close(lines->zone);
    ww_free(lines);
}

uint64_t ww_hj212_lines_not_understood(const struct ww_hj212_lines *lines) {
    return lines->not_understood;
}

/* ---- The record of the frame's station ---- */

/* The registry holds one station at a time: a capture may name any number. Its fields take no MN over 32
 * characters; such a frame is read as that of "-". */
static const struct ww_hj212_station *record_for(struct ww_hj212_lines *lines, struct ww_str mn) {
    struct ww_error err;
    if (lines->stations && ww_hj212_station_find(lines->stations, mn))
        return ww_hj212_station_find(lines->stations, mn);
    ww_hj212_stations_free(lines->stations);
    lines->stations = ww_hj212_stations_new();
    if (ww_hj212_stations_add(lines->stations, mn, FEED, true, WW_STR_NONE, key_of(lines), WW_STR_NONE,
                              ww_str_of(lines->config), &err) != WW_OK) {
        mn = WW_STR("-");
        if (ww_hj212_stations_add(lines->stations, mn, FEED, true, WW_STR_NONE, key_of(lines), WW_STR_NONE,
                                  ww_str_of(lines->config), &err) != WW_OK)
            return ww_hj212_station_unknown(lines->stations);
    }
    return ww_hj212_station_find(lines->stations, mn);
}

/* ---- Members ---- */

static void write_place(struct ww_json *w, uint64_t offset, uint64_t line, size_t bytes) {
    ww_json_key(w, "offset");
    ww_json_int(w, (int64_t)offset);
    if (line > 0) {
        ww_json_key(w, "line");
        ww_json_int(w, (int64_t)line);
    }
    ww_json_key(w, "bytes");
    ww_json_int(w, (int64_t)bytes);
}

static void write_text(struct ww_json *w, const char *name, struct ww_str value) {
    ww_json_key(w, name);
    if (value.ptr)
        ww_json_str(w, value);
    else
        ww_json_null(w);
}

static void write_hex(struct ww_json *w, const char *name, uint16_t value) {
    char text[8];
    snprintf(text, sizeof text, "%04X", value);
    ww_json_key(w, name);
    ww_json_text(w, text);
}

static void write_number(struct ww_json *w, const char *name, int64_t value) {
    ww_json_key(w, name);
    ww_json_int(w, value);
}

static void write_header(struct ww_json *w, const struct ww_hj212_message *m) {
    const struct ww_hj212_command *command = ww_hj212_command(m->command);
    write_text(w, "qn", m->qn);
    write_text(w, "st", m->st);
    write_text(w, "cn", m->cn);
    if (command) {
        ww_json_key(w, "name_zh");
        ww_json_text(w, command->name_zh);
        ww_json_key(w, "name_en");
        ww_json_text(w, command->name_en);
    }
    write_text(w, "mn", m->mn);
    ww_json_key(w, "has_pw");
    ww_json_bool(w, m->pw.len > 0);
    ww_json_key(w, "flag");
    if (m->flag < 0)
        ww_json_null(w);
    else
        ww_json_int(w, m->flag);
    write_number(w, "version", m->version);
    ww_json_key(w, "wants_answer");
    ww_json_bool(w, m->wants_answer);
    if (m->pnum > 0) {
        write_number(w, "pnum", m->pnum);
        write_number(w, "pno", m->pno);
    }
    if (m->rf) {
        ww_json_key(w, "late");
        ww_json_bool(w, true);
    }
    if (m->encrypted) {
        ww_json_key(w, "encrypted");
        ww_json_bool(w, true);
    }
}

static void write_crc(struct ww_json *w, const struct ww_hj212_frame *frame,
                      const struct ww_hj212_message *m) {
    ww_json_key(w, "crc");
    ww_json_object(w);
    if (frame->crc_is_hex) {
        write_hex(w, "stated", frame->stated_crc);
    } else {
        ww_json_key(w, "stated");
        ww_json_null(w);
    }
    write_hex(w, "standard", m->computed_crc);
    write_hex(w, "modbus", m->computed_modbus);
    ww_json_end_object(w);
}

static void write_deviations(struct ww_json *w, unsigned deviations) {
    ww_json_key(w, "deviations");
    ww_json_array(w);
    for (int bit = 0; bit < WW_HJ212_N_DEVIATIONS; bit++)
        if (deviations >> bit & 1)
            ww_json_text(w, ww_hj212_deviation_name(bit));
    ww_json_end_array(w);
}

/* The data area of what carries no readings: requests, answers, notifications. */
static void write_fields(struct ww_json *w, const struct ww_hj212_message *m) {
    ww_json_key(w, "fields");
    ww_json_array(w);
    for (uint32_t i = 0; i < m->n_items; i++) {
        const struct ww_hj212_item *item = &m->items[i];
        char name[128];
        snprintf(name, sizeof name, "%.*s%s%.*s", (int)(item->key.len > 60 ? 60 : item->key.len),
                 item->key.ptr, item->suffix.len ? "-" : "",
                 (int)(item->suffix.len > 60 ? 60 : item->suffix.len),
                 item->suffix.ptr ? item->suffix.ptr : "");
        ww_json_object(w);
        ww_json_key(w, "name");
        ww_json_text(w, name);
        ww_json_key(w, "value");
        ww_json_str(w, ww_hj212_field_is_secret(item->key) ? WW_STR("***") : item->value);
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

static void write_value(struct ww_json *w, const struct ww_batch *batch, uint32_t row) {
    const struct ww_series_name *series = &batch->series[batch->series_of[row]];
    char time[40], flag[2] = {batch->flag[row], '\0'};
    ww_instant_text(batch->time_us[row], time);
    ww_json_object(w);
    write_text(w, "thing", series->thing);
    write_text(w, "property", series->property);
    write_text(w, "statistic", series->statistic.ptr ? series->statistic : WW_STR(""));
    write_number(w, "interval_s", batch->interval_s[row]);
    ww_json_key(w, "time");
    ww_json_text(w, time);
    ww_json_key(w, "value");
    ww_json_double(w, batch->value[row]);
    write_text(w, "unit", series->unit.ptr ? series->unit : WW_STR(""));
    ww_json_key(w, "flag");
    ww_json_text(w, flag);
    if (batch->detail && batch->detail[row].len > 0) {
        ww_json_key(w, "detail");
        ww_json_raw(w, batch->detail[row]);
    }
    ww_json_end_object(w);
}

static void write_batch(struct ww_json *w, const struct ww_batch *batch) {
    ww_json_key(w, "values");
    ww_json_array(w);
    for (uint32_t i = 0; i < batch->n_rows; i++)
        write_value(w, batch, i);
    ww_json_end_array(w);
    if (batch->n_dead == 0)
        return;
    ww_json_key(w, "dead");
    ww_json_array(w);
    for (uint32_t i = 0; i < batch->n_dead; i++) {
        ww_json_object(w);
        write_text(w, "field", ww_str_of(batch->dead[i].field));
        write_text(w, "reason", ww_str_of(batch->dead[i].reason));
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

/* ---- A line ---- */

static const char *verdict_of(const struct ww_hj212_message *m, const struct ww_batch *batch,
                              enum ww_status parsed) {
    static const char *const of_frames[] = {"CN", "DataTime"}; /* dead as a whole; else values of it are */
    if (parsed != WW_OK)
        return "dead";
    for (size_t i = 0; i < sizeof of_frames / sizeof *of_frames && batch->n_dead > 0; i++)
        if (strcmp(batch->dead[0].field, of_frames[i]) == 0)
            return "dead";
    if (batch->n_dead > 0)
        return "partly";
    return m->deviations ? "deviating" : "ok";
}

static bool carries_readings(const struct ww_hj212_message *m) {
    enum ww_hj212_kind kind = ww_hj212_kind_of(m);
    return kind == WW_HJ212_UPLOAD || kind == WW_HJ212_UNKNOWN;
}

static void write_frame(struct ww_json *w, const struct ww_hj212_frame *frame,
                        const struct ww_hj212_message *m, const struct ww_batch *batch, const char *verdict,
                        const char *reason) {
    ww_json_key(w, "verdict");
    ww_json_text(w, verdict);
    if (*reason) {
        ww_json_key(w, "reason");
        ww_json_text(w, reason);
    }
    write_header(w, m);
    write_number(w, "announced", frame->announced);
    write_number(w, "segment", (int64_t)frame->segment.len);
    write_crc(w, frame, m);
    write_deviations(w, m->deviations);
    if (carries_readings(m))
        write_batch(w, batch);
    else
        write_fields(w, m);
}

enum ww_status ww_hj212_lines_frame(struct ww_hj212_lines *lines, uint64_t offset, uint64_t line,
                                    const struct ww_hj212_frame *frame, struct ww_buf *out,
                                    struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(FRAME_MEMORY);
    struct ww_hj212_reading loose = {.crc_mode = WW_HJ212_CRC_IGNORE};
    struct ww_hj212_message m;
    struct ww_batch batch = {0};
    struct ww_error why = {0};
    enum ww_status st = WW_OK;
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for a frame");
    (void)!ww_hj212_parse(frame, &loose, arena, &m, &why); /* only for its MN */
    const struct ww_hj212_station *record = record_for(lines, m.mn);
    why.message[0] = '\0';
    enum ww_status parsed = ww_hj212_parse(frame, &record->how, arena, &m, &why);
    ww_feed_config_set_stations(lines->feed, lines->stations, FEED);
    if (parsed == WW_OK && carries_readings(&m))
        st = ww_decode(lines->feed, WW_FORMAT_HJ212, frame->whole, MAX_VALUES, arena, &batch, err);
    if (st == WW_OK) {
        const char *verdict = verdict_of(&m, &batch, parsed);
        bool dead = strcmp(verdict, "dead") == 0;
        const char *reason = parsed != WW_OK ? why.message : dead ? batch.dead[0].reason : "";
        struct ww_json w;
        ww_json_init(&w, out);
        ww_json_object(&w);
        write_place(&w, offset, line, frame->whole.len);
        write_frame(&w, frame, &m, &batch, verdict, reason);
        ww_json_end_object(&w);
        ww_buf_char(out, '\n');
        lines->not_understood += dead || batch.n_dead > 0;
    }
    ww_arena_free(arena);
    return st;
}

void ww_hj212_lines_garbage(struct ww_hj212_lines *lines, uint64_t offset, uint64_t line, struct ww_str bytes,
                            struct ww_buf *out) {
    struct ww_json w;
    struct ww_str shown = {bytes.ptr, bytes.len > SHOWN_GARBAGE ? SHOWN_GARBAGE : bytes.len};
    ww_json_init(&w, out);
    ww_json_object(&w);
    write_place(&w, offset, line, bytes.len);
    ww_json_key(&w, "verdict");
    ww_json_text(&w, "garbage");
    ww_json_key(&w, "reason");
    ww_json_text(&w, "no frame");
    write_text(&w, "begins", shown);
    ww_json_end_object(&w);
    ww_buf_char(out, '\n');
    lines->not_understood++;
}
