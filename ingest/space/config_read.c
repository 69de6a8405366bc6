/* Reads the members of a rule's config by a table. */
#include "ingest/space/config_read.h"

#include <math.h>
#include <stdio.h>

enum ww_status config_refuse(struct ww_error *err, const char *field, const char *why) {
    ww_error_set(err, WW_BAD_INPUT, "%s: %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE);
    return WW_BAD_INPUT;
}

static bool word_number(const char *words, struct ww_str word, int *out) {
    int n = 0;
    for (const char *at = words; *at; n++) {
        size_t len = strcspn(at, "|");
        if (ww_str_eq(word, (struct ww_str){at, len})) {
            *out = n;
            return true;
        }
        at += len + (at[len] == '|');
    }
    return false;
}

static enum ww_status read_one(const struct config_member *m, const char *name,
                               const struct ww_json_node *node, void *out, struct ww_error *err) {
    void *at = (char *)out + m->at;
    struct ww_str text;
    char why[160];
    double number;
    switch (m->type) {
    case CONFIG_NUMBER:
    case CONFIG_WHOLE:
        if (ww_json_as_double(node, &number) && number >= m->low && number <= m->high &&
            (m->type == CONFIG_NUMBER || number == floor(number))) {
            *(double *)at = number;
            return WW_OK;
        }
        snprintf(why, sizeof why, "must be a %snumber from %g to %g", m->type == CONFIG_WHOLE ? "whole " : "",
                 m->low, m->high);
        return config_refuse(err, name, why);
    case CONFIG_TEXT:
        if (!ww_json_as_str(node, &text) || text.len == 0 || text.len > 128)
            return config_refuse(err, name, "must be a text of at most 128 bytes");
        *(struct ww_str *)at = text;
        return WW_OK;
    case CONFIG_WORD:
        if (ww_json_as_str(node, &text) && word_number(m->words, text, (int *)at))
            return WW_OK;
        snprintf(why, sizeof why, "must be one of %s", m->words);
        return config_refuse(err, name, why);
    case CONFIG_BOOL:
        if (ww_json_as_bool(node, (bool *)at))
            return WW_OK;
        return config_refuse(err, name, "must be true or false");
    }
    return WW_OK;
}

static bool is_listed(const char *list, struct ww_str name) {
    char with_bars[80];
    if (name.len + 3 > sizeof with_bars)
        return false;
    snprintf(with_bars, sizeof with_bars, "|%.*s|", WW_STR_ARG(name));
    return strstr(list, with_bars) != NULL;
}

enum ww_status config_read(const struct ww_json_node *object, const char *prefix, const char *also,
                           const struct config_member *members, size_t n, void *out, struct ww_error *err) {
    if (object->type != WW_JSON_OBJECT)
        return config_refuse(err, *prefix ? prefix : "config", "must be an object");
    for (const struct ww_json_node *node = object->child; node; node = node->next) {
        char name[64];
        const struct config_member *found = NULL;
        snprintf(name, sizeof name, "%s%s%.*s", prefix, *prefix ? "." : "",
                 node->key.len > 40 ? 40 : (int)node->key.len, node->key.ptr);
        for (size_t i = 0; i < n && !found; i++)
            found = ww_str_is(node->key, members[i].name) ? &members[i] : NULL;
        if (!found && is_listed(also, node->key))
            continue;
        if (!found)
            return config_refuse(err, name, "is no member of this detector's config");
        enum ww_status st = read_one(found, name, node, out, err);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}
