/* A k-d tree over points in space: degrees become points on a sphere, whose chords order as its arcs do.
 *
 * The tree is implicit: `order` holds the points so that the middle of each stretch splits it by one axis,
 * the lower half to its left, down to stretches of LEAF points that are looked through one by one. It is as
 * deep as log2(n / LEAF), so that the recursions here are shallow. Source: Bentley 1975; Friedman, Bentley
 * and Finkel 1977 (split by the widest axis).
 */
#include "geo/near.h"

#include <math.h>
#include <stdlib.h>

#include "geo/base/alloc.h"

enum { LEAF = 8 };

struct ww_near {
    uint32_t n;
    double radius_m;
    double (*point)[3]; /* [n] by index */
    uint32_t *order;    /* [n] */
    uint8_t *axis;      /* [n] of the split at that position */
};

/* ---- Building ---- */

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t c = *a;
    *a = *b;
    *b = c;
}

/* Puts the middle-th by `axis` at its position, lower ones left of it. */
static void select_middle(struct ww_near *t, uint32_t from, uint32_t to, uint32_t middle, int axis) {
    while (to - from > 1) {
        double pivot =
            t->point[t->order[from + (to - from - 1) / 2]][axis]; /* never the last: both parts shrink */
        uint32_t i = from, j = to - 1;
        for (;;) {
            while (t->point[t->order[i]][axis] < pivot)
                i++;
            while (t->point[t->order[j]][axis] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&t->order[i++], &t->order[j--]);
        }
        if (middle <= j)
            to = j + 1;
        else
            from = j + 1;
    }
}

static int widest_axis(const struct ww_near *t, uint32_t from, uint32_t to) {
    int widest = 0;
    double most = -1;
    for (int a = 0; a < 3; a++) {
        double low = INFINITY, high = -INFINITY;
        for (uint32_t i = from; i < to; i++) {
            low = fmin(low, t->point[t->order[i]][a]);
            high = fmax(high, t->point[t->order[i]][a]);
        }
        if (high - low > most) {
            most = high - low;
            widest = a;
        }
    }
    return widest;
}

static void build(struct ww_near *t, uint32_t from, uint32_t to) {
    if (to - from <= LEAF)
        return;
    uint32_t middle = from + (to - from) / 2;
    int axis = widest_axis(t, from, to);
    select_middle(t, from, to, middle, axis);
    t->axis[middle] = (uint8_t)axis;
    build(t, from, middle);
    build(t, middle + 1, to);
}

static void point_of(const double at[2], double radius_m, double point[3]) {
    if (radius_m == WW_NEAR_PLANE) {
        point[0] = at[0];
        point[1] = at[1];
        point[2] = 0;
        return;
    }
    /* -180 and 180 are one meridian: to the last bit, so that ties are ties */
    double lon = (at[0] == -180 ? 180 : at[0]) * (M_PI / 180), lat = at[1] * (M_PI / 180);
    point[0] = radius_m * cos(lat) * cos(lon);
    point[1] = radius_m * cos(lat) * sin(lon);
    point[2] = radius_m * sin(lat);
}

struct ww_near *ww_near_new(const double (*at)[2], uint32_t n, double radius_m) {
    struct ww_near *t = ww_try_calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->n = n;
    t->radius_m = radius_m;
    t->point = ww_try_calloc(n ? n : 1, sizeof *t->point);
    t->order = ww_try_calloc(n ? n : 1, sizeof *t->order);
    t->axis = ww_try_calloc(n ? n : 1, sizeof *t->axis);
    if (!t->point || !t->order || !t->axis) {
        ww_near_free(t);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        point_of(at[i], radius_m, t->point[i]);
        t->order[i] = i;
    }
    build(t, 0, n);
    return t;
}

void ww_near_free(struct ww_near *t) {
    if (!t)
        return;
    ww_free(t->point);
    ww_free(t->order);
    ww_free(t->axis);
    ww_free(t);
}

/* ---- Asking ---- */

struct search {
    const struct ww_near *tree;
    double from[3];
    double most2;             /* squares of chords up to this */
    struct ww_near_hit *hits; /* metres holds squares of chords meanwhile */
    uint32_t n, room;
    bool is_heap; /* keep the `room` nearest, farthest on top */
};

static bool is_nearer(const struct ww_near_hit *a, const struct ww_near_hit *b) {
    return a->metres != b->metres ? a->metres < b->metres : a->index < b->index;
}

