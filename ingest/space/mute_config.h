/* What a rule says of muting, and what is said of a muted signal: the words of ingest/mute.h, without what
 * decides.
 */
#ifndef WW_INGEST_SPACE_MUTE_CONFIG_H
#define WW_INGEST_SPACE_MUTE_CONFIG_H

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"
#include "geo/instant.h"
#include "geo/place.h"

enum ww_mute_reason { WW_MUTE_NONE, WW_MUTE_RAIN, WW_MUTE_MAINTENANCE };
#define WW_MUTE_REASONS    3
#define WW_MUTE_MOST_HOURS 240
/* What ended so short a time before a signal is named in the alert's explanation. */
#define WW_MUTE_JUST_US (6 * WW_HOUR_US)

struct ww_mute_config {
    bool maintenance, rain;
    struct ww_str property;    /* that gauges measure */
    struct ww_str feed, thing; /* one gauge; "" = by place */
    double above;              /* dry up to that value, in the property's unit */
    int64_t for_us;
    double within_m; /* 0 = of the same ward */
};
void ww_mute_config_init(struct ww_mute_config *config, bool maintenance);
/* The member "mute". The error's field is "mute.rain.hours" and the like. Texts stay views of the JSON. */
enum ww_status ww_mute_config_read(const struct ww_json_node *member, struct ww_mute_config *out,
                                   struct ww_error *err) WW_MUST_CHECK;

struct ww_cat_datastream; /* ingest/catalog.h */
/* Whose signal. */
struct ww_mute_subject {
    int32_t rule_id;
    const struct ww_cat_datastream *datastream; /* NULL: of an area */
    uint32_t ward_id;
    struct ww_place place; /* of an area; of a datastream its thing's is taken */
    bool has_place;
};
/* Why, by what and until when, as far as is known now. */
struct ww_mute {
    enum ww_mute_reason reason;
    int64_t until_us;
    int64_t window;     /* id */
    int64_t datastream; /* id of the gauge */
};
const char *ww_mute_reason_word(enum ww_mute_reason reason); /* "rain", "maintenance" */
/* Members "reason", "until", "window" or "gauge" of an object that is open. */
void ww_mute_write(const struct ww_mute *mute, struct ww_json *json);

#endif
