/* What the host asks of stations: commands of the table station_command, one at a time a station.
 *
 *   claimed ─▶ sent ──9011──▶ accepted ──data…, 9012──▶ done | no_data | failed
 *                └─ QnRtn ≠ 1: refused; no 9011 after all repeats: timed_out; the connection lost: queued
 * again
 *
 * A run is what this server knows of a command under way; its row is written again at each change, whole, so
 * that a write that was lost is simply written again. `tries` grows with each claim and fences: a row that
 * another server has put back or claimed meanwhile is not touched. While the station's connection is not read
 * because the path is full, its time does not run.
 */
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/base/log.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum { LOOK_ALL_EVERY_MS = 200, CLAIM_BYTES = 8 << 20, FIELDS_MEMORY = 256 << 10, KEY_WAIT_MS = 30000 };

/* Tables 6 and 7 of HJ 212-2017. */
static const struct {
    int code;
    const char *text;
} qn_rtns[] = {{2, "the station refuses"},
               {3, "the station says that PW is wrong"},
               {4, "the station says that MN is wrong"},
               {5, "the station says that ST is wrong"},
               {6, "the station says that Flag is wrong"},
               {7, "the station says that QN is wrong"},
               {8, "the station says that CN is wrong: it does not know the command"},
               {9, "the station says that the CRC is wrong"},
               {100, "the station says that something is wrong, not what"}},
  exe_rtns[] = {{2, "it failed at the station, which does not say why"},
                {3, "the station says that the conditions of the request are wrong"},
                {4, "the station says that its communication timed out"},
                {5, "the station is busy"},
                {6, "the station has a fault"},
                {100, "the station has no data"}};

/* ---- Rows ---- */

void ww_hj212_run_free(struct run *run) {
    if (run->station) {
        TAILQ_REMOVE(&run->gateway->runs, run, all);
        run->station->run = NULL;
        run->station = NULL;
    }
    if (run->is_writing)
        return; /* the query's callback frees it */
    ww_buf_clear(&run->answers);
    ww_free(run);
}

static void write_run(struct run *run);

static void on_row_written(void *arg, enum ww_status status, const struct ww_pg_result *result,
                           const struct ww_error *err) {
    struct run *run = arg;
    run->is_writing = false;
    if (!ww_hj212_gateway_query_done(run->gateway) || !run->station) {
        ww_hj212_run_free(run);
        return;
    }
    if (status == WW_UNAVAILABLE || status == WW_BUSY || status == WW_NO_MEMORY) {
        run->is_dirty = true; /* the janitor tries again */
        return;
    }
    if (status != WW_OK)
        ww_log(WW_LOG_ERROR, "hj212=command_row id=%" PRId64 " reason=\"%s\"", run->id, err->message);
    struct station *station = run->station;
    bool is_ours = status == WW_OK && ww_pg_rows(result) > 0;
    if (!is_ours || (run->is_over && !run->is_dirty)) {
        ww_hj212_run_free(run);
        ww_hj212_command_want_look(station);
        return;
    }
    write_run(run);
}

static void arg_number(struct ww_pg_args *args, int value) {
    if (value < 0)
        ww_pg_arg_null(args);
    else
        ww_pg_arg_i64(args, value);
}

static void write_run(struct run *run) {
    if (!run->is_dirty || run->is_writing)
        return;
    struct ww_pg_args args;
    struct ww_buf answers;
    ww_buf_init(&answers, 2 * HJ212_MAX_ANSWERS);
    ww_buf_text(&answers, run->answers.len > 0 ? "" : "[");
    ww_buf_str_add(&answers, ww_buf_str(&run->answers));
    ww_buf_char(&answers, ']');
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, run->id);
    ww_pg_arg_i64(&args, run->tries);
    ww_pg_arg_str(&args, ww_str_of(run->state));
    ww_pg_arg_str(&args, ww_str_of(run->qn));
    arg_number(&args, run->qn_rtn);
    arg_number(&args, run->exe_rtn);
    ww_pg_arg_str(&args, ww_buf_str(&answers));
    ww_pg_arg_str(&args, ww_str_of(run->reason));
    if (ww_buf_status(&answers) == WW_OK &&
        ww_pg_pool_query(run->gateway->pool, ww_sql_find("station_command_update"), &args, on_row_written,
                         run) == WW_OK) {
        run->is_dirty = false;
        run->is_writing = true;
        run->gateway->n_queries++;
    }
    ww_pg_args_clear(&args);
    ww_buf_clear(&answers);
}

