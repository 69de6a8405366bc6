/* What a gateway that counts a page's records needs to know of a feed's format. */
#include "ingest/decode/feed_config_internal.h"

enum ww_format ww_feed_config_format(const struct ww_feed_config *config) {
    return config->format;
}

struct ww_str ww_feed_config_records(const struct ww_feed_config *config) {
    if (config->n_records == 0)
        return WW_STR("");
    /* The steps are views of one text, with dots between them. */
    const struct ww_str *last = &config->records[config->n_records - 1];
    return (struct ww_str){config->records[0].ptr, (size_t)(last->ptr + last->len - config->records[0].ptr)};
}
