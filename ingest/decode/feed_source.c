/* Reads where a feed's messages come from: "protocol", the section of that name, and the rates. */
#include "ingest/decode/feed_source.h"

#include <stdio.h>

#include "geo/instant.h"
#include "ingest/decode/feed_check.h"

enum {
    MAX_URL = 2048,
    MAX_TEXT = 256,
    MAX_PASSWORD = 1024,
    MAX_FILE = 1024,
    MAX_TOPICS = 64,
    MAX_HEADERS = 32,
    MAX_HEADER = 4096,
    MAX_OVERRIDES = 1024,
    MAX_CODE = 64,
    YEAR_S = 366 * 86400
};
static const double MAX_RATE = 1e9;

typedef const struct ww_json_node *node_t;

static const char *const protocols[] = {"http", "hj212", "mqtt", "mqtt_client", "pull", NULL};

const char *ww_protocol_name(enum ww_protocol protocol) {
    return protocols[protocol];
}

/* ---- HJ 212 ---- */

static struct ww_unit_override *find_override(struct ww_hj212_source *source, struct ww_str code) {
    for (uint32_t i = 0; i < source->n_overrides; i++)
        if (ww_str_eq(source->overrides[i].code, code))
            return &source->overrides[i];
    source->overrides[source->n_overrides] = (struct ww_unit_override){code, WW_STR(""), WW_STR("")};
    return &source->overrides[source->n_overrides++];
}

/* "units" or "factors": an object of texts by factor code. */
static void read_overrides(struct feed_section *s, const char *name, bool is_unit,
                           struct ww_hj212_source *out) {
    node_t object = s->status == WW_OK ? ww_json_get(s->node, name) : NULL;
    if (!object)
        return;
    char path[64];
    (void)snprintf(path, sizeof path, "%s.%s", s->path, name);
    struct feed_section inside = {.node = object, .path = path, .arena = s->arena, .err = s->err};
    if (object->type != WW_JSON_OBJECT)
        ww_section_bad(s, name, "must be an object");
    for (node_t m = object->child; m && s->status == WW_OK; m = m->next) {
        char key[MAX_CODE + 1];
        struct ww_str code = ww_arena_copy(s->arena, m->key);
        if (!code.ptr) {
            s->status = ww_feed_no_memory(s->err);
        } else if (code.len == 0 || code.len > MAX_CODE || strlen(code.ptr) != code.len) {
            ww_section_bad(s, name, "must name factor codes of 1 to 64 bytes");
        } else {
            memcpy(key, code.ptr, code.len + 1);
            struct ww_str text = ww_section_text(&inside, key, MAX_CODE, NULL);
            struct ww_unit_override *override = find_override(out, code);
            *(is_unit ? &override->unit : &override->property) = text;
            s->status = inside.status;
        }
    }
}

static void read_hj212(struct feed_section *s, struct ww_hj212_source *out) {
    static const char *const unknowns[] = {"keep", "register", "refuse", NULL};
    ww_section_members(s, "unknown units factors");
    if (s->status != WW_OK)
        return;
    out->unknown = (enum ww_unknown_station)ww_section_choice(s, "unknown", unknowns);
    node_t units = ww_json_get(s->node, "units"), factors = ww_json_get(s->node, "factors");
    uint32_t n = (units ? ww_feed_count(units) : 0) + (factors ? ww_feed_count(factors) : 0);
    if (n > MAX_OVERRIDES) {
        ww_section_bad(s, units ? "units" : "factors",
                       "has too many entries: 1024 with those of \"factors\"");
        return;
    }
    out->overrides = ww_arena_calloc(s->arena, n + 1, sizeof *out->overrides);
    if (!out->overrides) {
        s->status = ww_feed_no_memory(s->err);
        return;
    }
    read_overrides(s, "units", true, out);
    read_overrides(s, "factors", false, out);
}

/* ---- MQTT ---- */

