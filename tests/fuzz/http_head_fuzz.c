/* The request head under any bytes in any pieces. ww_link: ww_http
 *
 * Checked besides memory: whole and piecewise parses agree in everything; a head that is taken
 * obeys what the strict grammar promises, tested here by a plain second look at its bytes; its target
 * can be given to the target parser, whose path then holds no dot segment and no control byte.
 */
#include <stdlib.h>

#include "server/http/head_parser.h"
#include "server/http/uri.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum ww_http_parse feed_pieces(struct ww_http_head_parser *p, struct ww_str in, size_t *used) {
    enum ww_http_parse result = WW_HTTP_MORE;
    size_t step = 1;
    *used = 0;
    while (*used < in.len && result == WW_HTTP_MORE) {
        size_t one, len = in.len - *used < step ? in.len - *used : step;
        result = ww_http_head_feed(p, (struct ww_str){in.ptr + *used, len}, &one);
        *used += one;
        step = step % 5 + 1;
    }
    return result;
}

static bool same_parse(const struct ww_http_head *a, const struct ww_http_head *b) {
    if (a->method != b->method || !ww_str_eq(a->target, b->target) || a->field_count != b->field_count ||
        a->content_length != b->content_length || a->chunked != b->chunked || a->minor != b->minor ||
        a->keep_alive != b->keep_alive || a->expect_continue != b->expect_continue ||
        !ww_str_eq(a->host, b->host))
        return false;
    for (int i = 0; i < a->field_count; i++)
        if (!ww_str_eq(a->fields[i].name, b->fields[i].name) ||
            !ww_str_eq(a->fields[i].value, b->fields[i].value))
            return false;
    return true;
}

static void check_taken(const struct ww_http_head *head, struct ww_str bytes) {
    int hosts = 0, lengths = 0, codings = 0;
    MUST(bytes.len >= 4 && memcmp(bytes.ptr + bytes.len - 4, "\r\n\r\n", 4) == 0);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        MUST(c >= 0x20 || c == '\t' || c == '\r' || c == '\n');
        MUST(c != 0x7f);
        MUST(c != '\n' || (i > 0 && bytes.ptr[i - 1] == '\r'));
        MUST(c != '\r' || (i + 1 < bytes.len && bytes.ptr[i + 1] == '\n'));
        if (c == '\n' && i + 1 < bytes.len)
            MUST(bytes.ptr[i + 1] != ' ' && bytes.ptr[i + 1] != '\t');
    }
    for (int i = 0; i < head->field_count; i++) {
        struct ww_str name = head->fields[i].name, value = head->fields[i].value;
        MUST(name.len > 0 && name.ptr[name.len] == ':');
        MUST(value.len == 0 || (value.ptr[0] != ' ' && value.ptr[value.len - 1] != ' '));
        hosts += ww_str_eq_nocase(name, WW_STR("host"));
        lengths += ww_str_eq_nocase(name, WW_STR("content-length"));
        codings += ww_str_eq_nocase(name, WW_STR("transfer-encoding"));
    }
    MUST(hosts == 1 || (hosts == 0 && head->minor == 0));
    MUST(lengths + codings <= 1);
    MUST(head->chunked == (codings == 1));
}

static void check_uri(const struct ww_http_head *head) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_http_uri uri;
    if (ww_http_uri_parse(arena, head->target, head->host, &uri, NULL) == WW_OK) {
        MUST(uri.path.len > 0 && uri.path.ptr[0] == '/' && uri.path.ptr[uri.path.len] == '\0');
        MUST(strlen(uri.path.ptr) == uri.path.len);
        MUST(!strstr(uri.path.ptr, "/../") && !strstr(uri.path.ptr, "/./"));
        MUST(uri.path.len < 3 || strcmp(uri.path.ptr + uri.path.len - 3, "/..") != 0);
    }
    ww_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_str in = {(const char *)data, size};
    struct ww_http_head_parser whole, pieces;
    size_t used_whole, used_pieces;
    ww_http_head_parser_init(&whole, 2048, 20);
    ww_http_head_parser_init(&pieces, 2048, 20);
    enum ww_http_parse a = ww_http_head_feed(&whole, in, &used_whole);
    enum ww_http_parse b = feed_pieces(&pieces, in, &used_pieces);
    MUST(a == b && used_whole == used_pieces);
    MUST(whole.refused_status == pieces.refused_status && whole.refused_why == pieces.refused_why);
    if (a == WW_HTTP_DONE) {
        MUST(same_parse(&whole.head, &pieces.head));
        check_taken(&whole.head, (struct ww_str){in.ptr, used_whole});
        check_uri(&whole.head);
    }
    ww_http_head_parser_clear(&whole);
    ww_http_head_parser_clear(&pieces);
    return 0;
}
