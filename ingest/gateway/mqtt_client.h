/* Feeds that subscribe to an existing MQTT broker: one connection a feed with "protocol": "mqtt_client".
 *
 * Persistent session (clean start off, fixed client id), so what the broker has not had acknowledged comes
 * again after a reconnect; PUBACK and PUBREC go out after COMMIT, in order. $share/group/filter spreads one
 * subscription over several servers. Reconnects with back-off; follows changes of the feed's configuration.
 */
#ifndef WW_GATEWAY_MQTT_CLIENT_H
#define WW_GATEWAY_MQTT_CLIENT_H

#include "ingest/gateway/inlet.h"

struct ww_mqtt_clients;
struct ww_mqtt_clients *ww_mqtt_clients_new(struct event_base *base, struct ww_intake *intake);
void ww_mqtt_clients_stop(struct ww_mqtt_clients *clients); /* reads no more */
void ww_mqtt_clients_free(struct ww_mqtt_clients *clients);

struct ww_mqtt_client_state { /* one a feed */
    char feed[64];
    bool connected, paused;
    char why_not[160];
    uint64_t connects, messages, acknowledged;
};
void ww_mqtt_clients_each(const struct ww_mqtt_clients *clients,
                          void (*each)(void *arg, const struct ww_mqtt_client_state *state), void *arg);

#endif
