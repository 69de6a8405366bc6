/* Where a page ended, as a word in an address: base64url of a JSON array of texts; and ids of features. Pure.
 */
#include "geo/base/json_reader.h"
#include "server/base64url.h"
#include "server/ogc/request.h"

enum { TOKEN_MAX = 3000 }; /* bytes of JSON: the address has to fit into a request's head */

static enum ww_status not_ours(struct ww_error *err) {
    ww_error_set(err, WW_BAD_INPUT, "after is not a place that this server gave for this order");
    ww_error_at_field(err, WW_STR("after"), WW_STR_NONE);
    return WW_BAD_INPUT;
}

enum ww_status ogc_after_read(struct ww_arena *arena, struct ww_str token, int n, struct ww_str *values,
                              struct ww_error *err) {
    struct ww_str json;
    struct ww_json_node *root;
    if (ww_base64url_read(arena, token, &json) != WW_OK || ww_json_parse(arena, json, &root, NULL) != WW_OK ||
        root->type != WW_JSON_ARRAY)
        return not_ours(err);
    int i = 0;
    for (const struct ww_json_node *node = root->child; node; node = node->next) {
        if (i == n)
            return not_ours(err);
        values[i] = WW_STR_NONE;
        if (node->type != WW_JSON_NULL && !ww_json_as_str(node, &values[i]))
            return not_ours(err);
        if (values[i].len && memchr(values[i].ptr, '\0', values[i].len))
            return not_ours(err);
        if (node->type == WW_JSON_STRING && !values[i].ptr)
            values[i] = WW_STR("");
        i++;
    }
    return i == n ? WW_OK : not_ours(err);
}

void ogc_after_write(const struct ww_str *values, int n, struct ww_buf *out) {
    struct ww_buf json;
    struct ww_json w;
    ww_buf_init(&json, TOKEN_MAX);
    ww_json_init(&w, &json);
    ww_json_array(&w);
    for (int i = 0; i < n; i++) {
        if (values[i].ptr)
            ww_json_str(&w, values[i]);
        else
            ww_json_null(&w);
    }
    ww_json_end_array(&w);
    char *room = json.failed == WW_OK ? ww_buf_reserve(out, WW_BASE64URL_ROOM(json.len)) : NULL;
    if (room)
        out->len += ww_base64url_write(json.data, json.len, room);
    else
        out->failed = WW_TOO_LARGE; /* a key of kilobytes: no next page can be named */
    ww_buf_clear(&json);
}

void ogc_id_write(const struct ww_str *values, int n, struct ww_buf *out) {
    if (n == 1) {
        ww_buf_str_add(out, values[0]);
        return;
    }
    for (int i = 0; i < n; i++) {
        if (i > 0)
            ww_buf_char(out, '~');
        for (size_t j = 0; j < values[i].len; j++) {
            char c = values[i].ptr[j];
            if (c == '~' || c == '!') {
                ww_buf_char(out, '!');
                ww_buf_char(out, c == '~' ? '1' : '0');
            } else {
                ww_buf_char(out, c);
            }
        }
    }
}

enum ww_status ogc_id_read(struct ww_arena *arena, struct ww_str id, int n, struct ww_str *values) {
    if (n == 1) {
        values[0] = id;
        return WW_OK;
    }
    char *room = ww_arena_alloc(arena, id.len + 1);
    if (!room)
        return WW_NO_MEMORY;
    int at = 0;
    size_t len = 0;
    size_t start = 0;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (c == '~') {
            if (at == n - 1)
                return WW_NOT_FOUND;
            values[at++] = (struct ww_str){room + start, len - start};
            start = len;
        } else if (c == '!') {
            if (++i == id.len || (id.ptr[i] != '0' && id.ptr[i] != '1'))
                return WW_NOT_FOUND;
            room[len++] = id.ptr[i] == '1' ? '~' : '!';
        } else {
            room[len++] = c;
        }
    }
    values[at++] = (struct ww_str){room + start, len - start};
    return at == n ? WW_OK : WW_NOT_FOUND;
}
