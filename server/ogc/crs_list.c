/* The reference systems that layers are offered in, their URIs, and converters that are kept.
 *
 * Offered are CRS84, EPSG:4326, 4490 and 3857, the layer's own, and those whose zone the layer lies in:
 * CGCS2000 / 3-degree Gauss-Kruger by central meridian and by zone number, as Chinese cadastres have them,
 * and UTM on WGS 84.
 */
#include <math.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "server/ogc/ogc.h"

enum { CACHE_SIZE = 64 };

struct ogc_crs_cache {
    struct {
        uint32_t from, to;
        struct ww_crs *crs; /* NULL: PROJ has no way */
    } rows[CACHE_SIZE];
    size_t n;
};

struct ogc_crs_cache *ogc_crs_cache_new(void) {
    return ww_must_calloc(1, sizeof(struct ogc_crs_cache));
}

void ogc_crs_cache_free(struct ogc_crs_cache *cache) {
    if (!cache)
        return;
    for (size_t i = 0; i < cache->n; i++)
        ww_crs_close(cache->rows[i].crs);
    ww_free(cache);
}

/* Layers have few systems and are offered in ten: the table is never full in practice. When it is, NULL: an
 * error is told. */
struct ww_crs *ogc_crs_get(struct ogc_crs_cache *cache, uint32_t from, uint32_t to) {
    for (size_t i = 0; i < cache->n; i++)
        if (cache->rows[i].from == from && cache->rows[i].to == to)
            return cache->rows[i].crs;
    if (cache->n == CACHE_SIZE)
        return NULL;
    struct ww_crs *crs = NULL;
    if (ww_crs_open(from, to, &crs, NULL) != WW_OK)
        crs = NULL;
    cache->rows[cache->n].from = from;
    cache->rows[cache->n].to = to;
    cache->rows[cache->n].crs = crs;
    return cache->rows[cache->n++].crs;
}

static void offer(uint32_t code, uint32_t out[OGC_CRS_MAX], int *n) {
    for (int i = 0; i < *n; i++)
        if (out[i] == code)
            return;
    if (*n < OGC_CRS_MAX)
        out[(*n)++] = code;
}

int ogc_crs_offered(const struct ww_layer *layer, uint32_t out[OGC_CRS_MAX]) {
    int n = 0;
    offer(WW_CRS84, out, &n);
    offer((uint32_t)layer->srid, out, &n);
    offer(4326, out, &n);
    offer(4490, out, &n);
    offer(3857, out, &n);
    if (!layer->has_box || layer->box[0] > layer->box[2])
        return n;
    double lon = (layer->box[0] + layer->box[2]) / 2;
    double lat = (layer->box[1] + layer->box[3]) / 2;
    long meridian = lround(lon / 3); /* 25 is 75° E, the first of EPSG:4534 and of zone 25, EPSG:4513 */
    if (meridian >= 25 && meridian <= 45) {
        offer((uint32_t)(4534 + meridian - 25), out, &n);
        offer((uint32_t)(4513 + meridian - 25), out, &n);
    }
    long zone = (long)floor((lon + 180) / 6) + 1;
    if (zone >= 1 && zone <= 60 && fabs(lat) < 80)
        offer((uint32_t)((lat < 0 ? 32700 : 32600) + zone), out, &n);
    return n;
}

void ogc_crs_uri(uint32_t code, char out[80]) {
    if (code == WW_CRS84)
        snprintf(out, 80, "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
    else
        snprintf(out, 80, "http://www.opengis.net/def/crs/EPSG/0/%u", code);
}

static bool after_prefix(struct ww_str text, const char *prefix, struct ww_str *rest) {
    struct ww_str p = ww_str_of(prefix);
    if (!ww_str_starts(text, p))
        return false;
    *rest = (struct ww_str){text.ptr + p.len, text.len - p.len};
    return true;
}

/* "EPSG/0/4326" or "EPSG:0:4326": authority, version (any, or none), code. */
static bool read_triple(struct ww_str text, char mark, uint32_t *code) {
    const char *first = text.len ? memchr(text.ptr, mark, text.len) : NULL;
    if (!first)
        return false;
    struct ww_str authority = {text.ptr, (size_t)(first - text.ptr)};
    struct ww_str rest = {first + 1, text.len - authority.len - 1};
    const char *second = rest.len ? memchr(rest.ptr, mark, rest.len) : NULL;
    if (!second)
        return false;
    struct ww_str number = {second + 1, rest.len - (size_t)(second - rest.ptr) - 1};
    uint64_t value;
    if (ww_str_eq_nocase(authority, WW_STR("OGC")) && ww_str_is(number, "CRS84")) {
        *code = WW_CRS84;
        return true;
    }
    if (!ww_str_eq_nocase(authority, WW_STR("EPSG")) || !ww_str_to_u64(number, &value) || value == 0 ||
        value > 999999)
        return false;
    *code = (uint32_t)value;
    return true;
}

static bool read_uri(struct ww_str uri, uint32_t *code) {
    struct ww_str rest;
    uint64_t number;
    if (after_prefix(uri, "http://www.opengis.net/def/crs/", &rest) ||
        after_prefix(uri, "https://www.opengis.net/def/crs/", &rest))
        return read_triple(rest, '/', code);
    if (after_prefix(uri, "urn:ogc:def:crs:", &rest))
        return read_triple(rest, ':', code);
    if (uri.len > 2 && uri.ptr[0] == '[' && uri.ptr[uri.len - 1] == ']') /* a safe CURIE, of Part 2 1.1 */
        uri = (struct ww_str){uri.ptr + 1, uri.len - 2};
    if (ww_str_is(uri, "OGC:CRS84")) {
        *code = WW_CRS84;
        return true;
    }
    if (!after_prefix(uri, "EPSG:", &rest) || !ww_str_to_u64(rest, &number) || number == 0 || number > 999999)
        return false;
    *code = (uint32_t)number;
    return true;
}

enum ww_status ogc_crs_read(const struct ww_layer *layer, const char *parameter, struct ww_str uri,
                            uint32_t *out, struct ww_error *err) {
    uint32_t offered[OGC_CRS_MAX];
    int n = ogc_crs_offered(layer, offered);
    if (read_uri(uri, out))
        for (int i = 0; i < n; i++)
            if (offered[i] == *out)
                return WW_OK;
    ww_error_set(err, WW_BAD_INPUT,
                 "%s must be one of the systems that the collection lists under crs, such as "
                 "http://www.opengis.net/def/crs/EPSG/0/4490",
                 parameter);
    ww_error_at_field(err, ww_str_of(parameter), uri);
    return WW_BAD_INPUT;
}
