/* GeoJSON geometry text → ww_polygon_from_geojson; what it accepts must make a ward index.
 * ww_link: ww_geo */
#include <stdlib.h>

#include "geo/coordinate.h"
#include "geo/ward_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_datum *datum;
    if (!datum && ww_datum_open(WW_STR("WGS84"), &datum, NULL) != WW_OK)
        abort();
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_polygon_report report;
    struct ww_error err = {.message = ""};
    struct ww_str ewkb;
    enum ww_status st = ww_polygon_from_geojson(arena, (struct ww_str){(const char *)data, size}, datum,
                                                &ewkb, &report, &err);
    if (st != WW_OK && !err.message[0])
        abort(); /* every refusal says why */
    if (st == WW_OK) {
        struct ww_ward_index *index = NULL;
        struct ww_ward_index_builder *b = ww_ward_index_builder_new();
        if (ww_ward_index_add_wkb(b, 1, WW_STR("1"), ewkb.ptr, ewkb.len, &err) != WW_OK) {
            ww_ward_index_builder_free(b);
        } else if (ww_ward_index_build(b, &index, &err) != WW_OK) {
            abort();
        } else {
            (void)ww_ward_index_find(index, (struct ww_place){.lon_deg = 1, .lat_deg = 1}, NULL);
            ww_ward_index_free(index);
        }
    }
    ww_arena_free(arena);
    return 0;
}
