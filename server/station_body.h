/* Reads what people say about HJ 212 stations: bodies of requests, rows of a CSV file, commands.
 *
 * Pure. A station comes as a JSON object, is checked member by member and written again as
 * sql/queries/station_write.sql takes it:
 *   {"mn", "feed", "enabled", "password", "sm4_key": "32 hex digits", "config": {…},
 *    "thing": {"name_zh", "name_en", "class", "limit_class", "site", "place": [lon, lat]}}
 * A command is {"cn": 1062, "fields": {"RtdInterval": 30}} or "fields": [["RtdInterval", "30"]].
 * Errors never repeat a password or a key.
 */
#ifndef WW_SERVER_STATION_BODY_H
#define WW_SERVER_STATION_BODY_H

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"
#include "ingest/hj212/request_fields.h"

/* `mn`: of the path, then the body may leave it out but not change it; WW_STR_NONE when it must be in the
 * body. `is_new`: the feed is required. `line` > 0 is written too, for messages. Writes one object. */
enum ww_status ww_station_body_write(const struct ww_json_node *station, struct ww_str mn, bool is_new,
                                     uint64_t line, struct ww_json *out, struct ww_error *err) WW_MUST_CHECK;
/* What sql/queries/station_write.sql found wrong, as an error. WW_OK for "". */
enum ww_status ww_station_problem(struct ww_str problem, struct ww_error *err) WW_MUST_CHECK;

struct ww_station_command {
    int cn;
    struct ww_hj212_field fields[WW_HJ212_MAX_FIELDS];
    size_t n_fields;
};
/* Read and checked; views what is in the arena. */
enum ww_status ww_station_command_read(struct ww_arena *arena, struct ww_str json,
                                       struct ww_station_command *out, struct ww_error *err) WW_MUST_CHECK;
/* [["k","v"],…] as the table station_command keeps it. */
void ww_station_fields_write(const struct ww_station_command *command, struct ww_json *out);

#endif