static void change(struct run *run, const char *state) {
    run->state = state;
    run->is_dirty = true;
    write_run(run);
}

/* ---- Ends ---- */

static const struct ww_hj212_station *record_of(const struct run *run) {
    const struct ww_catalog *catalog = ww_path_catalog(run->gateway->path);
    return catalog ? ww_hj212_station_find(catalog->stations, ww_str_of(run->station->mn)) : NULL;
}

static void end(struct run *run, const char *state, const char *reason) {
    struct ww_hj212_gateway_counters *c = &run->gateway->counters;
    bool is_good = strcmp(state, "done") == 0 || strcmp(state, "no_data") == 0;
    bool again = strcmp(state, "queued") == 0;
    if (!again)
        *(is_good ? &c->commands_done : &c->commands_failed) += 1;
    snprintf(run->reason, sizeof run->reason, "%s", reason ? reason : "");
    ww_log(WW_LOG_INFO, "hj212=command id=%" PRId64 " mn=%s cn=%d state=%s%s%s%s", run->id, run->station->mn,
           run->cn, state, reason ? " reason=\"" : "", reason ? reason : "", reason ? "\"" : "");
    run->is_over = true;
    run->link = NULL;
    change(run, state);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_key(struct ww_str hex, char out[16]) {
    for (size_t i = 0; i < 32; i += 2) {
        int high = hex.len == 32 ? hex_value(hex.ptr[i]) : -1;
        int low = hex.len == 32 ? hex_value(hex.ptr[i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    return true;
}

static struct ww_str field_value(const struct ww_json_node *fields, const char *name) {
    for (const struct ww_json_node *pair = fields->child; pair; pair = pair->next)
        if (pair->child && pair->child->next && ww_str_is(pair->child->text, name))
            return pair->child->next->text;
    return WW_STR_NONE;
}

/* From now on the station sends with the new key or password: its frames wait until the registry has it,
 * which the row's update sees to. */
static void wait_for_secret(struct run *run, struct link *link) {
    struct ww_arena *arena = ww_arena_new(FIELDS_MEMORY);
    struct ww_json_node *fields;
    struct ww_str mn = ww_str_of(run->station->mn);
    const struct ww_hj212_station *record = record_of(run);
    char key[16];
    if (arena && record && ww_json_parse(arena, run->fields, &fields, NULL) == WW_OK) {
        struct ww_str password = field_value(fields, "NewPW");
        if (run->cn == 1014 && read_key(field_value(fields, "NewSK"), key))
            (void)ww_hj212_session_wait(link->session, WAIT_KEY, mn, (struct ww_str){key, 16}, KEY_WAIT_MS);
        if (run->cn == 1072 && record->password.len > 0 && password.len > 0)
            (void)ww_hj212_session_wait(link->session, WAIT_PASSWORD, mn, password, KEY_WAIT_MS);
    }
    ww_arena_free(arena);
}

static void end_well(struct run *run, struct link *link) {
    struct ww_hj212_gateway *gateway = run->gateway;
    struct station *station = run->station;
    if (run->cn == 1012)
        ww_hj212_station_event(gateway, station, "clock_set", NULL, 0);
    if (run->cn == 1014)
        ww_hj212_station_event(gateway, station, "key_rotated", NULL, 0);
    if (run->cn == 1014 || run->cn == 1072)
        wait_for_secret(run, link);
    end(run, "done", NULL);
}

/* ---- Sending ---- */

static void local_time(int64_t at_us, const struct ww_zone *zone, char out[24]) {
    struct ww_civil c = ww_instant_to_civil(at_us, zone);
    snprintf(out, 24, "%04d%02d%02d%02d%02d%02d", c.year % 10000, c.month % 100, c.day % 100, c.hour % 100,
             c.minute % 100, c.second % 100);
}

/* The time to the millisecond, and never twice. */
static void next_qn(struct ww_hj212_gateway *gateway, const struct ww_zone *zone, char out[24]) {
    int64_t ms = ww_hj212_clock_us() / 1000;
    if (ms <= gateway->last_qn_ms)
        ms = gateway->last_qn_ms + 1;
    gateway->last_qn_ms = ms;
    local_time(ms * 1000, zone, out);
    snprintf(out + 14, 10, "%03d", (int)(ms % 1000));
}

static bool is_sayable(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == '&')
            return false;
    return true;
}

/* [["PolId","w01018"],["BeginTime","…"]] → PolId=w01018;BeginTime=… */
static bool write_fields(struct ww_buf *out, struct ww_arena *arena, struct ww_str json) {
    struct ww_json_node *fields;
    if (ww_json_parse(arena, json, &fields, NULL) != WW_OK || fields->type != WW_JSON_ARRAY)
        return false;
    for (const struct ww_json_node *pair = fields->child; pair; pair = pair->next) {
        const struct ww_json_node *name = pair->type == WW_JSON_ARRAY ? pair->child : NULL;
        const struct ww_json_node *value = name ? name->next : NULL;
        if (!value || value->next || name->type != WW_JSON_STRING ||
            (value->type != WW_JSON_STRING && value->type != WW_JSON_NUMBER) || !is_sayable(name->text) ||
            !is_sayable(value->text))
            return false;
        ww_buf_printf(out, "%s%.*s=%.*s", out->len > 0 ? ";" : "", WW_STR_ARG(name->text),
                      WW_STR_ARG(value->text));
    }
    return true;
}

/* The frame of a run, as it is now: 1012 says the time of sending. */
static bool write_request(struct run *run, const struct ww_hj212_station *record, struct ww_arena *arena,
                          struct ww_buf *frame) {
    struct station *station = run->station;
    struct ww_buf data;
    char pw[HJ212_MAX_ECHO * 2], now[24];
    ww_buf_init(&data, WW_HJ212_MAX_SEGMENT);
    bool good = write_fields(&data, arena, run->fields);
    if (run->cn == 1012 && !memmem(run->fields.ptr, run->fields.len, "\"SystemTime\"", 12)) {
        local_time(ww_hj212_clock_us(), record->zone, now);
        ww_buf_printf(&data, "%sSystemTime=%s", data.len > 0 ? ";" : "", now);
    }
    if (run->cn == 1014 && !memmem(run->fields.ptr, run->fields.len, "\"SKCreateTime\"", 14)) {
        local_time(ww_hj212_clock_us(), record->zone, now);
        ww_buf_printf(&data, "%sSKCreateTime=%s", data.len > 0 ? ";" : "", now);
    }
    snprintf(pw, sizeof pw, "%.*s", WW_STR_ARG(record->password));
    struct ww_hj212_out out = {.qn = run->qn,
                               .st = station->st[0] ? station->st : NULL,
                               .cn = run->cn,
                               .pw = pw[0] ? pw : station->pw,
                               .mn = station->mn,
                               .flag = ww_hj212_flag(station->version, true),
                               .data = ww_buf_str(&data),
                               .sm4_key = run->cn == 1014 ? record->how.sm4_key : NULL};
    good = good && ww_buf_status(&data) == WW_OK && ww_hj212_write(frame, &out) == WW_OK;
    ww_buf_clear(&data);
    return good;
}

static void send_request(struct run *run) {
    const struct ww_hj212_station *record = record_of(run);
    struct ww_arena *arena = ww_arena_new(FIELDS_MEMORY);
    struct ww_buf frame;
    ww_buf_init(&frame, 2 * WW_HJ212_MAX_FRAME);
    bool good = record && arena && write_request(run, record, arena, &frame);
    if (good) {
        run->sends++;
        run->deadline_ms = ww_hj212_now_ms() + run->over_ms;
        ww_hj212_session_write(run->link->session, ww_buf_str(&frame)); /* may end it, and with it the run */
    } else {
        end(run, "failed",
            record ? "its fields can't be written as a data area" : "the station is not registered");
    }
    ww_buf_clear(&frame);
    ww_arena_free(arena);
}

/* ---- Hearing ---- */

static const char *words_of_qn_rtn(int code) {
    for (size_t i = 0; i < sizeof qn_rtns / sizeof *qn_rtns; i++)
        if (qn_rtns[i].code == code)
            return qn_rtns[i].text;
    return NULL;
}

static const char *words_of_exe_rtn(int code) {
    for (size_t i = 0; i < sizeof exe_rtns / sizeof *exe_rtns; i++)
        if (exe_rtns[i].code == code)
            return exe_rtns[i].text;
    return NULL;
}

/* -1: it does not say, or no number. */
static int result_of(const struct ww_hj212_message *m, const char *key) {
    const struct ww_hj212_item *item = ww_hj212_find(m, key, "");
    int64_t value;
    return item && ww_str_to_i64(item->value, &value) && value >= 0 && value <= 9999 ? (int)value : -1;
}

static void keep_answer(struct run *run, const struct ww_hj212_message *m) {
    struct ww_json w;
    char at[40];
    if (run->answers.len + 2 * m->data_area.len + 200 > HJ212_MAX_ANSWERS)
        return;
    (void)ww_instant_text(ww_hj212_clock_us(), at);
    ww_buf_char(&run->answers, run->answers.len > 0 ? ',' : '[');
    ww_json_init(&w, &run->answers);
    ww_json_object(&w);
    ww_json_key(&w, "at");
    ww_json_text(&w, at);
    ww_json_key(&w, "cn");
    ww_json_int(&w, m->command);
    ww_json_key(&w, "data");
    ww_json_str(&w, m->data_area);
    ww_json_end_object(&w);
}

/* Something is done at the station: the next sign of it must come within all of the time-outs together. */
static void go_on(struct run *run) {
    run->deadline_ms = ww_hj212_now_ms() + (int64_t)run->over_ms * (run->re_count + 1);
}

static void hear_9011(struct run *run, const struct ww_hj212_message *m) {
    char reason[64];
    run->qn_rtn = result_of(m, "QnRtn");
    if (run->qn_rtn == 1 || run->qn_rtn < 0) {
        go_on(run);
        change(run, "accepted");
        return;
    }
    snprintf(reason, sizeof reason, "the station answers QnRtn=%d", run->qn_rtn);
    const char *words = words_of_qn_rtn(run->qn_rtn);
    end(run, "refused", words ? words : reason);
}

static void hear_9012(struct run *run, struct link *link, const struct ww_hj212_message *m) {
    char reason[64];
    run->exe_rtn = result_of(m, "ExeRtn");
    snprintf(reason, sizeof reason, "the station answers ExeRtn=%d", run->exe_rtn);
    const char *words = words_of_exe_rtn(run->exe_rtn);
    if (run->exe_rtn == 1)
        end_well(run, link);
    else if (run->exe_rtn == 100)
        end(run, "no_data", words);
    else
        end(run, "failed",
            run->exe_rtn < 0 ? "the station does not say how it ended"
            : words          ? words
                             : reason);
}

bool ww_hj212_command_hear(struct link *link, const struct ww_hj212_message *m) {
    struct run *run = link->station->run;
    if (!run || run->is_over)
        return false;
    if (!ww_str_is(m->qn, run->qn)) {
        bool is_history = m->command == run->cn && strcmp(run->state, "accepted") == 0;
        if (is_history)
            go_on(run); /* it comes under QNs of its own */
        return is_history;
    }
    keep_answer(run, m);
    switch (m->command) {
    case 9011:
        hear_9011(run, m);
        break;
    case 9012:
        hear_9012(run, link, m);
        break;
    case 9013: /* to what has no result: 2012, 2022 */
        end_well(run, link);
        break;
    default:
        go_on(run);
        change(run, "accepted");
    }
    return true;
}

static void put_back(struct run *run) {
    bool again = run->tries <= run->re_count;
    end(run, again ? "queued" : "failed", "the connection was lost");
}

void ww_hj212_command_link_lost(struct link *link) {
    struct run *run = link->station->run;
    if (run && !run->is_over && run->link == link)
        put_back(run);
}

/* ---- Claiming ---- */

static void begin_run(struct ww_hj212_gateway *gateway, const struct ww_pg_result *r, int row) {
    struct station *station = ww_hj212_station_named(gateway, ww_pg_str(r, row, 1));
    struct ww_str fields = ww_pg_str(r, row, 3);
    struct run *run = station && !station->run ? ww_try_calloc(1, sizeof *run + fields.len) : NULL;
    if (!run)
        return; /* it is put back when the station comes again */
    run->gateway = gateway;
    run->station = station;
    run->id = ww_pg_i64(r, row, 0);
    run->cn = (int)ww_pg_i64(r, row, 2);
    run->tries = (int)ww_pg_i64(r, row, 4);
    run->state = "sent";
    run->qn_rtn = run->exe_rtn = -1;
    memcpy(run->bytes, fields.ptr, fields.len);
    run->fields = (struct ww_str){run->bytes, fields.len};
    ww_buf_init(&run->answers, HJ212_MAX_ANSWERS);
    TAILQ_INSERT_TAIL(&gateway->runs, run, all);
    station->run = run;
    const struct ww_hj212_station *record = record_of(run);
    run->over_ms = record ? record->over_time_s * 1000 : 1000;
    run->re_count = record ? record->re_count : 0;
    run->link = ww_hj212_station_newest(station);
    if (!run->link) {
        put_back(run);
        return;
    }
    if (record)
        next_qn(gateway, record->zone, run->qn);
    gateway->counters.commands_sent++;
    change(run, "sent");
    send_request(run);
}

static void on_claimed(void *arg, enum ww_status status, const struct ww_pg_result *result,
                       const struct ww_error *err) {
    struct ww_hj212_gateway *gateway = arg;
    if (!ww_hj212_gateway_query_done(gateway))
        return;
    gateway->is_claiming = false;
    if (status == WW_OK) {
        for (int row = 0; row < ww_pg_rows(result); row++)
            begin_run(gateway, result, row);
    } else {
        gateway->look_at_all = true; /* with the next tick */
        if (status != WW_UNAVAILABLE && status != WW_BUSY)
            ww_log(WW_LOG_ERROR, "hj212=claim reason=\"%s\"", err->message);
        return;
    }
    if (ww_pg_rows(result) > 0 || !TAILQ_EMPTY(&gateway->looks))
        ww_hj212_gateway_wake(gateway);
}

static bool may_claim(const struct station *station) {
    return station->is_prepared && !station->run && ww_hj212_station_newest(station);
}

static void forget_look(struct ww_hj212_gateway *gateway, struct station *station) {
    if (!station->wants_look)
        return;
    station->wants_look = false;
    TAILQ_REMOVE(&gateway->looks, station, look);
}

/* The MNs as a JSON array; how many. */
static int list_stations(struct ww_hj212_gateway *gateway, bool all, struct ww_buf *out) {
    struct ww_json w;
    struct station *station;
    int n = 0;
    ww_json_init(&w, out);
    ww_json_array(&w);
    if (all) {
        TAILQ_FOREACH(station, &gateway->stations, all) {
            forget_look(gateway, station);
            if (may_claim(station)) {
                ww_json_text(&w, station->mn);
                n++;
            }
        }
    }
    while ((station = TAILQ_FIRST(&gateway->looks))) {
        forget_look(gateway, station);
        if (may_claim(station)) {
            ww_json_text(&w, station->mn);
            n++;
        }
    }
    ww_json_end_array(&w);
    return n;
}

void ww_hj212_commands_look(struct ww_hj212_gateway *gateway) {
    int64_t now = ww_hj212_now_ms();
    bool all = gateway->look_at_all && now - gateway->looked_ms >= LOOK_ALL_EVERY_MS;
    if (gateway->is_claiming || gateway->is_stopped || (!all && TAILQ_EMPTY(&gateway->looks)))
        return;
    struct ww_buf mns;
    struct ww_pg_args args;
    ww_buf_init(&mns, CLAIM_BYTES);
    if (all) {
        gateway->look_at_all = false;
        gateway->looked_ms = now;
    }
    if (list_stations(gateway, all, &mns) > 0) {
        ww_pg_args_init(&args);
        ww_pg_arg_str(&args, ww_buf_str(&mns));
        if (ww_buf_status(&mns) == WW_OK &&
            ww_pg_pool_query(gateway->pool, ww_sql_find("station_command_claim"), &args, on_claimed,
                             gateway) == WW_OK) {
            gateway->is_claiming = true;
            gateway->n_queries++;
        } else {
            gateway->look_at_all = true;
        }
        ww_pg_args_clear(&args);
    }
    ww_buf_clear(&mns);
}

void ww_hj212_command_want_look(struct station *station) {
    if (station->wants_look || LIST_EMPTY(&station->links))
        return;
    struct ww_hj212_gateway *gateway = LIST_FIRST(&station->links)->session->gateway;
    station->wants_look = true;
    TAILQ_INSERT_TAIL(&gateway->looks, station, look);
    ww_hj212_gateway_wake(gateway);
}

/* ---- Time ---- */

static void check_deadline(struct run *run, int64_t now) {
    if (run->is_over || !run->link)
        return;
    if (run->link->session->pauses) { /* we don't hear it: the time does not run */
        if (run->deadline_ms < now + run->over_ms)
            run->deadline_ms = now + run->over_ms;
    } else if (now < run->deadline_ms) {
        return;
    } else if (strcmp(run->state, "accepted") == 0) {
        end(run, "failed", "the station accepted it, and no result came in time");
    } else if (run->sends <= run->re_count) {
        send_request(run);
    } else {
        end(run, "timed_out", "the station does not answer");
    }
}

void ww_hj212_commands_tick(struct ww_hj212_gateway *gateway, int64_t now) {
    struct run *run, *next;
    for (run = TAILQ_FIRST(&gateway->runs); run; run = next) {
        next = TAILQ_NEXT(run, all); /* a row's answer frees runs, never this */
        check_deadline(run, now);
        write_run(run);
    }
}
