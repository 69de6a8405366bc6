/* The question about a rule's facts, and what its answer means. */
#include "server/rule_facts.h"

void ww_rule_facts_ask(const struct ww_rule_facts *facts, struct ww_pg_args *args) {
    ww_pg_arg_str(args, facts->property);
    ww_pg_arg_str(args, facts->standard);
    ww_pg_arg_str(args, facts->averaging);
    ww_pg_arg_str(args, facts->limit_class);
    ww_pg_arg_str(args, facts->feed);
    ww_pg_arg_str(args, facts->wards);
    ww_pg_arg_str(args, facts->properties);
}

static enum ww_status missing(struct ww_error *err, struct ww_str field, const char *what,
                              struct ww_str value) {
    ww_error_set(err, WW_NOT_FOUND, "there is no %s %.*s", what, WW_STR_ARG(value));
    ww_error_at_field(err, field, value);
    return WW_NOT_FOUND;
}

enum ww_status ww_rule_facts_check(const struct ww_rule_facts *facts, const struct ww_pg_result *r,
                                   struct ww_error *err) {
    if (!ww_pg_bool(r, 0, 0))
        return missing(err, WW_STR("config.property"), "property", facts->property);
    if (!ww_pg_bool(r, 0, 1)) {
        ww_error_set(err, WW_NOT_FOUND, "there is no limit for this property, standard, averaging and class");
        ww_error_at_field(err, WW_STR("config.standard"), facts->standard);
        return WW_NOT_FOUND;
    }
    if (!ww_pg_bool(r, 0, 2))
        return missing(err, WW_STR("config.feed"), "feed", facts->feed);
    if (!ww_pg_is_null(r, 0, 3))
        return missing(err, WW_STR("config.wards"), "ward", ww_pg_str(r, 0, 3));
    if (!ww_pg_is_null(r, 0, 4))
        return missing(err, WW_STR("config.properties"), "property", ww_pg_str(r, 0, 4));
    return WW_OK;
}
