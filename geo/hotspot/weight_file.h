/* Reads files of spatial weights that the field's programs write: .gal, .gwt and .kwt (GeoDa, PySAL, spdep),
 * and CSV pairs.
 *
 *   .gal   "0 100 sids FIPS" or "100"; then for each place "37009 3" and, on the next line, its 3 neighbours
 *   .gwt   the same head; then "37009 37005 1.0" a line. What the third number is, programs do not agree on:
 *          GeoDa writes the distance there, others the weight. .kwt (kernel weights) is the same with
 * weights. .csv   a head; from, to and, if the third column is there, the weight
 *
 * Names are those of the places; when the file's first name is none of them and is a whole number from 1 to
 * n, all names of the file are the places' numbers in their own order, from 1.
 */
#ifndef WW_GEO_HOTSPOT_WEIGHT_FILE_H
#define WW_GEO_HOTSPOT_WEIGHT_FILE_H

#include "geo/base/map.h"
#include "geo/hotspot/weights.h"

enum ww_weight_format { WW_WEIGHTS_GAL, WW_WEIGHTS_GWT, WW_WEIGHTS_CSV };

struct ww_weight_file {
    struct ww_weight_pair *pairs; /* the third number where there is one, else 1 */
    uint64_t *line;               /* of each pair, from 1 */
    size_t n;
    bool has_third; /* .gwt; .csv with a third column */
    bool by_number; /* names were the places' numbers */
};

/* `ids`: name → index of n places. An error names the line, and the name in its value. */
enum ww_status ww_weight_file_read(struct ww_str text, enum ww_weight_format format, const struct ww_map *ids,
                                   uint32_t n, struct ww_weight_file *out,
                                   struct ww_error *err) WW_MUST_CHECK;
void ww_weight_file_clear(struct ww_weight_file *file);
/* As ww_weights_from_pairs, errors with the line. */
enum ww_status ww_weight_file_weights(const struct ww_weight_file *file, uint32_t n, struct ww_weights **out,
                                      struct ww_error *err) WW_MUST_CHECK;

#endif
