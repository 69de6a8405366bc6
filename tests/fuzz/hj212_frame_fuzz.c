/* ww_link: ww_hj212
 * A stream of HJ 212 in any pieces. Whole, in chunks that the input chooses and, when it is short and the
 * input says so, byte by byte, the same frames and the same garbage come out, and together they are the
 * stream. Every frame is read in each way that a station may be read; what a clean one says is written again
 * and reads the same.
 *
 * The first byte chooses the chunks (0: byte by byte), the rest is the stream. */
#include <stdlib.h>

#include "ingest/hj212/hj212.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

enum {
    MOST_CUTS = 16384, /* and bytes: each consumes at least one */
    ARENA = 1 << 22,
    LONG = 512, /* byte by byte it would take too long: each byte looks again at all that waits */
    CHUNK = 16  /* the least otherwise, for the same reason */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cut {
    enum ww_hj212_cut kind;
    size_t at, consumed;
    struct ww_hj212_frame frame;
};
struct cuts {
    struct cut list[MOST_CUTS];
    size_t n, end;
};

static void check_cut(struct ww_str stream, const struct cut *c) {
    const struct ww_hj212_frame *f = &c->frame;
    MUST(c->consumed > 0 && c->at + c->consumed <= stream.len);
    MUST(f->whole.ptr >= stream.ptr + c->at);
    MUST(f->whole.ptr + f->whole.len == stream.ptr + c->at + c->consumed);
    if (c->kind != WW_HJ212_CUT_FRAME)
        return;
    MUST(f->whole.len <= WW_HJ212_MAX_FRAME && memcmp(f->whole.ptr, "##", 2) == 0);
    MUST(f->segment.ptr == f->whole.ptr + 6 && f->segment.len + 10 <= f->whole.len);
    MUST(((f->deviations & WW_HJ212_DEV_LENGTH) != 0) == (f->announced != f->segment.len));
    MUST(((f->deviations & WW_HJ212_DEV_OVERSIZE) != 0) == (f->segment.len > WW_HJ212_STANDARD_SEGMENT));
}

/* Takes all that stands in [from, there); `at_end`: nothing comes behind. */
static void take(struct cuts *cuts, struct ww_str stream, size_t there, bool at_end) {
    for (;;) {
        struct cut c = {.at = cuts->end};
        struct ww_str seen = {stream.ptr + cuts->end, there - cuts->end};
        c.kind = ww_hj212_next(seen, at_end, &c.consumed, &c.frame);
        if (c.kind == WW_HJ212_CUT_MORE) {
            MUST(c.consumed == 0 && seen.len < WW_HJ212_MAX_FRAME);
            MUST(!at_end || seen.len == 0);
            return;
        }
        check_cut(stream, &c);
        cuts->end += c.consumed;
        MUST(cuts->n < MOST_CUTS);
        cuts->list[cuts->n++] = c;
    }
}

static void take_in_pieces(struct cuts *cuts, struct ww_str stream, size_t most, unsigned seed) {
    uint32_t state = seed * 2654435761u + 1;
    size_t there = 0;
    cuts->n = cuts->end = 0;
    while (there < stream.len) {
        state = state * 1664525u + 1013904223u;
        size_t step = 1 + (state >> 8) % most;
        there = stream.len - there < step ? stream.len : there + step;
        take(cuts, stream, there, false);
    }
    take(cuts, stream, stream.len, true);
    MUST(cuts->end == stream.len);
}

/* Frames are the same in the same places; garbage between them may come in other pieces. */
static void must_agree(const struct cuts *a, const struct cuts *b) {
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a->n && a->list[i].kind == WW_HJ212_CUT_GARBAGE)
            i++;
        while (j < b->n && b->list[j].kind == WW_HJ212_CUT_GARBAGE)
            j++;
        if (i == a->n || j == b->n)
            break;
        const struct ww_hj212_frame *f = &a->list[i++].frame, *g = &b->list[j++].frame;
        MUST(f->whole.ptr == g->whole.ptr && f->whole.len == g->whole.len);
        MUST(f->segment.len == g->segment.len && f->stated_crc == g->stated_crc &&
             f->crc_is_hex == g->crc_is_hex && f->deviations == g->deviations);
    }
    MUST(i == a->n && j == b->n);
}

