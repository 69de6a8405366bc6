/* How many times a second the reader of moments reads, against glibc's strptime + timegm. ww_link: ww_geo */
#include <stdio.h>
#include <time.h>

#include "geo/instant.h"

#define ROUNDS 2000000

static double now_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double parse(const char *text, const struct ww_zone *zone) {
    int64_t at = 0;
    int64_t sum = 0;
    double start = now_s();
    struct ww_str view = ww_str_of(text);
    for (int i = 0; i < ROUNDS; i++) {
        sum += ww_instant_parse(view, zone, &at, NULL) == WW_OK ? at : 0;
    }
    return sum == 0 ? 0 : ROUNDS / (now_s() - start);
}

int main(void) {
    struct ww_zone *zone = NULL;
    if (ww_zone_open(WW_STR("Asia/Shanghai"), &zone, NULL) != WW_OK) {
        return 1;
    }
    volatile time_t sum = 0;
    double start = now_s();
    for (int i = 0; i < ROUNDS; i++) {
        struct tm tm = {0};
        (void)strptime("2026-11-23T01:02:03", "%Y-%m-%dT%H:%M:%S", &tm);
        sum = sum + timegm(&tm);
    }
    double libc = ROUNDS / (now_s() - start);
    printf("strptime + timegm          %6.1f M/s  1.00\n", libc / 1e6);
    double offset = parse("2026-11-23T01:02:03.5+08:00", NULL);
    printf("2026-11-23T01:02:03.5+08:00 %5.1f M/s  %.2f\n", offset / 1e6, offset / libc);
    double zoned = parse("2026-11-23 01:02:03", zone);
    printf("2026-11-23 01:02:03 in zone %5.1f M/s  %.2f\n", zoned / 1e6, zoned / libc);
    double hj212 = parse("20261123010203", zone);
    printf("20261123010203 in zone      %5.1f M/s  %.2f\n", hj212 / 1e6, hj212 / libc);
    ww_zone_close(zone);
    return 0;
}
