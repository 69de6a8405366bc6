/* Writes the simulated city as the files that `wardwatch load` and the demo read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "geo/base/json_writer.h"
#include "ingest/simulate/city_data.h"
#include "ingest/simulate/signal.h"

#define FILE_CEILING ((size_t)1 << 30)

static enum ww_status write_file(const char *dir, const char *name, const struct ww_buf *buf,
                                 struct ww_error *err) {
    if (ww_buf_status(buf) != WW_OK)
        return ww_error_set(err, ww_buf_status(buf), "%s does not fit into memory", name);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    if (!file)
        return ww_error_set(err, WW_UNAVAILABLE, "cannot write %.150s: %s", path, strerror(errno));
    bool written = fwrite(buf->data, 1, buf->len, file) == buf->len && fputc('\n', file) != EOF;
    if (fclose(file) != 0 || !written)
        return ww_error_set(err, WW_UNAVAILABLE, "cannot write %.150s: %s", path, strerror(errno));
    return WW_OK;
}

static void write_pair(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void write_place(struct ww_json *w, struct ww_place place) {
    ww_json_array(w);
    ww_json_double(w, place.lon_deg);
    ww_json_double(w, place.lat_deg);
    ww_json_end_array(w);
}

static void begin_collection(struct ww_json *w, struct ww_buf *buf) {
    ww_json_init(w, buf);
    ww_json_object(w);
    write_pair(w, "type", "FeatureCollection");
    ww_json_key(w, "features");
    ww_json_array(w);
}

/* Leaves the writer inside `properties`. */
static void begin_feature(struct ww_json *w) {
    ww_buf_char(w->out, '\n');
    ww_json_object(w);
    write_pair(w, "type", "Feature");
    ww_json_key(w, "properties");
    ww_json_object(w);
}

/* Leaves the writer behind the key "coordinates". */
static void begin_geometry(struct ww_json *w, const char *type) {
    ww_json_key(w, "synthetic");
    ww_json_bool(w, 1);
    ww_json_end_object(w);
    ww_json_key(w, "geometry");
    ww_json_object(w);
    write_pair(w, "type", type);
    ww_json_key(w, "coordinates");
}

static void end_feature(struct ww_json *w) {
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static enum ww_status end_collection(struct ww_json *w, const char *dir, const char *name,
                                     struct ww_error *err) {
    ww_json_end_array(w);
    ww_json_end_object(w);
    enum ww_status st = write_file(dir, name, w->out, err);
    ww_buf_clear(w->out);
    return st;
}

static enum ww_status write_district(const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, 4096);
    ww_json_init(&w, &buf);
    ww_json_object(&w);
    write_pair(&w, "name_zh", "长寿区");
    write_pair(&w, "name_en", "Changshou District");
    write_pair(&w, "time_zone", "Asia/Shanghai");
    ww_json_key(&w, "synthetic");
    ww_json_bool(&w, 1);
    write_pair(&w, "attribution", "Ward seats: GeoNames, CC BY 4.0");
    write_pair(&w, "note", "Ward cells, rivers, sites and readings are simulated; no boundary is real");
    ww_json_end_object(&w);
    enum ww_status st = write_file(dir, "district.json", &buf, err);
    ww_buf_clear(&buf);
    return st;
}

static void write_ward(struct ww_json *w, const struct ww_city_ward *ward) {
    begin_feature(w);
    write_pair(w, "code", ward->code);
    write_pair(w, "name_zh", ward->name_zh);
    write_pair(w, "name_en", ward->name_en);
    write_pair(w, "seat_source", ward->seat_is_ours ? "approximate, invented" : "GeoNames, CC BY 4.0");
    ww_json_key(w, "seat");
    write_place(w, ward->seat);
    begin_geometry(w, "MultiPolygon");
    ww_json_array(w);
    for (uint32_t i = 0; i < ward->n_rings; i++) {
        ww_json_array(w);
        ww_json_array(w);
        for (uint32_t p = 0; p < ward->rings[i].n; p++)
            write_place(w, ward->rings[i].points[p]);
        ww_json_end_array(w);
        ww_json_end_array(w);
    }
    ww_json_end_array(w);
    end_feature(w);
}

static enum ww_status write_wards(const struct ww_city *city, const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    begin_collection(&w, &buf);
    for (uint32_t i = 0; i < city->n_wards; i++)
        write_ward(&w, &city->wards[i]);
    return end_collection(&w, dir, "wards.geojson", err);
}

static enum ww_status write_waterways(const struct ww_city *city, const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    begin_collection(&w, &buf);
    for (uint32_t i = 0; i < city->n_waterways; i++) {
        const struct ww_city_waterway *reach = &city->waterways[i];
        begin_feature(&w);
        write_pair(&w, "code", reach->code);
        write_pair(&w, "name_zh", reach->name_zh);
        write_pair(&w, "name_en", reach->name_en);
        write_pair(&w, "downstream", reach->downstream[0] ? reach->downstream : NULL);
        begin_geometry(&w, "LineString");
        ww_json_array(&w);
        for (uint32_t p = 0; p < reach->n_points; p++)
            write_place(&w, reach->points[p]);
        ww_json_end_array(&w);
        end_feature(&w);
    }
    return end_collection(&w, dir, "waterways.geojson", err);
}

