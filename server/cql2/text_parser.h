/* What parse_text.c and parse_wkt.c share: two words of the text, and how deep we are. Private to
 * server/cql2. */
#ifndef WW_SERVER_CQL2_TEXT_PARSER_H
#define WW_SERVER_CQL2_TEXT_PARSER_H

#include "server/cql2/lexer.h"
#include "server/cql2/shape.h"

struct ww_cql2_parser {
    struct ww_cql2_lexer lexer;
    struct ww_cql2_word word; /* the one that is looked at */
    struct ww_cql2_word next;
    int nesting;
};

bool ww_cql2_step(struct ww_cql2_parser *p);
bool ww_cql2_is_sign(const struct ww_cql2_word *word, char sign);
bool ww_cql2_take_sign(struct ww_cql2_parser *p, char sign);
/* "`what` is expected, not …" at the word; always NULL. */
void *ww_cql2_expected(struct ww_cql2_parser *p, const char *what);

/* After the name of a geometry, or BBOX: the rest of it. */
struct ww_cql2_shape *ww_cql2_read_shape(struct ww_cql2_parser *p, enum ww_cql2_shape_kind kind,
                                         size_t place);

#endif
