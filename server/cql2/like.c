/* LIKE: patterns folded and matched. */
#include "server/cql2/like.h"

#include "server/cql2/fold.h"

static size_t character_len(struct ww_str text, size_t pos) {
    size_t len = 1;
    while (pos + len < text.len && ((unsigned char)text.ptr[pos + len] & 0xC0) == 0x80)
        len++;
    return len;
}

/* ---- Folding ---- */

/* A fold may make a wildcard of a letter (％ becomes %): it is none. */
static void write_escaped(struct ww_str text, struct ww_buf *out) {
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("%_\\", text.ptr[i]))
            ww_buf_char(out, '\\');
        ww_buf_char(out, text.ptr[i]);
    }
}

static void fold_pattern(enum ww_cql2_op op, struct ww_str pattern, struct ww_buf *out) {
    struct ww_buf folded;
    size_t len;
    ww_buf_init(&folded, 64);
    for (size_t pos = 0; pos < pattern.len; pos += len) {
        len = 1;
        if (pattern.ptr[pos] == '%' || pattern.ptr[pos] == '_') {
            ww_buf_char(out, pattern.ptr[pos]);
            continue;
        }
        if (pattern.ptr[pos] == '\\' && pos + 1 < pattern.len)
            pos++;
        len = character_len(pattern, pos);
        ww_buf_reset(&folded);
        ww_cql2_fold(op, (struct ww_str){pattern.ptr + pos, len}, &folded);
        if (ww_buf_status(&folded) != WW_OK) {
            out->failed = ww_buf_status(&folded);
            break;
        }
        write_escaped(ww_buf_str(&folded), out);
    }
    ww_buf_clear(&folded);
}

void ww_cql2_pattern_write(const struct ww_cql2_node *pattern, struct ww_buf *out) {
    if (pattern->op == CQL2_TEXT) {
        ww_buf_str_add(out, pattern->text);
        return;
    }
    struct ww_buf inner;
    ww_buf_init(&inner, out->ceiling);
    ww_cql2_pattern_write(pattern->args[0], &inner);
    fold_pattern(pattern->op, ww_buf_str(&inner), out);
    if (ww_buf_status(&inner) != WW_OK)
        out->failed = ww_buf_status(&inner);
    ww_buf_clear(&inner);
}

/* ---- Matching ---- */

/* One character of the text against one of the pattern; moves both on. */
static bool match_one(struct ww_str text, size_t *t, struct ww_str pattern, size_t *p) {
    if (*t >= text.len)
        return false;
    size_t len = character_len(text, *t);
    if (pattern.ptr[*p] == '_') {
        *t += len;
        *p += 1;
        return true;
    }
    size_t at = *p + (pattern.ptr[*p] == '\\' && *p + 1 < pattern.len), plen = character_len(pattern, at);
    if (plen != len || memcmp(text.ptr + *t, pattern.ptr + at, len) != 0)
        return false;
    *t += len;
    *p = at + plen;
    return true;
}

/* Only the last % needs to be tried again: whatever an earlier one took more, this one can take as well. */
bool ww_cql2_like(struct ww_str text, struct ww_str pattern) {
    size_t t = 0, p = 0, retry_t = 0, retry_p = SIZE_MAX;
    while (t < text.len || p < pattern.len) {
        if (p < pattern.len && pattern.ptr[p] == '%') {
            retry_p = ++p;
            retry_t = t;
        } else if (p < pattern.len && match_one(text, &t, pattern, &p))
            continue;
        else if (retry_p != SIZE_MAX && retry_t < text.len) {
            retry_t += character_len(text, retry_t);
            t = retry_t;
            p = retry_p;
        } else
            return false;
    }
    return true;
}
