/* Addresses of pages, through libcurl's own parser, so that what was checked is what is asked. */
#include "ingest/gateway/pull_url.h"

#include <curl/curl.h>

enum { MAX_URL = 8192 };

static enum ww_status bad_address(struct ww_error *err, CURLUcode code) {
    if (code == CURLUE_OUT_OF_MEMORY)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for an address");
    return ww_error_set(err, WW_BAD_INPUT, "an address is not understood: %s", curl_url_strerror(code));
}

static bool is_http(CURLU *u) {
    char *scheme = NULL;
    bool is = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is;
}

/* The whole address of `u` into `out`; plain ASCII only, so that it fits a request line and a text column. */
static enum ww_status write_out(CURLU *u, struct ww_buf *out, struct ww_error *err) {
    char *text = NULL;
    if (!is_http(u))
        return ww_error_set(err, WW_BAD_INPUT, "an address is neither http nor https");
    CURLUcode code = curl_url_get(u, CURLUPART_URL, &text, 0);
    if (code != CURLUE_OK)
        return bad_address(err, code);
    enum ww_status st = WW_OK;
    for (const char *c = text; *c && st == WW_OK; c++)
        if ((uint8_t)*c <= 0x20 || (uint8_t)*c >= 0x7F)
            st = ww_error_set(err, WW_BAD_INPUT, "an address holds bytes that are not encoded");
    if (st == WW_OK && strlen(text) > MAX_URL)
        st = ww_error_set(err, WW_BAD_INPUT, "an address is longer than %d bytes", MAX_URL);
    if (st == WW_OK) {
        ww_buf_reset(out);
        ww_buf_text(out, text);
        st = ww_buf_status(out);
    }
    curl_free(text);
    return st;
}

enum ww_status ww_pull_url_join(const char *base, struct ww_str reference, struct ww_buf *out,
                                struct ww_error *err) {
    char text[MAX_URL + 1];
    if (reference.len > MAX_URL)
        return ww_error_set(err, WW_BAD_INPUT, "an address is longer than %d bytes", MAX_URL);
    if (reference.len > 0 && memchr(reference.ptr, '\0', reference.len))
        return bad_address(err, CURLUE_MALFORMED_INPUT);
    if (reference.len > 0)
        memcpy(text, reference.ptr, reference.len);
    text[reference.len] = '\0';
    CURLU *u = curl_url();
    if (!u)
        return bad_address(err, CURLUE_OUT_OF_MEMORY);
    CURLUcode code = curl_url_set(u, CURLUPART_URL, base, 0);
    if (code == CURLUE_OK && reference.len > 0)
        code = curl_url_set(u, CURLUPART_URL, text, CURLU_URLENCODE);
    if (code == CURLUE_OK)
        code = curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    /* Who we are is said by the feed, never by a link. */
    if (code == CURLUE_OK)
        code = curl_url_set(u, CURLUPART_USER, NULL, 0);
    if (code == CURLUE_OK)
        code = curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    enum ww_status st = code == CURLUE_OK ? write_out(u, out, err) : bad_address(err, code);
    curl_url_cleanup(u);
    return st;
}

static enum ww_status encode(struct ww_buf *out, struct ww_str text) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] && strchr(plain, text.ptr[i]))
            ww_buf_char(out, text.ptr[i]);
        else
            ww_buf_printf(out, "%%%02X", (uint8_t)text.ptr[i]);
    }
    return ww_buf_status(out);
}

enum ww_status ww_pull_url_add(struct ww_buf *url, struct ww_str name, struct ww_str value,
                               struct ww_error *err) {
    struct ww_str text = ww_buf_str(url);
    bool has_query = text.len > 0 && memchr(text.ptr, '?', text.len) != NULL;
    if (!has_query)
        ww_buf_char(url, '?');
    else if (text.ptr[text.len - 1] != '?' && text.ptr[text.len - 1] != '&')
        ww_buf_char(url, '&');
    enum ww_status st = encode(url, name);
    ww_buf_char(url, '=');
    if (st == WW_OK)
        st = encode(url, value);
    return st == WW_OK ? WW_OK : ww_error_set(err, WW_BAD_INPUT, "an address becomes too long");
}

struct origin {
    char *scheme, *host, *port;
};

static bool read_origin(const char *url, struct origin *out) {
    CURLU *u = curl_url();
    *out = (struct origin){NULL, NULL, NULL};
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &out->scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &out->host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok;
}

static void free_origin(struct origin *o) {
    curl_free(o->scheme);
    curl_free(o->host);
    curl_free(o->port);
}

bool ww_pull_url_is_home(const char *home, const char *other) {
    struct origin a, b;
    bool read_a = read_origin(home, &a), read_b = read_origin(other, &b), is_home = false;
    if (read_a && read_b && ww_str_eq_nocase(ww_str_of(a.host), ww_str_of(b.host))) {
        bool same = strcmp(a.scheme, b.scheme) == 0 && strcmp(a.port, b.port) == 0;
        bool upgraded = strcmp(a.scheme, "http") == 0 && strcmp(a.port, "80") == 0 &&
                        strcmp(b.scheme, "https") == 0 && strcmp(b.port, "443") == 0;
        is_home = same || upgraded;
    }
    free_origin(&a);
    free_origin(&b);
    return is_home;
}

bool ww_pull_url_is_tls(const char *url) {
    return strncmp(url, "https://", 8) == 0;
}
