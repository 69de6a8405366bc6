/* GET /api/v1/events: joins the caller to the event stream. */
#include "server/route_table.h"
#include "server/sse_hub.h"

/* EventSource sends the header when it reconnects; the parameter is for whoever can't set headers. */
static int64_t resume_after(const struct ww_route_call *call, bool *good) {
    struct ww_str text = ww_http_header(call->req, "Last-Event-ID");
    uint64_t id;
    *good = true;
    if (!text.len && !ww_http_param(call->req, "last_event_id", &text))
        return -1;
    *good = ww_str_to_u64(text, &id) && id <= INT64_MAX;
    return *good ? (int64_t)id : -1;
}

void ww_handle_events(struct ww_route_call *call) {
    bool good, from_cookie;
    int64_t after = resume_after(call, &good);
    struct ww_str token;
    unsigned char hash[32];
    if (!good) {
        ww_call_fail(call, WW_BAD_INPUT, "Last-Event-ID", "Last-Event-ID must be the id of an event");
        return;
    }
    if (ww_http_method(call->req) == WW_HTTP_HEAD) {
        ww_http_respond(call->req, 200, "text/event-stream", WW_STR_NONE);
        return;
    }
    if (call->account && ww_request_token(call->req, &token, &from_cookie))
        ww_token_hash(token, hash);
    struct ww_str tiles;
    const bool wants_tiles = ww_http_param(call->req, "tiles", &tiles) && ww_str_eq(tiles, WW_STR("1"));
    ww_sse_hub_join(call->app->sse, call->req, call->account ? hash : NULL, after, wants_tiles);
}
