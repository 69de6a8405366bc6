/* Four tails (tail.h) that learn and are asked at the same moment, side by side in floats: a seasonal
 * baseline has eight, and one after the other they would be most of its work.
 *
 * The same steps as ww_tail_learn and ww_tail_surprise, in floats throughout; tail_test.c holds both against
 * each other. A part of 0 teaches a lane nothing. 48 bytes.
 */
#ifndef WW_GEO_DETECT_TAILS_H
#define WW_GEO_DETECT_TAILS_H

#include "geo/detect/four.h"
#include "geo/detect/tail.h"

struct ww_tails {
    float usual[4], rare[4], beta[4];
};

static inline void ww_tails_set(struct ww_tails *tails, int lane, struct ww_tail tail) {
    tails->usual[lane] = tail.usual;
    tails->rare[lane] = tail.rare;
    tails->beta[lane] = tail.beta;
}
static inline struct ww_tail ww_tails_get(const struct ww_tails *tails, int lane) {
    return (struct ww_tail){tails->usual[lane], tails->rare[lane], tails->beta[lane]};
}

/* ww_tail_learn of each lane; `part` of each. */
static inline void ww_tails_learn(struct ww_tails *tails, ww_four y, ww_four part) {
    const float p = (float)WW_TAIL_P, p_rare = (float)WW_TAIL_RARE, clipped_mean = 0.8646647f;
    ww_four beta = ww_four_load(tails->beta), rare = ww_four_load(tails->rare),
            usual = ww_four_load(tails->usual);
    ww_four step = beta * part;
    ww_four_is is_rare = y > rare;
    usual += step * ww_four_where(y > usual, ww_four_all(1 / p - 1), ww_four_all(-1));
    ww_four excess = ww_four_lower(y - rare, 2 * beta);
    ww_four_store(
        tails->beta,
        ww_four_larger(
            ww_four_where(is_rare, beta + (excess / clipped_mean - beta) * (part / (p_rare + part)), beta),
            ww_four_all(0.02f)));
    rare += step * ww_four_where(is_rare, ww_four_all(1 / p_rare - 1), ww_four_all(-1));
    usual = ww_four_larger(usual, ww_four_all(0.05f));
    ww_four_store(tails->usual, usual);
    ww_four_store(tails->rare, ww_four_larger(rare, usual + 0.05f));
}

/* ww_tail_surprise of each lane. */
static inline ww_four ww_tails_surprise(const struct ww_tails *tails, ww_four y, double k) {
    const float at_usual = 1.30103f;
    ww_four rare = ww_four_load(tails->rare), usual = ww_four_load(tails->usual);
    ww_four_is above = y > usual, far = y > rare;
    ww_four part = ww_four_where(above, y - usual, y) / ww_four_where(above, rare - usual, usual);
    ww_four surprise = ww_four_where(above, at_usual + part, at_usual * part);
    surprise = ww_four_where(y > 0, surprise, ww_four_all(0));
    if (ww_four_any(far)) { /* one reading in fifty or so */
        for (int i = 0; i < 4; i++) {
            if (far[i]) {
                struct ww_tail tail = ww_tails_get(tails, i);
                surprise[i] = (float)ww_tail_far_surprise(&tail, (double)y[i], k);
            }
        }
    }
    return surprise;
}

#endif
