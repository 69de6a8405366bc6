/* Cuts a text into rows of fields: white space or one comma between two, double quotes around one that holds
 * blanks. Blank lines are passed over. Not a public header. */
#ifndef WW_SCAN_TABLE_H
#define WW_SCAN_TABLE_H

#include "geo/base/status.h"

enum { WW_SCAN_FIELDS = 64 };

struct ww_scan_table {
    struct ww_str text;
    size_t at;
    uint64_t line;
    struct ww_str field[WW_SCAN_FIELDS];
    uint32_t n;
    bool spills; /* the row went on after the last field that fits */
};

struct ww_scan_table ww_scan_table_of(struct ww_str text);
/* The next row; false at the end. Fields are views into the text. */
bool ww_scan_table_next(struct ww_scan_table *table);
/* An error at a field of the row at hand (counted from 0). */
enum ww_status ww_scan_table_error(const struct ww_scan_table *table, struct ww_error *err, uint32_t field,
                                   const char *name, const char *fmt, ...) WW_PRINTF(5, 6);

#endif
