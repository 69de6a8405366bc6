/* Writes and reads how much was known. */
#include "ingest/space/known.h"

#include <stddef.h>

static const struct {
    const char *name;
    size_t at;
} members[] = {{"message", offsetof(struct ww_known, message)},
               {"thing", offsetof(struct ww_known, thing)},
               {"datastream", offsetof(struct ww_known, datastream)},
               {"event", offsetof(struct ww_known, event)}};
enum { MEMBERS = sizeof members / sizeof *members };

void ww_known_write(struct ww_json *json, const char *key, const struct ww_known *known) {
    ww_json_key(json, key);
    ww_json_object(json);
    for (int i = 0; i < MEMBERS; i++) {
        ww_json_key(json, members[i].name);
        ww_json_int(json, *(const int64_t *)((const char *)known + members[i].at));
    }
    ww_json_end_object(json);
}

bool ww_known_read(const struct ww_json_node *object, const char *key, struct ww_known *out) {
    const struct ww_json_node *node = ww_json_get(object, key);
    bool whole = node != NULL;
    for (int i = 0; i < MEMBERS && whole; i++)
        whole = ww_json_as_i64(ww_json_get(node, members[i].name), (int64_t *)((char *)out + members[i].at));
    return whole;
}
