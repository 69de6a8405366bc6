/* The table of units, and conversion between them.
 *
 * Each row gives a unit's dimension and how it becomes the dimension's base unit: base = value * factor +
 * offset. A conversion goes through the base; gas fractions (ppm, ppb) and mass concentrations meet over the
 * molar mass.
 *
 * Spelling: "µ" (both code points), "²", "³", "℃", "°" and "·" are first written in ASCII, then the exact
 * text is looked up, then the text without regard to case, because feeds write "MG/L" and "PPB". Adding a
 * unit or an alias is adding a row.
 */
#include "geo/unit.h"

#include <string.h>

enum dimension {
    MASS_CONCENTRATION, /* ug/m3 */
    FRACTION,           /* ppb */
    NUMBER_DENSITY,     /* 1/L */
    RADIOACTIVITY,      /* Bq/L */
    VOLUME_FLOW,        /* L/s */
    MASS_FLOW,          /* kg/h */
    VOLUME,             /* L */
    MASS,               /* kg */
    BED_LOAD,           /* g/bed/d */
    LENGTH,             /* mm */
    AREA,               /* m2 */
    DEPOSITION,         /* t/km2/mo */
    COLOUR,             /* [Pt-Co] */
    RAIN_RATE,          /* mm/h */
    SPEED,              /* m/s */
    ANGLE,              /* deg */
    TEMPERATURE,        /* K */
    PRESSURE,           /* Pa */
    IRRADIANCE,         /* W/m2 */
    POWER,              /* W */
    ENERGY,             /* kWh */
    VOLTAGE,            /* V */
    CURRENT,            /* A */
    CONDUCTIVITY,       /* uS/cm */
    TURBIDITY,          /* NTU */
    SOUND_LEVEL,        /* dB(A) */
    ACIDITY,            /* [pH] */
    DURATION,           /* s */
    RATE,               /* 1/h */
    DILUTION,           /* times */
    NUMBER              /* 1 */
};

struct unit {
    const char *code;
    enum dimension dimension;
    double factor;
    double offset;
};

