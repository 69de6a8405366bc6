/* Writes simulated readings as request bodies, each feed in its own form (city_feeds.c says how to read
 * them).
 *
 *   struct ww_encoder enc;
 *   ww_encoder_init(&enc, WW_CITY_PLANT);
 *   ww_encode_tick(&enc, &thing, time_us, interval_us, &tick); …
 *   body = ww_encoder_finish(&enc);   // a view, good until the next reset
 *   ww_encoder_reset(&enc);
 *   ww_encoder_clear(&enc);
 */
#ifndef WW_SIMULATE_ENCODE_H
#define WW_SIMULATE_ENCODE_H

#include "geo/base/buf.h"
#include "ingest/simulate/script.h"

struct ww_encoder {
    enum ww_city_class class;
    struct ww_buf body;
    uint64_t records;
    bool finished;
};

void ww_encoder_init(struct ww_encoder *enc, enum ww_city_class class);
void ww_encoder_clear(struct ww_encoder *enc);
void ww_encoder_reset(struct ww_encoder *enc);
/* `time_us` is the moment, or the start of the interval. Not for complaints. */
void ww_encode_tick(struct ww_encoder *enc, const struct ww_city_thing *thing, int64_t time_us,
                    int64_t interval_us, const struct ww_tick *tick);
void ww_encode_complaint(struct ww_encoder *enc, int64_t time_us, struct ww_place place, uint64_t number,
                         int strength);
struct ww_str ww_encoder_finish(struct ww_encoder *enc);
const char *ww_encoder_content_type(enum ww_city_class class);

#endif
