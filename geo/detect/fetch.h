/* Asks for memory before it is needed: a server's states seldom lie in the cache, and to wait for one line
 * after the other takes longer than to judge a reading. Who steps a batch asks for the next reading's states
 * while this one is judged. It changes no number.
 */
#ifndef WW_GEO_DETECT_FETCH_H
#define WW_GEO_DETECT_FETCH_H

#include <stddef.h>

static inline void ww_fetch(const void *from, size_t bytes) {
    const char *line = from, *last = line + bytes - 1;
    __asm__ volatile("" : : "r"(line)); /* or gcc takes a function that only asks for one that does nothing */
    for (; line < last; line += 64)
        __builtin_prefetch(line);
    __builtin_prefetch(last);
}

#endif
