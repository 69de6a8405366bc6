/* Water that flows: directed reaches of river or sewer, and what of a release passes where, and when.
 *
 * Pure; made once, then read only. A reach is a piece of water of one flow and one velocity. Links lead from
 * a reach to those that it flows into; at a split each takes its share. Shares of a reach may sum to less
 * than 1 (abstraction), never to more. Loops are refused.
 *
 *   st = ww_net_new(reaches, n, links, m, &net, &err);
 *   struct ww_passage *up = …[n];
 *   ww_net_above(net, sensor, up);                                     // from each reach's lower end to it
 *   struct ww_passage p = ww_net_passage(net, sensor, up, outfall);    // p.share 0: it does not lie above
 *
 * A concentration is a flux of mass over a flow: where waters meet, fluxes add and flows add, which is the
 * mixing rule C = sum Q_i C_i / sum Q_i; a flow that grows along the way dilutes.
 */
#ifndef WW_GEO_TRACE_NET_H
#define WW_GEO_TRACE_NET_H

#include "geo/base/status.h"

struct ww_reach {
    double length_m;       /* above 0 */
    double flow_m3s;       /* above 0 */
    double velocity_ms;    /* above 0: of the peak of a cloud */
    double dispersion_m2s; /* longitudinal; 0: only the spread of ww_dispersal */
};
struct ww_reach_link {
    uint32_t from, to;
    double share; /* of from's flow, above 0, at most 1 */
};
/* A place on the water: metres from the reach's upper end. */
struct ww_spot {
    uint32_t reach;
    double at_m;
};
/* What of a mass passes, its mean travel time, the variance that dispersion and ways of different length
 * give, and the sum of the squares of the times in its reaches: when each reach's velocity is wrong by its
 * own x %, the travel time is wrong by x % of the root of `squares_s2`, not by x % of tau. */
struct ww_passage {
    double share, tau_s, variance_s2, squares_s2;
};

struct ww_net;
/* WW_BAD_INPUT names the reach or link by its number from 0, in the error's offset too. Copies. */
enum ww_status ww_net_new(const struct ww_reach *reaches, uint32_t n, const struct ww_reach_link *links,
                          uint32_t n_links, struct ww_net **out, struct ww_error *err) WW_MUST_CHECK;
void ww_net_free(struct ww_net *net); /* NULL is allowed */
uint32_t ww_net_count(const struct ww_net *net);
const struct ww_reach *ww_net_reach(const struct ww_net *net, uint32_t reach);
/* All reaches, each before those that it flows into. */
const uint32_t *ww_net_order(const struct ww_net *net);

/* How many reaches it flows into; to[…] (may be NULL) gets them. */
uint32_t ww_net_links(const struct ww_net *net, uint32_t reach, uint32_t *to);

/* out[n]: from each reach's lower end to the spot; share 0 where nothing of it comes by. */
void ww_net_above(const struct ww_net *net, struct ww_spot spot, struct ww_passage *out);
/* out[n]: from the spot to each reach's upper end. */
void ww_net_below(const struct ww_net *net, struct ww_spot spot, struct ww_passage *out);
/* From `from` to `to`; `above` is that of `to`. */
struct ww_passage ww_net_passage(const struct ww_net *net, struct ww_spot to, const struct ww_passage *above,
                                 struct ww_spot from);

/* From `from` to `to`; `below` is that of `from`. */
struct ww_passage ww_net_passage_below(const struct ww_net *net, struct ww_spot from,
                                       const struct ww_passage *below, struct ww_spot to);

/* Peak velocity without any calibration, from flow Q, mean annual flow Qa, drained area Da and slope (Jobson
 * 1996, USGS WRIR 96-4013): 0.094 + 0.0143 D'^0.919 Q'^-0.469 S^0.159 Q/Da, D' = Da^1.25 sqrt(g)/Qa, Q' =
 * Q/Qa. */
double ww_velocity_jobson_ms(double flow_m3s, double mean_flow_m3s, double area_m2, double slope);

#endif
