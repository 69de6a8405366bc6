/* Parameters of /ogc/: datetime, bbox, after, ids, Accept, GDAL's filters, and comments of layers; all with
 * the same bytes. ww_link: ww_server */
#include <stdlib.h>

#include "server/ogc/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds)
        abort();
}

static void fuzz_interval(struct ww_str text) {
    struct ogc_interval interval;
    struct ww_error err = {.message = ""};
    if (ogc_interval_read(text, &interval, &err) == WW_OK)
        must(interval.from <= interval.to);
    else
        must(err.message[0]);
}

static void fuzz_box(struct ww_str text) {
    static struct ogc_request request;
    memset(&request, 0, sizeof request);
    if (ogc_box_read(text, false, true, &request, NULL) != WW_OK)
        return;
    must(request.n_boxes >= 0 && request.n_boxes <= 2);
    for (int i = 0; i < request.n_boxes; i++) {
        const double *box = request.boxes[i];
        must(box[0] >= -180 && box[0] <= box[2] && box[2] <= 180 && box[1] >= -90 && box[1] <= box[3] &&
             box[3] <= 90);
    }
}

/* What is read is written as the same again. */
static void fuzz_places(struct ww_arena *arena, struct ww_str text) {
    struct ww_str values[3];
    struct ww_buf out;
    ww_buf_init(&out, (size_t)1 << 20);
    if (ogc_id_read(arena, text, 3, values) == WW_OK) {
        ogc_id_write(values, 3, &out);
        must(ww_str_eq(ww_buf_str(&out), text));
    }
    ww_buf_reset(&out);
    struct ww_str again[3];
    if (ogc_after_read(arena, text, 3, values, NULL) == WW_OK) {
        ogc_after_write(values, 3, &out);
        if (out.failed == WW_OK) {
            must(ogc_after_read(arena, ww_buf_str(&out), 3, again, NULL) == WW_OK);
            for (int i = 0; i < 3; i++)
                must(ww_str_eq(values[i], again[i]));
        }
    }
    ww_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ww_layer_column columns[] = {{.name = WW_STR("at"), .type = WW_LAYER_INSTANT},
                                                     {.name = WW_STR("day"), .type = WW_LAYER_DATE}};
    static const struct ww_layer layer = {.columns = columns, .n_columns = 2};
    struct ww_arena *arena = ww_arena_new((size_t)16 << 20);
    char *copy = arena ? ww_arena_alloc(arena, size + 1) : NULL;
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    copy[size] = '\0';
    struct ww_str text = {copy, size};
    struct ww_str filter;
    struct ww_layer_comment comment;
    bool plain;
    fuzz_interval(text);
    fuzz_box(text);
    fuzz_places(arena, text);
    (void)ogc_negotiate(text, ogc_feature_formats, &plain);
    (void)ogc_is_chinese(text);
    must(ogc_old_cql(arena, &layer, text, &filter) == WW_OK);
    if (ww_layer_comment_read(arena, text, &comment) == WW_OK)
        must(comment.title_en.len <= size && comment.about_en.len <= size + 1);
    ww_arena_free(arena);
    return 0;
}
