/* Which format and which language an answer has: Accept (RFC 9110, 12.5.1) and Accept-Language, by their
 * weights. Pure.
 *
 * Of the ranges that fit a format the most exact one counts; the format with the highest weight wins, at
 * equal weights the one that the server names first. So a program that sends Accept: * / * gets JSON, and a
 * browser, which ranks text/html highest, gets a page.
 */
#include "server/ogc/ogc.h"

static const struct {
    const char *type, *name;
} formats[OGC_FORMATS] = {
    [OGC_JSON] = {"application/json", "json"},
    [OGC_HTML] = {"text/html", "html"},
    [OGC_GEOJSON] = {"application/geo+json", "geojson"},
    [OGC_GEOJSON_SEQ] = {"application/geo+json-seq", "geojsonseq"},
    [OGC_NDJSON] = {"application/x-ndjson", "ndjson"},
    [OGC_CSV] = {"text/csv", "csv"},
    [OGC_FGB] = {"application/flatgeobuf", "flatgeobuf"},
    [OGC_GPKG] = {"application/geopackage+sqlite3", "gpkg"},
    [OGC_SCHEMA] = {"application/schema+json", "schema"},
    [OGC_OPENAPI] = {"application/vnd.oai.openapi+json;version=3.0", "openapi"},
};

const enum ogc_format ogc_document_formats[] = {OGC_JSON, OGC_HTML, OGC_FORMATS};
const enum ogc_format ogc_feature_formats[] = {OGC_GEOJSON, OGC_HTML,   OGC_GEOJSON_SEQ, OGC_CSV,
                                               OGC_FGB,     OGC_NDJSON, OGC_GPKG,        OGC_FORMATS};

const char *ogc_media_type(enum ogc_format format) {
    return formats[format].type;
}

const char *ogc_format_name(enum ogc_format format) {
    return formats[format].name;
}

/* The next element of a comma-separated list, its parameters apart. */
static bool take_range(struct ww_str *rest, struct ww_str *value, double *weight) {
    while (rest->len > 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        struct ww_str element = {rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len};
        size_t used = element.len + (comma ? 1 : 0);
        *rest = (struct ww_str){rest->ptr + used, rest->len - used};
        const char *semicolon = element.len ? memchr(element.ptr, ';', element.len) : NULL;
        struct ww_str params = WW_STR("");
        if (semicolon) {
            params = (struct ww_str){semicolon, element.len - (size_t)(semicolon - element.ptr)};
            element.len = (size_t)(semicolon - element.ptr);
        }
        *value = ww_str_trim(element);
        *weight = 1;
        for (size_t i = 0; i + 2 < params.len; i++) {
            if ((params.ptr[i] == ';' || params.ptr[i] == ' ') &&
                (params.ptr[i + 1] == 'q' || params.ptr[i + 1] == 'Q') && params.ptr[i + 2] == '=') {
                size_t n = 0;
                while (i + 3 + n < params.len && strchr("0123456789.", params.ptr[i + 3 + n]))
                    n++;
                if (!ww_str_to_double((struct ww_str){params.ptr + i + 3, n}, weight))
                    *weight = 0;
                break;
            }
        }
        if (value->len > 0)
            return true;
    }
    return false;
}

/* 3 the type itself, 2 a kind of it ("text/" and a star), 1 anything, 0 no. */
static int fits(struct ww_str range, const char *type) {
    size_t n = strcspn(type, ";");
    if (ww_str_is(range, "*/*"))
        return 1;
    if (ww_str_eq_nocase(range, (struct ww_str){type, n}))
        return 3;
    if (range.len > 2 && memcmp(range.ptr + range.len - 2, "/*", 2) == 0 && range.len - 1 <= n &&
        ww_str_eq_nocase((struct ww_str){range.ptr, range.len - 1}, (struct ww_str){type, range.len - 1}))
        return 2;
    return 0;
}

static double weight_of(struct ww_str accept, const char *type) {
    struct ww_str rest = accept;
    struct ww_str range;
    double weight;
    double best = 0;
    int best_fit = 0;
    while (take_range(&rest, &range, &weight)) {
        int fit = fits(range, type);
        if (fit > best_fit) {
            best_fit = fit;
            best = weight;
        }
    }
    return best;
}

/* JSON in a special form is still JSON to who asks for application/json. */
static bool is_json(enum ogc_format format) {
    return format == OGC_GEOJSON || format == OGC_SCHEMA || format == OGC_OPENAPI;
}

int ogc_negotiate(struct ww_str accept, const enum ogc_format *offered, bool *plain_json) {
    *plain_json = false;
    if (ww_str_trim(accept).len == 0)
        return (int)offered[0];
    int best = -1;
    double best_weight = 0;
    for (size_t i = 0; offered[i] != OGC_FORMATS; i++) {
        double weight = weight_of(accept, formats[offered[i]].type);
        bool plain = false;
        if (is_json(offered[i])) {
            double as_json = weight_of(accept, "application/json");
            plain = as_json > weight;
            weight = plain ? as_json : weight;
        }
        if (weight > best_weight) {
            best_weight = weight;
            best = (int)offered[i];
            *plain_json = plain;
        }
    }
    return best;
}

bool ogc_is_chinese(struct ww_str accept_language) {
    struct ww_str rest = accept_language;
    struct ww_str range;
    double weight;
    double zh = 0;
    double other = 0;
    while (take_range(&rest, &range, &weight)) {
        struct ww_str start = {range.ptr, range.len < 2 ? range.len : 2};
        bool whole = range.len == 2 || (range.len > 2 && range.ptr[2] == '-');
        double *of = whole && ww_str_eq_nocase(start, WW_STR("zh")) ? &zh : &other;
        if (weight > *of && !ww_str_is(range, "*"))
            *of = weight;
    }
    return zh > other;
}
