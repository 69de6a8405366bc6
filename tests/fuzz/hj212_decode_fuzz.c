/* ww_link: ww_decode ww_hj212
 * Data areas of HJ 212: the first byte chooses the command, the second the station's system and how its
 * record reads it, the rest is the data area of a good frame, plain or as SM4 ciphertext. What comes out
 * keeps the promises of batch.h, and is the same whether the frame was encrypted or not. */
#include "tests/fuzz/decode_fuzz.h"

#include <stdio.h>

#include "ingest/hj212/stations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEED = 1, MAX_AREA = 2000 };

static const int commands[] = {2011, 2021, 2031, 2041, 2051, 2061, 2081, 3015, 3019, 3020, 1001,
                               2013, 2052, 2062, 2071, 2111, 3022, 1011, 9013, 9021, 2099};
static const char *const systems[] = {"21", "22", "23", "31", "32", "39", "91", "A0"};
/* Two records a station: with the key of the ciphertexts, and the same without one. */
static const struct {
    const char *plain, *sm4, *config;
} stations[] = {
    {"P0", "C0", "{}"},
    {"P1", "C1", "{\"crc_mode\":\"ignore\",\"water_mean\":\"arithmetic\"}"},
    {"P2", "C2", "{\"mode\":\"strict\",\"version\":2017}"},
    {"P3", "C3",
     "{\"units\":{\"w01018\":\"ug/"
     "L\",\"w01018-Cou\":\"t\"},\"factors\":{\"x1\":\"cod\",\"x1-Cou\":\"cod_mass\",\"i1\":\"ph\"}}"},
};
static const unsigned char key[17] = "0000000000000000";

static struct ww_feed_config *make_feed(void) {
    struct ww_feed_config *feed = fuzz_config("{\"protocol\":\"hj212\",\"register\":true}");
    struct ww_hj212_stations *all = ww_hj212_stations_new();
    struct ww_error err;
    for (size_t i = 0; i < sizeof stations / sizeof *stations; i++)
        if (ww_hj212_stations_add(all, ww_str_of(stations[i].plain), FEED, true, WW_STR_NONE, WW_STR_NONE,
                                  WW_STR_NONE, ww_str_of(stations[i].config), &err) != WW_OK ||
            ww_hj212_stations_add(all, ww_str_of(stations[i].sm4), FEED, true, WW_STR_NONE,
                                  (struct ww_str){(const char *)key, 16}, WW_STR_NONE,
                                  ww_str_of(stations[i].config), &err) != WW_OK)
            abort();
    ww_feed_config_set_stations(feed, all, FEED);
    return feed;
}

/* Rows, or -1. */
static long decode(const struct ww_feed_config *feed, const char *mn, int cn, const char *st,
                   struct ww_str area, const unsigned char *sm4_key) {
    struct ww_hj212_out frame = {.qn = "20260801085857223",
                                 .st = st,
                                 .pw = "123456",
                                 .mn = mn,
                                 .cn = cn,
                                 .flag = 8,
                                 .data = area,
                                 .sm4_key = sm4_key};
    struct ww_buf text;
    ww_buf_init(&text, WW_HJ212_MAX_FRAME + 1);
    long rows = -1;
    if (ww_hj212_write(&text, &frame) == WW_OK)
        rows = fuzz_decode(feed, "application/hj212", ww_buf_str(&text));
    ww_buf_clear(&text);
    return rows;
}

static bool is_plain_text(struct ww_str area) {
    for (size_t i = 0; i < area.len; i++)
        if ((unsigned char)area.ptr[i] < ' ')
            return false;
    return ww_str_is_utf8(area) && !memmem(area.ptr, area.len, "&&", 2) &&
           memchr(area.ptr, '{', area.len) == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ww_feed_config *feed;
    if (!feed)
        feed = make_feed();
    if (size < 2 || size > MAX_AREA)
        return 0;
    int cn = commands[data[0] % (sizeof commands / sizeof *commands)];
    const char *st = systems[data[1] % 8];
    size_t which = data[1] / 8 % 4;
    struct ww_str area = {(const char *)data + 2, size - 2};
    long plain = decode(feed, stations[which].plain, cn, st, area, NULL);
    long cipher = decode(feed, stations[which].sm4, cn, st, area, key);
    bool may_be_encrypted = (cn >= 2000 && cn <= 2999) || cn == 3020;
    if (may_be_encrypted && is_plain_text(area) && plain != cipher)
        abort();
    return 0;
}
