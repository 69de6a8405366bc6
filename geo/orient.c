/* The exact step of the orientation test: twelve numbers summed without rounding.
 *
 * The determinant is ax·by − ay·bx + bx·cy − by·cx + cx·ay − cy·ax. Each product of two
 * doubles is exactly the sum of two doubles (the rounded product, and what fma says is
 * missing). The twelve terms are added into an expansion: a list of doubles, growing in
 * magnitude, whose exact sum is the value and whose last one carries its sign.
 */
#include "geo/orient.h"

#include <math.h>

struct expansion {
    double term[12];
    int n;
};

/* Adds x: each step keeps the rounded sum and stores the rounding error (Knuth's two-sum). */
static void expansion_add(struct expansion *e, double x) {
    int kept = 0;
    for (int i = 0; i < e->n; i++) {
        double y = e->term[i];
        double sum = x + y;
        double y_seen = sum - x;
        double error = (x - (sum - y_seen)) + (y - y_seen);
        if (error != 0)
            e->term[kept++] = error;
        x = sum;
    }
    if (x != 0)
        e->term[kept++] = x;
    e->n = kept;
}

static void expansion_add_product(struct expansion *e, double x, double y) {
    double product = x * y;
    expansion_add(e, fma(x, y, -product));
    expansion_add(e, product);
}

int ww_orient_exact(struct ww_place a, struct ww_place b, struct ww_place c) {
    struct expansion e = {.n = 0};
    expansion_add_product(&e, a.lon_deg, b.lat_deg);
    expansion_add_product(&e, -a.lat_deg, b.lon_deg);
    expansion_add_product(&e, b.lon_deg, c.lat_deg);
    expansion_add_product(&e, -b.lat_deg, c.lon_deg);
    expansion_add_product(&e, c.lon_deg, a.lat_deg);
    expansion_add_product(&e, -c.lat_deg, a.lon_deg);
    if (e.n == 0)
        return 0;
    return e.term[e.n - 1] > 0 ? 1 : -1;
}
