/* ww_link: ww_decode
 * Any JSON as a feed's configuration: its source is refused with a message, or keeps every bound. */
#include <assert.h>
#include <stdlib.h>

#include "geo/instant.h"
#include "ingest/decode/feed_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct ww_str text, size_t least, size_t most) {
    assert(text.len >= least && text.len <= most);
    if (text.len > 0)
        assert(ww_str_is_utf8(text) && text.ptr[text.len] == '\0' && strlen(text.ptr) == text.len);
}

static void check_mqtt(const struct ww_mqtt_source *m, bool is_client) {
    assert(m->n_topics >= 1 && m->n_topics <= 64);
    for (uint32_t i = 0; i < m->n_topics; i++)
        assert(m->topics[i].n_levels >= 1 && m->topics[i].n_levels <= 64 && m->topics[i].filter.len > 0);
    if (!is_client)
        return;
    check_text(m->host, 1, 253);
    check_text(m->client_id, 1, 256);
    check_text(m->password, 0, 1024);
    assert(m->port >= 1 && m->port <= 65535 && m->qos >= 0 && m->qos <= 2);
    assert((m->version == 4 || m->version == 5) && m->keep_alive_s >= 5);
    assert(!m->has_password || m->has_username);
}

static void check_pull(const struct ww_pull_source *p) {
    check_text(p->url, 8, 2048);
    assert(p->every_s >= 1 && p->timeout_s >= 1 && p->max_bytes >= 1024 && p->max_bytes <= 64 << 20);
    assert(p->n_headers <= 32);
    for (uint32_t i = 0; i < p->n_headers; i++) {
        check_text(p->headers[i].name, 1, 64);
        check_text(p->headers[i].value, 1, 4096);
        assert(!memchr(p->headers[i].value.ptr, '\n', p->headers[i].value.len));
    }
    switch (p->paging) {
    case WW_PAGING_NEXT:
        check_text(p->field, 1, 256);
        break;
    case WW_PAGING_PAGE:
    case WW_PAGING_OFFSET:
        check_text(p->param, 1, 64);
        assert(p->size >= 1 && p->first >= 0);
        break;
    case WW_PAGING_CURSOR:
        check_text(p->param, 1, 64);
        check_text(p->field, 1, 256);
        break;
    case WW_PAGING_TIME:
        check_text(p->from, 1, 64);
        check_text(p->time_format, 1, 100);
        assert(p->window_s > p->overlap_s && p->overlap_s >= 0);
        assert(p->size == 0 || (p->param.len > 0 && p->to.len > 0));
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_arena *arena = ww_arena_new(1 << 20);
    struct ww_json_node *root = NULL;
    struct ww_feed_source source;
    struct ww_error err;
    if (ww_json_parse(arena, (struct ww_str){(const char *)data, size}, &root, NULL) != WW_OK ||
        root->type != WW_JSON_OBJECT) {
        ww_arena_free(arena);
        return 0;
    }
    enum ww_status st = ww_feed_source_parse(root, arena, &source, &err);
    if (st == WW_OK) {
        assert(source.max_messages_per_s >= 0 && source.max_values_per_s >= 0);
        assert(source.hj212.n_overrides <= 1024 && ww_protocol_name(source.protocol));
        if (source.protocol == WW_PROTOCOL_MQTT || source.protocol == WW_PROTOCOL_MQTT_CLIENT)
            check_mqtt(&source.mqtt, source.protocol == WW_PROTOCOL_MQTT_CLIENT);
        if (source.protocol == WW_PROTOCOL_PULL)
            check_pull(&source.pull);
    } else {
        assert(st == WW_BAD_INPUT && err.status == st && err.message[0] != '\0' && err.field[0] != '\0');
    }
    ww_arena_free(arena);
    return 0;
}
