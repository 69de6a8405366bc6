/* Streams COPY … FROM STDIN: as much as the socket takes, never more into libpq's own buffer.
 *
 * PQputCopyData appends one CopyData message to libpq's buffer and sends that in multiples of
 * 8 KiB. A chunk of 64 KiB less the message's five-byte head therefore leaves nothing behind, one
 * send() a chunk, and PQflush afterwards says for nothing whether the socket is full. Without
 * asking it the buffer would grow by the whole batch.
 *
 * An error of the server in the middle shows only after the end: libpq reads no results while it
 * copies in. The server throws the rest away, so the cost is small.
 */
#include "sql/pg_internal.h"

#define COPY_CHUNK ((size_t)64 * 1024 - 5)
/* Then others get their turn: about a millisecond of sending. */
#define COPY_PER_TURN ((size_t)1024 * 1024)

/* False when the socket is full or the connection is lost. */
static bool put_chunk(struct ww_pg *pg, struct command *c, struct ww_str rest, size_t *n) {
    *n = rest.len < COPY_CHUNK ? rest.len : COPY_CHUNK;
    int put = PQputCopyData(pg->conn, rest.ptr, (int)*n);
    if (put > 0) {
        c->offset += *n;
        put = 1 - PQflush(pg->conn); /* 0 sent, 1 socket full, -1 dead → 1, 0, 2 */
        if (put == 2)
            put = -1;
    }
    if (put < 0)
        pg_fail(pg, "the connection was lost in a COPY: %s", PQerrorMessage(pg->conn));
    return put == 1;
}

static void put_end(struct ww_pg *pg, struct command *c) {
    int end = PQputCopyEnd(pg->conn, NULL);
    if (end < 0) {
        pg_fail(pg, "the connection was lost in a COPY: %s", PQerrorMessage(pg->conn));
    } else if (end == 0) {
        pg_want_write(pg, true);
    } else {
        c->phase = COPY_ENDED; /* perhaps only queued: pg_send flushes */
    }
}

void pg_copy_push(struct ww_pg *pg, struct command *c) {
    size_t sent = 0;
    while (c->part < c->n_parts) {
        struct ww_str part = c->parts[c->part];
        if (c->offset == part.len) {
            c->part++;
            c->offset = 0;
            continue;
        }
        size_t n;
        struct ww_str rest = {part.ptr + c->offset, part.len - c->offset};
        bool room = put_chunk(pg, c, rest, &n);
        sent += n;
        if (!room || sent >= COPY_PER_TURN) {
            pg_want_write(pg, true);
            return;
        }
    }
    put_end(pg, c);
}
