/* What script.c (acting) and calendar.c (scheduling) share; nobody else looks here. */
#ifndef WW_SIMULATE_SCRIPT_INTERNAL_H
#define WW_SIMULATE_SCRIPT_INTERNAL_H

#include "ingest/simulate/script.h"

#define SCRIPT_NEW_GROUP UINT32_MAX

struct ww_script {
    const struct ww_city *city;
    struct ww_script_options options;
    uint32_t *of_class[WW_CITY_N_CLASSES]; /* indices of the things of a class */
    uint32_t n_of_class[WW_CITY_N_CLASSES];
    struct ww_event *events; /* by id */
    uint32_t n_events, cap_events;
    uint32_t first_recent; /* events before it are long over */
    uint32_t *active;      /* ids at the time of the last advance */
    uint32_t n_active, cap_active;
    int64_t next_day;  /* of the calendar, local days since 1970 */
    int64_t next_slot; /* of the brisk part */
    bool opened;
    int64_t window_from_us, window_to_us; /* events outside are not added */
};

/* NULL when the event does not fit: outside the window, its thing is busy, or it is too short for its rules.
 */
struct ww_event *script_add(struct ww_script *script, struct ww_event event);
/* Everything that starts before until_us is there afterwards (calendar.c). */
void script_schedule(struct ww_script *script, int64_t until_us);

#endif
