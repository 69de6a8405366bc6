/* The whole body is one value: what a small sensor publishes under a topic of its own. */
#include "ingest/decode/decode_internal.h"

void ww_decode_text(struct decoder *d) {
    const struct source *value = &d->config->values[0].value;
    struct ww_str text = ww_str_trim(d->body);
    ww_record_begin(d, 1);
    if (d->config->wide || value->kind != SOURCE_FIELD) {
        d->status =
            ww_error_set(d->err, WW_BAD_INPUT, "the feed takes its values from fields, not from a text");
        return;
    }
    ww_record_set(d, value->field, (struct cell){.text = text, .at = text.ptr, .type = CELL_TEXT});
    ww_record_map(d, d->body);
}
