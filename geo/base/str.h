/* A view of bytes that somebody else owns: {pointer, length}, no terminator promised. */
#ifndef WW_BASE_STR_H
#define WW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ww_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

#define WW_STR(literal) ((struct ww_str){(literal), sizeof(literal) - 1})
#define WW_STR_NONE     ((struct ww_str){NULL, 0})
/* For printf("%.*s"). */
#define WW_STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

static inline struct ww_str ww_str_of(const char *text) {
    return (struct ww_str){text, text ? strlen(text) : 0};
}
static inline bool ww_str_eq(struct ww_str a, struct ww_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool ww_str_is(struct ww_str a, const char *text) {
    return ww_str_eq(a, ww_str_of(text));
}

/* ASCII only, as protocols need it. */
bool ww_str_eq_nocase(struct ww_str a, struct ww_str b);
bool ww_str_starts(struct ww_str text, struct ww_str prefix);
bool ww_str_ends(struct ww_str text, struct ww_str suffix);
/* Without ASCII space, tab, CR and LF at both ends. */
struct ww_str ww_str_trim(struct ww_str text);
/* Whole text is a decimal number that fits. False leaves *out alone. No sign for u64. */
bool ww_str_to_u64(struct ww_str text, uint64_t *out);
bool ww_str_to_i64(struct ww_str text, int64_t *out);
/* Whole text is a finite JSON-like decimal number ("-1.5e3"); correctly rounded; no locale. */
bool ww_str_to_double(struct ww_str text, double *out);
/* A good 64-bit hash of the bytes (not for secrets). */
uint64_t ww_str_hash(struct ww_str text);
/* True when the bytes are well-formed UTF-8 (RFC 3629). */
bool ww_str_is_utf8(struct ww_str text);

#endif