static enum ww_status write_sites(const struct ww_city *city, const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    begin_collection(&w, &buf);
    for (uint32_t i = 0; i < city->n_sites; i++) {
        const struct ww_city_site *site = &city->sites[i];
        begin_feature(&w);
        write_pair(&w, "code", site->code);
        write_pair(&w, "name_zh", site->name_zh);
        write_pair(&w, "name_en", site->name_en);
        write_pair(&w, "kind", site->kind);
        write_pair(&w, "limit_class", site->limit_class);
        begin_geometry(&w, "Point");
        write_place(&w, site->place);
        end_feature(&w);
    }
    return end_collection(&w, dir, "sites.geojson", err);
}

/* The series that a thing has, and how often a value should come: complaints come as they come. */
static void write_datastreams(struct ww_json *w, const struct ww_city_thing *thing) {
    const struct ww_signal *signals;
    uint32_t n = ww_signals_of(thing, &signals);
    ww_json_key(w, "datastreams");
    ww_json_array(w);
    for (uint32_t i = 0; i < n; i++) {
        ww_json_object(w);
        write_pair(w, "property", signals[i].property);
        if (thing->class != WW_CITY_COMPLAINTS) {
            ww_json_key(w, "expected_step_s");
            ww_json_int(w, thing->class == WW_CITY_AIR ? 3600 : 300);
        }
        ww_json_end_object(w);
    }
    ww_json_end_array(w);
}

static enum ww_status write_things(const struct ww_city *city, const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    begin_collection(&w, &buf);
    for (uint32_t i = 0; i < city->n_things; i++) {
        const struct ww_city_thing *thing = &city->things[i];
        const struct ww_city_class_info *info = ww_city_class_info(thing->class);
        begin_feature(&w);
        write_pair(&w, "feed", info->feed);
        write_pair(&w, "key", thing->key);
        write_pair(&w, "name_zh", thing->name_zh);
        write_pair(&w, "name_en", thing->name_en);
        write_pair(&w, "class", info->class_name);
        write_pair(&w, "limit_class", thing->limit_class);
        write_pair(&w, "site", thing->site[0] ? thing->site : NULL);
        write_datastreams(&w, thing);
        begin_geometry(&w, "Point");
        write_place(&w, thing->place);
        end_feature(&w);
    }
    return end_collection(&w, dir, "things.geojson", err);
}

static enum ww_status write_feeds(const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    ww_json_init(&w, &buf);
    ww_json_array(&w);
    for (uint32_t i = 0; i < city_n_feeds; i++) {
        ww_buf_char(&buf, '\n');
        ww_json_object(&w);
        write_pair(&w, "name", city_feeds[i].name);
        write_pair(&w, "title", city_feeds[i].title);
        ww_json_key(&w, "config");
        ww_json_raw(&w, ww_str_of(city_feeds[i].config));
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    enum ww_status st = write_file(dir, "feeds.json", &buf, err);
    ww_buf_clear(&buf);
    return st;
}

static enum ww_status write_rules(const char *dir, struct ww_error *err) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, FILE_CEILING);
    ww_json_init(&w, &buf);
    ww_json_array(&w);
    for (uint32_t i = 0; i < city_n_rules; i++) {
        ww_buf_char(&buf, '\n');
        ww_json_object(&w);
        write_pair(&w, "code", city_rules[i].code);
        write_pair(&w, "name_zh", city_rules[i].name_zh);
        write_pair(&w, "name_en", city_rules[i].name_en);
        write_pair(&w, "detector", city_rules[i].detector ? city_rules[i].detector : "limit");
        ww_json_key(&w, "severity");
        ww_json_int(&w, city_rules[i].severity);
        ww_json_key(&w, "config");
        ww_json_raw(&w, ww_str_of(city_rules[i].config));
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    enum ww_status st = write_file(dir, "rules.json", &buf, err);
    ww_buf_clear(&buf);
    return st;
}

enum ww_status ww_city_write(const struct ww_city *city, const char *dir, struct ww_error *err) {
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return ww_error_set(err, WW_UNAVAILABLE, "cannot make %.150s: %s", dir, strerror(errno));
    enum ww_status st = write_district(dir, err);
    if (st == WW_OK)
        st = write_wards(city, dir, err);
    if (st == WW_OK)
        st = write_waterways(city, dir, err);
    if (st == WW_OK)
        st = write_sites(city, dir, err);
    if (st == WW_OK)
        st = write_things(city, dir, err);
    if (st == WW_OK)
        st = write_feeds(dir, err);
    if (st == WW_OK)
        st = write_rules(dir, err);
    return st;
}