static const struct unit units[] = {
    {"ug/m3", MASS_CONCENTRATION, 1, 0},
    {"mg/m3", MASS_CONCENTRATION, 1e3, 0},
    {"ng/m3", MASS_CONCENTRATION, 1e-3, 0},
    {"g/m3", MASS_CONCENTRATION, 1e6, 0},
    {"mg/L", MASS_CONCENTRATION, 1e6, 0},
    {"ug/L", MASS_CONCENTRATION, 1e3, 0},
    {"ng/L", MASS_CONCENTRATION, 1, 0},
    {"g/L", MASS_CONCENTRATION, 1e9, 0},
    {"ppb", FRACTION, 1, 0},
    {"ppm", FRACTION, 1e3, 0},
    {"%", FRACTION, 1e7, 0},
    {"1/L", NUMBER_DENSITY, 1, 0},
    {"MPN/L", NUMBER_DENSITY, 1, 0},
    {"MPN/100mL", NUMBER_DENSITY, 10, 0},
    {"1/mL", NUMBER_DENSITY, 1e3, 0},
    {"Bq/L", RADIOACTIVITY, 1, 0},
    {"Bq/m3", RADIOACTIVITY, 1e-3, 0},
    {"L/s", VOLUME_FLOW, 1, 0},
    {"L/min", VOLUME_FLOW, 1.0 / 60, 0},
    {"m3/s", VOLUME_FLOW, 1e3, 0},
    {"m3/h", VOLUME_FLOW, 1.0 / 3.6, 0},
    {"m3/d", VOLUME_FLOW, 1.0 / 86.4, 0},
    {"[cft_i]/s", VOLUME_FLOW, 28.316846592, 0},
    {"[gal_us]/min", VOLUME_FLOW, 3.785411784 / 60, 0},
    {"[Mgal_us]/d", VOLUME_FLOW, 3785411.784 / 86400, 0},
    {"kg/h", MASS_FLOW, 1, 0},
    {"g/s", MASS_FLOW, 3.6, 0},
    {"kg/d", MASS_FLOW, 1.0 / 24, 0},
    {"L", VOLUME, 1, 0},
    {"m3", VOLUME, 1e3, 0},
    {"mL", VOLUME, 1e-3, 0},
    {"[gal_us]", VOLUME, 3.785411784, 0},
    {"kg", MASS, 1, 0},
    {"g", MASS, 1e-3, 0},
    {"t", MASS, 1e3, 0},
    {"mg", MASS, 1e-6, 0},
    {"g/bed/d", BED_LOAD, 1, 0},
    {"mm", LENGTH, 1, 0},
    {"cm", LENGTH, 10, 0},
    {"m", LENGTH, 1e3, 0},
    {"km", LENGTH, 1e6, 0},
    {"[in_i]", LENGTH, 25.4, 0},
    {"[ft_i]", LENGTH, 304.8, 0},
    {"[mi_i]", LENGTH, 1609344, 0},
    {"m2", AREA, 1, 0},
    {"t/km2/mo", DEPOSITION, 1, 0},
    {"[Pt-Co]", COLOUR, 1, 0},
    {"mm/h", RAIN_RATE, 1, 0},
    {"[in_i]/h", RAIN_RATE, 25.4, 0},
    {"m/s", SPEED, 1, 0},
    {"km/h", SPEED, 1 / 3.6, 0},
    {"[mi_i]/h", SPEED, 0.44704, 0},
    {"[kn_i]", SPEED, 1852.0 / 3600, 0},
    {"[ft_i]/s", SPEED, 0.3048, 0},
    {"deg", ANGLE, 1, 0},
    {"rad", ANGLE, 57.295779513082321, 0},
    {"K", TEMPERATURE, 1, 0},
    {"degC", TEMPERATURE, 1, 273.15},
    {"degF", TEMPERATURE, 5.0 / 9, 459.67 * 5 / 9},
    {"Pa", PRESSURE, 1, 0},
    {"hPa", PRESSURE, 100, 0},
    {"kPa", PRESSURE, 1e3, 0},
    {"MPa", PRESSURE, 1e6, 0},
    {"bar", PRESSURE, 1e5, 0},
    {"mm[Hg]", PRESSURE, 133.322387415, 0},
    {"[in_i'Hg]", PRESSURE, 3386.388640341, 0},
    {"atm", PRESSURE, 101325, 0},
    {"[psi]", PRESSURE, 6894.757293168, 0},
    {"W/m2", IRRADIANCE, 1, 0},
    {"W", POWER, 1, 0},
    {"kW", POWER, 1e3, 0},
    {"kWh", ENERGY, 1, 0},
    {"V", VOLTAGE, 1, 0},
    {"mV", VOLTAGE, 1e-3, 0},
    {"A", CURRENT, 1, 0},
    {"mA", CURRENT, 1e-3, 0},
    {"uS/cm", CONDUCTIVITY, 1, 0},
    {"mS/cm", CONDUCTIVITY, 1e3, 0},
    {"mS/m", CONDUCTIVITY, 10, 0},
    {"S/m", CONDUCTIVITY, 1e4, 0},
    {"NTU", TURBIDITY, 1, 0},
    {"FNU", TURBIDITY, 1, 0}, /* the other method of ISO 7027; equal by definition on formazin */
    {"dB(A)", SOUND_LEVEL, 1, 0},
    {"[pH]", ACIDITY, 1, 0},
    {"s", DURATION, 1, 0},
    {"ms", DURATION, 1e-3, 0},
    {"min", DURATION, 60, 0},
    {"h", DURATION, 3600, 0},
    {"d", DURATION, 86400, 0},
    {"1/h", RATE, 1, 0},
    {"1/min", RATE, 60, 0},
    {"1/d", RATE, 1.0 / 24, 0},
    {"times", DILUTION, 1, 0},
    {"1", NUMBER, 1, 0},
};