static bool has_name(const struct ww_topic_pattern *pattern, const char *name) {
    for (uint32_t i = 0; i < pattern->n_levels; i++)
        if (pattern->levels[i].kind == WW_TOPIC_NAME && ww_str_is(pattern->levels[i].text, name))
            return true;
    return false;
}

static void read_topic(struct feed_section *s, node_t topic, struct ww_mqtt_source *out) {
    struct ww_error fault = {0};
    if (topic->type != WW_JSON_STRING) {
        ww_section_bad(s, "topics", "must hold texts");
        return;
    }
    enum ww_status st = ww_topic_pattern_parse(topic->text, s->arena, &out->topics[out->n_topics], &fault);
    if (st == WW_NO_MEMORY) {
        s->status = ww_feed_no_memory(s->err);
    } else if (st != WW_OK) {
        char message[200], path[64];
        (void)snprintf(message, sizeof message, "is refused: %.150s", fault.message);
        (void)snprintf(path, sizeof path, "%s.topics.%u", s->path, out->n_topics);
        s->status = ww_feed_bad(s->err, path, topic, message);
    } else {
        out->n_topics++;
    }
}

static void read_topics(struct feed_section *s, struct ww_mqtt_source *out) {
    node_t topics = s->status == WW_OK ? ww_json_get(s->node, "topics") : NULL;
    if (!topics || topics->type != WW_JSON_ARRAY || !topics->child || ww_feed_count(topics) > MAX_TOPICS) {
        ww_section_bad(s, "topics", "must be an array of 1 to 64 topic patterns");
        return;
    }
    out->topics = ww_arena_calloc(s->arena, ww_feed_count(topics), sizeof *out->topics);
    if (!out->topics)
        s->status = ww_feed_no_memory(s->err);
    for (node_t t = topics->child; t && s->status == WW_OK; t = t->next)
        read_topic(s, t, out);
}

static void read_mqtt(struct feed_section *s, struct ww_mqtt_source *out) {
    ww_section_members(s, "topics own_topics");
    read_topics(s, out);
    out->own_topics = ww_section_bool(s, "own_topics", false);
    for (uint32_t i = 0; i < out->n_topics && out->own_topics; i++)
        if (!has_name(&out->topics[i], "thing"))
            ww_section_bad(s, "own_topics", "needs a level {thing} in every topic");
}

static bool is_host(struct ww_str host) {
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if ((uint8_t)host.ptr[i] <= 0x20 || (uint8_t)host.ptr[i] >= 0x7F || strchr("/@?#[]", host.ptr[i]))
            return false;
    return true;
}

/* mqtt://host, mqtts://host:port, mqtt://[::1]:1883; a slash may end it. */
static bool split_broker(struct ww_str url, struct ww_mqtt_source *out, struct ww_str *host) {
    out->tls = ww_str_starts(url, WW_STR("mqtts://"));
    if (!out->tls && !ww_str_starts(url, WW_STR("mqtt://")))
        return false;
    size_t scheme = out->tls ? 8 : 7;
    struct ww_str rest = {url.ptr + scheme, url.len - scheme};
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    const char *end = NULL;
    if (rest.len > 0 && rest.ptr[0] == '[') {
        const char *bracket = memchr(rest.ptr, ']', rest.len);
        if (!bracket)
            return false;
        *host = (struct ww_str){rest.ptr + 1, (size_t)(bracket - rest.ptr) - 1};
        end = bracket + 1;
    } else {
        const char *colon = rest.len > 0 ? memchr(rest.ptr, ':', rest.len) : NULL;
        end = colon ? colon : rest.ptr + rest.len;
        *host = (struct ww_str){rest.ptr, (size_t)(end - rest.ptr)};
        if (host->len > 0 && memchr(host->ptr, ':', host->len))
            return false;
    }
    struct ww_str port = {end, (size_t)(rest.ptr + rest.len - end)};
    uint64_t n = out->tls ? 8883 : 1883;
    if (port.len > 0 &&
        (port.ptr[0] != ':' || !ww_str_to_u64((struct ww_str){port.ptr + 1, port.len - 1}, &n)))
        return false;
    out->port = (int)(n <= 65535 ? n : 0);
    return out->port > 0 && is_host(*host);
}

