/* What a discharge does downstream. */
#include "geo/trace/plume.h"

#include <math.h>

static double phi(double z) {
    return erfc(-z / M_SQRT2) / 2;
}

double ww_plume_sd_s(struct ww_passage p, struct ww_dispersal how) {
    double share = how.spread * p.tau_s;
    return sqrt(fmax(share * share, p.variance_s2));
}

double ww_plume_at(struct ww_passage p, double flow_m3s, struct ww_release r, struct ww_dispersal how,
                   double t_s) {
    double full = p.share * r.rate_g_s * exp(-how.decay_per_s * p.tau_s) / flow_m3s;
    double sd = ww_plume_sd_s(p, how), since = t_s - r.start_s - p.tau_s;
    if (!(p.share > 0))
        return 0;
    if (!(sd > 0)) /* at the outfall itself */
        return since >= 0 && since < r.duration_s ? full : 0;
    return full * (phi(since / sd) - phi((since - r.duration_s) / sd));
}

struct ww_arrival ww_plume_arrival(struct ww_passage p, double flow_m3s, struct ww_release r,
                                   struct ww_dispersal how) {
    struct ww_arrival a;
    a.front_s = r.start_s + how.front * p.tau_s;
    a.peak_s = r.start_s + p.tau_s + r.duration_s / 2;
    a.rear_s = r.start_s + r.duration_s + p.tau_s + 2 * ww_plume_sd_s(p, how);
    a.peak_g_m3 = ww_plume_at(p, flow_m3s, r, how, a.peak_s);
    return a;
}
