/* Links: absolute addresses under the root that the client itself used. */
#include <stdarg.h>
#include <stdio.h>

#include "server/ogc/ogc.h"

void ogc_percent(struct ww_buf *out, struct ww_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            ww_buf_char(out, c);
        else
            ww_buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

struct ww_str ogc_percent_copy(struct ww_arena *arena, struct ww_str text) {
    struct ww_buf out;
    ww_buf_init(&out, (size_t)64 << 10);
    ogc_percent(&out, text);
    struct ww_str copy = ww_arena_copy(arena, ww_buf_str(&out));
    ww_buf_clear(&out);
    return copy.ptr ? copy : WW_STR("");
}

void ogc_link(struct ogc_call *call, struct ww_json *w, const char *rel, const char *type, const char *title,
              const char *fmt, ...) {
    struct ww_buf href;
    char path[8192]; /* of a target: at most 16 KiB of head, and `next` is written by items.c */
    va_list args;
    va_start(args, fmt);
    vsnprintf(path, sizeof path, fmt, args);
    va_end(args);
    ww_buf_init(&href, (size_t)32 << 10);
    ww_buf_str_add(&href, call->root);
    ww_buf_text(&href, path);
    ww_json_object(w);
    ww_json_key(w, "href");
    ww_json_str(w, ww_buf_str(&href));
    ww_json_key(w, "rel");
    ww_json_text(w, rel);
    ww_json_key(w, "type");
    ww_json_text(w, type);
    if (title) {
        ww_json_key(w, "title");
        ww_json_text(w, title);
    }
    ww_json_end_object(w);
    ww_buf_clear(&href);
}

void ogc_self_links(struct ogc_call *call, struct ww_json *w, const enum ogc_format *offered,
                    const char *path) {
    for (size_t i = 0; offered[i] != OGC_FORMATS; i++) {
        bool self = offered[i] == call->format ||
                    (call->format == OGC_HTML && i == 0); /* a page is made from the JSON */
        if (self)
            ogc_link(call, w, "self", ogc_media_type(offered[i]), OGC_SAY(call, "This document", "本文档"),
                     "%s", path);
        else
            ogc_link(call, w, "alternate", ogc_media_type(offered[i]),
                     OGC_SAY(call, "In another format", "其他格式"), "%s?f=%s", path,
                     ogc_format_name(offered[i]));
    }
    if (call->format == OGC_HTML)
        return;
}
