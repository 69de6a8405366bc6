/* The information codes of HJ 212-2017 Table B.10 (3020, 3021) and what each is in wardwatch; i23005 to
 * i23008 are of 2025 (1001), as other implementations name them.
 *
 *   i + device (1 instrument, 2 data logger, 3 auxiliary) + kind (1 log, 2 state, 3 parameter) + three digits
 *
 * Range, slope and intercept, precision and detection limit are in the unit of the factor that PolId names,
 * which the frame does not say: they are kept as plain numbers.
 */
#include "ingest/hj212/hj212.h"

static const struct ww_hj212_info table[] = {
    {"i11001", "instrument_log", "1", WW_HJ212_INFO_TEXT, false},
    {"i12001", "instrument_state", "1", WW_HJ212_INFO_NUMBER, false},
    {"i12002", "instrument_link", "1", WW_HJ212_INFO_NUMBER, false},
    {"i12003", "cod_analyser_alarm", "1", WW_HJ212_INFO_NUMBER, false},
    {"i13001", "measuring_range", "1", WW_HJ212_INFO_NUMBER, false},
    {"i13002", "measuring_precision", "1", WW_HJ212_INFO_NUMBER, false},
    {"i13003", "measuring_interval", "min", WW_HJ212_INFO_NUMBER, false},
    {"i13004", "digestion_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i13005", "digestion_time", "min", WW_HJ212_INFO_NUMBER, false},
    {"i13006", "calibration_time", "s", WW_HJ212_INFO_TIME, false},
    {"i13007", "calibration_intercept", "1", WW_HJ212_INFO_NUMBER, false},
    {"i13008", "calibration_slope", "1", WW_HJ212_INFO_NUMBER, false},
    {"i13009", "detection_limit", "1", WW_HJ212_INFO_NUMBER, false},
    {"i21001", "logger_log", "1", WW_HJ212_INFO_TEXT, true},
    {"i22001", "logger_state", "1", WW_HJ212_INFO_NUMBER, true},
    {"i22002", "logger_user", "1", WW_HJ212_INFO_NUMBER, true},
    {"i22003", "host_link", "1", WW_HJ212_INFO_NUMBER, true},
    {"i22101", "channel_link", "1", WW_HJ212_INFO_NUMBER, false},
    {"i23001", "pressure", "kPa", WW_HJ212_INFO_NUMBER, true},
    {"i23005", "logger_id", "1", WW_HJ212_INFO_TEXT, true},
    {"i23006", "logger_processor", "1", WW_HJ212_INFO_TEXT, true},
    {"i23007", "logger_mac_1", "1", WW_HJ212_INFO_TEXT, true},
    {"i23008", "logger_mac_2", "1", WW_HJ212_INFO_TEXT, true},
    {"i31001", "door_log", "1", WW_HJ212_INFO_TEXT, false},
    {"i32001", "door_state", "1", WW_HJ212_INFO_NUMBER, false},
    {"i33001", "sample_line_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i33002", "condenser_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i33101", "room_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i33102", "room_humidity", "%", WW_HJ212_INFO_NUMBER, false},
    {"i33103", "room_voltage", "V", WW_HJ212_INFO_NUMBER, false},
    {"i33104", "raw_water_pressure", "kPa", WW_HJ212_INFO_NUMBER, false},
    {"i33105", "inlet_pressure_1", "kPa", WW_HJ212_INFO_NUMBER, false},
    {"i33106", "inlet_pressure_2", "kPa", WW_HJ212_INFO_NUMBER, false},
    {"i33200", "plant_current", "A", WW_HJ212_INFO_NUMBER, false},
    {"i33201", "plant_energy_total", "kWh", WW_HJ212_INFO_NUMBER, false},
    {"i33202", "plant_energy_day", "kWh", WW_HJ212_INFO_NUMBER, false},
    {"i3331x", "furnace_upper_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i3332x", "furnace_middle_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i3333x", "furnace_lower_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i3334x", "furnace_air_temperature", "degC", WW_HJ212_INFO_NUMBER, false},
    {"i33400", "production_load", "%", WW_HJ212_INFO_NUMBER, false},
};

static bool matches(const char *pattern, struct ww_str code) {
    size_t len = strlen(pattern);
    bool any_digit = pattern[len - 1] == 'x';
    if (code.len != len || (any_digit && (code.ptr[len - 1] < '0' || code.ptr[len - 1] > '9')))
        return false;
    size_t fixed = len - any_digit;
    return ww_str_eq_nocase((struct ww_str){code.ptr, fixed}, (struct ww_str){pattern, fixed});
}

const struct ww_hj212_info *ww_hj212_info(struct ww_str code) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (matches(table[i].code, code))
            return &table[i];
    return NULL;
}

const struct ww_hj212_info *ww_hj212_infos(size_t *count) {
    *count = sizeof table / sizeof *table;
    return table;
}
