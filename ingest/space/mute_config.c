/* Reads "mute" of a rule's config; writes why something is muted. */
#include "ingest/space/mute_config.h"

static enum ww_status refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s: %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

void ww_mute_config_init(struct ww_mute_config *c, bool maintenance) {
    *c = (struct ww_mute_config){.maintenance = maintenance,
                                 .property = WW_STR("rain"),
                                 .feed = WW_STR(""),
                                 .thing = WW_STR(""),
                                 .for_us = 6 * WW_HOUR_US};
}

static bool read_text(const struct ww_json_node *m, struct ww_str *out) {
    return ww_json_as_str(m, out) && out->len > 0 && out->len <= 128;
}

static bool read_number(const struct ww_json_node *m, double low, double high, double *out) {
    return ww_json_as_double(m, out) && *out >= low && *out <= high;
}

static enum ww_status read_rain(const struct ww_json_node *rain, struct ww_mute_config *out,
                                struct ww_error *err) {
    if (rain->type != WW_JSON_OBJECT)
        return refuse(err, "mute.rain", "must be an object");
    out->rain = true;
    for (const struct ww_json_node *m = rain->child; m; m = m->next) {
        double hours;
        if (ww_str_is(m->key, "property")) {
            if (!read_text(m, &out->property))
                return refuse(err, "mute.rain.property", "must be the code of a property");
        } else if (ww_str_is(m->key, "feed") || ww_str_is(m->key, "thing")) {
            bool is_feed = ww_str_is(m->key, "feed");
            if (!read_text(m, is_feed ? &out->feed : &out->thing))
                return refuse(err, is_feed ? "mute.rain.feed" : "mute.rain.thing",
                              "must be a text of at most 128 bytes");
        } else if (ww_str_is(m->key, "above")) {
            if (!read_number(m, 0, 1e6, &out->above))
                return refuse(err, "mute.rain.above", "must be a number from 0 to 1000000");
        } else if (ww_str_is(m->key, "hours")) {
            if (!read_number(m, 0, WW_MUTE_MOST_HOURS, &hours))
                return refuse(err, "mute.rain.hours", "must be a number from 0 to 240");
            out->for_us = (int64_t)(hours * (double)WW_HOUR_US);
        } else if (ww_str_is(m->key, "within_m")) {
            if (!read_number(m, 1, 1e6, &out->within_m))
                return refuse(err, "mute.rain.within_m", "must be a number from 1 to 1000000");
        } else
            return refuse(err, "mute.rain", "has members property, feed, thing, above, hours, within_m only");
    }
    if ((out->feed.len > 0) != (out->thing.len > 0))
        return refuse(err, "mute.rain.thing", "goes with feed: both name the gauge");
    if (out->thing.len > 0 && out->within_m > 0)
        return refuse(err, "mute.rain.within_m", "goes without feed and thing, which name one gauge");
    return WW_OK;
}

enum ww_status ww_mute_config_read(const struct ww_json_node *member, struct ww_mute_config *out,
                                   struct ww_error *err) {
    if (member->type != WW_JSON_OBJECT)
        return refuse(err, "mute", "must be an object");
    for (const struct ww_json_node *m = member->child; m; m = m->next) {
        enum ww_status st = WW_OK;
        if (ww_str_is(m->key, "rain"))
            st = read_rain(m, out, err);
        else if (!ww_str_is(m->key, "maintenance"))
            st = refuse(err, "mute", "has members rain and maintenance only");
        else if (!ww_json_as_bool(m, &out->maintenance))
            st = refuse(err, "mute.maintenance", "must be true or false");
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

const char *ww_mute_reason_word(enum ww_mute_reason reason) {
    static const char *const words[] = {"", "rain", "maintenance"};
    return words[reason];
}

void ww_mute_write(const struct ww_mute *mute, struct ww_json *json) {
    char text[40];
    ww_json_key(json, "reason");
    ww_json_text(json, ww_mute_reason_word(mute->reason));
    ww_instant_text(mute->until_us, text);
    ww_json_key(json, "until");
    ww_json_text(json, text);
    ww_json_key(json, mute->reason == WW_MUTE_RAIN ? "gauge" : "window");
    ww_json_int(json, mute->reason == WW_MUTE_RAIN ? mute->datastream : mute->window);
}
