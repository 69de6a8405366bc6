/* The built page, served from memory.
 *
 * All files of one directory are read at start, compressed once and never read again: no path from
 * a request ever reaches the file system. Files under /assets/ carry a hash in their name and
 * are immutable for browsers; all else is asked again by ETag. "/" and "/login" are index.html.
 */
#ifndef WW_SERVER_STATIC_FILES_H
#define WW_SERVER_STATIC_FILES_H

#include "server/http/http.h"

struct ww_static;

/* At most 2,000 files and 64 MiB; WW_NOT_FOUND when there is no such directory or no index.html in it. */
enum ww_status ww_static_load(const char *directory, struct ww_static **out,
                              struct ww_error *err) WW_MUST_CHECK;
void ww_static_free(struct ww_static *web); /* NULL is allowed */
/* Answers GET and HEAD for a path that is there; false (nothing answered) when it is not. */
bool ww_static_respond(const struct ww_static *web, struct ww_http_request *req);

#endif
