/* Sends whole documents: validator, conditional answers, Vary.
 *
 * The validator is a hash of the bytes, weak because a compressed answer has the same. So it is never wrong:
 * a 304 says that these very bytes would have been sent.
 */
#include <stdio.h>

#include "server/ogc/ogc.h"

void ogc_etag(struct ww_str body, const char *also, char out[48]) {
    uint64_t a = ww_str_hash(body);
    uint64_t b = ww_str_hash(ww_str_of(also));
    snprintf(out, 48, "W/\"%016llx%08llx\"", (unsigned long long)a,
             (unsigned long long)((b ^ (uint64_t)body.len * UINT64_C(0x9e3779b97f4a7c15)) & 0xffffffff));
}

void ogc_add_headers(struct ogc_call *call) {
    ww_http_add_header(call->req, "Vary", "Accept, Accept-Encoding, Accept-Language, Authorization");
    ww_http_add_header(call->req, "Content-Language", call->zh ? "zh" : "en");
    if (call->format == OGC_HTML)
        ww_http_add_header(call->req, "Content-Security-Policy", ogc_html_csp());
}

void ogc_send(struct ogc_call *call, int status, struct ww_str body) {
    char etag[48];
    const char *type = call->content_type;
    if (!type)
        type = call->plain_json ? ogc_media_type(OGC_JSON) : ogc_media_type(call->format);
    if (call->format == OGC_HTML)
        type = "text/html; charset=utf-8";
    ogc_etag(body, type, etag);
    ogc_add_headers(call);
    ww_http_add_header(call->req, "ETag", etag);
    bool same = status == 200 && ww_http_has_etag(call->req, etag);
    ogc_end(call);
    ww_http_respond(call->req, same ? 304 : status, type, same ? WW_STR_NONE : body);
}

void ogc_send_document(struct ogc_call *call, struct ww_buf *json) {
    struct ww_buf page;
    ww_buf_init(&page, (size_t)64 << 20);
    enum ww_status st = ww_buf_status(json);
    if (st == WW_OK && call->format == OGC_HTML)
        st = ogc_html_document(call, ww_buf_str(json), &page);
    if (st != WW_OK)
        ogc_fail(call, st, "", "no memory for this document");
    else
        ogc_send(call, 200, ww_buf_str(call->format == OGC_HTML ? &page : json));
    ww_buf_clear(&page);
    ww_buf_clear(json);
}
