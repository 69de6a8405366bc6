/* ww_link: ww_decode
 * Any bytes as a feed's configuration: refused with a message, or usable for decoding. */
#include "tests/fuzz/decode_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ww_feed_config *config = NULL;
    struct ww_error err;
    enum ww_status st = ww_feed_config_parse((struct ww_str){(const char *)data, size}, &config, &err);
    if (st != WW_OK) {
        assert(st != WW_NO_MEMORY || size > 1000);
        assert(err.status == st && err.message[0] != '\0');
        return 0;
    }
    assert(ww_feed_config_datum(config) && ww_feed_config_zone(config));
    (void)fuzz_decode(config, "application/x-ndjson",
                      WW_STR("{\"t\":\"A\",\"p\":\"cod\",\"v\":1,\"at\":\"2026-11-23T01:02:03Z\"}\n{\"a\":{"
                             "\"b\":[1,\"x\"]}}\n"));
    (void)fuzz_decode(config, "text/csv",
                      WW_STR("t,p,v,at\nA,cod,1,2026-11-23T01:02:03Z\nB,cod,x,1477935134\n"));
    ww_feed_config_free(config);
    return 0;
}
