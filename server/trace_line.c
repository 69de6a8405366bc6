/* Pieces of lines; see trace_line.h. */
#include "server/trace_line.h"

#include <math.h>

#include "geo/base/json_reader.h"
#include "geo/near.h"

static const struct ww_json_node *coordinates_of(const struct ww_json_node *root) {
    struct ww_str type;
    const struct ww_json_node *list = ww_json_get(root, "coordinates");
    bool is = ww_json_as_str(ww_json_get(root, "type"), &type) && ww_str_is(type, "LineString");
    return is && list ? list->child : NULL;
}

bool ww_trace_line_read(struct ww_arena *arena, struct ww_str geometry, struct ww_trace_line *out) {
    struct ww_json_node *root = NULL;
    uint32_t most = 0;
    *out = (struct ww_trace_line){0};
    if (geometry.len == 0 || ww_json_parse(arena, geometry, &root, NULL) != WW_OK)
        return false;
    for (const struct ww_json_node *p = coordinates_of(root); p; p = p->next)
        most++;
    out->at = ww_arena_calloc(arena, most + (size_t)1, sizeof *out->at);
    if (!out->at)
        return false;
    for (const struct ww_json_node *p = coordinates_of(root); p; p = p->next) {
        double *at = out->at[out->n];
        if (!p->child || !ww_json_as_double(p->child, &at[0]) || !ww_json_as_double(p->child->next, &at[1]))
            continue;
        if (out->n > 0)
            out->length_m += ww_near_metres(out->at[out->n - 1], at, WW_NEAR_EARTH_M);
        out->n++;
    }
    return out->n >= 2;
}

/* Segment and share within it. */
static uint32_t segment_at(const struct ww_trace_line *line, double share, double *within) {
    double left = fmin(1, fmax(0, share)) * line->length_m;
    uint32_t i = 0;
    for (; i + 2 < line->n; i++) {
        double long_m = ww_near_metres(line->at[i], line->at[i + 1], WW_NEAR_EARTH_M);
        if (left <= long_m)
            break;
        left -= long_m;
    }
    double long_m = ww_near_metres(line->at[i], line->at[i + 1], WW_NEAR_EARTH_M);
    *within = long_m > 0 ? fmin(1, left / long_m) : 0;
    return i;
}

void ww_trace_line_at(const struct ww_trace_line *line, double share, double at[2]) {
    double within;
    uint32_t i = segment_at(line, share, &within);
    for (int axis = 0; axis < 2; axis++)
        at[axis] = line->at[i][axis] + within * (line->at[i + 1][axis] - line->at[i][axis]);
}

static void put_position(struct ww_json *w, const double at[2]) {
    ww_json_array(w);
    ww_json_double(w, round(at[0] * 1e7) / 1e7); /* a centimetre */
    ww_json_double(w, round(at[1] * 1e7) / 1e7);
    ww_json_end_array(w);
}

void ww_trace_line_put(struct ww_json *w, const struct ww_trace_line *line, double from, double to) {
    double first[2], last[2], within;
    ww_trace_line_at(line, from, first);
    ww_trace_line_at(line, to, last);
    ww_json_object(w);
    ww_json_key(w, "type");
    ww_json_text(w, from == to ? "Point" : "LineString");
    ww_json_key(w, "coordinates");
    if (from == to) {
        put_position(w, first);
    } else {
        uint32_t i = segment_at(line, from, &within), end = segment_at(line, to, &within);
        ww_json_array(w);
        put_position(w, first);
        for (; i < end; i++)
            put_position(w, line->at[i + 1]);
        put_position(w, last);
        ww_json_end_array(w);
    }
    ww_json_end_object(w);
}