static const struct {
    const char *alias;
    const char *code;
} aliases[] = {
    {"ug/m^3", "ug/m3"},
    {"ug/cum", "ug/m3"},
    {"ug m-3", "ug/m3"},
    {"ug.m-3", "ug/m3"},
    {"mcg/m3", "ug/m3"},
    {"Micrograms/cubic meter (LC)", "ug/m3"},
    {"Micrograms/cubic meter (25 C)", "ug/m3"},
    {"mg/m^3", "mg/m3"},
    {"mg m-3", "mg/m3"},
    {"mg.m-3", "mg/m3"},
    {"mg/l", "mg/L"},
    {"mg.L-1", "mg/L"},
    {"mg L-1", "mg/L"},
    {"mgN/L", "mg/L"},
    {"mgP/L", "mg/L"},
    {"ug/l", "ug/L"},
    {"g/l", "g/L"},
    {"ppbv", "ppb"},
    {"[ppb]", "ppb"},
    {"umol/mol", "ppm"},
    {"nmol/mol", "ppb"},
    {"Parts per billion", "ppb"},
    {"ppmv", "ppm"},
    {"[ppm]", "ppm"},
    {"Parts per million", "ppm"},
    {"percent", "%"},
    {"%RH", "%"},
    {"%{RH}", "%"},
    {"[MPN]/L", "MPN/L"},
    {"CFU/L", "MPN/L"},
    {"CFU/100mL", "MPN/100mL"},
    {"[CFU]/100mL", "MPN/100mL"},
    {"[MPN]/100mL", "MPN/100mL"},
    {"cells/L", "1/L"},
    {"l/s", "L/s"},
    {"lps", "L/s"},
    {"cms", "m3/s"},
    {"cumecs", "m3/s"},
    {"m^3/s", "m3/s"},
    {"m^3/h", "m3/h"},
    {"t/h", "m3/h"}, /* as Chinese plants give the flow of waste water: a tonne is a cubic metre */
    {"t/d", "m3/d"},
    {"cfs", "[cft_i]/s"},
    {"ft3/s", "[cft_i]/s"},
    {"gpm", "[gal_us]/min"},
    {"mgd", "[Mgal_us]/d"},
    {"gal", "[gal_us]"},
    {"m^2", "m2"},
    {"t/(km2.mo)", "t/km2/mo"},
    {"t/(km2.30d)", "t/km2/mo"},
    {"Pt-Co", "[Pt-Co]"},
    {"PCU", "[Pt-Co]"},
    {"inch", "[in_i]"},
    {"in", "[in_i]"},
    {"inches", "[in_i]"},
    {"ft", "[ft_i]"},
    {"feet", "[ft_i]"},
    {"mi", "[mi_i]"},
    {"mph", "[mi_i]/h"},
    {"miles/hour", "[mi_i]/h"},
    {"mi/h", "[mi_i]/h"},
    {"kn", "[kn_i]"},
    {"kt", "[kn_i]"},
    {"knots", "[kn_i]"},
    {"kph", "km/h"},
    {"kmh", "km/h"},
    {"km/hr", "km/h"},
    {"mps", "m/s"},
    {"m s-1", "m/s"},
    {"m.s-1", "m/s"},
    {"ft/s", "[ft_i]/s"},
    {"degrees", "deg"},
    {"degree", "deg"},
    {"Degrees Compass", "deg"},
    {"Cel", "degC"},
    {"C", "degC"},
    {"celsius", "degC"},
    {"deg C", "degC"},
    {"[degF]", "degF"},
    {"F", "degF"},
    {"fahrenheit", "degF"},
    {"kelvin", "K"},
    {"mbar", "hPa"},
    {"mb", "hPa"},
    {"millibars", "hPa"},
    {"mmHg", "mm[Hg]"},
    {"inHg", "[in_i'Hg]"},
    {"psi", "[psi]"},
    {"[pressure psi]", "[psi]"},
    {"W/m^2", "W/m2"},
    {"watts/m2", "W/m2"},
    {"kW.h", "kWh"},
    {"volts", "V"},
    {"us/cm", "uS/cm"},
    {"umho/cm", "uS/cm"},
    {"ms/cm", "mS/cm"},
    {"dBA", "dB(A)"},
    {"dB", "dB(A)"},
    {"dB[A]", "dB(A)"},
    {"pH", "[pH]"},
    {"pH units", "[pH]"},
    {"NTRU", "NTU"},
    {"sec", "s"},
    {"minutes", "min"},
    {"hours", "h"},
    {"hr", "h"},
    {"days", "d"},
    {"veh/h", "1/h"},
    {"vehicles/h", "1/h"},
    {"{#}/h", "1/h"},
    {"none", "1"},
    {"count", "1"},
    {"{#}", "1"},
    {"unitless", "1"},
};

/* Codes of signs that feeds write in units → ASCII. The longest unit has fewer than 40 bytes. */
static const struct {
    const char *utf8;
    const char *ascii;
} signs[] = {
    {"\xc2\xb5", "u"},              /* µ micro sign */
    {"\xce\xbc", "u"},              /* μ Greek mu */
    {"\xc2\xb2", "2"},              /* ² */
    {"\xc2\xb3", "3"},              /* ³ */
    {"\xc2\xb7", "."},              /* · */
    {"\xe2\x84\x83", "degC"},       /* ℃ */
    {"\xe2\x84\x89", "degF"},       /* ℉ */
    {"\xc2\xb0", "deg"},            /* ° */
    {"\xe2\x81\xbb\xc2\xb9", "-1"}, /* ⁻¹ */
    {"\xe2\x81\xbb\xc2\xb3", "-3"}, /* ⁻³ */
};

