/* The files of the field, read into columns: .geo, .cas, .ctl, .pop, and lists of neighbours.
 *
 * White space or a comma parts fields; there is no header; an id has no blanks (or stands in double quotes);
 * lines with the same keys are added up. Nothing is guessed silently: what cannot be read is an error with
 * its line and field.
 *
 *   .geo   id latitude longitude      or   id x y [z]
 *   .cas   id count [date] [covariate …]
 *   .ctl   id count [date]
 *   .pop   id [date] population [covariate …]        expected counts for the expectation-based form
 *   lists  id other other …           borders (connected sets), an order (nearest first), a river's flow
 *
 *   struct ww_scan_input *in = ww_scan_input_new();
 *   st = ww_scan_read_geo(in, text, WW_SCAN_COORDINATES_AUTO, &err);      // gives the ids
 *   st = ww_scan_read_counts(in, WW_SCAN_CASES, text, times, covariates, &err);
 *   …
 *   ww_scan_input_free(in);
 *
 * Texts must outlive the input: ids point into them. The first file that is read says which ids there are
 * (.geo, or lists); an id that it does not have is an error in the others.
 */
#ifndef WW_SCAN_INPUT_H
#define WW_SCAN_INPUT_H

#include "geo/base/map.h"
#include "geo/base/status.h"
#include "geo/scan/date.h"

#define WW_SCAN_MAX_FILE   ((size_t)256 << 20)
#define WW_SCAN_MAX_ROWS   UINT32_C(10000000)
#define WW_SCAN_MAX_IDS    UINT32_C(200000)
#define WW_SCAN_MAX_STRATA UINT32_C(100000)

enum ww_scan_coordinates { WW_SCAN_COORDINATES_AUTO, WW_SCAN_DEGREES, WW_SCAN_PLANE };
enum ww_scan_file { WW_SCAN_CASES, WW_SCAN_CONTROLS, WW_SCAN_POPULATION, WW_SCAN_N_FILES };

struct ww_scan_row {
    double amount;
    uint64_t line;
    struct ww_scan_date date;
    uint32_t id;
    uint32_t stratum;
};

struct ww_scan_rows {
    struct ww_scan_row *row;
    uint32_t n, room;
    bool has_dates;
};

struct ww_scan_input {
    struct ww_map *id_of;
    struct ww_str *name; /* [n_ids] */
    double (*at)[3];     /* [n_ids] x y z, or longitude latitude 0; NAN without .geo */
    uint32_t n_ids, room_ids;
    bool ids_are_known; /* a file has said which there are */
    bool has_geo, degrees;
    struct ww_map *stratum_of;
    uint32_t n_strata; /* at least 1 */
    struct ww_scan_rows rows[WW_SCAN_N_FILES];
    uint32_t *list_start, *list_item; /* [n_ids + 1]; NULL without lists */
};

struct ww_scan_input *ww_scan_input_new(void);     /* NULL: no memory */
void ww_scan_input_free(struct ww_scan_input *in); /* NULL is allowed */

enum ww_status ww_scan_read_geo(struct ww_scan_input *in, struct ww_str text,
                                enum ww_scan_coordinates coordinates, struct ww_error *err) WW_MUST_CHECK;

/* What the third column of .cas and .ctl is, the second of .pop. AUTO: a date when every row has one there
 * that is no plain small number; .pop: no date when every row has two fields. */
enum ww_scan_times { WW_SCAN_TIMES_AUTO, WW_SCAN_TIMES_NO, WW_SCAN_TIMES_DATES, WW_SCAN_TIMES_NUMBERS };

enum ww_status ww_scan_read_counts(struct ww_scan_input *in, enum ww_scan_file file, struct ww_str text,
                                   enum ww_scan_times times, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_scan_read_lists(struct ww_scan_input *in, struct ww_str text,
                                  struct ww_error *err) WW_MUST_CHECK;

#endif
