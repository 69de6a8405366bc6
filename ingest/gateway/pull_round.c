/* Which page of a pulled feed comes next, for each way of paging. */
#include "ingest/gateway/pull_round.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "ingest/gateway/pull_page.h"
#include "ingest/gateway/pull_url.h"

enum { MAX_URL = 16384, FIRST_ASKED = 16 };

void ww_pull_round_init(struct ww_pull_round *round, const struct ww_pull_source *source) {
    *round = (struct ww_pull_round){.source = source};
    ww_buf_init(&round->position, WW_PULL_MAX_POSITION);
    ww_buf_init(&round->next, WW_PULL_MAX_POSITION);
    ww_buf_init(&round->url, MAX_URL);
}

void ww_pull_round_clear(struct ww_pull_round *round) {
    ww_buf_clear(&round->position);
    ww_buf_clear(&round->next);
    ww_buf_clear(&round->url);
    ww_free(round->asked);
    round->asked = NULL;
}

static void set_text(struct ww_buf *buf, struct ww_str text) {
    ww_buf_reset(buf);
    ww_buf_str_add(buf, text);
}

void ww_pull_round_set_position(struct ww_pull_round *round, struct ww_str position) {
    set_text(&round->position, position);
}

void ww_pull_round_begin(struct ww_pull_round *round, int64_t now_us) {
    round->until_us = now_us / WW_SECOND_US * WW_SECOND_US; /* whole seconds: all formats can say them */
    round->n_asked = 0;
    round->more = false;
    round->window_page = -1;
}

/* ---- Asking ---- */

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for a pulled feed");
}

/* Notes the address; WW_CONFLICT when it was asked for before. */
static enum ww_status note_asked(struct ww_pull_round *round, struct ww_error *err) {
    uint64_t hash = ww_str_hash(ww_buf_str(&round->url));
    if (round->n_asked >= WW_PULL_MAX_PAGES)
        return ww_error_set(err, WW_TOO_LARGE,
                            "more than %d pages at once; the rest comes with the next round",
                            WW_PULL_MAX_PAGES);
    for (uint32_t i = 0; i < round->n_asked; i++)
        if (round->asked[i] == hash)
            return ww_error_set(err, WW_CONFLICT, "the pages lead back to one that was fetched already");
    if (round->n_asked == round->cap_asked) {
        uint32_t cap = round->cap_asked ? 2 * round->cap_asked : FIRST_ASKED;
        uint64_t *grown = ww_try_realloc(round->asked, cap * sizeof *grown);
        if (!grown)
            return no_memory(err);
        round->asked = grown;
        round->cap_asked = cap;
    }
    round->asked[round->n_asked++] = hash;
    return WW_OK;
}

static enum ww_status add_number(struct ww_buf *url, struct ww_str name, int64_t number,
                                 struct ww_error *err) {
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, number);
    return ww_pull_url_add(url, name, (struct ww_str){text, (size_t)n}, err);
}

static int64_t page_number(const struct ww_pull_round *round) {
    int64_t page = round->source->first;
    struct ww_str position = ww_buf_str(&round->position);
    if (round->source->paging == WW_PAGING_TIME)
        return round->window_page >= 0 ? round->window_page : page;
    return ww_str_to_i64(position, &page) ? page : round->source->first;
}

static enum ww_status add_page(struct ww_pull_round *round, struct ww_buf *url, struct ww_error *err) {
    const struct ww_pull_source *source = round->source;
    enum ww_status st = add_number(url, source->param, page_number(round), err);
    if (st == WW_OK && source->size_param.len > 0)
        st = add_number(url, source->size_param, source->size, err);
    return st;
}

static enum ww_status add_time(struct ww_buf *url, struct ww_str name, int64_t at_us, struct ww_str format,
                               const struct ww_zone *zone, struct ww_error *err) {
    struct ww_buf text;
    ww_buf_init(&text, 1024);
    enum ww_status st = ww_pull_time_text(at_us, format, zone, &text, err);
    if (st == WW_OK)
        st = ww_pull_url_add(url, name, ww_buf_str(&text), err);
    ww_buf_clear(&text);
    return st;
}

