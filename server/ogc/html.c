/* Pages: the frame, and any JSON document of ours as a page.
 *
 * A document is shown by what its members are: title and description as such, "links" as a list of links, an
 * array of objects (the collections) as a section each, everything else as name and value. So a page can't
 * say anything else than the document. No script; the only style is ours, allowed by its hash.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "server/ogc/ogc.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:0 "
    "auto;max-width:72rem;padding:1rem;color:#1a1a1a;"
    "background:#fff}a{color:#0b57a4}h1{font-size:1.6rem}h2{font-size:1.2rem;margin:1.5rem 0 .25rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #ccc;padding:.25rem "
    ".5rem;"
    "text-align:left;vertical-align:top}th{background:#f2f2f2}dt{font-weight:600}dd{margin:0 0 .5rem 1rem;"
    "overflow-wrap:anywhere}nav{margin:0 0 1rem}"
    "@media(prefers-color-scheme:dark){body{background:#121212;color:#e6e6e6}a{color:#8ab4f8}th{background:#"
    "222}"
    "th,td{border-color:#444}}";

const char *ogc_html_csp(void) {
    static char csp[256];
    if (!csp[0]) {
        unsigned char digest[32];
        unsigned char base64[48];
        unsigned int n = 0;
        EVP_Digest(style, sizeof style - 1, digest, &n, EVP_sha256(), NULL);
        EVP_EncodeBlock(base64, digest, 32);
        snprintf(csp, sizeof csp,
                 "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; "
                 "frame-ancestors 'none'",
                 (const char *)base64);
    }
    return csp;
}

void ogc_html_text(struct ww_buf *out, struct ww_str text) {
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<':
            ww_buf_text(out, "&lt;");
            break;
        case '>':
            ww_buf_text(out, "&gt;");
            break;
        case '&':
            ww_buf_text(out, "&amp;");
            break;
        case '"':
            ww_buf_text(out, "&quot;");
            break;
        default:
            ww_buf_char(out, text.ptr[i]);
        }
    }
}

void ogc_html_head(struct ogc_call *call, struct ww_buf *out, struct ww_str title) {
    ww_buf_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">",
                  call->zh ? "zh-CN" : "en");
    ww_buf_text(out, "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    ogc_html_text(out, title);
    ww_buf_printf(out, "</title><style>%s</style></head><body><nav><a href=\"", style);
    ogc_html_text(out, call->root);
    ww_buf_printf(out, "?f=html\">%s</a> · <a href=\"", OGC_SAY(call, "Home", "首页"));
    ogc_html_text(out, call->root);
    ww_buf_printf(out, "/collections?f=html\">%s</a></nav><main><h1>", OGC_SAY(call, "Layers", "图层"));
    ogc_html_text(out, title);
    ww_buf_text(out, "</h1>");
}

void ogc_html_foot(struct ww_buf *out) {
    ww_buf_text(out, "</main></body></html>\n");
}

/* ---- A document ---- */

static struct ww_str text_of(const struct ww_json_node *object, const char *key) {
    struct ww_str text = WW_STR("");
    (void)ww_json_as_str(ww_json_get(object, key), &text);
    return text;
}

static void link_item(struct ww_buf *out, const struct ww_json_node *link) {
    struct ww_str title = text_of(link, "title");
    ww_buf_text(out, "<li><a href=\"");
    ogc_html_text(out, text_of(link, "href"));
    ww_buf_text(out, "\">");
    ogc_html_text(out, title.len ? title : text_of(link, "rel"));
    ww_buf_text(out, "</a> <small>");
    ogc_html_text(out, text_of(link, "rel"));
    ww_buf_text(out, " · ");
    ogc_html_text(out, text_of(link, "type"));
    ww_buf_text(out, "</small></li>");
}