static void sift_down(struct ww_near_hit *heap, uint32_t n, uint32_t i) {
    for (;;) {
        uint32_t far = i, left = 2 * i + 1;
        for (uint32_t c = left; c < left + 2 && c < n; c++)
            if (is_nearer(&heap[far], &heap[c]))
                far = c;
        if (far == i)
            return;
        struct ww_near_hit h = heap[i];
        heap[i] = heap[far];
        heap[far] = h;
        i = far;
    }
}

static void take(struct search *s, uint32_t index) {
    double d2 = 0;
    for (int a = 0; a < 3; a++) {
        double d = s->tree->point[index][a] - s->from[a];
        d2 += d * d;
    }
    struct ww_near_hit hit = {d2, index};
    if (!s->is_heap) {
        if (d2 <= s->most2 && s->n++ < s->room)
            s->hits[s->n - 1] = hit;
        return;
    }
    if (s->n < s->room) {
        s->hits[s->n++] = hit;
        if (s->n == s->room)
            for (uint32_t i = s->n / 2; i-- > 0;)
                sift_down(s->hits, s->n, i);
    } else if (is_nearer(&hit, &s->hits[0])) {
        s->hits[0] = hit;
        sift_down(s->hits, s->n, 0);
    }
    if (s->n == s->room)
        s->most2 = s->hits[0].metres;
}

static void visit(struct search *s, uint32_t from, uint32_t to) {
    const struct ww_near *t = s->tree;
    if (to - from <= LEAF) {
        for (uint32_t i = from; i < to; i++)
            take(s, t->order[i]);
        return;
    }
    uint32_t middle = from + (to - from) / 2;
    int axis = t->axis[middle];
    double d = s->from[axis] - t->point[t->order[middle]][axis];
    take(s, t->order[middle]);
    if (d <= 0)
        visit(s, from, middle);
    else
        visit(s, middle + 1, to);
    if (d * d > s->most2) /* equality counts: ties go by index */
        return;
    if (d <= 0)
        visit(s, middle + 1, to);
    else
        visit(s, from, middle);
}

static double metres_of(double radius_m, double d2) {
    if (radius_m == WW_NEAR_PLANE)
        return sqrt(d2);
    return 2 * radius_m * asin(fmin(1, sqrt(d2) / (2 * radius_m)));
}

static int by_distance(const void *pa, const void *pb) {
    const struct ww_near_hit *a = pa, *b = pb;
    return is_nearer(a, b) ? -1 : is_nearer(b, a);
}

void ww_near_sort(struct ww_near_hit *hits, size_t n) {
    qsort(hits, n, sizeof *hits, by_distance);
}

uint32_t ww_near_nearest(const struct ww_near *t, const double at[2], uint32_t k, struct ww_near_hit *out) {
    struct search s = {.tree = t, .most2 = INFINITY, .hits = out, .room = k, .is_heap = true};
    point_of(at, t->radius_m, s.from);
    if (k > 0)
        visit(&s, 0, t->n);
    ww_near_sort(out, s.n);
    for (uint32_t i = 0; i < s.n; i++)
        out[i].metres = metres_of(t->radius_m, out[i].metres);
    return s.n;
}

/* The largest square of a chord whose distance still counts as within `metres`: squaring rounds, and a point
 * that was found at d must be within d. */
static double most_square(const struct ww_near *t, double metres) {
    double chord = metres;
    if (t->radius_m != WW_NEAR_PLANE) {
        if (metres >= M_PI * t->radius_m)
            return INFINITY;
        chord = 2 * t->radius_m * sin(metres / (2 * t->radius_m));
    }
    double most2 = chord * chord;
    for (int step = 0; step < 16; step++) {
        double more = nextafter(most2, INFINITY);
        if (metres_of(t->radius_m, more) > metres)
            break;
        most2 = more;
    }
    return most2;
}

uint32_t ww_near_within(const struct ww_near *t, const double at[2], double metres, struct ww_near_hit *out,
                        uint32_t room) {
    struct search s = {.tree = t, .hits = out, .room = room, .is_heap = false};
    if (!(metres >= 0))
        return 0;
    s.most2 = most_square(t, metres);
    point_of(at, t->radius_m, s.from);
    visit(&s, 0, t->n);
    for (uint32_t i = 0; i < s.n && i < room; i++)
        out[i].metres = metres_of(t->radius_m, out[i].metres);
    return s.n;
}

double ww_near_metres(const double a[2], const double b[2], double radius_m) {
    double p[3], q[3], d2 = 0;
    point_of(a, radius_m, p);
    point_of(b, radius_m, q);
    for (int axis = 0; axis < 3; axis++)
        d2 += (p[axis] - q[axis]) * (p[axis] - q[axis]);
    return metres_of(radius_m, d2);
}
