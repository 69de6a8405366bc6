/* The graph of reaches: order, and passages along it.
 *
 * Where ways part and meet again (islands, braided sewers), the passage is that of the mass: shares add,
 * times are their mean by mass, and how much they differ goes into the variance.
 */
#include "geo/trace/net.h"

#include <math.h>

#include "geo/base/alloc.h"

struct link {
    uint32_t to;
    double share;
};
struct ww_net {
    uint32_t n;
    struct ww_reach *reach;
    uint32_t *first; /* [n+1] into link, by the reach that it leaves */
    struct link *link;
    uint32_t *order;
};

/* ---- Building ---- */

static enum ww_status refuse(struct ww_error *err, uint32_t number, const char *what, const char *why) {
    (void)ww_error_set(err, WW_BAD_INPUT, "%s %u: %s", what, number, why);
    if (err)
        err->offset = number;
    return WW_BAD_INPUT;
}

static bool is_above_zero(double v) {
    return v > 0 && isfinite(v);
}

static enum ww_status check(const struct ww_reach *reaches, uint32_t n, const struct ww_reach_link *links,
                            uint32_t n_links, struct ww_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        const struct ww_reach *r = &reaches[i];
        if (!is_above_zero(r->length_m) || !is_above_zero(r->flow_m3s) || !is_above_zero(r->velocity_ms))
            return refuse(err, i, "reach", "length, flow and velocity must be above 0");
        if (!(r->dispersion_m2s >= 0) || !isfinite(r->dispersion_m2s))
            return refuse(err, i, "reach", "dispersion can't be below 0");
    }
    for (uint32_t k = 0; k < n_links; k++) {
        if (links[k].from >= n || links[k].to >= n)
            return refuse(err, k, "link", "to or from a reach that is not there");
        if (!(links[k].share > 0 && links[k].share <= 1))
            return refuse(err, k, "link", "a share must be above 0 and at most 1");
    }
    return WW_OK;
}

/* Kahn's: reaches that nothing left flows into, again and again. */
static enum ww_status sort_reaches(struct ww_net *net, struct ww_error *err) {
    uint32_t *into = ww_try_calloc(net->n + 1, sizeof *into), done = 0, known = 0;
    if (!into)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u reaches", net->n);
    for (uint32_t k = 0; k < net->first[net->n]; k++)
        into[net->link[k].to]++;
    for (uint32_t i = 0; i < net->n; i++)
        if (into[i] == 0)
            net->order[known++] = i;
    for (; done < known; done++) {
        uint32_t i = net->order[done];
        for (uint32_t k = net->first[i]; k < net->first[i + 1]; k++)
            if (--into[net->link[k].to] == 0)
                net->order[known++] = net->link[k].to;
    }
    enum ww_status st = WW_OK;
    for (uint32_t i = 0; i < net->n && known < net->n; i++)
        if (into[i] > 0) {
            st = refuse(err, i, "reach", "the water flows in a circle through it or from a circle into it");
            break;
        }
    ww_free(into);
    return st;
}

static enum ww_status add_links(struct ww_net *net, const struct ww_reach_link *links, uint32_t n_links,
                                struct ww_error *err) {
    for (uint32_t k = 0; k < n_links; k++)
        net->first[links[k].from + 1]++;
    for (uint32_t i = 0; i < net->n; i++)
        net->first[i + 1] += net->first[i];
    uint32_t *at = ww_try_calloc(net->n + 1, sizeof *at);
    if (!at)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u links", n_links);
    for (uint32_t k = 0; k < n_links; k++) {
        uint32_t from = links[k].from;
        net->link[net->first[from] + at[from]++] = (struct link){links[k].to, links[k].share};
    }
    ww_free(at);
    for (uint32_t i = 0; i < net->n; i++) {
        double sum = 0;
        for (uint32_t k = net->first[i]; k < net->first[i + 1]; k++)
            sum += net->link[k].share;
        if (sum > 1 + 1e-9)
            return refuse(err, i, "reach", "the shares of its links sum to more than 1");
    }
    return WW_OK;
}

enum ww_status ww_net_new(const struct ww_reach *reaches, uint32_t n, const struct ww_reach_link *links,
                          uint32_t n_links, struct ww_net **out, struct ww_error *err) {
    enum ww_status st = check(reaches, n, links, n_links, err);
    if (st != WW_OK)
        return st;
    struct ww_net *net = ww_try_calloc(1, sizeof *net);
    if (!net)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %u reaches", n);
    net->n = n;
    net->reach = ww_try_calloc(n + (size_t)1, sizeof *net->reach);
    net->first = ww_try_calloc(n + (size_t)1, sizeof *net->first);
    net->link = ww_try_calloc(n_links + (size_t)1, sizeof *net->link);
    net->order = ww_try_calloc(n + (size_t)1, sizeof *net->order);
    if (!net->reach || !net->first || !net->link || !net->order)
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for %u reaches", n);
    for (uint32_t i = 0; i < n && st == WW_OK; i++)
        net->reach[i] = reaches[i];
    if (st == WW_OK)
        st = add_links(net, links, n_links, err);
    if (st == WW_OK)
        st = sort_reaches(net, err);
    if (st != WW_OK)
        ww_net_free(net);
    else
        *out = net;
    return st;
}

