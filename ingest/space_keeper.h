/* Keeps scans (and what else looks at many places at once) on the loop and in the database. Only the path's
 * files include this; ingest/space/ has the thinking.
 *
 *   committed message ──▶ space_keeper_note      O(rows · rules), a hash a relevant row
 *   a rule is due     ──▶ a look, on the one thread of its own: never on the loop, never before a commit
 *   a look is over    ──▶ actions ──▶ alert_apply, on the connection that holds the lock
 *
 * One statement and, a rule, one look at a time; what comes while a rule is looked at waits for its next
 * look, however much it is. Of several servers on one database the one that holds the lock looks; it hears
 * only its own feeds, so while there are others it reads the events anew every minute. A rule is also read
 * anew when a value of its events was corrected, and when the world changes.
 */
#ifndef WW_INGEST_SPACE_KEEPER_H
#define WW_INGEST_SPACE_KEEPER_H

#include "geo/base/status.h"

struct ww_path;
struct submission;
struct space_keeper;

struct space_keeper *space_keeper_new(struct ww_path *path, const char *conninfo);
void space_keeper_stop(struct space_keeper *keeper); /* closes its connection, waits for a look to end */
void space_keeper_free(struct space_keeper *keeper);

/* The path has a new world. */
void space_keeper_world_changed(struct space_keeper *keeper);
void space_keeper_note(struct space_keeper *keeper, const struct submission *submission); /* was committed */
void space_keeper_alerts_moved(struct space_keeper *keeper); /* some were opened or cleared */

#endif