static void read_mqtt_client(struct feed_section *s, struct ww_mqtt_source *out) {
    ww_section_members(s, "url client_id username password version ca_file share qos topics keep_alive_s");
    struct ww_str url = ww_section_text(s, "url", MAX_URL, NULL), host = WW_STR("");
    if (s->status == WW_OK && !split_broker(url, out, &host))
        ww_section_bad(s, "url", "must be mqtt://host:port or mqtts://host:port");
    out->host = ww_arena_copy(s->arena, host);
    if (!out->host.ptr && s->status == WW_OK)
        s->status = ww_feed_no_memory(s->err);
    out->client_id = ww_section_text(s, "client_id", MAX_TEXT, NULL);
    out->username = ww_section_text(s, "username", MAX_TEXT, "");
    out->password = ww_section_text(s, "password", MAX_PASSWORD, "");
    out->ca_file = ww_section_text(s, "ca_file", MAX_FILE, "");
    out->share = ww_section_text(s, "share", MAX_CODE, "");
    out->has_username = out->username.len > 0;
    out->has_password = out->password.len > 0;
    out->version = ww_section_int(s, "version", 4, 5, 5);
    out->qos = ww_section_int(s, "qos", 0, 2, 1);
    out->keep_alive_s = ww_section_int(s, "keep_alive_s", 5, 3600, 60);
    for (size_t i = 0; i < out->share.len; i++)
        if (strchr("/+#", out->share.ptr[i]))
            ww_section_bad(s, "share", "must not hold /, + or #");
    if (out->has_password && !out->has_username)
        ww_section_bad(s, "password", "needs a \"username\"");
    read_topics(s, out);
}

/* ---- Pull ---- */

static bool is_http_url(struct ww_str url) {
    size_t scheme = ww_str_starts(url, WW_STR("https://"))  ? 8
                    : ww_str_starts(url, WW_STR("http://")) ? 7
                                                            : 0;
    if (scheme == 0 || url.len == scheme || strchr("/?#:@", url.ptr[scheme]))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if ((uint8_t)url.ptr[i] <= 0x20 || (uint8_t)url.ptr[i] >= 0x7F)
            return false;
    return true;
}

/* http://name:password@host: what an address holds is shown to whoever may see the feed. */
static bool has_login(struct ww_str url) {
    const char *host = memchr(url.ptr, '/', url.len);
    size_t from = host ? (size_t)(host - url.ptr) + 2 : 0;
    for (size_t i = from; i < url.len && !strchr("/?#", url.ptr[i]); i++)
        if (url.ptr[i] == '@')
            return true;
    return false;
}

static bool is_token(struct ww_str name) {
    if (name.len == 0 || name.len > MAX_CODE)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return true;
}

static void read_headers(struct feed_section *s, struct ww_pull_source *out) {
    node_t headers = s->status == WW_OK ? ww_json_get(s->node, "headers") : NULL;
    if (!headers)
        return;
    if (headers->type != WW_JSON_OBJECT || ww_feed_count(headers) > MAX_HEADERS) {
        ww_section_bad(s, "headers", "must be an object of at most 32 texts");
        return;
    }
    struct feed_section inside = {.node = headers, .path = "pull.headers", .arena = s->arena, .err = s->err};
    out->headers = ww_arena_calloc(s->arena, MAX_HEADERS, sizeof *out->headers);
    if (!out->headers)
        s->status = ww_feed_no_memory(s->err);
    for (node_t h = headers->child; h && s->status == WW_OK; h = h->next) {
        struct ww_str name = ww_arena_copy(s->arena, h->key);
        if (!name.ptr) {
            s->status = ww_feed_no_memory(s->err);
        } else if (!is_token(name)) {
            ww_section_bad(s, "headers", "holds a name that no HTTP header can have");
        } else {
            struct ww_str value = ww_section_text(&inside, name.ptr, MAX_HEADER, NULL);
            out->headers[out->n_headers++] = (struct ww_header_line){name, value};
            s->status = inside.status;
        }
    }
}

