/* The back-tests of a server: each on a thread and a connection of its own, so that the event loop never
 * waits.
 *
 *   shop = ww_backtests_new(conninfo);
 *   st = ww_backtests_start(shop, body, "alice", &id, &err);    // WW_BUSY: as many as may run are running
 *   ww_backtests_show(shop, id, true, &json);                   // at any time: state, progress, at last the
 * report ww_backtests_cancel(shop, id);                              // ends within a fraction of a second
 *   ww_backtests_free(shop);                                    // cancels and waits
 *
 * Called from one thread (the loop's). At most WW_BACKTESTS_RUNNING at once; of those that have ended the
 * newest WW_BACKTESTS_KEPT are kept, in memory: they are answers to a question, not records.
 */
#ifndef WW_SERVER_BACKTESTS_H
#define WW_SERVER_BACKTESTS_H

#include "geo/base/buf.h"

#define WW_BACKTESTS_RUNNING 2
#define WW_BACKTESTS_KEPT    8

struct ww_backtests;

struct ww_backtests *ww_backtests_new(const char *conninfo);
void ww_backtests_free(struct ww_backtests *shop); /* NULL is allowed */

/* `body`: a request that ww_backtest_request_read accepts; copied. */
enum ww_status ww_backtests_start(struct ww_backtests *shop, struct ww_str body, const char *account,
                                  int64_t *id, struct ww_error *err) WW_MUST_CHECK;
/* One as JSON; false: there is none of that number (any more). `with_report`: its result too, when it is
 * done. */
bool ww_backtests_show(struct ww_backtests *shop, int64_t id, bool with_report, struct ww_buf *out);
/* {"items":[…],"next":null}, newest first, without reports. */
void ww_backtests_list(struct ww_backtests *shop, struct ww_buf *out);
/* A running one ends, a finished one is forgotten. False: there is none. */
bool ww_backtests_cancel(struct ww_backtests *shop, int64_t id);

#endif
