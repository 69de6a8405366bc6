/* EWKB → ww_geom_read; what it accepts can be written in every way, with as many points as it says.
 * ww_link: ww_geo */
#include <stdlib.h>

#include "geo/base/json_reader.h"
#include "geo/geom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_geom geom;
    struct ww_error err = {.message = ""};
    ww_geom_init(&geom);
    enum ww_status st = ww_geom_read(&geom, (struct ww_str){(const char *)data, size}, &err);
    if (st != WW_OK && !err.message[0])
        abort(); /* every refusal says why */
    double box[4];
    if (st == WW_OK && !ww_geom_has_hole(&geom)) {
        struct ww_buf out;
        ww_buf_init(&out, (size_t)16 << 20);
        (void)ww_geom_box(&geom, box);
        ww_geom_wkt(&geom, 8, &out);
        ww_buf_reset(&out);
        ww_geom_geojson(&geom, 8, &out);
        struct ww_json_reader r;
        struct ww_json_event ev = {.type = WW_JSON_NULL};
        ww_json_reader_init(&r, ww_buf_str(&out));
        size_t numbers = 0;
        while (out.failed == WW_OK && ww_json_next(&r, &ev, NULL) == WW_OK && ev.type != WW_JSON_END)
            numbers += ev.type == WW_JSON_NUMBER;
        if (out.failed == WW_OK && (ev.type != WW_JSON_END || numbers < 2 * geom.n_points))
            abort();
        ww_buf_clear(&out);
    }
    ww_geom_clear(&geom);
    return 0;
}
