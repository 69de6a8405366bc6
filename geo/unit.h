/* Units of measurement: what a feed sends into what the property is kept in.
 *
 * A table of UCUM-like codes ("mg/L", "ug/m3", "ppb", "degC", "[mi_i]/h", "dB(A)"), and the
 * aliases that feeds use ("μg/m³", "mph"). Conversion is linear: out = in * factor + offset.
 * ppm/ppb of a gas become mass per volume with the property's molar mass at 25 °C and
 * 101.325 kPa (24.465 L/mol), the reference state of GB 3095 for gases.
 */
#ifndef WW_GEO_UNIT_H
#define WW_GEO_UNIT_H

#include "geo/base/status.h"

struct ww_conversion {
    double factor;
    double offset;
};

/* The canonical code of a unit or alias; NULL when unknown. */
const char *ww_unit_code(struct ww_str unit);
/* WW_NOT_FOUND for an unknown unit, WW_CONFLICT when the dimensions differ (field "unit").
 * `molar_mass_g_mol` 0 when the property has none. */
enum ww_status ww_unit_conversion(struct ww_str from, struct ww_str to, double molar_mass_g_mol,
                                  struct ww_conversion *out, struct ww_error *err) WW_MUST_CHECK;

#endif
