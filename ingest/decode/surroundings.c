/* What stands around a body: the topic of an MQTT message, carried in the content type.
 *
 * "application/json; topic=city%2FA1%2Fup": percent-encoded, so that it is a token (RFC 9110) whatever the
 * topic holds. A message of the dead-letter store is so decoded again as it was the first time.
 */
#include "ingest/decode/decode_internal.h"

enum { MAX_TOPIC = 65535, MAX_LEVELS = 64 };

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum ww_status ww_content_type_with_topic(struct ww_str type, struct ww_str topic, struct ww_buf *out) {
    static const char digits[] = "0123456789ABCDEF";
    if (topic.len > MAX_TOPIC)
        return WW_TOO_LARGE;
    ww_buf_str_add(out, type);
    ww_buf_text(out, "; topic=");
    for (size_t i = 0; i < topic.len; i++) {
        uint8_t c = (uint8_t)topic.ptr[i];
        if (is_unreserved((char)c)) {
            ww_buf_char(out, (char)c);
        } else {
            const char code[3] = {'%', digits[c >> 4], digits[c & 15]};
            ww_buf_add(out, code, sizeof code);
        }
    }
    return ww_buf_status(out);
}

struct ww_str ww_content_type_parameter(struct ww_str type, struct ww_str name) {
    if (type.len == 0)
        return WW_STR_NONE;
    const char *end = type.ptr + type.len;
    const char *at = memchr(type.ptr, ';', type.len);
    while (at) {
        const char *next = memchr(at + 1, ';', (size_t)(end - at - 1));
        struct ww_str part = ww_str_trim((struct ww_str){at + 1, (size_t)((next ? next : end) - at - 1)});
        if (part.len > name.len && part.ptr[name.len] == '=' &&
            ww_str_eq_nocase((struct ww_str){part.ptr, name.len}, name))
            return (struct ww_str){part.ptr + name.len + 1, part.len - name.len - 1};
        at = next;
    }
    return WW_STR_NONE;
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* What is no escape stands for itself. */
static struct ww_str decode_percent(struct ww_arena *arena, struct ww_str text) {
    char *room = ww_arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; room && i < text.len; i++) {
        if (text.ptr[i] == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
            hex(text.ptr[i + 2]) >= 0) {
            room[n++] = (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]));
            i += 2;
        } else {
            room[n++] = text.ptr[i];
        }
    }
    return (struct ww_str){room, n};
}

static void keep_levels(struct decoder *d, const struct ww_topic_pattern *pattern,
                        const struct ww_str *levels) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < pattern->n_levels; i++) {
        if (pattern->levels[i].kind != WW_TOPIC_NAME)
            continue;
        for (uint32_t k = 0; k < d->config->n_topic_names; k++)
            if (ww_str_eq(d->config->topic_names[k], pattern->levels[i].text))
                d->topic_values[k] = levels[n];
        n++;
    }
}

enum ww_status ww_decoder_read_topic(struct decoder *d, struct ww_str content_type) {
    const struct ww_mqtt_source *mqtt = &d->config->source.mqtt;
    struct ww_str levels[MAX_LEVELS] = {{NULL, 0}};
    if (d->config->n_topic_names == 0)
        return WW_OK;
    d->topic_values = ww_arena_calloc(d->arena, d->config->n_topic_names, sizeof *d->topic_values);
    struct ww_str sent = ww_content_type_parameter(content_type, WW_STR("topic"));
    struct ww_str topic = decode_percent(d->arena, sent);
    if (!d->topic_values || !topic.ptr)
        return ww_error_set(d->err, WW_TOO_LARGE, "the request does not fit into the memory of one batch");
    for (uint32_t i = 0; i < mqtt->n_topics && sent.ptr; i++) {
        if (ww_topic_pattern_match(&mqtt->topics[i], topic, levels)) {
            keep_levels(d, &mqtt->topics[i], levels);
            break;
        }
    }
    return WW_OK;
}
