/* All allocation passes here, so that tests can fail the n-th one.
 *
 * ww_try_* return NULL when memory is short: use them for everything whose size an
 * outsider chooses. ww_must_* abort: use them for small, fixed things at start-up.
 */
#ifndef WW_BASE_ALLOC_H
#define WW_BASE_ALLOC_H

#include <stddef.h>

void *ww_try_malloc(size_t size);
void *ww_try_calloc(size_t count, size_t size); /* NULL too when count*size overflows */
void *ww_try_realloc(void *old, size_t size);   /* on NULL, `old` is still owned by the caller */
void *ww_must_calloc(size_t count, size_t size);
char *ww_must_strdup(const char *text);
void ww_free(void *memory);

/* Tests: the n-th ww_try_* call from now fails (1 = the next); 0 = none. Not thread-safe. */
void ww_alloc_fail_after(long n);

#endif
