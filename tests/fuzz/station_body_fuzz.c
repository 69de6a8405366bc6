/* ww_link: ww_server
 * Any bytes as a CSV register of stations, as a station and as a command: refused with a message, or written
 * as JSON that reads again. */
#include <assert.h>

#include "server/station_body.h"
#include "server/station_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_read(struct ww_arena *arena, const struct ww_buf *json, enum ww_json_type type) {
    struct ww_json_node *root;
    assert(ww_buf_status(json) == WW_OK);
    assert(ww_json_parse(arena, ww_buf_str(json), &root, NULL) == WW_OK);
    assert(root->type == type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_str text = {(const char *)data, size};
    struct ww_arena *arena = ww_arena_new(64 << 20);
    struct ww_buf out;
    struct ww_json json;
    struct ww_json_node *root;
    struct ww_error err;
    uint64_t n;

    ww_buf_init(&out, 64 << 20);
    if (ww_station_file_read(text, &out, &n, &err) == WW_OK)
        must_read(arena, &out, WW_JSON_ARRAY);
    else
        assert(err.message[0] && err.line > 0);

    ww_buf_reset(&out);
    ww_json_init(&json, &out);
    if (ww_json_parse(arena, text, &root, NULL) == WW_OK &&
        ww_station_body_write(root, WW_STR_NONE, true, 0, &json, &err) == WW_OK)
        must_read(arena, &out, WW_JSON_OBJECT);

    struct ww_station_command command;
    ww_buf_reset(&out);
    ww_json_init(&json, &out);
    if (ww_station_command_read(arena, text, &command, &err) == WW_OK) {
        ww_station_fields_write(&command, &json);
        must_read(arena, &out, WW_JSON_ARRAY);
    } else {
        assert(err.message[0]);
    }
    ww_buf_clear(&out);
    ww_arena_free(arena);
    return 0;
}
