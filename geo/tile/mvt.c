/* The protobuf of vector tiles, written as it comes: features into one buffer, their values into another.
 *
 * A layer is  name(1) features(2)* keys(3)* values(4)* extent(5) version(15). Protobuf lets fields stand in
 * any order, so the buffers are laid one after another at the layer's end and nothing is written twice. A
 * feature is first collected as its two packed lists, tags and geometry, since their lengths stand before
 * them.
 */
#include "geo/tile/mvt.h"

#include <assert.h>
#include <string.h>

#include "geo/base/alloc.h"

#define CEILING ((size_t)64 << 20) /* of a layer's features; a tile of that size helps nobody */

enum { VARINT = 0, BITS64 = 1, BYTES = 2 };
enum { LAYER = 3, NAME = 1, FEATURES = 2, KEYS = 3, VALUES = 4, EXTENT = 5, VERSION = 15 };
enum { FEATURE_ID = 1, FEATURE_TAGS = 2, FEATURE_TYPE = 3, FEATURE_GEOMETRY = 4 };
enum value_kind {
    VALUE_TEXT = 1,
    VALUE_DOUBLE = 3,
    VALUE_UINT = 5,
    VALUE_SINT = 6,
    VALUE_BOOL = 7
}; /* field numbers */
enum { MOVE_TO = 1, LINE_TO = 2, CLOSE_PATH = 7 };

struct value {
    uint64_t hash;
    uint64_t bits;      /* of a number */
    struct ww_str text; /* of a text */
    uint32_t layer;     /* in which it was seen; any other is an empty slot */
    uint32_t index;
    enum value_kind kind;
};

struct position {
    int32_t x, y;
};

struct ww_mvt {
    struct ww_buf name, keys, values, features, tags, geometry;
    uint32_t n_keys, n_values, n_features;
    uint32_t n_known; /* values in the table */
    uint32_t layer;   /* counts up, so that the table of values need not be cleared */
    struct value *table;
    size_t table_size; /* a power of two */
    uint64_t id;
    enum ww_mvt_type type;
    struct position *path; /* since the last end of a line or ring */
    size_t n_path, path_room;
    struct position cursor;
    bool failed, feature_failed;
};

struct ww_mvt *ww_mvt_new(void) {
    struct ww_mvt *mvt = ww_try_calloc(1, sizeof(*mvt));
    if (!mvt)
        return NULL;
    ww_buf_init(&mvt->name, CEILING);
    ww_buf_init(&mvt->keys, CEILING);
    ww_buf_init(&mvt->values, CEILING);
    ww_buf_init(&mvt->features, CEILING);
    ww_buf_init(&mvt->tags, CEILING);
    ww_buf_init(&mvt->geometry, CEILING);
    return mvt;
}

void ww_mvt_free(struct ww_mvt *mvt) {
    if (!mvt)
        return;
    ww_buf_clear(&mvt->name);
    ww_buf_clear(&mvt->keys);
    ww_buf_clear(&mvt->values);
    ww_buf_clear(&mvt->features);
    ww_buf_clear(&mvt->tags);
    ww_buf_clear(&mvt->geometry);
    ww_free(mvt->table);
    ww_free(mvt->path);
    ww_free(mvt);
}

/* ---- Protobuf ---- */

#define VARINT_MAX 10

static size_t varint_put(char *at, uint64_t v) {
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        at[n++] = (char)(v | 128);
    at[n++] = (char)v;
    return n;
}

