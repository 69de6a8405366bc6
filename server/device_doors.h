/* The doors for devices: HJ 212, MQTT, MQTT over TLS, subscriptions at brokers, pulled feeds.
 *
 * They open when the district is loaded and the accounts are known, so that no device is refused only because
 * the server has just started. Owned by cmd_serve.c. One thread.
 */
#ifndef WW_SERVER_DEVICE_DOORS_H
#define WW_SERVER_DEVICE_DOORS_H

#include "geo/base/buf.h"
#include "server/app.h"

struct ww_door_options {                 /* each may be NULL: that door stays closed */
    const char *hj212, *mqtt, *mqtt_tls; /* HOST:PORT */
    const char *tls_certificate_file, *tls_key_file;
    const char *hj212_port_file, *mqtt_port_file, *mqtt_tls_port_file;
    const char *db;  /* the connection string: to hear of new commands to stations at once */
    bool no_outward; /* neither brokers nor pulled feeds are contacted */
};

struct ww_doors;
/* Are the options good? Before anything else is asked for. The error's field is the option. */
enum ww_status ww_doors_check(const struct ww_door_options *options, struct ww_error *err) WW_MUST_CHECK;
/* Checks the options too; nothing is opened yet. */
enum ww_status ww_doors_new(struct ww_app *app, const struct ww_door_options *options, struct ww_doors **out,
                            struct ww_error *err) WW_MUST_CHECK;
/* Binds and begins. The error is one clear sentence. */
enum ww_status ww_doors_open(struct ww_doors *doors, struct ww_error *err) WW_MUST_CHECK;
/* Reads no more; calls `on_quiet` when what was read is stored. */
void ww_doors_stop(struct ww_doors *doors, void (*on_quiet)(void *arg), void *arg);
/* Two steps, because the path's end answers what waits: `close` before ww_path_free, `free` after it. */
void ww_doors_close(struct ww_doors *doors);
void ww_doors_free(struct ww_doors *doors);
/* One line each for people: "hj212 127.0.0.1:9212". */
void ww_doors_print(const struct ww_doors *doors);
/* Prometheus text. */
void ww_doors_metrics(const struct ww_doors *doors, struct ww_buf *out);

/* "HOST:PORT" or "[v6]:PORT"; false when it is neither. */
bool ww_listen_split(const char *text, char *host, size_t room, int *port);
/* Written whole or not at all. */
enum ww_status ww_port_file_write(const char *path, int port, struct ww_error *err) WW_MUST_CHECK;

#endif
