/* Keeps feed health on the loop and in the database. Only the path's files include this; health.h has the
 * idea.
 *
 * One timer, one connection of its own. The connection also holds the lock that makes one of several servers
 * the judge of silence and clocks: alerts are moved on the very connection that holds it, so a server that
 * has lost the lock can't move any. All servers write what they hear and show what they know.
 */
#ifndef WW_INGEST_HEALTH_KEEPER_H
#define WW_INGEST_HEALTH_KEEPER_H

#include "ingest/health.h"

struct ww_path;
struct submission;
struct health_keeper;

struct health_keeper *health_keeper_new(struct ww_path *path, const char *conninfo);
void health_keeper_stop(struct health_keeper *keeper); /* closes its connection */
void health_keeper_free(struct health_keeper *keeper);
const struct ww_health *health_keeper_health(const struct health_keeper *keeper);

/* The path has a new world, not yet given up the old one. */
void health_keeper_world_changed(struct health_keeper *keeper);
void health_keeper_grew(struct health_keeper *keeper); /* its catalog */
void health_keeper_note(struct health_keeper *keeper,
                        const struct submission *submission);     /* was committed */
int64_t health_keeper_others(const struct health_keeper *keeper); /* servers on the same database */
void health_keeper_committed(struct health_keeper *keeper);       /* some group was */

#endif
