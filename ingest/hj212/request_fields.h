/* Which requests a host may send to an HJ 212 device, and what their data areas may hold.
 *
 * One table row a field, after HJ 212-2017 Tables 4 and 9 and Appendix C; 1014 is of the 2025 edition. Pure.
 *
 *   const struct ww_hj212_field fields[] = {{WW_STR("RtdInterval"), WW_STR("30")}};
 *   st = ww_hj212_request_check(1062, fields, 1, &err);   // WW_BAD_INPUT names the field and why
 */
#ifndef WW_HJ212_REQUEST_FIELDS_H
#define WW_HJ212_REQUEST_FIELDS_H

#include "geo/base/status.h"

enum { WW_HJ212_MAX_FIELDS = 16 };

struct ww_hj212_field {
    struct ww_str name, value;
};

/* WW_NOT_FOUND: a host may not send this command (or nobody knows its fields). WW_BAD_INPUT: a field is
 * missing, unknown, given twice, or its value is out of range; the error's field is "fields.NAME". */
enum ww_status ww_hj212_request_check(int cn, const struct ww_hj212_field *fields, size_t n_fields,
                                      struct ww_error *err) WW_MUST_CHECK;
/* Values that must not be shown once they were given: NewPW, NewSK. */
bool ww_hj212_field_is_secret(struct ww_str name);
/* One line for people: "1062 RtdInterval (30 to 3600)". False at the end. */
bool ww_hj212_request_describe(size_t index, char out[160]);

#endif
