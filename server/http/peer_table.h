/* Counts open connections by peer address: IPv4 by address, IPv6 by /64 (one subscriber's share). */
#ifndef WW_SERVER_HTTP_PEER_TABLE_H
#define WW_SERVER_HTTP_PEER_TABLE_H

#include <stdbool.h>
#include <sys/socket.h>

struct ww_peer_key {
    unsigned char bytes[8];
    bool v6;
};

struct ww_peer_table;

struct ww_peer_table *ww_peer_table_new(void);        /* aborts when memory is short */
void ww_peer_table_free(struct ww_peer_table *table); /* NULL is allowed */
/* Fills the key and the address as text (INET6_ADDRSTRLEN bytes). IPv4 in IPv6 counts as IPv4. */
void ww_peer_key_of(const struct sockaddr *address, struct ww_peer_key *key, char *text);
int ww_peer_table_count(const struct ww_peer_table *table, const struct ww_peer_key *key);
bool ww_peer_table_add(struct ww_peer_table *table, const struct ww_peer_key *key); /* false: no memory */
void ww_peer_table_remove(struct ww_peer_table *table, const struct ww_peer_key *key);

#endif
