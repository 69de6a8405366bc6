/* ww_link: ww_gateway
 * Any bytes as what an endpoint answers: first byte = what to look at, then a line with a path of members,
 * then the body. What is found must be fit to be asked for and kept; a target that is joined must be an
 * address of http(s) that joins to itself, and one on the feed's own server must stay there. */
#include <assert.h>

#include "ingest/gateway/pull_page.h"
#include "ingest/gateway/pull_round.h"
#include "ingest/gateway/pull_schedule.h"
#include "ingest/gateway/pull_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char home[] = "https://api.example.org:8443/v1.1/Observations?$top=2";

static void check_plain(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        assert((uint8_t)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7F);
}

static void join(struct ww_str reference) {
    struct ww_buf once, again;
    ww_buf_init(&once, 16384);
    ww_buf_init(&again, 16384);
    if (ww_pull_url_join(home, reference, &once, NULL) == WW_OK) {
        check_plain(ww_buf_str(&once));
        assert(strncmp(once.data, "http://", 7) == 0 || strncmp(once.data, "https://", 8) == 0);
        assert(ww_pull_url_join(once.data, WW_STR(""), &again, NULL) == WW_OK);
        assert(ww_str_eq(ww_buf_str(&once), ww_buf_str(&again)));
        if (ww_pull_url_is_home(home, once.data)) {
            assert(strncmp(once.data, "https://api.example.org:8443", 28) == 0 ||
                   strncasecmp(once.data, "https://api.example.org:8443", 28) == 0);
            assert(once.data[28] == '/' || once.data[28] == '?' || once.data[28] == '\0');
        }
    }
    ww_buf_clear(&once);
    ww_buf_clear(&again);
}

static void look_at_member(struct ww_str path, struct ww_str body) {
    struct ww_buf out;
    struct ww_error err;
    ww_buf_init(&out, WW_PULL_MAX_POSITION);
    if (ww_pull_member(body, path, &out, &err) == WW_OK) {
        check_plain(ww_buf_str(&out));
        assert(ww_str_is_utf8(ww_buf_str(&out)));
        join(ww_buf_str(&out));
    }
    ww_buf_clear(&out);
}

static void look_at_link(struct ww_str body) {
    struct ww_str target;
    if (ww_pull_link_next(body, &target)) {
        assert(target.ptr >= body.ptr && target.ptr + target.len <= body.ptr + body.len);
        join(target);
    }
}

/* A whole step of each way of paging: whatever the page says, the position stays fit to be kept. */
static void take_step(enum ww_paging paging, struct ww_str path, struct ww_str body) {
    const struct ww_pull_source source = {.url = WW_STR(home),
                                          .paging = paging,
                                          .field = path,
                                          .param = WW_STR("p"),
                                          .from = WW_STR("from"),
                                          .to = WW_STR("to"),
                                          .size_param = WW_STR("n"),
                                          .time_format = WW_STR("iso"),
                                          .size = 2,
                                          .window_s = 60,
                                          .start_us = WW_INSTANT_NONE};
    const struct ww_pull_page page = {
        .url = home, .body = body, .link = body, .format = WW_FORMAT_AUTO, .records = path};
    struct ww_pull_round round;
    struct ww_error err;
    ww_pull_round_init(&round, &source);
    ww_pull_round_begin(&round, 1780000000 * WW_SECOND_US);
    assert(ww_pull_round_ask(&round, NULL, &err) == WW_OK);
    if (ww_pull_round_read(&round, &page, &err) == WW_OK) {
        (void)ww_pull_round_stays(&round, NULL);
        ww_pull_round_move(&round);
        assert(ww_buf_status(&round.position) == WW_OK && ww_str_is_utf8(ww_buf_str(&round.position)));
        check_plain(ww_buf_str(&round.position));
        enum ww_status st = round.more ? ww_pull_round_ask(&round, NULL, &err) : WW_OK;
        assert(st == WW_OK || st == WW_CONFLICT);
    }
    ww_pull_round_clear(&round);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct ww_str rest = {(const char *)data + 1, size - 1};
    const char *end = memchr(rest.ptr, '\n', rest.len);
    struct ww_str path = {rest.ptr, end ? (size_t)(end - rest.ptr) : 0};
    struct ww_str body = {end ? end + 1 : rest.ptr, end ? rest.len - path.len - 1 : rest.len};
    switch (data[0] % 10) {
    case 0:
        look_at_member(path, body);
        break;
    case 1:
        look_at_link(body);
        break;
    case 2: {
        int64_t n = ww_pull_count_records((enum ww_format)(path.len % (WW_FORMAT_HJ212 + 1)), path, body);
        assert(n >= -1 && n <= (int64_t)body.len);
        int64_t wait_us = ww_pull_retry_after_us(body, 1780000000 * WW_SECOND_US);
        assert(wait_us >= -1 && wait_us <= WW_DAY_US);
        break;
    }
    default:
        take_step((enum ww_paging)(data[0] % 10 - 3), path, body);
        break;
    }
    return 0;
}
