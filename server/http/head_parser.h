/* Reads the head of one HTTP/1.1 request (RFC 9112), byte by byte, without a socket.
 *
 * The parser copies what it accepts into memory of its own, so that the views in `head`
 * stay good however the bytes arrived. It may be fed any pieces: the outcome is the
 * same as for the whole. It never looks past the end of the head.
 *
 *   struct ww_http_head_parser p;
 *   ww_http_head_parser_init(&p, 16 << 10, 100);
 *   switch (ww_http_head_feed(&p, bytes, &used)) {
 *   case WW_HTTP_MORE:    // feed again
 *   case WW_HTTP_DONE:    // p.head is good; bytes from `used` on belong to the body
 *   case WW_HTTP_REFUSED: // answer p.refused_status with p.refused_why, then close
 *   }
 *   ww_http_head_parser_clear(&p);
 */
#ifndef WW_SERVER_HTTP_HEAD_PARSER_H
#define WW_SERVER_HTTP_HEAD_PARSER_H

#include "server/http/http.h"

enum ww_http_parse { WW_HTTP_MORE, WW_HTTP_DONE, WW_HTTP_REFUSED };

struct ww_http_field {
    struct ww_str name;
    struct ww_str value; /* without white space at its ends */
};

struct ww_http_head {
    struct ww_str method_text;
    enum ww_http_method method;
    struct ww_str target;
    struct ww_str version;
    const struct ww_http_field *fields;
    int field_count;
    /* What the fields mean for framing, set by ww_http_head_check. */
    struct ww_str host; /* empty only in HTTP/1.0 */
    int minor;          /* HTTP/1.minor */
    uint64_t content_length;
    bool chunked;
    bool keep_alive;
    bool expect_continue;
};

struct ww_http_head_parser {
    size_t max_bytes;
    int max_fields;
    int state;
    char *bytes; /* the head as received */
    size_t len, cap, mark;
    struct head_span *spans; /* offsets while `bytes` may still move */
    int span_count, span_cap;
    size_t method_end, target_start, target_end, version_start;
    struct ww_http_field *fields;
    struct ww_http_head head;
    int refused_status;
    const char *refused_why;
};

void ww_http_head_parser_init(struct ww_http_head_parser *p, size_t max_bytes, int max_fields);
void ww_http_head_parser_clear(struct ww_http_head_parser *p);
enum ww_http_parse ww_http_head_feed(struct ww_http_head_parser *p, struct ww_str in,
                                     size_t *used) WW_MUST_CHECK;

/* Second half of the parse, called by the first: version, method, Host, framing, Expect.
 * 0 when good, else the status to refuse with, and why. */
int ww_http_head_check(struct ww_http_head *head, const char **why) WW_MUST_CHECK;
/* The first field of that name (any case), or NULL. */
const struct ww_http_field *ww_http_head_find(const struct ww_http_head *head, struct ww_str name);
/* Takes the next element off a comma-separated list, trimmed; false at the end. */
bool ww_http_list_next(struct ww_str *list, struct ww_str *item);

/* RFC 9110 tchar, and the bytes of a field value (visible, obs-text, space, tab). */
bool ww_http_is_token_byte(unsigned char c);
bool ww_http_is_value_byte(unsigned char c);

#endif
