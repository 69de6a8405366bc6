/* Acts on alerts between the database and the machine that judges them: what route_alert.c and cmd_alert.c
 * share.
 *
 *   read: alert_work_read.sql ($1 wards, $2 alert)        → ww_alert_now_read
 *   decide: ww_work_do on now.work                          (geo/alert/work.h)
 *   write: alert_work_write.sql, ww_alert_act_args          → ww_alert_act_wrote
 *
 * The write holds only if nobody wrote since the read (its version): else read again, and decide again on
 * what is there now.
 */
#ifndef WW_SERVER_ALERT_ACTS_H
#define WW_SERVER_ALERT_ACTS_H

#include "geo/alert/work.h"
#include "geo/base/arena.h"
#include "server/change_body.h"
#include "sql/pg.h"

struct ww_alert_now {
    struct ww_work work;
    int64_t version; /* of the work; 0 = nobody has touched it */
    struct ww_str category;
};

/* The one row of alert_work_read.sql; texts are copied to the arena. */
enum ww_status ww_alert_now_read(struct ww_arena *arena, const struct ww_pg_result *r,
                                 struct ww_alert_now *out, struct ww_error *err) WW_MUST_CHECK;
/* What alert_work_write.sql is given, after ww_work_do has made now->work what it shall be. */
void ww_alert_act_args(struct ww_str alert, const struct ww_alert_now *now, const struct ww_act *act,
                       struct ww_pg_args *args);
/* WW_OK written; WW_BUSY somebody was faster: read again; WW_BAD_INPUT there is no such assignee. */
enum ww_status ww_alert_act_wrote(const struct ww_pg_result *r, struct ww_error *err) WW_MUST_CHECK;

/* What silence_make.sql is given; texts that are not given are NULL. */
void ww_silence_args(const struct ww_silence_body *body, struct ww_str author, struct ww_str wards,
                     struct ww_pg_args *args);
/* Its answer: the id, or why there is none. */
enum ww_status ww_silence_made(const struct ww_pg_result *r, int64_t *id, struct ww_error *err) WW_MUST_CHECK;

/* So many times somebody may be faster before the act is given up. */
enum { WW_ALERT_ACT_TRIES = 20 };

#endif
