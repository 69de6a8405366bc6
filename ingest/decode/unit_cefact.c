/* UN/CEFACT common codes of units (Recommendation 20), as NGSI-LD's unitCode has them, and ours. */
#include "ingest/decode/decode_internal.h"

static const struct {
    const char *code, *ours;
} units[] = {
    {"GQ", "ug/m3"}, {"GP", "mg/m3"},  {"A93", "g/m3"},    {"M1", "mg/L"},    {"H29", "ug/L"},
    {"GL", "g/L"},   {"59", "ppm"},    {"61", "ppb"},      {"P1", "%"},       {"CEL", "degC"},
    {"FAH", "degF"}, {"KEL", "K"},     {"MTR", "m"},       {"CMT", "cm"},     {"MMT", "mm"},
    {"KMT", "km"},   {"KTM", "km"},    {"INH", "[in_i]"},  {"FOT", "[ft_i]"}, {"SMI", "[mi_i]"},
    {"MTS", "m/s"},  {"KMH", "km/h"},  {"HM", "[mi_i]/h"}, {"KNT", "[kn_i]"}, {"H67", "mm/h"},
    {"PAL", "Pa"},   {"A97", "hPa"},   {"KPA", "kPa"},     {"MPA", "MPa"},    {"BAR", "bar"},
    {"MBR", "hPa"},  {"HN", "mm[Hg]"}, {"ATM", "atm"},     {"PS", "[psi]"},   {"D54", "W/m2"},
    {"WTT", "W"},    {"KWT", "kW"},    {"KWH", "kWh"},     {"VLT", "V"},      {"2Z", "mV"},
    {"AMP", "A"},    {"4K", "mA"},     {"DD", "deg"},      {"C81", "rad"},    {"LTR", "L"},
    {"MLT", "mL"},   {"MTQ", "m3"},    {"KGM", "kg"},      {"GRM", "g"},      {"TNE", "t"},
    {"G51", "L/s"},  {"L2", "L/min"},  {"MQS", "m3/s"},    {"MQH", "m3/h"},   {"G52", "m3/d"},
    {"E93", "kg/h"}, {"D10", "S/m"},   {"H61", "mS/cm"},   {"G42", "uS/cm"},  {"A19", "Bq/m3"},
    {"2N", "dB(A)"}, {"Q30", "[pH]"},
};

struct ww_str ww_unit_of_cefact(struct ww_str code) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ww_str_is(code, units[i].code))
            return ww_str_of(units[i].ours);
    return code;
}
