/* Writes the OpenAPI 3.0 document from the route table: what is routed is what is described. */
#include <ctype.h>
#include <stdio.h>

#include "geo/base/json_writer.h"
#include "server/route_table.h"

static void write_text(struct ww_json *w, const char *key, const char *text) {
    ww_json_key(w, key);
    ww_json_text(w, text);
}

static void write_words(struct ww_json *w, const char *words) {
    ww_json_key(w, "enum");
    ww_json_array(w);
    while (*words) {
        size_t len = strcspn(words, "|");
        ww_json_str(w, (struct ww_str){words, len});
        words += len + (words[len] == '|');
    }
    ww_json_end_array(w);
}

static void write_param(struct ww_json *w, const struct ww_route *route, const struct ww_param *param) {
    bool number = param->type == WW_PARAM_ID;
    ww_json_object(w);
    write_text(w, "name", param->name);
    write_text(w, "in", param->in == WW_IN_PATH ? "path" : "query");
    ww_json_key(w, "required");
    ww_json_bool(w, param->required);
    write_text(w, "description", param->about_en);
    write_text(w, "x-description-zh", param->about_zh);
    ww_json_key(w, "schema");
    ww_json_object(w);
    write_text(w, "type", number ? "integer" : "string");
    if (param->type == WW_PARAM_INSTANT)
        write_text(w, "format", "date-time");
    if (param->type == WW_PARAM_WORD)
        write_words(w, param->words);
    if (strcmp(param->name, "limit") == 0) {
        ww_json_key(w, "minimum");
        ww_json_int(w, 1);
        ww_json_key(w, "maximum");
        ww_json_int(w, route->max_limit ? route->max_limit : 1000);
        ww_json_key(w, "default");
        ww_json_int(w, 100);
    }
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void write_content(struct ww_json *w, const char *type, const char *schema) {
    ww_json_key(w, type);
    ww_json_object(w);
    ww_json_key(w, "schema");
    ww_json_object(w);
    write_text(w, "$ref", schema);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static bool is_ingest(const struct ww_route *route) {
    return route->handle == ww_handle_ingest;
}

static void write_body(struct ww_json *w, const struct ww_route *route) {
    if (!route->max_body)
        return;
    ww_json_key(w, "requestBody");
    ww_json_object(w);
    ww_json_key(w, "content");
    ww_json_object(w);
    write_content(w, "application/json", "#/components/schemas/Object");
    if (is_ingest(route)) {
        write_content(w, "application/x-ndjson", "#/components/schemas/Text");
        write_content(w, "application/geo+json", "#/components/schemas/Object");
        write_content(w, "text/csv", "#/components/schemas/Text");
    }
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static void write_answer(struct ww_json *w, const struct ww_route *route) {
    bool text = route->handle == ww_handle_metrics || route->handle == ww_handle_healthz;
    ww_json_key(w, "200");
    ww_json_object(w);
    write_text(w, "description", "As asked");
    ww_json_key(w, "content");
    ww_json_object(w);
    if (route->flags & WW_ROUTE_EVENTS)
        write_content(w, "text/event-stream", "#/components/schemas/Text");
    else if (text)
        write_content(w, "text/plain", "#/components/schemas/Text");
    else
        write_content(w, "application/json",
                      route->flags & WW_ROUTE_LIST ? "#/components/schemas/List"
                                                   : "#/components/schemas/Object");
    if (route->flags & WW_ROUTE_CSV)
        write_content(w, "text/csv", "#/components/schemas/Text");
    if (route->flags & WW_ROUTE_GEOJSON)
        write_content(w, "application/geo+json", "#/components/schemas/Object");
    ww_json_end_object(w);
    ww_json_end_object(w);
    if (route->flags & WW_ROUTE_CHECKED) {
        ww_json_key(w, "304");
        ww_json_object(w);
        write_text(w, "description", "As you have it (If-None-Match)");
        ww_json_end_object(w);
    }
    ww_json_key(w, "default");
    ww_json_object(w);
    write_text(w, "description", "A mistake, or not now");
    ww_json_key(w, "content");
    ww_json_object(w);
    write_content(w, "application/json", "#/components/schemas/Error");
    ww_json_end_object(w);
    ww_json_end_object(w);
}

/* "getApiV1AlertsId" from GET /api/v1/alerts/{id}: unique, since method and path are. */
static void write_operation_id(struct ww_json *w, const struct ww_route *route) {
    char id[128];
    size_t n = 0;
    bool upper = false;
    for (const char *p = ww_http_method_name(route->method); *p; p++)
        id[n++] = (char)tolower((unsigned char)*p);
    for (const char *p = route->path; *p && n < sizeof id - 1; p++) {
        if (!isalnum((unsigned char)*p)) {
            upper = true;
            continue;
        }
        id[n++] = upper ? (char)toupper((unsigned char)*p) : *p;
        upper = false;
    }
    ww_json_key(w, "operationId");
    ww_json_str(w, (struct ww_str){id, n});
}

static void write_roles(struct ww_json *w, const struct ww_route *route) {
    ww_json_key(w, "x-roles");
    ww_json_array(w);
    for (int role = WW_ROLE_FEED; role <= WW_ROLE_ADMIN; role++) {
        if (route->roles & WW_MAY((unsigned)role))
            ww_json_text(w, ww_role_name((enum ww_role)role));
    }
    ww_json_end_array(w);
    ww_json_key(w, "security");
    ww_json_array(w);
    if (!(route->flags & WW_ROUTE_PUBLIC)) {
        static const char *const schemes[] = {"token", "session"};
        for (int i = 0; i < 2; i++) {
            ww_json_object(w);
            ww_json_key(w, schemes[i]);
            ww_json_array(w);
            ww_json_end_array(w);
            ww_json_end_object(w);
        }
    }
    ww_json_end_array(w);
}

static void write_operation(struct ww_json *w, const struct ww_route *route) {
    char name[16];
    size_t n = 0;
    for (const char *p = ww_http_method_name(route->method); *p && n < sizeof name - 1; p++)
        name[n++] = (char)tolower((unsigned char)*p);
    name[n] = '\0';
    ww_json_key(w, name);
    ww_json_object(w);
    write_operation_id(w, route);
    write_text(w, "summary", route->summary_en);
    write_text(w, "x-summary-zh", route->summary_zh);
    ww_json_key(w, "tags");
    ww_json_array(w);
    ww_json_text(w, route->tag);
    ww_json_end_array(w);
    write_roles(w, route);
    ww_json_key(w, "parameters");
    ww_json_array(w);
    const struct ww_param *param;
    for (size_t i = 0; (param = ww_route_param(route, i)); i++) {
        if (param->in != WW_IN_NOTHING)
            write_param(w, route, param);
    }
    ww_json_end_array(w);
    write_body(w, route);
    ww_json_key(w, "responses");
    ww_json_object(w);
    write_answer(w, route);
    ww_json_end_object(w);
    ww_json_end_object(w);
}

static bool path_was_before(const struct ww_route *routes, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (strcmp(routes[k].path, routes[i].path) == 0)
            return true;
    }
    return false;
}

static const char components[] =
    "{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"ww_session\"}},"
    "\"schemas\":{\"Object\":{\"type\":\"object\"},\"Text\":{\"type\":\"string\"},"
    "\"List\":{\"type\":\"object\",\"required\":[\"items\",\"next\"],\"properties\":{"
    "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
    "\"next\":{\"type\":\"string\",\"nullable\":true,\"description\":\"Where the list goes on; null at its "
    "end\"}}},"
    "\"Error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"error\":{\"type\":\"object\","
    "\"required\":[\"status\",\"message\"],\"properties\":{\"status\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"},\"field\":{\"type\":\"string\"},\"line\":{\"type\":\"integer\"},"
    "\"column\":{\"type\":\"integer\"}}}}}}}";

void ww_openapi_write(const struct ww_route *routes, size_t count, struct ww_buf *out) {
    struct ww_json json, *w = &json;
    ww_json_init(w, out);
    ww_json_object(w);
    write_text(w, "openapi", "3.0.3");
    ww_json_key(w, "info");
    ww_json_object(w);
    write_text(w, "title", "wardwatch");
    write_text(w, "version", WW_VERSION);
    ww_json_end_object(w);
    ww_json_key(w, "paths");
    ww_json_object(w);
    for (size_t i = 0; i < count; i++) {
        if (path_was_before(routes, i))
            continue;
        ww_json_key(w, routes[i].path);
        ww_json_object(w);
        for (size_t k = i; k < count; k++) {
            if (strcmp(routes[k].path, routes[i].path) == 0)
                write_operation(w, &routes[k]);
        }
        ww_json_end_object(w);
    }
    ww_json_end_object(w);
    ww_json_key(w, "components");
    ww_json_raw(w, ww_str_of(components));
    ww_json_end_object(w);
}

void ww_handle_openapi(struct ww_route_call *call) {
    struct ww_buf out;
    size_t count;
    const struct ww_route *routes = ww_route_table(&count);
    ww_buf_init(&out, (size_t)1 << 20);
    ww_openapi_write(routes, count, &out);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}