static bool within(struct ww_str part, struct ww_str whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_message(const struct ww_hj212_frame *frame, const struct ww_hj212_message *m) {
    MUST(m->version == 2005 || m->version == 2017 || m->version == 2025);
    MUST(m->command >= -1 && m->command <= 9999 && m->flag >= -1 && m->flag <= 255);
    MUST(m->pno <= m->pnum && (m->pnum == 0) == (m->pno == 0));
    MUST((m->deviations >> WW_HJ212_N_DEVIATIONS) == 0);
    MUST(within(m->mn, frame->segment) && within(m->st, frame->segment));
    for (uint32_t i = 0; i < m->n_items; i++) {
        const struct ww_hj212_item *item = &m->items[i];
        MUST(within(item->key, m->data_area) && within(item->suffix, m->data_area) &&
             within(item->value, m->data_area));
        MUST(i == 0 || item->group == m->items[i - 1].group ||
             item->group == (uint16_t)(m->items[i - 1].group + 1));
    }
}

static void must_read_the_same(const struct ww_hj212_message *a, const struct ww_hj212_message *b) {
    MUST(ww_str_eq(a->qn, b->qn) && ww_str_eq(a->st, b->st) && ww_str_eq(a->pw, b->pw));
    MUST(ww_str_eq(a->mn, b->mn) && a->flag == b->flag && a->command == b->command);
    MUST(a->pnum == b->pnum && a->pno == b->pno && a->rf == b->rf && a->version == b->version);
    MUST(ww_str_eq(a->data_area, b->data_area) && a->n_items == b->n_items);
    for (uint32_t i = 0; i < a->n_items; i++)
        MUST(ww_str_eq(a->items[i].key, b->items[i].key) && ww_str_eq(a->items[i].value, b->items[i].value) &&
             ww_str_eq(a->items[i].suffix, b->items[i].suffix) && a->items[i].group == b->items[i].group);
}

static const char *text_of(struct ww_arena *arena, struct ww_str text) {
    return text.ptr ? ww_arena_copy(arena, text).ptr : NULL;
}

/* The written frame is cut and read alone. */
static void write_and_read(const struct ww_hj212_message *m, struct ww_arena *arena,
                           const unsigned char *key) {
    struct ww_hj212_out out = {.qn = text_of(arena, m->qn),
                               .st = text_of(arena, m->st),
                               .pw = text_of(arena, m->pw),
                               .mn = text_of(arena, m->mn),
                               .cn = m->command,
                               .flag = m->flag,
                               .pnum = m->pnum,
                               .pno = m->pno,
                               .rf = m->rf,
                               .data = m->data_area,
                               .sm4_key = key};
    struct ww_hj212_reading how = {.sm4_key = key};
    struct ww_hj212_frame frame;
    struct ww_hj212_message again;
    struct ww_error err;
    struct ww_buf text;
    size_t consumed;
    ww_buf_init(&text, WW_HJ212_MAX_FRAME + 1);
    if (ww_hj212_write(&text, &out) == WW_OK) {
        MUST(ww_hj212_next(ww_buf_str(&text), true, &consumed, &frame) == WW_HJ212_CUT_FRAME);
        MUST(consumed == text.len && !(frame.deviations & ~(unsigned)WW_HJ212_DEV_OVERSIZE));
        MUST(ww_hj212_parse(&frame, &how, arena, &again, &err) == WW_OK);
        must_read_the_same(m, &again);
    }
    ww_buf_clear(&text);
}

/* Others can't be written as they were. */
static bool is_clean(const struct ww_hj212_message *m) {
    return (m->deviations & ~(unsigned)(WW_HJ212_DEV_QN | WW_HJ212_DEV_MN | WW_HJ212_DEV_OVERSIZE)) == 0;
}

static void read_frame(const struct ww_hj212_frame *frame) {
    static const unsigned char key[16] = "0000000000000000", other[16] = {1, 2, 3};
    static const struct ww_hj212_reading ways[] = {
        {0},
        {.crc_mode = WW_HJ212_CRC_MODBUS, .sm4_key = other, .sm4_previous = key},
        {.crc_mode = WW_HJ212_CRC_IGNORE, .sm4_key = key},
        {.strict = true, .version = 2017}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct ww_arena *arena = ww_arena_new(ARENA);
        struct ww_hj212_message m;
        struct ww_error err = {0};
        enum ww_status st = ww_hj212_parse(frame, &ways[i], arena, &m, &err);
        check_message(frame, &m);
        MUST(st == WW_OK || (st == WW_BAD_INPUT && err.message[0]));
        MUST(st != WW_OK || (m.crc_ok && m.mn.len > 0 && m.command >= 0));
        MUST(st != WW_OK || !ways[i].strict || !(m.deviations & ~(unsigned)WW_HJ212_DEV_QN));
        if (st == WW_OK && i == 0 && is_clean(&m) && !memchr(frame->segment.ptr, 0, frame->segment.len))
            write_and_read(&m, arena, NULL);
        ww_arena_free(arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cuts whole, pieces;
    if (size < 1 || size > MOST_CUTS)
        return 0;
    struct ww_str stream = {(const char *)data + 1, size - 1};
    whole.n = whole.end = 0;
    take(&whole, stream, stream.len, false);
    take(&whole, stream, stream.len, true);
    take_in_pieces(&pieces, stream, data[0] == 0 && stream.len <= LONG ? 1 : CHUNK + data[0] * 4u, data[0]);
    must_agree(&whole, &pieces);
    for (size_t i = 0; i < whole.n; i++)
        if (whole.list[i].kind == WW_HJ212_CUT_FRAME)
            read_frame(&whole.list[i].frame);
    return 0;
}
