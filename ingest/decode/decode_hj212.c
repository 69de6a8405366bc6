/* Decodes one HJ 212 frame: every value of its data area becomes a row or a dead row.
 *
 *   DataTime=20160801080000;w01018-Avg=40.1,w01018-Max=44.0,w01018-Flag=N
 *
 * gives two series of the thing with key MN: cod, mean of 3,600 s, and cod, max of 3,600 s, both at 08:00
 * local time, the start of the interval (HJ 212-2017, Table 4). decode_hj212_items.c reads the items.
 */
#include "geo/base/arena.h"
#include "ingest/decode/decode_hj212_items.h"

static void refuse(struct decoder *d, const char *field, const struct ww_error *err) {
    ww_decoder_dead(d, ww_str_of(*err->field ? err->field : field), NULL, WW_STR_NONE, "%s", err->message);
}

static const struct ww_hj212_station *station_of(const struct decoder *d, struct ww_str mn) {
    const struct ww_hj212_stations *all = d->config->stations;
    const struct ww_hj212_station *station = all ? ww_hj212_station_find(all, mn) : NULL;
    return station && station->enabled && station->feed_id == d->config->feed_id ? station : NULL;
}

static int32_t interval_of(const struct ww_hj212_station *station, const struct ww_hj212_command *command) {
    return command->cn == 2051 && station->minute_interval_s > 0 ? station->minute_interval_s
                                                                 : command->interval_s;
}

/* What needs no DataTime is of the moment that it was sent. */
static bool may_be_of_its_qn(int cn) {
    return cn == 1001 || cn == 2081 || cn == 3015 || cn == 3019 || cn == 3020 || cn == 3022;
}

/* Of all items before the first DataTime. False: `d` has the dead row. */
static bool find_time(struct hj212_reading *f) {
    const struct ww_hj212_item *item = ww_hj212_find(f->m, "DataTime", "");
    struct ww_error err;
    f->has_time = true;
    if (!item && f->m->command == 2071)
        item = ww_hj212_find(f->m, "AlarmTime", "");
    /* A sub-packet may leave it to its set: the gateway knows. */
    struct ww_str time =
        item ? item->value : ww_content_type_parameter(f->d->content_type, WW_STR("data-time"));
    if (!time.ptr && may_be_of_its_qn(f->m->command)) {
        f->time_us = f->d->batch->sender_time_us;
        if (f->time_us != WW_INSTANT_NONE)
            return true;
    }
    if (!time.ptr)
        ww_decoder_dead(f->d, WW_STR("DataTime"), NULL, WW_STR_NONE, "there is no DataTime");
    else if (ww_hj212_time(time, f->station->zone, &f->time_us, &err) == WW_OK)
        return true;
    else
        refuse(f->d, "DataTime", &err);
    return false;
}

static void decode_message(struct decoder *d, const struct ww_hj212_station *station,
                           const struct ww_hj212_message *m) {
    const struct ww_hj212_command *command = ww_hj212_command(m->command);
    struct hj212_reading f = {.d = d, .station = station, .m = m};
    d->batch->sender_time_us = ww_hj212_qn_time(m->qn, station->zone);
    if (!command) {
        ww_decoder_dead(d, WW_STR("CN"), NULL, m->cn, "the command %d is unknown", m->command);
        return;
    }
    if (ww_hj212_kind_of(m) != WW_HJ212_UPLOAD) {
        ww_decoder_dead(d, WW_STR("CN"), NULL, m->cn, "the command %d carries no readings", m->command);
        return;
    }
    if (m->n_items == 0)
        return;
    f.interval_s = interval_of(station, command);
    if (find_time(&f))
        hj212_read_items(&f);
}

void ww_decode_hj212(struct decoder *d) {
    struct ww_hj212_frame frame;
    struct ww_hj212_message m = {0};
    struct ww_error err;
    size_t consumed;
    d->recognised = true; /* whatever a device sent is kept, if only as a dead letter */
    d->line = 1;
    d->raw = d->body;
    if (ww_hj212_next(d->body, true, &consumed, &frame) != WW_HJ212_CUT_FRAME) {
        ww_decoder_dead(d, WW_STR("frame"), NULL, WW_STR_NONE, "%zu bytes that are no frame", d->body.len);
        return;
    }
    const struct ww_hj212_station *unknown = ww_hj212_station_unknown(d->config->stations);
    enum ww_status st = ww_hj212_parse(&frame, &(struct ww_hj212_reading){.crc_mode = WW_HJ212_CRC_IGNORE},
                                       d->arena, &m, &err);
    const struct ww_hj212_station *station = m.mn.len ? station_of(d, m.mn) : NULL;
    if (!station && d->config->source.hj212.unknown != WW_UNKNOWN_REGISTER) {
        ww_decoder_dead(d, WW_STR("MN"), NULL, m.mn, "the station \"%.*s\" is not in the registry",
                        WW_STR_ARG(m.mn));
        return;
    }
    station = station ? station : unknown;
    st = ww_hj212_parse(&frame, &station->how, d->arena, &m, &err);
    d->batch->deviations |= m.deviations;
    if (st != WW_OK)
        refuse(d, "frame", &err);
    else if (station->password.len > 0 && !ww_str_eq(station->password, m.pw))
        ww_decoder_dead(d, WW_STR("PW"), NULL, WW_STR_NONE, "the PW is not that of the station");
    else
        decode_message(d, station, &m);
}