static void value(struct ww_buf *out, const struct ww_json_node *node) {
    if (node->type == WW_JSON_STRING && ww_str_starts(node->text, WW_STR("http"))) {
        ww_buf_text(out, "<a href=\"");
        ogc_html_text(out, node->text);
        ww_buf_text(out, "\">");
        ogc_html_text(out, node->text);
        ww_buf_text(out, "</a>");
        return;
    }
    if (node->type != WW_JSON_ARRAY && node->type != WW_JSON_OBJECT) {
        ogc_html_text(out, node->text);
        return;
    }
    bool scalars = true;
    for (const struct ww_json_node *child = node->child; child; child = child->next)
        scalars = scalars && child->type != WW_JSON_ARRAY && child->type != WW_JSON_OBJECT;
    if (node->type == WW_JSON_ARRAY && !scalars && node->child->type == WW_JSON_ARRAY) {
        ogc_html_text(out, node->text); /* boxes and intervals: as they are */
        return;
    }
    ww_buf_text(out, node->type == WW_JSON_OBJECT ? "<dl>" : "<ul>");
    for (const struct ww_json_node *child = node->child; child; child = child->next) {
        if (node->type == WW_JSON_OBJECT) {
            ww_buf_text(out, "<dt>");
            ogc_html_text(out, child->key);
            ww_buf_text(out, "</dt><dd>");
            value(out, child);
            ww_buf_text(out, "</dd>");
        } else {
            ww_buf_text(out, "<li>");
            value(out, child);
            ww_buf_text(out, "</li>");
        }
    }
    ww_buf_text(out, node->type == WW_JSON_OBJECT ? "</dl>" : "</ul>");
}

static void object(struct ww_buf *out, const struct ww_json_node *node, bool is_section) {
    struct ww_str about = text_of(node, "description");
    if (is_section) {
        struct ww_str title = text_of(node, "title");
        ww_buf_text(out, "<h2>");
        ogc_html_text(out, title.len ? title : text_of(node, "id"));
        ww_buf_text(out, "</h2>");
    }
    if (about.len) {
        ww_buf_text(out, "<p>");
        ogc_html_text(out, about);
        ww_buf_text(out, "</p>");
    }
    const struct ww_json_node *links = ww_json_get(node, "links");
    if (links) {
        ww_buf_text(out, "<ul>");
        for (const struct ww_json_node *link = links->child; link; link = link->next)
            link_item(out, link);
        ww_buf_text(out, "</ul>");
    }
    ww_buf_text(out, "<dl>");
    for (const struct ww_json_node *child = node->child; child; child = child->next) {
        bool sections = child->type == WW_JSON_ARRAY && child->child && child->child->type == WW_JSON_OBJECT;
        if (ww_str_is(child->key, "links") || ww_str_is(child->key, "title") ||
            ww_str_is(child->key, "description") || sections)
            continue;
        ww_buf_text(out, "<dt>");
        ogc_html_text(out, child->key);
        ww_buf_text(out, "</dt><dd>");
        value(out, child);
        ww_buf_text(out, "</dd>");
    }
    ww_buf_text(out, "</dl>");
    for (const struct ww_json_node *child = node->child; child; child = child->next) {
        if (child->type != WW_JSON_ARRAY || !child->child || child->child->type != WW_JSON_OBJECT ||
            child == links)
            continue;
        for (const struct ww_json_node *item = child->child; item; item = item->next) {
            ww_buf_text(out, "<section>");
            object(out, item, true);
            ww_buf_text(out, "</section>");
        }
    }
}

enum ww_status ogc_html_document(struct ogc_call *call, struct ww_str json, struct ww_buf *out) {
    struct ww_arena *arena = ww_arena_new((size_t)64 << 20);
    struct ww_json_node *root;
    if (!arena)
        return WW_NO_MEMORY;
    enum ww_status st = ww_json_parse(arena, json, &root, NULL);
    if (st == WW_OK) {
        struct ww_str title = text_of(root, "title");
        ogc_html_head(call, out, title.len ? title : WW_STR("wardwatch"));
        object(out, root, false);
        ogc_html_foot(out);
        st = ww_buf_status(out);
    }
    ww_arena_free(arena);
    return st;
}