static size_t varint_size(uint64_t v) {
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

static void varint(struct ww_buf *buf, uint64_t v) {
    char *at = ww_buf_reserve(buf, VARINT_MAX);
    if (at)
        buf->len += varint_put(at, v);
}

static void tag(struct ww_buf *buf, uint32_t field, uint32_t wire) {
    varint(buf, field << 3 | wire);
}

static void bytes(struct ww_buf *buf, uint32_t field, struct ww_str data) {
    tag(buf, field, BYTES);
    varint(buf, data.len);
    ww_buf_str_add(buf, data);
}

static uint32_t zigzag(int32_t v) {
    return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static size_t tag_size(uint32_t field) {
    return varint_size((uint64_t)field << 3);
}

/* ---- Layer ---- */

void ww_mvt_layer(struct ww_mvt *mvt, struct ww_str name) {
    struct ww_buf *const all[] = {&mvt->name,     &mvt->keys, &mvt->values,
                                  &mvt->features, &mvt->tags, &mvt->geometry};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        ww_buf_reset(all[i]);
    if (++mvt->layer == 0) { /* after four thousand million layers */
        memset(mvt->table, 0, mvt->table_size * sizeof(*mvt->table));
        mvt->layer = 1;
    }
    mvt->n_keys = mvt->n_values = mvt->n_features = mvt->n_known = 0;
    mvt->failed = false;
    bytes(&mvt->name, NAME, name);
}

uint32_t ww_mvt_key(struct ww_mvt *mvt, struct ww_str name) {
    bytes(&mvt->keys, KEYS, name);
    return mvt->n_keys++;
}

enum ww_status ww_mvt_layer_end(struct ww_mvt *mvt, struct ww_buf *out) {
    const struct ww_buf *const parts[] = {&mvt->name, &mvt->keys, &mvt->values, &mvt->features};
    size_t len = tag_size(EXTENT) + varint_size(WW_MVT_EXTENT) + tag_size(VERSION) + varint_size(2);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        mvt->failed |= ww_buf_status(parts[i]) != WW_OK;
        len += parts[i]->len;
    }
    if (mvt->failed)
        return WW_NO_MEMORY;
    if (mvt->n_features == 0)
        return ww_buf_status(out);
    tag(out, LAYER, BYTES);
    varint(out, len);
    tag(out, VERSION, VARINT);
    varint(out, 2);
    ww_buf_add(out, mvt->name.data, mvt->name.len);
    ww_buf_add(out, mvt->features.data, mvt->features.len);
    if (mvt->keys.len)
        ww_buf_add(out, mvt->keys.data, mvt->keys.len);
    if (mvt->values.len)
        ww_buf_add(out, mvt->values.data, mvt->values.len);
    tag(out, EXTENT, VARINT);
    varint(out, WW_MVT_EXTENT);
    return ww_buf_status(out);
}

/* ---- Values ---- */

static bool same_value(const struct value *a, const struct value *b) {
    return a->hash == b->hash && a->kind == b->kind && a->bits == b->bits && a->text.len == b->text.len &&
           (a->text.len == 0 || memcmp(a->text.ptr, b->text.ptr, a->text.len) == 0);
}

static bool table_grow(struct ww_mvt *mvt) {
    const size_t size = mvt->table_size ? mvt->table_size * 2 : 256;
    struct value *table = ww_try_calloc(size, sizeof(*table));
    if (!table)
        return false;
    for (size_t i = 0; i < mvt->table_size; i++)
        if (mvt->table[i].layer == mvt->layer) {
            size_t at = mvt->table[i].hash & (size - 1);
            while (table[at].layer == mvt->layer)
                at = (at + 1) & (size - 1);
            table[at] = mvt->table[i];
        }
    ww_free(mvt->table);
    mvt->table = table;
    mvt->table_size = size;
    return true;
}

static void text_write(struct ww_buf *out, struct ww_str text) {
    const size_t inner = tag_size(VALUE_TEXT) + varint_size(text.len) + text.len;
    char *at = ww_buf_reserve(out, 4 * VARINT_MAX + text.len);
    size_t n;
    if (!at)
        return;
    n = varint_put(at, VALUES << 3 | BYTES);
    n += varint_put(at + n, inner);
    n += varint_put(at + n, VALUE_TEXT << 3 | BYTES);
    n += varint_put(at + n, text.len);
    if (text.len)
        memcpy(at + n, text.ptr, text.len);
    out->len += n + text.len;
}

static void number_write(struct ww_buf *out, enum value_kind kind, uint64_t bits) {
    char *at = ww_buf_reserve(out, 4 * VARINT_MAX);
    size_t n = 2; /* the tag of Value and its length, which is below 128 */
    if (!at)
        return;
    n += varint_put(at + n, (uint64_t)kind << 3 | (kind == VALUE_DOUBLE ? BITS64 : VARINT));
    if (kind == VALUE_DOUBLE)
        for (int i = 0; i < 8; i++)
            at[n++] = (char)(bits >> (8 * i));
    else
        n += varint_put(at + n, bits);
    at[0] = VALUES << 3 | BYTES;
    at[1] = (char)(n - 2);
    out->len += n;
}

/* The value's number: the one that it has, or a new one. */
static uint32_t value_number(struct ww_mvt *mvt, struct value v) {
    size_t at;
    if ((mvt->n_known + 1) * 2 > mvt->table_size && !table_grow(mvt)) {
        mvt->failed = true;
        return UINT32_MAX;
    }
    v.hash = v.kind == VALUE_TEXT ? ww_str_hash(v.text)
                                  : (v.bits ^ v.bits >> 29 ^ (uint64_t)v.kind << 56) * 0x9e3779b97f4a7c15u;
    v.hash ^= v.hash >> 32;
    for (at = v.hash & (mvt->table_size - 1); mvt->table[at].layer == mvt->layer;
         at = (at + 1) & (mvt->table_size - 1))
        if (same_value(&mvt->table[at], &v))
            return mvt->table[at].index;
    v.layer = mvt->layer;
    v.index = mvt->n_values++;
    mvt->table[at] = v;
    mvt->n_known++;
    if (v.kind == VALUE_TEXT)
        text_write(&mvt->values, v.text);
    else
        number_write(&mvt->values, v.kind, v.bits);
    return v.index;
}

void ww_mvt_tag(struct ww_mvt *mvt, uint32_t key, uint32_t value) {
    char *at = ww_buf_reserve(&mvt->tags, 2 * VARINT_MAX);
    assert(key < mvt->n_keys);
    if (value == UINT32_MAX || !at) {
        mvt->feature_failed = true;
        return;
    }
    const size_t n = varint_put(at, key);
    mvt->tags.len += n + varint_put(at + n, value);
}

uint32_t ww_mvt_new_text(struct ww_mvt *mvt, struct ww_str text) {
    text_write(&mvt->values, text);
    return mvt->n_values++;
}

static void tag_value(struct ww_mvt *mvt, uint32_t key, struct value v) {
    ww_mvt_tag(mvt, key, value_number(mvt, v));
}

void ww_mvt_tag_text(struct ww_mvt *mvt, uint32_t key, struct ww_str text) {
    tag_value(mvt, key, (struct value){.kind = VALUE_TEXT, .text = text});
}

void ww_mvt_tag_i64(struct ww_mvt *mvt, uint32_t key, int64_t value) {
    if (value >= 0)
        tag_value(mvt, key, (struct value){.kind = VALUE_UINT, .bits = (uint64_t)value});
    else
        tag_value(mvt, key, (struct value){.kind = VALUE_SINT, .bits = (uint64_t)value << 1 ^ UINT64_MAX});
}

void ww_mvt_tag_double(struct ww_mvt *mvt, uint32_t key, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    number_write(&mvt->values, VALUE_DOUBLE, bits);
    ww_mvt_tag(mvt, key, mvt->n_values++);
}

void ww_mvt_tag_bool(struct ww_mvt *mvt, uint32_t key, bool value) {
    tag_value(mvt, key, (struct value){.kind = VALUE_BOOL, .bits = value});
}

/* ---- Geometry ---- */

void ww_mvt_feature(struct ww_mvt *mvt, uint64_t id, enum ww_mvt_type type) {
    ww_buf_reset(&mvt->tags);
    ww_buf_reset(&mvt->geometry);
    mvt->id = id;
    mvt->type = type;
    mvt->n_path = 0;
    mvt->cursor = (struct position){0, 0};
    mvt->feature_failed = false;
}

void ww_mvt_position(struct ww_mvt *mvt, int32_t x, int32_t y) {
    struct position *last = mvt->n_path ? &mvt->path[mvt->n_path - 1] : NULL;
    if (last && last->x == x && last->y == y && mvt->type != WW_MVT_POINT)
        return; /* a step of no length must not be written */
    if (mvt->n_path == mvt->path_room) {
        const size_t room = mvt->path_room ? mvt->path_room * 2 : 64;
        struct position *path = ww_try_realloc(mvt->path, room * sizeof(*path));
        if (!path) {
            mvt->feature_failed = true;
            return;
        }
        mvt->path = path, mvt->path_room = room;
    }
    mvt->path[mvt->n_path++] = (struct position){x, y};
}

static void command(struct ww_mvt *mvt, uint32_t what, size_t count) {
    varint(&mvt->geometry, (uint64_t)count << 3 | what);
}

static void step_to(struct ww_mvt *mvt, struct position to) {
    char *at = ww_buf_reserve(&mvt->geometry, 2 * VARINT_MAX);
    size_t n;
    if (!at)
        return;
    n = varint_put(at, zigzag(to.x - mvt->cursor.x));
    n += varint_put(at + n, zigzag(to.y - mvt->cursor.y));
    mvt->geometry.len += n;
    mvt->cursor = to;
}

void ww_mvt_line_end(struct ww_mvt *mvt) {
    if (mvt->n_path >= 2) {
        command(mvt, MOVE_TO, 1);
        step_to(mvt, mvt->path[0]);
        command(mvt, LINE_TO, mvt->n_path - 1);
        for (size_t i = 1; i < mvt->n_path; i++)
            step_to(mvt, mvt->path[i]);
    }
    mvt->n_path = 0;
}

/* Twice the area; positive when it runs clockwise on the screen, where y goes down. */
static int64_t ring_area2(const struct position *p, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0, j = n - 1; i < n; j = i++)
        sum += (int64_t)p[j].x * p[i].y - (int64_t)p[i].x * p[j].y;
    return sum;
}

