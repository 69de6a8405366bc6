/* Rows that are written beside the path, many at once: a batch is a JSON array and one statement.
 *
 * Rows wait while the database is away, up to a bound; beyond it they are dropped and counted, because
 * nothing here was acknowledged to anybody. What is being sent is kept until it is known to be written: rows
 * may come twice after a lost connection (an event is then told twice; registrations and arrivals take no
 * harm).
 */
#include <assert.h>

#include "geo/base/log.h"
#include "ingest/gateway/hj212_gateway_internal.h"

enum { MAX_BYTES = 4 << 20 };

void ww_hj212_batch_init(struct batch *batch, struct ww_hj212_gateway *gateway, const char *query,
                         uint32_t max_rows, void (*on_done)(struct ww_hj212_gateway *gateway)) {
    *batch = (struct batch){.gateway = gateway, .query = query, .max_rows = max_rows, .on_done = on_done};
    ww_buf_init(&batch->rows, MAX_BYTES);
    ww_buf_init(&batch->sending, MAX_BYTES);
}

void ww_hj212_batch_clear(struct batch *batch) {
    ww_buf_clear(&batch->rows);
    ww_buf_clear(&batch->sending);
}

bool ww_hj212_batch_is_full(const struct batch *batch) {
    return batch->n_rows >= batch->max_rows || batch->rows.len > MAX_BYTES / 2;
}

bool ww_hj212_batch_begin_row(struct batch *batch, struct ww_json *w) {
    if (ww_hj212_batch_is_full(batch)) {
        batch->dropped++;
        return false;
    }
    ww_buf_char(&batch->rows, batch->n_rows++ == 0 ? '[' : ',');
    ww_json_init(w, &batch->rows);
    return true;
}

static void on_written(void *arg, enum ww_status status, const struct ww_pg_result *result,
                       const struct ww_error *err) {
    struct batch *batch = arg;
    (void)result;
    if (!ww_hj212_gateway_query_done(batch->gateway))
        return;
    batch->is_under_way = false;
    if (status == WW_UNAVAILABLE || status == WW_BUSY || status == WW_NO_MEMORY)
        return; /* the janitor tries again */
    if (status != WW_OK)
        ww_log(WW_LOG_ERROR, "hj212=batch_refused query=%s rows=%u reason=\"%s\"", batch->query,
               batch->n_sending, err->message);
    ww_buf_clear(&batch->sending);
    batch->n_sending = 0;
    if (batch->on_done)
        batch->on_done(batch->gateway);
    ww_hj212_batch_flush(batch);
}

static bool take_rows(struct batch *batch) {
    if (batch->n_rows == 0)
        return false;
    ww_buf_char(&batch->rows, ']');
    uint32_t n = batch->n_rows;
    batch->sequence++;
    struct ww_buf rows = batch->rows;
    batch->rows = batch->sending;
    batch->sending = rows;
    batch->n_sending = n;
    batch->n_rows = 0;
    if (ww_buf_status(&batch->sending) == WW_OK)
        return true;
    ww_log(WW_LOG_ERROR, "hj212=batch_lost query=%s rows=%u reason=memory", batch->query, n);
    ww_buf_clear(&batch->sending);
    batch->n_sending = 0;
    return false;
}

void ww_hj212_batch_flush(struct batch *batch) {
    if (batch->is_under_way || (batch->n_sending == 0 && !take_rows(batch)))
        return;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, ww_buf_str(&batch->sending));
    batch->is_under_way =
        ww_pg_pool_query(batch->gateway->pool, ww_sql_find(batch->query), &args, on_written, batch) == WW_OK;
    ww_pg_args_clear(&args);
    batch->gateway->n_queries += batch->is_under_way;
}
