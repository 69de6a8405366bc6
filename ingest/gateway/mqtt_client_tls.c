/* TLS to a broker: its chain must lead to a CA that we trust, its certificate must name the host. */
#include <arpa/inet.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "ingest/gateway/mqtt_client_internal.h"

static void c_text(struct ww_str text, char *out, size_t room) {
    snprintf(out, room, "%.*s", WW_STR_ARG(text));
}

static SSL_CTX *make_context(const struct ww_mqtt_source *source, struct ww_error *err) {
    char ca_file[4096];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        ww_error_set(err, WW_NO_MEMORY, "TLS: no memory");
        return NULL;
    }
    c_text(source->ca_file, ca_file, sizeof ca_file);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    int loaded = ca_file[0] ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                            : SSL_CTX_set_default_verify_paths(context);
    if (loaded == 1)
        return context;
    SSL_CTX_free(context);
    ERR_clear_error();
    ww_error_set(err, WW_UNAVAILABLE, "can't read certificates from ca_file");
    return NULL;
}

/* Which name or address the certificate must have, and the name asked for. */
static bool set_host(SSL *ssl, struct ww_str host) {
    char name[256];
    unsigned char address[16];
    c_text(host, name, sizeof name);
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

struct bufferevent *client_tls_new(struct event_base *base, const struct ww_mqtt_source *source,
                                   struct ww_error *err) {
    SSL_CTX *context = make_context(source, err);
    if (!context)
        return NULL;
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context); /* the connection holds it */
    if (!ssl || !set_host(ssl, source->host)) {
        SSL_free(ssl);
        ww_error_set(err, WW_NO_MEMORY, "TLS: no memory");
        return NULL;
    }
    struct bufferevent *bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                             BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!bev) {
        SSL_free(ssl);
        ww_error_set(err, WW_NO_MEMORY, "TLS: no memory");
        return NULL;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

void client_tls_why(struct bufferevent *bev, char *out, size_t room) {
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long code = bufferevent_get_openssl_error(bev);
    if (verdict != X509_V_OK)
        snprintf(out, room, "the broker's certificate is refused: %s",
                 X509_verify_cert_error_string(verdict));
    else if (code)
        snprintf(out, room, "TLS: %s", ERR_reason_error_string(code));
    else
        out[0] = '\0';
    ERR_clear_error();
}
