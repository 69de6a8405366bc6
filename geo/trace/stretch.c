/* Candidates that lie together, as the stretches of water that a person would walk.
 *
 * Reaches end where two waters meet or a map's author drew a border; what was seen knows nothing of that, and
 * probability that lies across a border is split into two reaches of which neither ranks. So: the densest
 * piece, then the denser of its neighbours upstream and downstream, again and again, across borders of
 * reaches, up to a length or to where there is little left; then the next stretch from what is left. A
 * stretch is a line: it never takes both arms of a confluence. Sites belong to the piece that they lie on.
 */
#include <math.h>

#include "geo/base/alloc.h"
#include "geo/trace/source_private.h"

static const double WORTH_WALKING = 0.05; /* of the first piece's density */

struct piece {
    uint32_t candidate, before, after; /* neighbours in the same reach, NO_PIECE at its ends */
    double probability, length_m;
    bool is_taken;
};
enum { NO_PIECE = UINT32_MAX };
struct plan {
    const struct ww_source *s;
    struct piece *piece;    /* [candidates]: those with a length, and sites that lie on none */
    uint32_t *on;           /* [candidates] the piece that a candidate belongs to */
    uint32_t *first, *last; /* [reaches] its uppermost and lowest piece */
    uint32_t *into, *from;  /* links: [from] flows into [into] */
    uint32_t n_links;
};

static double density(const struct piece *p) {
    return p->probability / fmax(p->length_m, 1);
}

static void free_plan(struct plan *p) {
    ww_free(p->piece);
    ww_free(p->on);
    ww_free(p->first);
    ww_free(p->last);
    ww_free(p->into);
    ww_free(p->from);
}

/* Pieces of a reach come in its direction, as ww_source_candidates makes them. */
static void lay_pieces(struct plan *p, const double *probability) {
    const struct ww_source *s = p->s;
    for (uint32_t r = 0; r < ww_net_count(s->net); r++)
        p->first[r] = p->last[r] = NO_PIECE;
    for (uint32_t c = 0; c < s->n; c++) {
        const struct ww_source_candidate *is = &s->candidate[c];
        uint32_t r = is->at.reach;
        p->on[c] = c;
        p->piece[c] = (struct piece){c, NO_PIECE, NO_PIECE, probability[c], is->length_m, false};
        if (!(is->length_m > 0))
            continue;
        p->piece[c].before = p->last[r];
        if (p->last[r] == NO_PIECE)
            p->first[r] = c;
        else
            p->piece[p->last[r]].after = c;
        p->last[r] = c;
    }
    for (uint32_t c = 0; c < s->n; c++) {
        const struct ww_source_candidate *is = &s->candidate[c];
        if (is->length_m > 0)
            continue;
        for (uint32_t k = p->first[is->at.reach]; k != NO_PIECE; k = p->piece[k].after)
            if (fabs(s->candidate[k].at.at_m - is->at.at_m) <= s->candidate[k].length_m / 2 * (1 + 1e-9)) {
                p->on[c] = k;
                p->piece[k].probability += p->piece[c].probability;
                p->piece[c].is_taken = true;
                break;
            }
    }
}

static enum ww_status make_plan(struct plan *p, const struct ww_source *s, const double *probability) {
    uint32_t reaches = ww_net_count(s->net);
    *p = (struct plan){.s = s};
    for (uint32_t r = 0; r < reaches; r++)
        p->n_links += ww_net_links(s->net, r, NULL);
    p->piece = ww_try_calloc(s->n + (size_t)1, sizeof *p->piece);
    p->on = ww_try_calloc(s->n + (size_t)1, sizeof *p->on);
    p->first = ww_try_calloc(reaches + (size_t)1, sizeof *p->first);
    p->last = ww_try_calloc(reaches + (size_t)1, sizeof *p->last);
    p->into = ww_try_calloc(p->n_links + (size_t)1, sizeof *p->into);
    p->from = ww_try_calloc(p->n_links + (size_t)1, sizeof *p->from);
    if (!p->piece || !p->on || !p->first || !p->last || !p->into || !p->from) {
        free_plan(p);
        return WW_NO_MEMORY;
    }
    for (uint32_t r = 0, at = 0; r < reaches; r++) {
        uint32_t n = ww_net_links(s->net, r, p->into + at);
        for (uint32_t k = 0; k < n; k++)
            p->from[at++] = r;
    }
    lay_pieces(p, probability);
    return WW_OK;
}