static bool is_time_form(struct ww_str text) {
    return ww_str_is(text, "iso") || ww_str_is(text, "epoch") || ww_str_is(text, "epoch_ms") ||
           memchr(text.ptr, '%', text.len);
}

static void read_numbered_pages(struct feed_section *s, int first, struct ww_pull_source *out) {
    out->param = ww_section_text(s, "param", MAX_CODE, NULL);
    out->size_param = ww_section_text(s, "size_param", MAX_CODE, "");
    out->first = ww_section_int(s, "first", 0, 1000000, first);
    out->size = ww_section_int(s, "size", 1, 1000000, NO_DEFAULT);
}

/* Pages within a window: all their members, or none. */
static void read_window_pages(struct feed_section *s, struct ww_pull_source *out) {
    static const char *const members[] = {"param", "first", "size_param", "size"};
    bool has_any = false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        has_any = has_any || (s->status == WW_OK && ww_json_get(s->node, members[i]));
    if (has_any)
        read_numbered_pages(s, 1, out);
    if (has_any && s->status == WW_OK && out->to.len == 0)
        ww_section_bad(s, "to", "is needed: a window with pages must not grow while they are read");
}

static void read_time_paging(struct feed_section *s, struct ww_pull_source *out) {
    ww_section_members(s, "by from to format window_s overlap_s start param first size_param size");
    out->from = ww_section_text(s, "from", MAX_CODE, NULL);
    out->to = ww_section_text(s, "to", MAX_CODE, "");
    out->time_format = ww_section_text(s, "format", 100, "iso");
    out->window_s = ww_section_int(s, "window_s", 1, YEAR_S, 3600);
    out->overlap_s = ww_section_int(s, "overlap_s", 0, YEAR_S, 0);
    struct ww_str start = ww_section_text(s, "start", 40, "");
    read_window_pages(s, out);
    if (s->status != WW_OK)
        return;
    if (!is_time_form(out->time_format))
        ww_section_bad(s, "format", "must be iso, epoch, epoch_ms or a pattern with %");
    /* Otherwise the windows would not get on. */
    if (out->overlap_s >= out->window_s)
        ww_section_bad(s, "overlap_s", "must be less than \"window_s\"");
    if (start.len > 0 && ww_instant_parse(start, NULL, &out->start_us, NULL) != WW_OK)
        ww_section_bad(s, "start", "must be a time like 2026-01-01T00:00:00Z");
}

static void read_paging(struct feed_section *outer, struct ww_pull_source *out) {
    static const char *const ways[] = {"none", "next", "link", "page", "offset", "cursor", "time", NULL};
    node_t paging = outer->status == WW_OK ? ww_json_get(outer->node, "paging") : NULL;
    if (!paging)
        return;
    if (paging->type != WW_JSON_OBJECT) {
        ww_section_bad(outer, "paging", "must be an object");
        return;
    }
    struct feed_section s = {.node = paging, .path = "pull.paging", .arena = outer->arena, .err = outer->err};
    (void)ww_section_text(&s, "by", MAX_CODE, NULL);
    out->paging = (enum ww_paging)ww_section_choice(&s, "by", ways);
    switch (out->paging) {
    case WW_PAGING_NONE:
    case WW_PAGING_LINK:
        ww_section_members(&s, "by");
        break;
    case WW_PAGING_NEXT:
        ww_section_members(&s, "by field");
        out->field = ww_section_text(&s, "field", MAX_TEXT, "@iot.nextLink");
        break;
    case WW_PAGING_PAGE:
    case WW_PAGING_OFFSET:
        ww_section_members(&s, "by param first size_param size");
        read_numbered_pages(&s, out->paging == WW_PAGING_PAGE ? 1 : 0, out);
        break;
    case WW_PAGING_CURSOR:
        ww_section_members(&s, "by param field");
        out->param = ww_section_text(&s, "param", MAX_CODE, NULL);
        out->field = ww_section_text(&s, "field", MAX_TEXT, NULL);
        break;
    case WW_PAGING_TIME:
        read_time_paging(&s, out);
        break;
    }
    outer->status = s.status;
}

