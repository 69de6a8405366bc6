/* Computes an alert again: the rule as it was, the readings as they were known, the judge that runs live.
 *
 * What judged it is built as it was when it began to (table judge_world; of scans and hot spots the
 * explanation says what was known), and goes through what came in since in the order in which it came in,
 * superseded versions too, until the alert clears or there is no more. What comes out is compared with what
 * is stored, to the last bit of every number: the row, the explanation, the reasons that joined, and what the
 * alert was before another rule took it over.
 *
 *   struct ww_recomputed *done;
 *   st = ww_recompute(conninfo, 42, NULL, NULL, &done, &err);   // WW_NOT_FOUND: no such alert;
 *                                                               // WW_CONFLICT: can't be, err says why
 *   if (done->n_differences == 0)
 *       puts("same");
 *   ww_recomputed_free(done);
 *
 * Reads in one READ ONLY transaction on a connection of its own. Blocks.
 */
#ifndef WW_INGEST_RECOMPUTE_H
#define WW_INGEST_RECOMPUTE_H

#include "geo/base/arena.h"
#include "geo/base/status.h"

struct ww_recomputed_difference {
    struct ww_str path;             /* "peak_value", "explanation.window[1].value" */
    struct ww_str stored, computed; /* as JSON; empty: there is none */
};

struct ww_recomputed {
    struct ww_arena *arena;
    uint64_t readings;                   /* that went through the judge */
    uint32_t compared;                   /* values */
    int32_t first_version, last_version; /* of the rule, that judged */
    bool is_found; /* false: nothing was raised then; there is one difference, which says so */
    struct ww_recomputed_difference *differences;
    uint32_t n_differences, cap_differences;
};

/* Asked again and again, after some thousand readings; false cancels: WW_BUSY. */
typedef bool (*ww_recompute_cb)(void *arg, uint64_t readings);
enum ww_status ww_recompute(const char *conninfo, int64_t alert_id, ww_recompute_cb goes_on, void *arg,
                            struct ww_recomputed **out, struct ww_error *err) WW_MUST_CHECK;
void ww_recomputed_free(struct ww_recomputed *done); /* NULL is allowed */

#endif