bool ww_mvt_ring_end(struct ww_mvt *mvt, bool outer) {
    struct position *p = mvt->path;
    size_t n = mvt->n_path;
    int64_t area2;
    mvt->n_path = 0;
    while (n > 1 && p[n - 1].x == p[0].x && p[n - 1].y == p[0].y)
        n--; /* ClosePath closes it */
    area2 = n >= 3 ? ring_area2(p, n) : 0;
    if (area2 == 0)
        return false;
    command(mvt, MOVE_TO, 1);
    step_to(mvt, p[0]);
    command(mvt, LINE_TO, n - 1);
    for (size_t i = 1; i < n; i++)
        step_to(mvt, p[(area2 > 0) == outer ? i : n - i]);
    command(mvt, CLOSE_PATH, 1);
    return true;
}

bool ww_mvt_feature_end(struct ww_mvt *mvt) {
    struct ww_buf *out = &mvt->features;
    size_t len, geometry_len;
    if (mvt->type == WW_MVT_POINT && mvt->n_path > 0) {
        command(mvt, MOVE_TO, mvt->n_path);
        for (size_t i = 0; i < mvt->n_path; i++)
            step_to(mvt, mvt->path[i]);
        mvt->n_path = 0;
    }
    assert(mvt->n_path == 0); /* each line and ring was ended */
    geometry_len = mvt->geometry.len;
    if (mvt->feature_failed || ww_buf_status(&mvt->tags) != WW_OK || ww_buf_status(&mvt->geometry) != WW_OK) {
        mvt->failed = true;
        return false;
    }
    if (geometry_len == 0)
        return false;
    len = tag_size(FEATURE_ID) + varint_size(mvt->id) + tag_size(FEATURE_TYPE) + varint_size(mvt->type) +
          tag_size(FEATURE_GEOMETRY) + varint_size(geometry_len) + geometry_len;
    if (mvt->tags.len)
        len += tag_size(FEATURE_TAGS) + varint_size(mvt->tags.len) + mvt->tags.len;
    char *at = ww_buf_reserve(out, len + 2 * VARINT_MAX);
    size_t n;
    if (!at)
        return false;
    n = varint_put(at, FEATURES << 3 | BYTES);
    n += varint_put(at + n, len);
    n += varint_put(at + n, FEATURE_ID << 3 | VARINT);
    n += varint_put(at + n, mvt->id);
    if (mvt->tags.len) {
        n += varint_put(at + n, FEATURE_TAGS << 3 | BYTES);
        n += varint_put(at + n, mvt->tags.len);
        memcpy(at + n, mvt->tags.data, mvt->tags.len);
        n += mvt->tags.len;
    }
    n += varint_put(at + n, FEATURE_TYPE << 3 | VARINT);
    n += varint_put(at + n, mvt->type);
    n += varint_put(at + n, FEATURE_GEOMETRY << 3 | BYTES);
    n += varint_put(at + n, geometry_len);
    memcpy(at + n, mvt->geometry.data, geometry_len);
    out->len += n + geometry_len;
    mvt->n_features++;
    return true;
}
