/* Hot spots kept up reading by reading, against computing the whole map anew.
 * ww_link: ww_hotspot
 *
 * 10,000 places, their 8 nearest neighbours, uniform in a square. One reading = one changed value and the
 * statistics of that place; "list" adds z of all places, which a map layer would show. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "geo/hotspot/live.h"
#include "geo/hotspot/permute.h"
#include "geo/hotspot/tail.h"

enum { N = 10000, K = 8, UPDATES = 20000000, LISTS = 20000, BATCHES = 100 };

static double at[N][2], value[N], z[N], p[N], q[N];
static struct ww_moran local[N];

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t seed = 1;
static uint64_t random_bits(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}
static double random_01(void) {
    return (double)(random_bits() >> 11) / 9007199254740992.0;
}

static void print(const char *what, double seconds, double of, const char *unit, double scale) {
    printf("%-64s %10.3f %s\n", what, seconds / of * scale, unit);
}

int main(void) {
    struct ww_weights *w;
    struct ww_error err;
    for (int i = 0; i < N; i++) {
        at[i][0] = random_01() * 1e4;
        at[i][1] = random_01() * 1e4;
        value[i] = 20 + 10 * random_01();
    }
    double from = now_s();
    if (ww_weights_nearest((const double(*)[2])at, N, K, WW_NEAR_PLANE, &w, &err) != WW_OK)
        return 1;
    print("neighbours of all places", now_s() - from, 1, "ms", 1e3);

    from = now_s();
    for (int i = 0; i < BATCHES; i++)
        ww_hotspot_gstar(w, value, z);
    double batch = (now_s() - from) / BATCHES;
    print("Gi* of the whole map anew", batch, 1, "us", 1e6);
    from = now_s();
    for (int i = 0; i < BATCHES; i++)
        ww_hotspot_local_moran(w, value, local);
    print("local Moran of the whole map anew", now_s() - from, BATCHES, "us", 1e6);

    struct ww_live *live = ww_live_new(w, WW_LIVE_ROWS_STANDARDISED);
    double sink = 0;
    for (uint32_t i = 0; i < N; i++)
        ww_live_set(live, i, value[i]);
    from = now_s();
    for (int i = 0; i < UPDATES; i++) {
        uint32_t j = (uint32_t)(random_bits() % N);
        value[j] = 20 + 10 * random_01();
        ww_live_set(live, j, value[j]);
        sink += ww_live_gstar(live, j);
    }
    double one = (now_s() - from) / UPDATES;
    print("one reading: value, neighbours, global Moran, z of its place", one, 1, "us", 1e6);
    printf("%-64s %10.0f times\n", "  faster than the whole map anew", batch / one);
    ww_hotspot_gstar(w, value, z);
    double drift = 0;
    for (uint32_t i = 0; i < N; i++)
        drift = fmax(drift, fabs(z[i] - ww_live_gstar(live, i)));
    printf("%-64s %10.1e\n", "  drift of z after 20 million readings without a recount", drift);
    from = now_s();
    for (int i = 0; i < LISTS; i++) {
        ww_live_set(live, (uint32_t)(random_bits() % N), 20 + 10 * random_01());
        ww_live_gstar_all(live, z);
        sink += z[i % N];
    }
    print("one reading and z of all 10,000 places", now_s() - from, LISTS, "us", 1e6);

    from = now_s();
    for (int i = 0; i < BATCHES; i++) {
        ww_hotspot_p(z, N, WW_TWO_SIDED, p);
        if (ww_hotspot_q(p, N, q) != WW_OK)
            return 1;
    }
    print("p and q (false discovery rate) of all places", now_s() - from, BATCHES, "us", 1e6);
    struct ww_deal *deal = ww_deal_new(value, N);
    from = now_s();
    if (!deal || ww_deal_p_gstar(deal, w, WW_TWO_SIDED, p) != WW_OK)
        return 1;
    print("p of all places, skewed tails (those beyond 1.5 sd)", now_s() - from, 1, "ms", 1e3);
    static struct ww_permuted permuted[N];
    from = now_s();
    if (ww_hotspot_permute(w, value, NULL, 0, 999, 1, permuted, &err) != WW_OK)
        return 1;
    print("999 permutations of all places", now_s() - from, 1, "ms", 1e3);
    ww_deal_free(deal);
    ww_live_free(live);
    ww_weights_free(w);
    return sink == 0.5;
}
