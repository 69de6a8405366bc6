/* What the files of the codec share. */
#ifndef WW_HJ212_INTERNAL_H
#define WW_HJ212_INTERNAL_H

#include "ingest/hj212/hj212.h"

/* `out` has room for in.len bytes. False when the library refuses (no memory, no SM4). */
bool ww_hj212_sm4(const unsigned char key[16], bool encrypt, struct ww_str in, char *out);

/* Four hex digits of any case; `lower` (may be NULL) becomes true when one is a lower-case letter. */
bool ww_hj212_read_crc(const char *digits, uint16_t *crc, bool *lower);

#endif
