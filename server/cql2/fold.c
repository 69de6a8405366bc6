/* Folds texts character by character; the tables are made from what PostgreSQL does (fold_tables.py).
 *
 * Case: capitals, then small letters, which is Unicode's full case folding but for the dotless ı (it is an i
 * here) and Cherokee (folded the other way, which no comparison notices). Accents: combining marks go,
 * letters with marks become letters.
 */
#include "server/cql2/fold.h"

#include "server/cql2/fold_tables.h"

static size_t read_character(struct ww_str text, size_t pos, uint32_t *out) {
    const unsigned char *p = (const unsigned char *)text.ptr + pos;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (pos + len > text.len) { /* no UTF-8: as it is */
        *out = p[0];
        return 1;
    }
    *out = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        *out = *out << 6 | (p[i] & 0x3Fu);
    return len;
}

static void write_character(uint32_t c, struct ww_buf *out) {
    if (c < 0x80) {
        ww_buf_char(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    ww_buf_char(out, (char)(leads[more] | c >> (6 * more)));
    while (more-- > 0)
        ww_buf_char(out, (char)(0x80 | (c >> (6 * more) & 0x3F)));
}

static const char *find_change(const struct ww_cql2_change *changes, size_t n, uint32_t c) {
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (changes[middle].from == c)
            return changes[middle].to;
        if (changes[middle].from < c)
            low = middle + 1;
        else
            n = middle;
    }
    return NULL;
}

/* Runs do not overlap: it is the last that begins at or before `c`, or none. */
static bool find_run(uint32_t c, uint32_t *to) {
    size_t low = 0, high = ww_cql2_n_fold_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ww_cql2_fold_runs[middle].first <= c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct ww_cql2_run *run = &ww_cql2_fold_runs[low - 1];
    if (c > run->last || (c - run->first) % run->step != 0)
        return false;
    *to = (uint32_t)((int64_t)c + run->distance);
    return true;
}

void ww_cql2_fold(enum ww_cql2_op op, struct ww_str text, struct ww_buf *out) {
    uint32_t c;
    size_t len;
    for (size_t pos = 0; pos < text.len; pos += len) {
        const char *to = NULL;
        len = read_character(text, pos, &c);
        if (op == CQL2_CASEI) {
            uint32_t moved;
            if (find_run(c, &moved)) {
                write_character(moved, out);
                continue;
            }
            to = find_change(ww_cql2_folds, ww_cql2_n_folds, c);
        } else if (c >= 0x300 && c <= 0x36F)
            continue;
        else if (c >= 0x80) /* no rule changes ASCII */
            to = find_change(ww_cql2_accents, ww_cql2_n_accents, c);
        if (to)
            ww_buf_text(out, to);
        else
            ww_buf_add(out, text.ptr + pos, len);
    }
}
