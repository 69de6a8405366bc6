/* The names of deviations, as metrics, station events and the command line say them. */
#include <assert.h>

#include "ingest/hj212/hj212.h"

const char *ww_hj212_deviation_name(int bit) {
    static const char *const names[] = {"length",        "oversize",        "crc",         "crc_modbus",
                                        "crc_case",      "no_crlf",         "qn",          "key_case",
                                        "key_order",     "stray_separator", "data_time",   "flag_missing",
                                        "packet_fields", "repeated_factor", "empty_value", "mn",
                                        "assumed_unit",  "misspelt",        "charset"};
    static_assert(sizeof names / sizeof *names == WW_HJ212_N_DEVIATIONS, "a name for each bit");
    assert(bit >= 0 && bit < WW_HJ212_N_DEVIATIONS);
    return names[bit];
}
