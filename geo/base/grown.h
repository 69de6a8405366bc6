/* One more row in a table that grows to twice its size: what every collector needs.
 *
 *   if (!ww_grown(&c->reach, c->n_reaches, &c->cap_reaches, sizeof *c->reach))
 *       return no_memory(err);
 *   c->reach[c->n_reaches++] = …;
 */
#ifndef WW_BASE_GROWN_H
#define WW_BASE_GROWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `table`: the address of the pointer to its rows. False: no memory, and all is as it was. */
bool ww_grown(void *table, uint32_t n, uint32_t *cap, size_t row);

#endif