/* The first window has no overlap: there is nothing before it that may have changed. */
static enum ww_status add_window(struct ww_pull_round *round, struct ww_buf *url, const struct ww_zone *zone,
                                 struct ww_error *err) {
    const struct ww_pull_source *source = round->source;
    int64_t window_us = source->window_s * WW_SECOND_US, stored_us;
    bool is_first = ww_instant_parse(ww_buf_str(&round->position), NULL, &stored_us, NULL) != WW_OK;
    if (is_first)
        stored_us = source->start_us != WW_INSTANT_NONE ? source->start_us : round->until_us - window_us;
    if (stored_us >= round->until_us) {
        round->nothing_to_ask = true;
        return WW_OK;
    }
    bool is_last = source->to.len == 0 || round->until_us - stored_us <= window_us;
    if (round->window_page < 0) /* all pages of a window are of the same window */
        round->window_to_us = is_last ? round->until_us : stored_us + window_us;
    int64_t from_us = is_first ? stored_us : stored_us - source->overlap_s * WW_SECOND_US;
    enum ww_status st = add_time(url, source->from, from_us, source->time_format, zone, err);
    if (st == WW_OK && source->to.len > 0)
        st = add_time(url, source->to, round->window_to_us, source->time_format, zone, err);
    if (st == WW_OK && source->size > 0)
        st = add_page(round, url, err);
    return st;
}

/* A feed's own address loses its fragment, nothing else. */
static enum ww_status make_url(struct ww_pull_round *round, struct ww_buf *url, const struct ww_zone *zone,
                               struct ww_error *err) {
    const struct ww_pull_source *source = round->source;
    struct ww_str position = ww_buf_str(&round->position);
    round->nothing_to_ask = false;
    bool is_address = source->paging == WW_PAGING_NEXT || source->paging == WW_PAGING_LINK;
    enum ww_status st = ww_pull_url_join(source->url.ptr, is_address ? position : WW_STR(""), url, err);
    if (st == WW_OK && is_address && !ww_pull_url_is_home(source->url.ptr, url->data))
        st = ww_error_set(err, WW_BAD_INPUT, "the next page is on another server");
    if (st == WW_OK && (source->paging == WW_PAGING_PAGE || source->paging == WW_PAGING_OFFSET))
        st = add_page(round, url, err);
    if (st == WW_OK && source->paging == WW_PAGING_CURSOR && position.len > 0)
        st = ww_pull_url_add(url, source->param, position, err);
    if (st == WW_OK && source->paging == WW_PAGING_TIME)
        st = add_window(round, url, zone, err);
    return st;
}

enum ww_status ww_pull_round_ask(struct ww_pull_round *round, const struct ww_zone *zone,
                                 struct ww_error *err) {
    enum ww_status st = make_url(round, &round->url, zone, err);
    return st == WW_OK && !round->nothing_to_ask ? note_asked(round, err) : st;
}

/* ---- Reading ---- */

/* The address of the next page into `next`; empty: this was the last. */
static enum ww_status read_address(struct ww_pull_round *round, const struct ww_pull_page *page,
                                   struct ww_error *err) {
    struct ww_buf member;
    struct ww_str reference = WW_STR("");
    enum ww_status st = WW_OK;
    ww_buf_init(&member, WW_PULL_MAX_POSITION);
    if (round->source->paging == WW_PAGING_LINK) {
        if (!ww_pull_link_next(page->link, &reference))
            reference = WW_STR("");
    } else if (page->body.len > 0) {
        st = ww_pull_member(page->body, round->source->field, &member, err);
        reference = ww_buf_str(&member);
    }
    ww_buf_reset(&round->next);
    if (st == WW_OK && reference.len > 0) {
        st = ww_pull_url_join(page->url, reference, &round->next, err);
        if (st == WW_OK && !ww_pull_url_is_home(round->source->url.ptr, round->next.data))
            st = ww_error_set(err, WW_BAD_INPUT, "the next page is on another server");
        round->more = st == WW_OK;
    }
    ww_buf_clear(&member);
    return st;
}

