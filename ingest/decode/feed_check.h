/* What the readers of a feed's configuration share: faults that name their member, and sections of
 * members that are read one after another with one status at the end.
 *
 *   struct feed_section s = {.node = ww_json_get(root, "pull"), .path = "pull", .arena = arena, .err = err};
 *   ww_section_members(&s, "url every_s");
 *   out->every_s = ww_section_int(&s, "every_s", 1, 86400, 300);
 *   return s.status;              // the first fault: "pull.every_s must be …"
 */
#ifndef WW_INGEST_FEED_CHECK_H
#define WW_INGEST_FEED_CHECK_H

#include "geo/base/arena.h"
#include "geo/base/json_reader.h"
#include "geo/base/status.h"

enum { NO_DEFAULT = INT32_MIN }; /* the member must be there */

/* WW_BAD_INPUT; `node` (may be NULL) gives the place and value. */
enum ww_status ww_feed_bad(struct ww_error *err, const char *path, const struct ww_json_node *node,
                           const char *message);
enum ww_status ww_feed_no_memory(struct ww_error *err);
/* Only members out of `allowed` (blank-separated) may stand in `object`. */
enum ww_status ww_feed_members(struct ww_error *err, const struct ww_json_node *object, const char *path,
                               const char *allowed) WW_MUST_CHECK;
uint32_t ww_feed_count(const struct ww_json_node *node);

struct feed_section {
    const struct ww_json_node *node;
    const char *path; /* "" at the root */
    struct ww_arena *arena;
    struct ww_error *err;
    enum ww_status status; /* after the first fault nothing more is read */
};
void ww_section_members(struct feed_section *s, const char *allowed);
/* A fault of the member `name`. */
void ww_section_bad(struct feed_section *s, const char *name, const char *message);
/* All that follow return the usual value, and set the status, when the member is no good. */
int ww_section_int(struct feed_section *s, const char *name, int least, int most, int usual);
double ww_section_number(struct feed_section *s, const char *name, double most);
bool ww_section_bool(struct feed_section *s, const char *name, bool usual);
/* A text of 1 … `most` bytes of UTF-8 without control characters, with a NUL behind it, in the arena. `usual`
 * NULL: it must be there; "" may be absent. */
struct ww_str ww_section_text(struct feed_section *s, const char *name, size_t most, const char *usual);
/* The index of the member's text in `names` (NULL at the end); 0 when it is absent. */
int ww_section_choice(struct feed_section *s, const char *name, const char *const *names);

#endif
