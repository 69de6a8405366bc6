/* What a well-formed head means: who is asked, where the body ends, what follows it.
 *
 * Framing is decided here and nowhere else. RFC 9112 section 6.3 lets a recipient repair some
 * contradictions (equal Content-Lengths, Content-Length beside chunked); a program before us may
 * repair them the other way, so each of them is refused.
 */
#include "server/http/head_parser.h"

/* Fields that may stand once only: a second one is a contradiction, never a list. */
static const char *const single_fields[] = {"Host",
                                            "Content-Length",
                                            "Transfer-Encoding",
                                            "Content-Type",
                                            "Content-Encoding",
                                            "Authorization",
                                            "Cookie",
                                            "Expect",
                                            "Origin",
                                            "Referer",
                                            "User-Agent",
                                            "Range",
                                            "Date",
                                            "If-Range",
                                            "Last-Event-ID",
                                            "From",
                                            "If-Modified-Since",
                                            "Idempotency-Key",
                                            "Max-Forwards",
                                            "If-Unmodified-Since"};

const struct ww_http_field *ww_http_head_find(const struct ww_http_head *head, struct ww_str name) {
    for (int i = 0; i < head->field_count; i++)
        if (ww_str_eq_nocase(head->fields[i].name, name))
            return &head->fields[i];
    return NULL;
}

bool ww_http_list_next(struct ww_str *list, struct ww_str *item) {
    if (!list->len)
        return false;
    const char *comma = memchr(list->ptr, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->ptr) : list->len;
    *item = ww_str_trim((struct ww_str){list->ptr, len});
    size_t step = comma ? len + 1 : len;
    *list = (struct ww_str){list->ptr + step, list->len - step};
    return true;
}

static const char *repeated_single(const struct ww_http_head *head) {
    for (size_t s = 0; s < sizeof single_fields / sizeof *single_fields; s++) {
        struct ww_str name = ww_str_of(single_fields[s]);
        int count = 0;
        for (int i = 0; i < head->field_count; i++)
            count += ww_str_eq_nocase(head->fields[i].name, name);
        if (count > 1)
            return single_fields[s];
    }
    return NULL;
}

static int check_version(struct ww_http_head *head, const char **why) {
    if (ww_str_is(head->version, "HTTP/1.1")) {
        head->minor = 1;
    } else if (ww_str_is(head->version, "HTTP/1.0")) {
        head->minor = 0;
    } else if (ww_str_is(head->method_text, "PRI")) {
        *why = "HTTP/2 is not spoken here";
        return 400;
    } else if (ww_str_starts(head->version, WW_STR("HTTP/")) && head->version.ptr[6] == '.') {
        *why = "only HTTP/1.1 and HTTP/1.0 are spoken here";
        return 505;
    } else {
        *why = "the HTTP version is malformed";
        return 400;
    }
    return 0;
}

static int check_method(struct ww_http_head *head, const char **why) {
    for (int m = WW_HTTP_GET; m <= WW_HTTP_OPTIONS; m++) {
        if (ww_str_is(head->method_text, ww_http_method_name((enum ww_http_method)m))) {
            head->method = (enum ww_http_method)m;
            return 0;
        }
    }
    *why = "the method is not known here";
    return 501;
}

static bool is_port(struct ww_str text) {
    if (text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return true;
}

/* uri-host [":" port] of RFC 9110 section 7.2; names are not looked up, only their bytes judged. */
static bool is_host(struct ww_str text) {
    size_t i = 0;
    if (text.len && text.ptr[0] == '[') {
        const char *close = memchr(text.ptr, ']', text.len);
        if (!close || close == text.ptr + 1)
            return false;
        for (i = 1; text.ptr + i < close; i++)
            if (!strchr("0123456789abcdefABCDEF:.", text.ptr[i]))
                return false;
        i++;
    } else {
        static const char name_bytes[] = "-._~%!$&'()*+,;=";
        for (; i < text.len && text.ptr[i] != ':'; i++) {
            char c = text.ptr[i];
            bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!alnum && !strchr(name_bytes, c))
                return false;
        }
        if (i == 0)
            return false;
    }
    if (i == text.len)
        return true;
    return text.ptr[i] == ':' && is_port((struct ww_str){text.ptr + i + 1, text.len - i - 1});
}

static int check_host(struct ww_http_head *head, const char **why) {
    const struct ww_http_field *field = ww_http_head_find(head, WW_STR("Host"));
    if (!field) {
        *why = "the Host header is missing";
        return head->minor == 1 ? 400 : 0;
    }
    if (!is_host(field->value)) {
        *why = "the Host header does not name a host";
        return 400;
    }
    head->host = field->value;
    return 0;
}

static int check_framing(struct ww_http_head *head, const char **why) {
    const struct ww_http_field *length = ww_http_head_find(head, WW_STR("Content-Length"));
    const struct ww_http_field *coding = ww_http_head_find(head, WW_STR("Transfer-Encoding"));
    if (length && coding) {
        *why = "Content-Length and Transfer-Encoding contradict each other";
        return 400;
    }
    if (coding) {
        if (head->minor == 0) {
            *why = "HTTP/1.0 has no Transfer-Encoding";
            return 400;
        }
        if (!ww_str_eq_nocase(coding->value, WW_STR("chunked"))) {
            *why = "the only Transfer-Encoding here is chunked";
            return 400;
        }
        head->chunked = true;
    }
    if (length) {
        /* Digits only: ww_str_to_u64 takes no sign, but states the rule for no reader of this file. */
        for (size_t i = 0; i < length->value.len; i++) {
            if (length->value.ptr[i] < '0' || length->value.ptr[i] > '9') {
                *why = "Content-Length is not a decimal number";
                return 400;
            }
        }
        if (!ww_str_to_u64(length->value, &head->content_length)) {
            *why = "Content-Length is not a decimal number";
            return 400;
        }
    }
    return 0;
}

static int check_connection(struct ww_http_head *head, const char **why) {
    head->keep_alive = head->minor == 1;
    for (int i = 0; i < head->field_count; i++) {
        if (!ww_str_eq_nocase(head->fields[i].name, WW_STR("Connection")))
            continue;
        struct ww_str list = head->fields[i].value, item;
        while (ww_http_list_next(&list, &item))
            if (ww_str_eq_nocase(item, WW_STR("close")))
                head->keep_alive = false;
    }
    const struct ww_http_field *expect = ww_http_head_find(head, WW_STR("Expect"));
    if (expect && head->minor == 1) {
        if (!ww_str_eq_nocase(expect->value, WW_STR("100-continue"))) {
            *why = "the only expectation met here is 100-continue";
            return 417;
        }
        head->expect_continue = true;
    }
    return 0;
}

int ww_http_head_check(struct ww_http_head *head, const char **why) {
    int status = check_version(head, why);
    if (status)
        return status;
    if (repeated_single(head)) {
        *why = "a header that may stand once stands twice";
        return 400;
    }
    status = check_host(head, why);
    if (!status)
        status = check_framing(head, why);
    if (!status)
        status = check_connection(head, why);
    if (!status)
        status = check_method(head, why);
    return status;
}
