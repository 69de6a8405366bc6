/* Forward: what does a discharge do downstream, and when?
 *
 * Pure. A discharge of a steady rate from `start_s` on, `duration_s` long. At travel time tau it has been
 * smeared by a normal law of standard deviation spread · tau, or what known dispersion makes where that is
 * more; its leading edge is taken where Jobson (1997, nearly 100 rivers) found it, at 0.89 of the peak's
 * travel time, which is two standard deviations with spread 0.055. Times are seconds of any one clock; rates
 * in g/s give concentrations in g/m³ = mg/L.
 */
#ifndef WW_GEO_TRACE_PLUME_H
#define WW_GEO_TRACE_PLUME_H

#include "geo/trace/net.h"

struct ww_dispersal {
    double front;       /* leading edge in shares of tau: 0.89 */
    double spread;      /* standard deviation in shares of tau: 0.055 */
    double decay_per_s; /* first order: 0 for what stays */
};
#define WW_DISPERSAL_USUAL ((struct ww_dispersal){0.89, 0.055, 0})

struct ww_release {
    double start_s, duration_s, rate_g_s;
};
double ww_plume_sd_s(struct ww_passage passage, struct ww_dispersal how);
/* Concentration above what was there before. */
double ww_plume_at(struct ww_passage passage, double flow_m3s, struct ww_release release,
                   struct ww_dispersal how, double t_s);

struct ww_arrival {
    double front_s, peak_s, rear_s; /* rear: two standard deviations behind the last of it */
    double peak_g_m3;
};
struct ww_arrival ww_plume_arrival(struct ww_passage passage, double flow_m3s, struct ww_release release,
                                   struct ww_dispersal how);

#endif
