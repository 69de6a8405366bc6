/* Where the rows of an answer go: held while it is small, then streamed.
 *
 *   HOLDING ─complete─▶ whole answer: ETag, 304, Content-Length, gzip by the HTTP layer
 *      └─more than hold_bytes─▶ STREAMING ─▶ chunks, through our own gzip when the client takes it; no
 * validator
 *
 * While streaming a piece that the client's buffer has no room for waits here; its producer is told to wait.
 */
#include "geo/base/alloc.h"
#include "geo/base/log.h"
#include "server/http/body_coding.h"
#include "server/ogc/format.h"

#define BUF_CEILING                                                                                          \
    ((size_t)256 << 20) /* one row may be a district's outline; nothing near this is usual                   \
                         */
#define PIECE_BYTES ((size_t)32 << 10)

struct ogc_answer {
    struct ogc_call *call;
    struct ww_http_request *req;
    const char *type;
    size_t hold_bytes;
    struct ww_buf in;  /* what writers wrote */
    struct ww_buf out; /* STREAMING: coded, on its way from `out_at` */
    size_t out_at;
    struct ww_http_encoder *encoder; /* NULL: as it is */
    bool streaming, waiting, finishing;
    void (*on_room)(void *arg);
    void (*on_gone)(void *arg);
    void *arg;
};

struct ogc_answer *ogc_answer_new(struct ogc_call *call, const char *content_type, size_t hold_bytes) {
    struct ogc_answer *a = ww_try_calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->call = call;
    a->req = call->req;
    a->type = content_type;
    a->hold_bytes = hold_bytes;
    ww_buf_init(&a->in, BUF_CEILING);
    ww_buf_init(&a->out, BUF_CEILING);
    return a;
}

void ogc_answer_free(struct ogc_answer *a) {
    if (!a)
        return;
    ww_http_encoder_free(a->encoder);
    ww_buf_clear(&a->in);
    ww_buf_clear(&a->out);
    ww_free(a);
}

struct ww_buf *ogc_answer_buf(struct ogc_answer *a) {
    return &a->in;
}

bool ogc_answer_is_streaming(const struct ogc_answer *a) {
    return a->streaming;
}

static void end_stream(struct ogc_answer *a, bool whole) {
    struct ww_http_request *req = a->req;
    ogc_end(a->call);
    ogc_answer_free(a);
    if (whole)
        ww_http_stream_end(req);
    else
        ww_http_stream_abort(req);
}

/* Takes what is coded to the connection. */
static enum ogc_flow pump(struct ogc_answer *a) {
    while (a->out_at < a->out.len) {
        size_t left = a->out.len - a->out_at;
        struct ww_str piece = {a->out.data + a->out_at, left < PIECE_BYTES ? left : PIECE_BYTES};
        enum ww_status st = ww_http_stream_write(a->req, piece);
        if (st == WW_BUSY) {
            a->waiting = true;
            return OGC_WAIT;
        }
        if (st != WW_OK)
            return OGC_GONE;
        a->out_at += piece.len;
    }
    ww_buf_reset(&a->out);
    a->out_at = 0;
    a->waiting =
        false; /* room may have come before on_drain was told: then nobody is to be called any more */
    return OGC_GO_ON;
}

static void on_drain(void *arg) {
    struct ogc_answer *a = arg;
    if (!a->waiting)
        return;
    a->waiting = false;
    enum ogc_flow flow = pump(a);
    if (flow == OGC_WAIT)
        return;
    if (a->finishing)
        end_stream(a, flow == OGC_GO_ON);
    else if (flow == OGC_GONE)
        a->on_gone(a->arg);
    else
        a->on_room(a->arg);
}

static void on_peer_gone(void *arg) {
    struct ogc_answer *a = arg;
    if (a->finishing)
        end_stream(a, false);
    else
        a->on_gone(a->arg);
}

void ogc_answer_on(struct ogc_answer *a, void (*on_room)(void *arg), void (*on_gone)(void *arg), void *arg) {
    a->on_room = on_room;
    a->on_gone = on_gone;
    a->arg = arg;
    ww_http_on_gone(a->req, on_peer_gone, a); /* also before the first byte: the query ends with its reader */
}

static bool code(struct ogc_answer *a, bool last) {
    enum ww_status st = WW_OK;
    if (a->encoder) {
        st = ww_http_encoder_feed(a->encoder, ww_buf_str(&a->in), last, &a->out);
    } else {
        ww_buf_str_add(&a->out, ww_buf_str(&a->in));
        st = ww_buf_status(&a->out);
    }
    ww_buf_reset(&a->in);
    return st == WW_OK;
}

static void begin_stream(struct ogc_answer *a) {
    a->streaming = true;
    ogc_add_headers(a->call);
    if (ww_http_accepts_gzip(ww_http_header(a->req, "Accept-Encoding")))
        a->encoder = ww_http_encoder_new();
    if (a->encoder)
        ww_http_add_header(a->req, "Content-Encoding", "gzip");
    ww_http_on_drain(a->req, on_drain, a);
    ww_http_stream_begin(a->req, 200, a->type);
}

enum ogc_flow ogc_answer_push(struct ogc_answer *a) {
    if (ww_http_is_gone(a->req))
        return OGC_GONE;
    if (!a->streaming && a->in.len <= a->hold_bytes)
        return OGC_GO_ON;
    if (a->in.failed != WW_OK)
        return OGC_GO_ON; /* finish says so */
    if (!a->streaming)
        begin_stream(a);
    if (!code(a, false))
        return OGC_GONE;
    return pump(a);
}

void ogc_answer_finish(struct ogc_answer *a) {
    struct ww_error err;
    if (a->in.failed != WW_OK || a->out.failed != WW_OK) {
        ww_error_set(&err, WW_NO_MEMORY, "this answer is too large to be made");
        ogc_answer_fail(a, &err);
        return;
    }
    if (!a->streaming) {
        struct ww_buf body = a->in;
        struct ogc_call *call = a->call;
        memset(&a->in, 0, sizeof a->in);
        call->content_type = a->type;
        ogc_answer_free(a);
        ogc_send(call, 200, ww_buf_str(&body));
        ww_buf_clear(&body);
        return;
    }
    a->finishing = true;
    enum ogc_flow flow = ww_http_is_gone(a->req) || !code(a, true) ? OGC_GONE : pump(a);
    if (flow != OGC_WAIT)
        end_stream(a, flow == OGC_GO_ON);
}

void ogc_answer_fail(struct ogc_answer *a, const struct ww_error *err) {
    if (a->streaming) {
        if (!ww_http_is_gone(a->req))
            ww_log(WW_LOG_WARN, "request=%llu features=cut reason=\"%s\"",
                   (unsigned long long)ww_http_request_id(a->req), err->message);
        end_stream(a, false);
        return;
    }
    struct ogc_call *call = a->call;
    ogc_answer_free(a);
    ogc_fail_error(call, err);
}