static void read_pull(struct feed_section *s, struct ww_pull_source *out) {
    ww_section_members(s, "url every_s headers username password timeout_s max_bytes ca_file paging");
    out->start_us = WW_INSTANT_NONE;
    out->field = out->param = out->size_param = out->from = out->to = out->time_format = WW_STR("");
    out->url = ww_section_text(s, "url", MAX_URL, NULL);
    if (s->status == WW_OK && !is_http_url(out->url))
        ww_section_bad(s, "url", "must be http://… or https://… in ASCII without blanks");
    if (s->status == WW_OK && has_login(out->url))
        ww_section_bad(s, "url", "must not hold a name or password: \"username\" and \"password\" do");
    out->every_s = ww_section_int(s, "every_s", 1, 7 * 86400, 300);
    out->timeout_s = ww_section_int(s, "timeout_s", 1, 600, 30);
    out->max_bytes = (size_t)ww_section_int(s, "max_bytes", 1024, 64 << 20, 16 << 20);
    out->username = ww_section_text(s, "username", MAX_TEXT, "");
    out->password = ww_section_text(s, "password", MAX_PASSWORD, "");
    out->ca_file = ww_section_text(s, "ca_file", MAX_FILE, "");
    out->has_username = out->username.len > 0;
    if (memchr(out->username.ptr, ':', out->username.len))
        ww_section_bad(s, "username", "must not hold a colon");
    if (out->password.len > 0 && !out->has_username)
        ww_section_bad(s, "password", "needs a \"username\"");
    read_headers(s, out);
    read_paging(s, out);
}

/* ---- All ---- */

/* A section may only stand beside its own protocol. */
static void check_sections(struct feed_section *root, enum ww_protocol protocol) {
    for (int i = WW_PROTOCOL_HJ212; protocols[i]; i++) {
        node_t section = root->status == WW_OK ? ww_json_get(root->node, protocols[i]) : NULL;
        char message[80];
        (void)snprintf(message, sizeof message, "belongs to the protocol %s, not to %s", protocols[i],
                       protocols[protocol]);
        if (section && (int)protocol != i)
            ww_section_bad(root, protocols[i], message);
        else if (section && section->type != WW_JSON_OBJECT)
            ww_section_bad(root, protocols[i], "must be an object");
        else if (!section && (int)protocol == i && protocol != WW_PROTOCOL_HJ212)
            ww_section_bad(root, protocols[i], "is missing");
    }
}

enum ww_status ww_feed_source_parse(const struct ww_json_node *root, struct ww_arena *arena,
                                    struct ww_feed_source *out, struct ww_error *err) {
    struct feed_section top = {.node = root, .path = "", .arena = arena, .err = err};
    *out = (struct ww_feed_source){.pull.start_us = WW_INSTANT_NONE};
    out->protocol = (enum ww_protocol)ww_section_choice(&top, "protocol", protocols);
    out->max_messages_per_s = ww_section_number(&top, "max_messages_per_s", MAX_RATE);
    out->max_values_per_s = ww_section_number(&top, "max_values_per_s", MAX_RATE);
    check_sections(&top, out->protocol);
    const char *name = protocols[out->protocol];
    struct feed_section s = {
        .node = ww_json_get(root, name), .path = name, .arena = arena, .err = err, .status = top.status};
    if (s.status != WW_OK || !s.node)
        return s.status;
    switch (out->protocol) {
    case WW_PROTOCOL_HTTP:
        break;
    case WW_PROTOCOL_HJ212:
        read_hj212(&s, &out->hj212);
        break;
    case WW_PROTOCOL_MQTT:
        read_mqtt(&s, &out->mqtt);
        break;
    case WW_PROTOCOL_MQTT_CLIENT:
        read_mqtt_client(&s, &out->mqtt);
        break;
    case WW_PROTOCOL_PULL:
        read_pull(&s, &out->pull);
        break;
    }
    return s.status;
}