/* Makes `more`: a full page has another behind it. */
static enum ww_status look_whether_full(struct ww_pull_round *round, const struct ww_pull_page *page,
                                        struct ww_error *err) {
    int64_t n = ww_pull_count_records(page->format, page->records, page->body);
    if (n < 0)
        return ww_error_set(err, WW_BAD_INPUT,
                            "the page's records can't be counted: \"records\" must name their array");
    round->more = n >= round->source->size;
    return WW_OK;
}

static enum ww_status read_page(struct ww_pull_round *round, const struct ww_pull_page *page,
                                struct ww_error *err) {
    int64_t step = round->source->paging == WW_PAGING_OFFSET ? round->source->size : 1;
    ww_buf_reset(&round->next);
    enum ww_status st = look_whether_full(round, page, err);
    if (st == WW_OK && round->more)
        ww_buf_printf(&round->next, "%" PRId64, page_number(round) + step);
    return st == WW_OK ? ww_buf_status(&round->next) : st;
}

/* An endpoint without news repeats the cursor, or gives none: then the old one stays. */
static enum ww_status read_cursor(struct ww_pull_round *round, const struct ww_pull_page *page,
                                  struct ww_error *err) {
    struct ww_str old = ww_buf_str(&round->position);
    ww_buf_reset(&round->next);
    if (page->body.len > 0) {
        enum ww_status st = ww_pull_member(page->body, round->source->field, &round->next, err);
        if (st != WW_OK)
            return st;
    }
    if (round->next.len == 0)
        ww_buf_str_add(&round->next, old);
    else
        round->more = !ww_str_eq(ww_buf_str(&round->next), old) &&
                      ww_pull_count_records(page->format, page->records, page->body) != 0;
    return ww_buf_status(&round->next);
}

/* The position moves on when all pages of the window are stored. */
static enum ww_status read_window(struct ww_pull_round *round, const struct ww_pull_page *page,
                                  struct ww_error *err) {
    char text[40];
    if (round->source->size > 0 && page->body.len > 0) {
        enum ww_status st = look_whether_full(round, page, err);
        if (st != WW_OK)
            return st;
        if (round->more) {
            round->window_page = page_number(round) + 1;
            set_text(&round->next, ww_buf_str(&round->position));
            return ww_buf_status(&round->next);
        }
    }
    round->window_page = -1;
    set_text(&round->next, (struct ww_str){text, (size_t)ww_instant_text(round->window_to_us, text)});
    round->more = round->window_to_us < round->until_us;
    return ww_buf_status(&round->next);
}

enum ww_status ww_pull_round_read(struct ww_pull_round *round, const struct ww_pull_page *page,
                                  struct ww_error *err) {
    enum ww_status st = WW_OK;
    round->more = false;
    switch (round->source->paging) {
    case WW_PAGING_NONE:
        ww_buf_reset(&round->next);
        break;
    case WW_PAGING_NEXT:
    case WW_PAGING_LINK:
        st = read_address(round, page, err);
        break;
    case WW_PAGING_PAGE:
    case WW_PAGING_OFFSET:
        st = read_page(round, page, err);
        break;
    case WW_PAGING_CURSOR:
        st = read_cursor(round, page, err);
        break;
    case WW_PAGING_TIME:
        st = read_window(round, page, err);
        break;
    }
    if (st != WW_OK) {
        round->more = false;
        set_text(&round->next, ww_buf_str(&round->position));
    }
    return st;
}

void ww_pull_round_move(struct ww_pull_round *round) {
    set_text(&round->position, ww_buf_str(&round->next));
}

bool ww_pull_round_forget(struct ww_pull_round *round) {
    bool had = round->position.len > 0 && round->source->paging != WW_PAGING_TIME;
    if (had)
        ww_buf_reset(&round->position);
    return had;
}

bool ww_pull_round_stays(const struct ww_pull_round *round, const struct ww_zone *zone) {
    if (round->more || round->source->paging == WW_PAGING_TIME)
        return false;
    struct ww_pull_round then;
    ww_pull_round_init(&then, round->source);
    set_text(&then.position, ww_buf_str(&round->next));
    bool stays = make_url(&then, &then.url, zone, NULL) == WW_OK &&
                 ww_str_eq(ww_buf_str(&then.url), ww_buf_str(&round->url));
    ww_pull_round_clear(&then);
    return stays;
}
