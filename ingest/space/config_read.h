/* Members of a rule's config by tables: numbers within bounds, texts, words. Not a public header. */
#ifndef WW_INGEST_SPACE_CONFIG_READ_H
#define WW_INGEST_SPACE_CONFIG_READ_H

#include "geo/base/json_reader.h"

enum config_type {
    CONFIG_NUMBER, /* double */
    CONFIG_WHOLE,  /* double that holds a whole number */
    CONFIG_TEXT,   /* struct ww_str, 1 to 128 bytes */
    CONFIG_WORD,   /* int: its place in `words`, "a|b|c" */
    CONFIG_BOOL    /* bool */
};
struct config_member {
    const char *name;
    enum config_type type;
    size_t at; /* offset in the struct that is filled */
    double low, high;
    const char *words;
};

/* Fills what is given; `also` names members that the caller reads itself ("|events|clear|"). Errors name the
 * member, with `prefix` in front. */
enum ww_status config_read(const struct ww_json_node *object, const char *prefix, const char *also,
                           const struct config_member *members, size_t n, void *out,
                           struct ww_error *err) WW_MUST_CHECK;
enum ww_status config_refuse(struct ww_error *err, const char *field, const char *why);

#endif
