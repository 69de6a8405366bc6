/* Reads a register of HJ 212 stations from CSV.
 *
 * The first line names the columns, in any order: mn and feed are needed; password, sm4_key, enabled, config
 * (JSON), name_zh, name_en, class, limit_class, site, lon, lat may be there. An empty cell is not given. RFC
 * 4180 quotes; UTF-8, with or without a byte order mark. Pure: text in, the JSON array of
 * sql/queries/station_write.sql out.
 */
#ifndef WW_SERVER_STATION_FILE_H
#define WW_SERVER_STATION_FILE_H

#include "geo/base/buf.h"

/* The error names line and column. Nothing in `out` is to be used then. */
enum ww_status ww_station_file_read(struct ww_str csv, struct ww_buf *out, uint64_t *n_stations,
                                    struct ww_error *err) WW_MUST_CHECK;

#endif
