/* Cuts the text encoding into words. Private to server/cql2. */
#ifndef WW_SERVER_CQL2_LEXER_H
#define WW_SERVER_CQL2_LEXER_H

#include "server/cql2/tree.h"

enum ww_cql2_word_kind {
    CQL2_END,
    CQL2_NAME,   /* name or keyword: a plain identifier */
    CQL2_QUOTED, /* "name" */
    CQL2_STRING, /* 'text' */
    CQL2_DIGITS, /* an unsigned number */
    CQL2_LESS_EQUAL,
    CQL2_GREATER_EQUAL,
    CQL2_UNEQUAL,
    CQL2_SIGN /* one character: value.ptr[0] */
};

struct ww_cql2_word {
    enum ww_cql2_word_kind kind;
    struct ww_str value; /* without quotes and escapes */
    size_t place;
};

struct ww_cql2_lexer {
    struct ww_cql2_builder *b;
    size_t pos;
};

/* False after a failure. At the end it gives CQL2_END again and again. */
bool ww_cql2_next_word(struct ww_cql2_lexer *lexer, struct ww_cql2_word *out);
/* Could this text stand without quotes, were it not a keyword? */
bool ww_cql2_is_identifier(struct ww_str text);

#endif
