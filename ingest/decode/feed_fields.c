/* Numbers the fields that a feed wants and builds the tree by which JSON members find them. */
#include "ingest/decode/feed_config_internal.h"

int32_t ww_feed_field_add(struct ww_feed_config *config, struct ww_str name, bool required) {
    for (uint32_t i = 0; i < config->n_fields; i++) {
        if (!ww_str_eq(config->fields[i].name, name))
            continue;
        config->fields[i].required |= required;
        return (int32_t)i;
    }
    if (config->n_fields == MAX_FIELDS)
        return -1;
    if (!config->fields)
        config->fields = ww_arena_calloc(config->arena, MAX_FIELDS, sizeof *config->fields);
    if (!config->fields)
        return -1;
    config->fields[config->n_fields] = (struct field){.name = name, .required = required};
    return (int32_t)config->n_fields++;
}

/* SensorThings has names with a dot: "@iot.id" is one step. */
static size_t step_length(struct ww_str path) {
    const struct ww_str prefix = WW_STR("@iot.");
    size_t from = ww_str_starts(path, prefix) ? prefix.len : 0;
    const char *dot = path.len > from ? memchr(path.ptr + from, '.', path.len - from) : NULL;
    return dot ? (size_t)(dot - path.ptr) : path.len;
}

bool ww_feed_path_split(struct ww_str path, struct ww_str steps[MAX_PATH], uint32_t *n) {
    *n = 0;
    for (;;) {
        size_t len = step_length(path);
        if (len == 0 || *n == MAX_PATH)
            return false;
        steps[(*n)++] = (struct ww_str){path.ptr, len};
        if (len == path.len)
            return true;
        path.ptr += len + 1;
        path.len -= len + 1;
    }
}

static struct field_node *add_step(struct ww_arena *arena, struct field_node *parent, struct ww_str key) {
    for (struct field_node *n = parent->child; n; n = n->next)
        if (ww_str_eq(n->key, key))
            return n;
    struct field_node *node = ww_arena_calloc(arena, 1, sizeof *node);
    if (!node)
        return NULL;
    node->key = key;
    node->field = -1;
    node->is_index = ww_str_to_u64(key, &node->index);
    if (parent->last_child)
        parent->last_child->next = node;
    else
        parent->child = node;
    parent->last_child = node;
    return node;
}

enum ww_status ww_feed_fields_index(struct ww_feed_config *config) {
    config->root.field = -1;
    for (uint32_t i = 0; i < config->n_fields; i++) {
        struct field_node *whole = add_step(config->arena, &config->root, config->fields[i].name);
        if (!whole)
            return WW_NO_MEMORY;
        whole->field = (int32_t)i;
    }
    for (uint32_t i = 0; i < config->n_fields; i++) {
        struct ww_str steps[MAX_PATH];
        uint32_t n;
        if (!ww_feed_path_split(config->fields[i].name, steps, &n) || n == 1)
            continue;
        struct field_node *node = &config->root;
        for (uint32_t s = 0; s < n && node; s++)
            node = add_step(config->arena, node, steps[s]);
        if (!node)
            return WW_NO_MEMORY;
        node->field = (int32_t)i;
    }
    return WW_OK;
}
