/* Ward look-ups a second on one thread, as a ratio to GEOS's own STR tree of prepared polygons.
 * ww_link: ww_geo
 *
 *   bench_ward_lookup [wards]        41,000 by default, about the townships of China
 *
 * The wards are a jittered tessellation of 73-135 E, 18-54 N: neighbours share their borders,
 * each side is a wavy line of 12 edges, so a ward has 49 vertices. Two thirds of the wards
 * are packed into the densest tenth of the land, as in reality.
 */
#include <geos_c.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "geo/ward_index.h"

#define SIDE_EDGES  12
#define N_POINTS    1000000
#define N_REFERENCE 200000

static uint64_t random_state = 20261123;

static double random_unit(void) { /* splitmix64 */
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double hash_unit(uint32_t a, uint32_t b, uint32_t salt) {
    uint64_t z = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u + salt * 0xd6e8feb86659fd93u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Time of this thread on its core: it never waits, and other work on the machine counts less. */
static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double resident_mb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Squeezes the middle of the range together: two thirds of the wards in a third of each axis. */
static double squeeze(double t) {
    double u = 2 * t - 1;
    return 0.5 + 0.5 * (0.3 * u + 0.7 * u * u * u);
}

static uint32_t columns, rows;

static struct ww_place corner(uint32_t i, uint32_t j) {
    double x = i == 0 || i == columns ? 0 : (hash_unit(i, j, 1) - 0.5) * 0.5;
    double y = j == 0 || j == rows ? 0 : (hash_unit(i, j, 2) - 0.5) * 0.5;
    return (struct ww_place){73 + 62 * squeeze((i + x) / columns), 18 + 36 * squeeze((j + y) / rows)};
}

/* Point k of the wavy line from corner (i, j) east or north; the same for both neighbours. */
static struct ww_place side_point(uint32_t i, uint32_t j, bool north, uint32_t k) {
    struct ww_place a = corner(i, j);
    struct ww_place b = north ? corner(i, j + 1) : corner(i + 1, j);
    double t = (double)k / SIDE_EDGES;
    double wave = k == 0 || k == SIDE_EDGES ? 0 : (hash_unit(i * 64 + k, j, north ? 3 : 4) - 0.5) * 0.1;
    double dx = b.lon_deg - a.lon_deg;
    double dy = b.lat_deg - a.lat_deg;
    return (struct ww_place){a.lon_deg + t * dx - wave * dy, a.lat_deg + t * dy + wave * dx};
}

static size_t ward_wkb(uint32_t i, uint32_t j, unsigned char *out) {
    struct ww_place ring[4 * SIDE_EDGES + 1];
    for (uint32_t k = 0; k < SIDE_EDGES; k++) {
        ring[k] = side_point(i, j, false, k);
        ring[SIDE_EDGES + k] = side_point(i + 1, j, true, k);
        ring[2 * SIDE_EDGES + k] = side_point(i, j + 1, false, SIDE_EDGES - k);
        ring[3 * SIDE_EDGES + k] = side_point(i, j, true, SIDE_EDGES - k);
    }
    ring[4 * SIDE_EDGES] = ring[0];
    const uint32_t head[] = {3, 1, 4 * SIDE_EDGES + 1};
    out[0] = 1;
    memcpy(out + 1, head, sizeof head);
    memcpy(out + 1 + sizeof head, ring, sizeof ring);
    return 1 + sizeof head + sizeof ring;
}

struct reference {
    GEOSContextHandle_t geos;
    GEOSSTRtree *tree;
    GEOSGeometry **polygons;
    const GEOSPreparedGeometry **prepared;
    uint32_t found;
    GEOSGeometry *point;
};

static void ask_prepared(void *item, void *user) {
    struct reference *ref = user;
    uint32_t ward = (uint32_t)(uintptr_t)item;
    if ((ref->found == 0 || ward < ref->found) &&
        GEOSPreparedCovers_r(ref->geos, ref->prepared[ward], ref->point) == 1)
        ref->found = ward;
}

static uint32_t reference_find(struct reference *ref, struct ww_place p) {
    GEOSCoordSequence *seq = GEOSCoordSeq_create_r(ref->geos, 1, 2);
    GEOSCoordSeq_setXY_r(ref->geos, seq, 0, p.lon_deg, p.lat_deg);
    ref->point = GEOSGeom_createPoint_r(ref->geos, seq);
    ref->found = 0;
    GEOSSTRtree_query_r(ref->geos, ref->tree, ref->point, ask_prepared, ref);
    GEOSGeom_destroy_r(ref->geos, ref->point);
    return ref->found;
}

static void reference_build(struct reference *ref, uint32_t n) {
    unsigned char wkb[1 + 12 + 16 * (4 * SIDE_EDGES + 1)];
    ref->geos = GEOS_init_r();
    ref->tree = GEOSSTRtree_create_r(ref->geos, 10);
    ref->polygons = calloc(n + 1, sizeof *ref->polygons);
    ref->prepared = calloc(n + 1, sizeof *ref->prepared);
    for (uint32_t w = 1; w <= n; w++) {
        size_t len = ward_wkb((w - 1) % columns, (w - 1) / columns, wkb);
        ref->polygons[w] = GEOSGeomFromWKB_buf_r(ref->geos, wkb, len);
        ref->prepared[w] = GEOSPrepare_r(ref->geos, ref->polygons[w]);
        GEOSSTRtree_insert_r(ref->geos, ref->tree, ref->polygons[w], (void *)(uintptr_t)w);
    }
}

static struct ww_ward_index *build(uint32_t n) {
    unsigned char wkb[1 + 12 + 16 * (4 * SIDE_EDGES + 1)];
    struct ww_error err;
    struct ww_ward_index *index = NULL;
    struct ww_ward_index_builder *b = ww_ward_index_builder_new();
    for (uint32_t w = 1; w <= n; w++) {
        char code[16];
        snprintf(code, sizeof code, "%09u", w);
        size_t len = ward_wkb((w - 1) % columns, (w - 1) / columns, wkb);
        if (ww_ward_index_add_wkb(b, w, ww_str_of(code), wkb, len, &err) != WW_OK) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
    }
    if (ww_ward_index_build(b, &index, &err) != WW_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return index;
}

static void measure(const char *what, const struct ww_ward_index *index, struct reference *ref,
                    const struct ww_place *points) {
    uint64_t sum = 0;
    uint32_t differ = 0;
    double best = INFINITY;
    for (int round = 0; round < 3; round++) {
        double start = now_s();
        for (int i = 0; i < N_POINTS; i++)
            sum += ww_ward_index_find(index, points[i], NULL);
        best = fmin(best, now_s() - start);
    }
    for (int i = 0; i < N_REFERENCE; i += 8) /* GEOS makes its inner index at the first question */
        reference_find(ref, points[i]);
    double start = now_s();
    uint64_t ref_sum = 0;
    for (int i = 0; i < N_REFERENCE; i++)
        ref_sum += reference_find(ref, points[i]);
    double ref_time = now_s() - start;
    for (int i = 0; i < N_REFERENCE; i++)
        differ += reference_find(ref, points[i]) != ww_ward_index_find(index, points[i], NULL);
    double rate = N_POINTS / best;
    double ref_rate = N_REFERENCE / ref_time;
    printf("%-12s %10.0f look-ups/s   GEOS %9.0f/s   ratio %.1f   differing answers %u   (%d)\n", what, rate,
           ref_rate, rate / ref_rate, differ, (int)((sum ^ ref_sum) & 1));
}

int main(int argc, char **argv) {
    uint32_t wanted = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 41000;
    columns = (uint32_t)sqrt(wanted * 1.25);
    rows = (wanted + columns - 1) / columns;
    uint32_t n = columns * rows;
    malloc_trim(0);
    double before_mb = resident_mb();
    double start = now_s();
    struct ww_ward_index *index = build(n);
    double build_s = now_s() - start;
    malloc_trim(0);
    printf("wards %u   vertices %u   build %.2f s   index %.1f MB   resident +%.1f MB\n", n,
           n * (4 * SIDE_EDGES + 1), build_s, (double)ww_ward_index_bytes(index) / 1e6,
           resident_mb() - before_mb);

    struct reference ref;
    reference_build(&ref, n);
    struct ww_place *points = calloc(N_POINTS, sizeof *points);
    for (int i = 0; i < N_POINTS; i++)
        points[i] = (struct ww_place){73 + 62 * random_unit(), 18 + 36 * random_unit()};
    measure("uniform", index, &ref, points);
    for (int i = 0; i < N_POINTS; i++) /* as sensors lie: where the wards are */
        points[i] = (struct ww_place){73 + 62 * squeeze(random_unit()), 18 + 36 * squeeze(random_unit())};
    measure("by density", index, &ref, points);
    for (int i = 0; i < N_POINTS; i++) { /* within some 10 m of a border */
        points[i] = side_point((uint32_t)(random_unit() * columns), (uint32_t)(random_unit() * rows), i & 1,
                               1 + (uint32_t)(random_unit() * (SIDE_EDGES - 1)));
        points[i].lon_deg += (random_unit() - 0.5) * 2e-4;
        points[i].lat_deg += (random_unit() - 0.5) * 2e-4;
    }
    measure("near borders", index, &ref, points);
    printf("resident with the GEOS tree +%.1f MB\n", resident_mb() - before_mb);
    ww_ward_index_free(index);
    return 0;
}
