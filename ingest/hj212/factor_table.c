/* The main factor codes of HJ 212-2017 Appendix B and what each is in wardwatch. */
#include "ingest/hj212/hj212.h"

static const struct ww_hj212_factor table[] = {
    /* water, Table B.1 */
    {"w00000", "B01", "flow", "L/s", ""},
    {"w01001", "001", "ph", "[pH]", ""},
    {"w01009", "", "do", "mg/L", ""},
    {"w01010", "", "water_temperature", "degC", ""},
    {"w01012", "003", "ss", "mg/L", ""},
    {"w01014", "", "conductivity", "uS/cm", ""},
    {"w01017", "010", "bod5", "mg/L", ""},
    {"w01018", "011", "cod", "mg/L", ""},
    {"w01019", "", "codmn", "mg/L", ""},
    {"w02003", "550", "fecal_coliform", "MPN/L", ""},
    {"w20111", "020", "mercury", "ug/L", ""},
    {"w21001", "065", "tn", "mg/L", ""},
    {"w21003", "060", "nh3n", "mg/L", ""},
    {"w21011", "101", "tp", "mg/L", ""},
    {"w21016", "070", "cyanide", "mg/L", ""},
    {"w23002", "110", "volatile_phenols", "mg/L", ""},
    /* air, Table B.2; the field sends particles in ug/m3, where the appendix says ng/m3 */
    {"a21002", "03", "nox", "mg/m3", ""},
    {"a21004", "", "no2", "mg/m3", ""},
    {"a21005", "04", "co", "mg/m3", ""},
    {"a21026", "02", "so2", "mg/m3", ""},
    {"a34001", "", "tsp", "ug/m3", "ng/m3"},
    {"a34002", "", "pm10", "ug/m3", "ng/m3"},
    {"a34004", "", "pm2_5", "ug/m3", "ng/m3"},
};

const struct ww_hj212_factor *ww_hj212_factor(struct ww_str code) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (ww_str_eq_nocase(code, ww_str_of(table[i].code)) ||
            (*table[i].old_code && ww_str_eq_nocase(code, ww_str_of(table[i].old_code))))
            return &table[i];
    return NULL;
}

const struct ww_hj212_factor *ww_hj212_factors(size_t *count) {
    *count = sizeof table / sizeof *table;
    return table;
}
