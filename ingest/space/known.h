/* Up to where something was known when many places were looked at: with it the same look can be taken again.
 *
 *   "known": {"message": 81234, "thing": 411, "datastream": 903, "event": 0}
 *
 * Ids that were the newest then: of raw messages, of things and datastreams among those that the rule
 * watches, of alert events where these are what is counted. Messages get their ids in the order in which they
 * are committed, so "up to" is a number.
 */
#ifndef WW_INGEST_SPACE_KNOWN_H
#define WW_INGEST_SPACE_KNOWN_H

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"

struct ww_known {
    int64_t message, thing, datastream, event;
};
/* All there is. */
#define WW_KNOWN_ALL ((struct ww_known){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX})

void ww_known_write(struct ww_json *json, const char *key, const struct ww_known *known);
/* The member of that name; false: there is none, or it is not whole. */
bool ww_known_read(const struct ww_json_node *object, const char *key, struct ww_known *out);

#endif
