/* ww_link: ww_hotspot
 * Files of spatial weights and polygons for contiguity; the first byte chooses. */
#include <stdlib.h>

#include "geo/hotspot/contiguity.h"
#include "geo/hotspot/weight_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACES = 5 };

static void read_weights(struct ww_str text, enum ww_weight_format format) {
    static const char *const names[PLACES] = {"a", "b", "500115001", "x y", "7"};
    struct ww_map *ids = ww_map_new(PLACES);
    struct ww_weight_file file;
    struct ww_weights *w;
    struct ww_error err;
    for (uint32_t i = 0; i < PLACES; i++)
        if (ww_map_put(ids, ww_str_of(names[i]), i) != WW_OK)
            abort();
    if (ww_weight_file_read(text, format, ids, PLACES, &file, &err) == WW_OK) {
        if (ww_weight_file_weights(&file, PLACES, &w, &err) == WW_OK) {
            for (uint32_t k = 0; k < w->start[PLACES]; k++) /* what is taken is a row of weights */
                if (w->index[k] >= PLACES || !(w->weight[k] > 0))
                    abort();
            ww_weights_free(w);
        } else if (err.line < 1)
            abort();
        ww_weight_file_clear(&file);
    }
    ww_map_free(ids);
}

static void read_polygon(struct ww_str text) {
    static const char square[] = "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,2],[0,2],[0,0]]]}";
    struct ww_polygons *set = ww_polygons_new();
    struct ww_weights *w;
    if (ww_polygons_add(set, text, NULL) == WW_OK && ww_polygons_add(set, WW_STR(square), NULL) == WW_OK &&
        ww_polygons_weights(set, WW_ROOK, 0, &w, NULL) == WW_OK)
        ww_weights_free(w);
    ww_polygons_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct ww_str text = {(const char *)data + 1, size - 1};
    if (data[0] % 4 == 3)
        read_polygon(text);
    else
        read_weights(text, (enum ww_weight_format)(data[0] % 4));
    return 0;
}
