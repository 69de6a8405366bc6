/* The prospective scan as events arrive: permutation, Poisson and expectation-based, for windows that end
 * now.
 *
 * State: counts by place and day, and for each chain of places (zones.h) its best window. A new case changes
 * only the chains that hold its place; a new day shifts the windows; a late case corrects the past. Whether
 * the best windows could be chance is asked of a judge, which makes replicas in slices.
 *
 *   struct ww_scan_live *live;
 *   st = ww_scan_live_new(zones, &config, &live, &err);       // zones must outlive it
 *   st = ww_scan_live_add(live, place, 0, 1, &err);           // an event of today
 *   ww_scan_live_day(live, expected);                         // midnight
 *   ww_scan_live_refresh(live);                               // exact again; a tick
 *   st = ww_scan_judge_new(live, &rules, &judge, &err);
 *   while (!ww_scan_judge_step(judge, 500000)) … other work …   // half a millisecond or so a slice
 *   ww_scan_judge_result(judge, &result);                     // clusters, p, recurrence interval
 *   ww_scan_judge_free(judge);
 *
 * What is exact when. Put and expect wait for a refresh. Expectation-based: after every add. Permutation: C
 * and the days' totals are part of every ratio, so after an add only the chains that hold its place are up to
 * date; refresh makes all exact, and a judge refreshes first. The same state, rules and seed give the same
 * result, whatever was added in what order, and however the judge's work is cut: an alert can be replayed to
 * the same numbers.
 *
 * Days are counted back from today: 0 is today. The permutation and Poisson forms look at `n_days` days, the
 * expectation-based one only at the last `n_durations`. Poisson: the cases of all days are expected to fall
 * on places by their weight (their population) and evenly on days. Expected counts carry the exposure: of a
 * place whose feed was silent for half of the day expect half; a cell of which nothing is expected is left
 * out of the scan, with its cases.
 *
 * One thread at a time for a live scan and its judges; a judge works on a copy, so that the live scan may go
 * on meanwhile. Limits: 65,535 places, 8 durations, 32,766 cases within the longest window, 4,000 days.
 */
#ifndef WW_SCAN_LIVE_H
#define WW_SCAN_LIVE_H

#include "geo/scan/scan.h"

#define WW_SCAN_LANES      8
#define WW_SCAN_MAX_RECENT 32766

struct ww_scan_live;
struct ww_scan_judge;

struct ww_scan_live_config {
    enum ww_scan_model model; /* PERMUTATION, POISSON or EXPECTATION */
    uint32_t n_durations;     /* windows of 1 … n_durations days, at most WW_SCAN_LANES */
    uint32_t n_days;          /* that are remembered, today included; at least n_durations */
    uint32_t min_cases;       /* in a window; the reference takes 2 */
    const double (*at)[3];    /* [n_places] where places are, for speed only; NULL is allowed */
    const uint32_t *weight;   /* [n_places] POISSON: populations in any unit, sum in 1 … 2^32 - 1 */
    /* EXPECTATION: expectations are means of so many days, and as uncertain as that; 0: they are known.
     * Replicas then vary likewise (judge.c), so that p holds; without it, weeks of a baseline make p too
     * small by a factor of 2 to 7 (tests/bench/scan_rate_bench.c). */
    double learned_days;
};

enum ww_status ww_scan_live_new(const struct ww_scan_zones *zones, const struct ww_scan_live_config *config,
                                struct ww_scan_live **out, struct ww_error *err) WW_MUST_CHECK;
void ww_scan_live_free(struct ww_scan_live *live); /* NULL is allowed */

/* Adds n cases (or takes n away: a correction) at a place, so many days ago. WW_NOT_FOUND: longer ago than is
 * remembered. WW_BAD_INPUT: fewer than none would be left. WW_TOO_LARGE: more than the limit above. */
enum ww_status ww_scan_live_add(struct ww_scan_live *live, uint32_t place, uint32_t days_ago, int32_t n,
                                struct ww_error *err) WW_MUST_CHECK;
/* The same without walking, for loading many; refresh when they are in. */
enum ww_status ww_scan_live_put(struct ww_scan_live *live, uint32_t place, uint32_t days_ago, int32_t n,
                                struct ww_error *err) WW_MUST_CHECK;
/* Expectation-based: what is expected of a place on a day, exposure included. Refresh when they are in. */
void ww_scan_live_expect(struct ww_scan_live *live, uint32_t place, uint32_t days_ago, double expected);
/* A new day begins, without cases; the oldest is forgotten. `expected` [n_places] is for the new day (NULL
 * but for the expectation-based form). Refreshes. */
void ww_scan_live_day(struct ww_scan_live *live, const double *expected);
/* Walks all chains. */
void ww_scan_live_refresh(struct ww_scan_live *live);
/* The ratio of the best window of all, as far as it is known now (see above); 0: none. */
double ww_scan_live_best(const struct ww_scan_live *live);
/* Chain steps walked since it was made: what the work costs, for tests and metrics. */
uint64_t ww_scan_live_steps(const struct ww_scan_live *live);

/* ---- Could it be chance? ---- */

/* Refreshes, selects the clusters, prepares the replicas. Rules as in scan.h; `any_window` is not for here.
 * time_from and time_end of its clusters count the days of the longest window: the last ends at n_durations.
 */
enum ww_status ww_scan_judge_new(struct ww_scan_live *live, const struct ww_scan_rules *rules,
                                 struct ww_scan_judge **out, struct ww_error *err) WW_MUST_CHECK;
/* Walks about `steps` chain steps; true when all replicas are made, or enough to stop. */
bool ww_scan_judge_step(struct ww_scan_judge *judge, uint64_t steps);
/* Valid until the judge is freed. The maxima of replicas are known to a quarter: their mean and the Gumbel
 * tail are from that; ranks are exact. Once 10 replicas have reached the first cluster the others stop where
 * they do, and there is no Gumbel tail any more. */
void ww_scan_judge_result(struct ww_scan_judge *judge, struct ww_scan_result *out);
void ww_scan_judge_free(struct ww_scan_judge *judge); /* NULL is allowed */

#endif
