/* What geo/ needs of PROJ; proj_glue.c alone includes proj.h.
 *
 * One converter between an EPSG system and EPSG:4490, always with x = longitude or easting.
 * No network, no grids beyond the installed ones. One thread at a time for each converter.
 */
#ifndef WW_GEO_PROJ_GLUE_H
#define WW_GEO_PROJ_GLUE_H

#include "geo/base/status.h"
#include "geo/place.h"

struct ww_proj;

/* WW_NOT_FOUND for a code that PROJ does not know, WW_BAD_INPUT for a system that is
 * neither geographic nor projected (geocentric, vertical, …). */
enum ww_status ww_proj_open(uint32_t epsg, struct ww_proj **out, struct ww_error *err) WW_MUST_CHECK;
void ww_proj_close(struct ww_proj *proj); /* NULL is allowed */
bool ww_proj_is_geographic(const struct ww_proj *proj);
/* WW_BAD_INPUT when PROJ refuses the coordinate. */
enum ww_status ww_proj_to_place(struct ww_proj *proj, struct ww_raw_place raw, struct ww_place *out,
                                struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_proj_from_place(struct ww_proj *proj, struct ww_place place, struct ww_raw_place *out,
                                  struct ww_error *err) WW_MUST_CHECK;

#endif
