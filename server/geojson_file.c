/* One pass over the collection; only one feature at a time becomes a tree. */
#include "server/geojson_file.h"

#include <stdio.h>

enum { FEATURE_CEILING = 1 << 30 };

typedef enum ww_status each_fn(void *arg, const struct ww_feature *feature, struct ww_arena *arena,
                               struct ww_error *err);

static enum ww_status one_feature(struct ww_str span, uint64_t number, each_fn *each, void *arg,
                                  struct ww_error *err) {
    struct ww_arena *arena = ww_arena_new(FEATURE_CEILING);
    if (!arena)
        return ww_error_set(err, WW_NO_MEMORY, "out of memory");
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, span, &root, err);
    if (st == WW_OK) {
        const struct ww_json_node *geometry = ww_json_get(root, "geometry");
        struct ww_feature feature = {.number = number, .properties = ww_json_get(root, "properties")};
        if (geometry && geometry->type == WW_JSON_OBJECT)
            feature.geometry = geometry->text;
        st = each(arg, &feature, arena, err);
    }
    ww_arena_free(arena);
    if (st != WW_OK && err) {
        char message[sizeof err->message];
        snprintf(message, sizeof message, "feature %llu: %.220s", (unsigned long long)number, err->message);
        memcpy(err->message, message, sizeof message);
        err->line = err->column = 0;
    }
    return st;
}

static enum ww_status read_features(struct ww_json_reader *r, struct ww_str text, each_fn *each, void *arg,
                                    struct ww_error *err) {
    struct ww_json_event ev;
    enum ww_status st = ww_json_next(r, &ev, err);
    if (st != WW_OK)
        return st;
    if (ev.type != WW_JSON_ARRAY)
        return ww_error_set(err, WW_BAD_INPUT, "\"features\" is not an array");
    for (uint64_t number = 1;; number++) {
        if ((st = ww_json_next(r, &ev, err)) != WW_OK)
            return st;
        if (ev.type == WW_JSON_END_ARRAY)
            return WW_OK;
        if (ev.type != WW_JSON_OBJECT) {
            ww_error_set(err, WW_BAD_INPUT, "a feature must be an object");
            ww_text_place(text, ev.offset, &err->line, &err->column);
            return WW_BAD_INPUT;
        }
        struct ww_str span;
        if ((st = ww_json_skip(r, &ev, &span, err)) != WW_OK ||
            (st = one_feature(span, number, each, arg, err)) != WW_OK)
            return st;
    }
}

enum ww_status ww_geojson_each(struct ww_str text, each_fn *each, void *arg, struct ww_error *err) {
    struct ww_error local;
    err = err ? err : &local;
    struct ww_json_reader r;
    struct ww_json_event ev;
    ww_json_reader_init(&r, text);
    enum ww_status st = ww_json_next(&r, &ev, err);
    if (st != WW_OK)
        return st;
    if (ev.type != WW_JSON_OBJECT)
        return ww_error_set(err, WW_BAD_INPUT, "not a GeoJSON FeatureCollection");
    bool found = false;
    while ((st = ww_json_next(&r, &ev, err)) == WW_OK && ev.type == WW_JSON_KEY) {
        if (ww_str_is(ev.text, "features")) {
            found = true;
            st = read_features(&r, text, each, arg, err);
        } else {
            st = ww_json_skip(&r, &ev, NULL, err);
        }
        if (st != WW_OK)
            return st;
    }
    if (st == WW_OK && !found)
        return ww_error_set(err, WW_BAD_INPUT, "not a GeoJSON FeatureCollection: no member \"features\"");
    return st;
}
