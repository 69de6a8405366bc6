/* A plain reader of vector tiles, for tests: slow, checks everything, knows only one layer's first features.
 */
#ifndef TESTS_UNIT_TILE_MVT_READER_H
#define TESTS_UNIT_TILE_MVT_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "geo/base/str.h"

enum { READ_MOST = 4096 };

struct read_feature {
    uint64_t id, type;
    uint32_t tags[64], geometry[READ_MOST];
    size_t n_tags, n_geometry;
};

struct read_layer {
    struct ww_str name, keys[64], values[READ_MOST]; /* values: the Value message's bytes */
    size_t n_keys, n_values, n_features;
    uint64_t version, extent;
    struct read_feature *features; /* room for READ_MOST, the caller's */
};

static inline uint64_t read_varint(struct ww_str *in) {
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(in->len > 0 && shift < 64);
        const unsigned char c = (unsigned char)*in->ptr;
        in->ptr++, in->len--;
        v |= (uint64_t)(c & 127) << shift;
        if (c < 128)
            return v;
    }
}

static inline struct ww_str read_bytes(struct ww_str *in) {
    const uint64_t n = read_varint(in);
    assert_true(n <= in->len);
    const struct ww_str out = {in->ptr, (size_t)n};
    in->ptr += n, in->len -= (size_t)n;
    return out;
}

static inline size_t read_packed(struct ww_str in, uint32_t *out, size_t room) {
    size_t n = 0;
    while (in.len) {
        assert_true(n < room);
        out[n++] = (uint32_t)read_varint(&in);
    }
    return n;
}

static inline void read_one_feature(struct ww_str in, struct read_feature *f) {
    memset(f, 0, sizeof(*f));
    while (in.len) {
        switch (read_varint(&in)) {
        case 1 << 3:
            f->id = read_varint(&in);
            break;
        case 2 << 3 | 2:
            f->n_tags = read_packed(read_bytes(&in), f->tags, 64);
            break;
        case 3 << 3:
            f->type = read_varint(&in);
            break;
        case 4 << 3 | 2:
            f->n_geometry = read_packed(read_bytes(&in), f->geometry, READ_MOST);
            break;
        default:
            fail_msg("an unknown field in a feature");
        }
    }
    assert_true(f->n_tags % 2 == 0 && f->n_geometry > 0);
}

static inline void read_layer(struct ww_str tile, struct read_layer *out) {
    struct read_feature *features = out->features;
    memset(out, 0, sizeof(*out));
    out->features = features;
    assert_int_equal(read_varint(&tile), 3 << 3 | 2);
    struct ww_str in = read_bytes(&tile);
    assert_int_equal(tile.len, 0);
    while (in.len) {
        switch (read_varint(&in)) {
        case 1 << 3 | 2:
            out->name = read_bytes(&in);
            break;
        case 2 << 3 | 2:
            assert_true(out->n_features < READ_MOST);
            read_one_feature(read_bytes(&in), &out->features[out->n_features++]);
            break;
        case 3 << 3 | 2:
            out->keys[out->n_keys++] = read_bytes(&in);
            break;
        case 4 << 3 | 2:
            assert_true(out->n_values < READ_MOST);
            out->values[out->n_values++] = read_bytes(&in);
            break;
        case 5 << 3:
            out->extent = read_varint(&in);
            break;
        case 15 << 3:
            out->version = read_varint(&in);
            break;
        default:
            fail_msg("an unknown field in a layer");
        }
    }
    assert_int_equal(out->version, 2);
    assert_int_equal(out->extent, 4096);
    for (size_t i = 0; i < out->n_features; i++)
        for (size_t k = 0; k < out->features[i].n_tags; k += 2)
            assert_true(out->features[i].tags[k] < out->n_keys &&
                        out->features[i].tags[k + 1] < out->n_values);
}

/* The value of a tag, or none. */
static inline struct ww_str read_tag(const struct read_layer *layer, size_t feature, const char *key) {
    const struct read_feature *f = &layer->features[feature];
    for (size_t i = 0; i < f->n_tags; i += 2) {
        const struct ww_str k = layer->keys[f->tags[i]];
        if (k.len == strlen(key) && memcmp(k.ptr, key, k.len) == 0)
            return layer->values[f->tags[i + 1]];
    }
    return (struct ww_str){NULL, 0};
}

struct read_position {
    int64_t x, y;
};

/* The rings or lines of a feature: out gets their positions, `ends` where each ends. Returns how many. */
static inline size_t read_paths(const struct read_feature *f, struct read_position *out, size_t *ends) {
    size_t n = 0, paths = 0, at = 0;
    struct read_position cursor = {0, 0};
    while (at < f->n_geometry) {
        const uint32_t what = f->geometry[at] & 7, count = f->geometry[at] >> 3;
        at++;
        if (what == 7) {
            assert_int_equal(count, 1);
            continue;
        }
        assert_true(what == 1 || what == 2);
        if (what == 1 && n > 0 && f->type != 1)
            ends[paths++] = n;
        for (uint32_t i = 0; i < count; i++, at += 2) {
            assert_true(at + 1 < f->n_geometry && n < READ_MOST);
            const uint32_t dx = f->geometry[at], dy = f->geometry[at + 1];
            assert_true(what == 1 || dx || dy);
            cursor.x += (int32_t)(dx >> 1) ^ -(int32_t)(dx & 1);
            cursor.y += (int32_t)(dy >> 1) ^ -(int32_t)(dy & 1);
            out[n++] = cursor;
        }
    }
    ends[paths++] = n;
    return paths;
}

/* Twice the area; outer rings are positive (they run clockwise on the screen). */
static inline int64_t read_area2(const struct read_position *p, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0, j = n - 1; i < n; j = i++)
        sum += p[j].x * p[i].y - p[i].x * p[j].y;
    return sum;
}

#endif