void ww_net_free(struct ww_net *net) {
    if (!net)
        return;
    ww_free(net->reach);
    ww_free(net->first);
    ww_free(net->link);
    ww_free(net->order);
    ww_free(net);
}

uint32_t ww_net_count(const struct ww_net *net) {
    return net->n;
}
const struct ww_reach *ww_net_reach(const struct ww_net *net, uint32_t reach) {
    return &net->reach[reach];
}
const uint32_t *ww_net_order(const struct ww_net *net) {
    return net->order;
}

uint32_t ww_net_links(const struct ww_net *net, uint32_t reach, uint32_t *to) {
    for (uint32_t k = net->first[reach]; to && k < net->first[reach + 1]; k++)
        *to++ = net->link[k].to;
    return net->first[reach + 1] - net->first[reach];
}

/* ---- Passages ---- */

static struct ww_passage along(const struct ww_reach *r, double metres) {
    double u = r->velocity_ms;
    return (struct ww_passage){1, metres / u, 2 * r->dispersion_m2s * metres / (u * u * u),
                               metres * metres / (u * u)};
}

static struct ww_passage then(struct ww_passage a, struct ww_passage b) {
    return (struct ww_passage){a.share * b.share, a.tau_s + b.tau_s, a.variance_s2 + b.variance_s2,
                               a.squares_s2 + b.squares_s2};
}

/* Sums over ways, of mass, mass × time, mass × (variance + time²), mass × squares of times in reaches. */
struct ways {
    double share, time, square, squares;
};

static void add_way(struct ways *w, struct ww_passage p) {
    w->share += p.share;
    w->time += p.share * p.tau_s;
    w->square += p.share * (p.variance_s2 + p.tau_s * p.tau_s);
    w->squares += p.share * p.squares_s2;
}

static struct ww_passage all_ways(struct ways w) {
    if (!(w.share > 0))
        return (struct ww_passage){0, 0, 0, 0};
    double tau = w.time / w.share;
    return (struct ww_passage){w.share, tau, fmax(0, w.square / w.share - tau * tau), w.squares / w.share};
}

void ww_net_above(const struct ww_net *net, struct ww_spot spot, struct ww_passage *out) {
    for (uint32_t i = 0; i < net->n; i++)
        out[i] = (struct ww_passage){0, 0, 0, 0};
    for (uint32_t o = net->n; o-- > 0;) {
        uint32_t i = net->order[o];
        struct ways ways = {0, 0, 0, 0};
        for (uint32_t k = net->first[i]; k < net->first[i + 1]; k++) {
            uint32_t to = net->link[k].to;
            struct ww_passage into = {net->link[k].share, 0, 0, 0};
            if (to == spot.reach)
                add_way(&ways, then(into, along(&net->reach[to], spot.at_m)));
            else if (out[to].share > 0)
                add_way(&ways, then(into, then(along(&net->reach[to], net->reach[to].length_m), out[to])));
        }
        out[i] = all_ways(ways);
    }
}

void ww_net_below(const struct ww_net *net, struct ww_spot spot, struct ww_passage *out) {
    struct ways *ways = ww_must_calloc(net->n + (size_t)1, sizeof *ways);
    for (uint32_t o = 0; o < net->n; o++) {
        uint32_t i = net->order[o];
        struct ww_passage through = {0, 0, 0, 0};
        out[i] = all_ways(ways[i]);
        if (i == spot.reach)
            through = along(&net->reach[i], net->reach[i].length_m - spot.at_m);
        else if (out[i].share > 0)
            through = then(out[i], along(&net->reach[i], net->reach[i].length_m));
        for (uint32_t k = net->first[i]; k < net->first[i + 1] && through.share > 0; k++)
            add_way(&ways[net->link[k].to], then(through, (struct ww_passage){net->link[k].share, 0, 0, 0}));
    }
    ww_free(ways);
}

struct ww_passage ww_net_passage(const struct ww_net *net, struct ww_spot to, const struct ww_passage *above,
                                 struct ww_spot from) {
    const struct ww_reach *r = &net->reach[from.reach];
    if (from.reach == to.reach)
        return from.at_m <= to.at_m ? along(r, to.at_m - from.at_m) : (struct ww_passage){0, 0, 0, 0};
    if (!(above[from.reach].share > 0))
        return (struct ww_passage){0, 0, 0, 0};
    return then(along(r, r->length_m - from.at_m), above[from.reach]);
}

struct ww_passage ww_net_passage_below(const struct ww_net *net, struct ww_spot from,
                                       const struct ww_passage *below, struct ww_spot to) {
    const struct ww_reach *r = &net->reach[to.reach];
    if (from.reach == to.reach)
        return from.at_m <= to.at_m ? along(r, to.at_m - from.at_m) : (struct ww_passage){0, 0, 0, 0};
    if (!(below[to.reach].share > 0))
        return (struct ww_passage){0, 0, 0, 0};
    return then(below[to.reach], along(r, to.at_m));
}

double ww_velocity_jobson_ms(double flow_m3s, double mean_flow_m3s, double area_m2, double slope) {
    double d = pow(area_m2, 1.25) * sqrt(9.80665) / mean_flow_m3s, q = flow_m3s / mean_flow_m3s;
    return 0.094 + 0.0143 * pow(d, 0.919) * pow(q, -0.469) * pow(slope, 0.159) * flow_m3s / area_m2;
}
