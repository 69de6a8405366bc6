/* Values of command-line options, read and refused with one clear sentence on stderr. */
#ifndef WW_SIMULATE_OPTIONS_H
#define WW_SIMULATE_OPTIONS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

bool ww_option_u32(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *out);
bool ww_option_u64(const char *name, const char *text, uint64_t *out);
bool ww_option_speed(const char *name, const char *text, double *out);        /* a number > 0, or "max" = 0 */
bool ww_option_duration(const char *name, const char *text, int64_t *out_us); /* 90 90s 15m 2h 3d */
bool ww_option_instant(const char *name, const char *text, int64_t *out_us);

/* From now on SIGINT and SIGTERM set **stop instead of ending the program. */
void ww_stop_on_signals(const volatile sig_atomic_t **stop);

#endif