/* The densest free piece beside an end: in the same reach, else in a reach that flows there. */
static uint32_t beside(const struct plan *p, uint32_t end, bool upstream) {
    const struct piece *is = &p->piece[end];
    uint32_t found = upstream ? is->before : is->after, reach = p->s->candidate[end].at.reach;
    if (!(is->length_m > 0))
        return NO_PIECE;
    if (found != NO_PIECE)
        return p->piece[found].is_taken ? NO_PIECE : found;
    for (uint32_t k = 0; k < p->n_links; k++) {
        if ((upstream ? p->into[k] : p->from[k]) != reach)
            continue;
        uint32_t next = upstream ? p->last[p->from[k]] : p->first[p->into[k]];
        if (next != NO_PIECE && !p->piece[next].is_taken &&
            (found == NO_PIECE || density(&p->piece[next]) > density(&p->piece[found])))
            found = next;
    }
    return found;
}

static bool is_worth(const struct plan *p, uint32_t next, double least, double room_m) {
    return next != NO_PIECE && density(&p->piece[next]) >= least && p->piece[next].length_m <= room_m;
}

static struct ww_source_stretch grow(struct plan *p, uint32_t seed, double most_m, uint32_t number,
                                     uint32_t *number_of) {
    uint32_t upper = seed, lower = seed, next = seed;
    struct ww_source_stretch stretch = {.length_m = 0};
    double least = WORTH_WALKING * density(&p->piece[seed]);
    for (;;) {
        p->piece[next].is_taken = true;
        number_of[next] = number;
        stretch.length_m += p->piece[next].length_m;
        stretch.probability += p->piece[next].probability;
        uint32_t above = beside(p, upper, true), below = beside(p, lower, false);
        double room_m = most_m - stretch.length_m;
        bool may_rise = is_worth(p, above, least, room_m), may_fall = is_worth(p, below, least, room_m);
        if (!may_rise && !may_fall)
            break;
        bool rises = may_rise && (!may_fall || density(&p->piece[above]) >= density(&p->piece[below]));
        next = rises ? above : below;
        upper = rises ? above : upper;
        lower = rises ? lower : below;
    }
    const struct ww_source_candidate *top = &p->s->candidate[upper], *foot = &p->s->candidate[lower];
    stretch.upper = (struct ww_spot){top->at.reach, top->at.at_m - top->length_m / 2};
    stretch.lower = (struct ww_spot){foot->at.reach, foot->at.at_m + foot->length_m / 2};
    return stretch;
}

enum ww_status ww_source_stretches(const struct ww_source *s, const double *probability, double most_m,
                                   struct ww_source_stretch *out, uint32_t room, uint32_t *n,
                                   uint32_t *number_of) {
    struct plan p;
    enum ww_status st = make_plan(&p, s, probability);
    if (st != WW_OK)
        return st;
    for (uint32_t c = 0; c < s->n; c++)
        number_of[c] = UINT32_MAX;
    for (*n = 0; *n < room; ++*n) {
        uint32_t seed = NO_PIECE;
        for (uint32_t c = 0; c < s->n; c++)
            if (!p.piece[c].is_taken && (seed == NO_PIECE || density(&p.piece[c]) > density(&p.piece[seed])))
                seed = c;
        if (seed == NO_PIECE)
            break;
        out[*n] = grow(&p, seed, most_m, *n, number_of);
    }
    for (uint32_t c = 0; c < s->n; c++)
        number_of[c] = number_of[p.on[c]];
    free_plan(&p);
    return WW_OK;
}
