/* The one door to malloc, with a hook that lets tests fail the n-th allocation. */
#include "geo/base/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local long fail_countdown;

void ww_alloc_fail_after(long n) {
    fail_countdown = n;
}

static int must_fail(void) {
    return fail_countdown > 0 && --fail_countdown == 0;
}

void *ww_try_malloc(size_t size) {
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *ww_try_calloc(size_t count, size_t size) {
    return must_fail() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *ww_try_realloc(void *old, size_t size) {
    return must_fail() ? NULL : realloc(old, size ? size : 1);
}

void *ww_must_calloc(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

char *ww_must_strdup(const char *text) {
    assert(text);
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

void ww_free(void *memory) {
    free(memory);
}
