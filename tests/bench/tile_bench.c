/* Live tiles from memory: how many tiles and features a second on one core.
 * ww_link: ww_tile
 *
 *   bench_tile [points, default 200000]
 *
 * Points crowd a district half a degree wide, with an id, two texts, a number and a state each: the same as
 * the points that tile_bench.py asks ST_AsMVT for in the same run. One line a zoom. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/tile/live_layer.h"

/* Of this process: what others do on the machine does not count. */
static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t seed = 1;
static double random_01(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static struct ww_place random_place(void) {
    const double lon = 106.9 + 0.5 * random_01();
    return (struct ww_place){lon, 29.6 + 0.5 * random_01()};
}

int main(int argc, char **argv) {
    static const int zooms[] = {16, 14, 13, 12, 10, 8};
    const uint32_t n = argc > 1 ? (uint32_t)atol(argv[1]) : 200000;
    const struct ww_live_view all = {.all = true};
    struct ww_live_layer *layer = ww_live_layer_new(&(struct ww_live_options){
        .name = WW_STR("thing"), .max_rows = n, .cluster_below = 11, .state = WW_STR("severity")});
    const uint16_t name = ww_live_layer_column(layer, WW_STR("name")),
                   class = ww_live_layer_column(layer, WW_STR("class"));
    const uint16_t value = ww_live_layer_column(layer, WW_STR("value")),
                   state = ww_live_layer_column(layer, WW_STR("severity"));
    struct ww_mvt *mvt = ww_mvt_new();
    struct ww_buf out;
    double began = now_s();
    ww_buf_init(&out, 64 << 20);
    for (uint32_t i = 0; i < n; i++) {
        char text[24];
        const int len = snprintf(text, sizeof(text), "WS-%06u", i);
        if (ww_live_layer_place(layer, i, 1, ww_spot_of(random_place())) != WW_OK ||
            ww_live_layer_set(layer, i, name, ww_live_text((struct ww_str){text, (size_t)len})) != WW_OK ||
            ww_live_layer_set(layer, i, class, ww_live_text(i % 3 ? WW_STR("wastewater") : WW_STR("air"))) !=
                WW_OK ||
            ww_live_layer_set(layer, i, value, ww_live_number(random_01() * 100)) != WW_OK ||
            ww_live_layer_set(layer, i, state, ww_live_integer((int64_t)(random_01() * 4))) != WW_OK)
            return 1;
    }
    printf("%u rows put in %.0f ms, %.0f MiB\n", n, (now_s() - began) * 1e3,
           (double)ww_live_layer_bytes(layer) / 1048576);
    for (size_t z = 0; z < sizeof(zooms) / sizeof(*zooms); z++) {
        size_t tiles = 0, bytes = 0;
        double spent;
        began = now_s();
        do {
            ww_buf_reset(&out);
            if (ww_live_layer_draw(layer, ww_tile_of(ww_spot_of(random_place()), zooms[z]), &all, mvt,
                                   &out) != WW_OK)
                return 1;
            bytes += out.len;
            tiles++;
            spent = now_s() - began;
        } while (spent < 1);
        const double features =
            (double)n / (0.5 / 360 * 0.5 / 360 * (1 << zooms[z]) * (1 << zooms[z]) * 1.15);
        printf("z%-2d %9.0f tiles/s, %7.0f points a tile (about), %6.0f bytes\n", zooms[z],
               (double)tiles / spent, features > n ? n : features, (double)bytes / (double)tiles);
    }
    ww_mvt_free(mvt);
    ww_buf_clear(&out);
    ww_live_layer_free(layer);
    return 0;
}
