/* Fuzzes the readers of moments and units. ww_link: ww_geo
 *
 * Byte 0 chooses the format; the rest is the text. What is read must be in range, and must be read again the
 * same from its own text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/instant.h"
#include "geo/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ww_zone *zone;

static void check_round_trip(int64_t at) {
    char text[40];
    int64_t again = 0;
    int len = ww_instant_text(at, text);
    enum ww_status status = ww_instant_parse((struct ww_str){text, (size_t)len}, NULL, &again, NULL);
    assert(status == WW_OK && again == at);
    assert(ww_instant_bucket(at, WW_DAY_US, zone) <= at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%d %b %y %I:%M %p", "%s.%f", "%Y%m%d%z",
                                          "%m/%d/%Y %% %H"};
    if (size == 0) {
        return 0;
    }
    if (!zone && ww_zone_open(WW_STR("America/New_York"), &zone, NULL) != WW_OK) {
        return 0;
    }
    struct ww_str text = {(const char *)data + 1, size - 1};
    const struct ww_zone *used = data[0] & 1 ? zone : NULL;
    int64_t at = 0;
    struct ww_error err;
    if (ww_instant_parse(text, used, &at, &err) == WW_OK) {
        check_round_trip(at);
    }
    if (ww_instant_parse_format(text, formats[data[0] / 2 % 5], used, &at, &err) == WW_OK) {
        check_round_trip(at);
    }
    (void)ww_unit_code(text);
    struct ww_conversion conversion;
    enum ww_status status = ww_unit_conversion(text, WW_STR("ug/m3"), 34, &conversion, &err);
    assert(status != WW_OK || conversion.factor > 0);
    return 0;
}
