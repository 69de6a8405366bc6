/* ww_link: ww_cql2
 * Any bytes as a filter in CQL2's JSON encoding. */
#include "tests/fuzz/cql2_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_filter(ww_cql2_parse_json, (struct ww_str){(const char *)data, size});
    return 0;
}
