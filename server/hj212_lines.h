/* HJ 212 frames as JSON lines: what `wardwatch decode hj212` prints.
 *
 *   struct ww_hj212_lines *lines;
 *   st = ww_hj212_lines_new(&(struct ww_hj212_lines_options){.crc = "standard"}, &lines, &err);
 *   st = ww_hj212_lines_frame(lines, offset, 0, &frame, &out, &err);    // appends {"offset":0,…}\n
 *   ww_hj212_lines_free(lines);
 *
 * Values are those that the decoder of a feed makes of the frame, with the station's record that the options
 * describe; no database is asked. Passwords and keys are never written.
 */
#ifndef WW_SERVER_HJ212_LINES_H
#define WW_SERVER_HJ212_LINES_H

#include "geo/base/buf.h"
#include "ingest/hj212/hj212.h"

struct ww_hj212_lines_options {
    const char *crc;       /* standard | modbus | ignore; NULL: standard */
    const char *zone;      /* NULL: Asia/Shanghai */
    struct ww_str sm4_key; /* 16 bytes, or len 0 */
};

struct ww_hj212_lines;
/* WW_BAD_INPUT when an option is none. */
enum ww_status ww_hj212_lines_new(const struct ww_hj212_lines_options *options, struct ww_hj212_lines **out,
                                  struct ww_error *err) WW_MUST_CHECK;
void ww_hj212_lines_free(struct ww_hj212_lines *lines); /* NULL is allowed */

/* `line`: of a log, from 1; 0 = the input is a stream. `offset`: of the frame's first byte. */
enum ww_status ww_hj212_lines_frame(struct ww_hj212_lines *lines, uint64_t offset, uint64_t line,
                                    const struct ww_hj212_frame *frame, struct ww_buf *out,
                                    struct ww_error *err) WW_MUST_CHECK;
void ww_hj212_lines_garbage(struct ww_hj212_lines *lines, uint64_t offset, uint64_t line, struct ww_str bytes,
                            struct ww_buf *out);
/* How many frames or pieces were not understood so far: dead ones, garbage, and frames with a dead value. */
uint64_t ww_hj212_lines_not_understood(const struct ww_hj212_lines *lines);

#endif
