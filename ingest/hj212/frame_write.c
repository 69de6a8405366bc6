/* Builds frames. */
#include <stdio.h>

#include "ingest/hj212/hj212_internal.h"

static void write_segment(struct ww_buf *out, const struct ww_hj212_out *frame) {
    if (frame->qn)
        ww_buf_printf(out, "QN=%s;", frame->qn);
    if (frame->st)
        ww_buf_printf(out, "ST=%s;", frame->st);
    ww_buf_printf(out, "CN=%d;", frame->cn);
    if (frame->pw)
        ww_buf_printf(out, "PW=%s;", frame->pw);
    if (frame->mn)
        ww_buf_printf(out, "MN=%s;", frame->mn);
    if (frame->flag >= 0)
        ww_buf_printf(out, "Flag=%d;", frame->flag);
    if (frame->pnum > 0)
        ww_buf_printf(out, "PNUM=%u;PNO=%u;", frame->pnum, frame->pno);
    if (frame->rf)
        ww_buf_text(out, "RF=1;");
    ww_buf_text(out, "CP=&&");
    ww_buf_str_add(out, frame->data);
    ww_buf_text(out, "&&");
}

enum ww_status ww_hj212_write(struct ww_buf *out, const struct ww_hj212_out *frame) {
    size_t start = out->len;
    if (frame->data.len > WW_HJ212_MAX_SEGMENT)
        return WW_TOO_LARGE;
    ww_buf_text(out, "##0000");
    write_segment(out, frame);
    if (ww_buf_status(out) != WW_OK)
        return ww_buf_status(out);
    struct ww_str segment = {out->data + start + 6, out->len - start - 6};
    if (segment.len > WW_HJ212_MAX_SEGMENT) {
        out->len = start;
        out->data[start] = '\0';
        return WW_TOO_LARGE;
    }
    char length[5];
    (void)snprintf(length, sizeof length, "%04u", (unsigned)segment.len);
    memcpy(out->data + start + 2, length, 4);
    uint16_t crc = ww_hj212_crc(segment);
    if (frame->sm4_key) {
        char cipher[WW_HJ212_MAX_SEGMENT];
        if (!ww_hj212_sm4(frame->sm4_key, true, frame->data, cipher)) {
            out->len = start;
            return WW_NO_MEMORY;
        }
        memcpy(out->data + out->len - 2 - frame->data.len, cipher, frame->data.len);
    }
    ww_buf_printf(out, "%04X\r\n", crc);
    return ww_buf_status(out);
}