#define UNIT_TEXT_MAX 40
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

/* False when it does not fit, which no unit of the table needs. */
static bool write_ascii(struct ww_str unit, char out[UNIT_TEXT_MAX], struct ww_str *ascii) {
    size_t len = 0;
    for (size_t i = 0; i < unit.len;) {
        struct ww_str rest = {unit.ptr + i, unit.len - i};
        struct ww_str piece = {rest.ptr, 1};
        size_t used = 1;
        for (size_t s = 0; (unsigned char)*rest.ptr >= 0x80 && s < COUNT(signs); s++) {
            if (ww_str_starts(rest, ww_str_of(signs[s].utf8))) {
                piece = ww_str_of(signs[s].ascii);
                used = strlen(signs[s].utf8);
                break;
            }
        }
        if (len + piece.len > UNIT_TEXT_MAX) {
            return false;
        }
        memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
        i += used;
    }
    *ascii = (struct ww_str){out, len};
    return true;
}

static const struct unit *unit_with_code(const char *code) {
    for (size_t i = 0; i < COUNT(units); i++) {
        if (strcmp(units[i].code, code) == 0) {
            return &units[i];
        }
    }
    return NULL;
}

static const struct unit *look_up(struct ww_str text, bool (*equal)(struct ww_str, struct ww_str)) {
    for (size_t i = 0; i < COUNT(units); i++) {
        if (equal(text, ww_str_of(units[i].code))) {
            return &units[i];
        }
    }
    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (equal(text, ww_str_of(aliases[i].alias))) {
            return unit_with_code(aliases[i].code);
        }
    }
    return NULL;
}

static bool equal_exactly(struct ww_str a, struct ww_str b) {
    return ww_str_eq(a, b);
}

static const struct unit *find_unit(struct ww_str text) {
    char buffer[UNIT_TEXT_MAX];
    struct ww_str ascii;
    text = ww_str_trim(text);
    if (text.len == 0 || !write_ascii(text, buffer, &ascii)) {
        return NULL;
    }
    const struct unit *unit = look_up(ascii, equal_exactly);
    return unit ? unit : look_up(ascii, ww_str_eq_nocase);
}

const char *ww_unit_code(struct ww_str unit) {
    const struct unit *found = find_unit(unit);
    return found ? found->code : NULL;
}

/* How many ug/m3 one ppb of the gas weighs. 24.465 L/mol is the ideal gas at 25 °C and 101.325 kPa. */
static double ug_m3_per_ppb(double molar_mass_g_mol) {
    return molar_mass_g_mol / 24.465;
}

static enum ww_status refuse(enum ww_status status, const char *reason, struct ww_str unit,
                             struct ww_error *err) {
    (void)ww_error_set(err, status, "the unit \"%.*s\" %s", (int)(unit.len > 40 ? 40 : unit.len),
                       unit.ptr ? unit.ptr : "", reason);
    ww_error_at_field(err, WW_STR("unit"), unit);
    return status;
}

enum ww_status ww_unit_conversion(struct ww_str from, struct ww_str to, double molar_mass_g_mol,
                                  struct ww_conversion *out, struct ww_error *err) {
    const struct unit *a = find_unit(from);
    const struct unit *b = find_unit(to);
    if (!a || !b) {
        return refuse(WW_NOT_FOUND, "is unknown", a ? to : from, err);
    }
    if (a == b) {
        *out = (struct ww_conversion){1, 0};
        return WW_OK;
    }
    double bridge = 1;
    if (a->dimension != b->dimension) {
        bool weighs = a->dimension == FRACTION && b->dimension == MASS_CONCENTRATION;
        bool counts = a->dimension == MASS_CONCENTRATION && b->dimension == FRACTION;
        if ((!weighs && !counts) || molar_mass_g_mol <= 0) {
            return refuse(WW_CONFLICT, "cannot become the property's unit", from, err);
        }
        bridge = weighs ? ug_m3_per_ppb(molar_mass_g_mol) : 1 / ug_m3_per_ppb(molar_mass_g_mol);
    }
    out->factor = a->factor * bridge / b->factor;
    out->offset = (a->offset - b->offset) / b->factor;
    return WW_OK;
}
