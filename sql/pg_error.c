/* Turns what PostgreSQL refused into our statuses, by SQLSTATE (PostgreSQL 15 manual, appendix A). */
#include "sql/pg_internal.h"

/* The first row whose prefix fits decides. */
static const struct {
    const char *prefix;
    enum ww_status status;
} sqlstates[] = {
    {"23505", WW_CONFLICT},    /* unique_violation */
    {"23P01", WW_CONFLICT},    /* exclusion_violation */
    {"42501", WW_DENIED},      /* insufficient_privilege */
    {"08", WW_UNAVAILABLE},    /* connection exceptions */
    {"40", WW_UNAVAILABLE},    /* deadlock, serialization failure, unknown completion */
    {"53", WW_UNAVAILABLE},    /* disk full, out of memory, too many connections */
    {"57", WW_UNAVAILABLE},    /* shutdown, statement_timeout (57014), crash of another backend */
    {"58", WW_UNAVAILABLE},    /* I/O errors under PostgreSQL */
    {"55P03", WW_UNAVAILABLE}, /* lock_timeout */
    {"25P03", WW_UNAVAILABLE}, /* idle_in_transaction_session_timeout */
    {"25006", WW_UNAVAILABLE}, /* read-only: a standby, in the middle of a fail-over */
};

enum ww_status pg_status_of(const char *sqlstate) {
    for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (strncmp(sqlstate, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) == 0)
            return sqlstates[i].status;
    return WW_BAD_INPUT;
}

void pg_flatten(char *out, size_t room, const char *text) {
    size_t n = 0;
    for (; *text && n + 1 < room; text++) {
        bool blank = *text == '\n' || *text == '\t' || *text == ' ';
        if (blank && (n == 0 || out[n - 1] == ' '))
            continue;
        out[n++] = blank ? ' ' : *text;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

/* The line of a place that PostgreSQL counts in characters from 1. */
static uint64_t line_of(const char *text, const char *position) {
    uint64_t left = 0;
    uint64_t line = 1;
    if (!text || !position || !ww_str_to_u64(ww_str_of(position), &left) || left == 0)
        return 0;
    for (left--; *text && left > 0; text++) {
        if (*text == '\n')
            line++;
        if (((unsigned char)text[1] & 0xC0) != 0x80)
            left--;
    }
    return line;
}

enum ww_status pg_error_from(const PGresult *refusal, const char *text, struct ww_error *err) {
    const char *sqlstate = PQresultErrorField(refusal, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(refusal, PG_DIAG_MESSAGE_PRIMARY);
    if (!sqlstate || !primary) {
        char flat[sizeof err->message];
        pg_flatten(flat, sizeof flat, PQresultErrorMessage(refusal));
        return ww_error_set(err, WW_UNAVAILABLE, "%s", flat);
    }
    ww_error_set(err, pg_status_of(sqlstate), "%s", primary);
    ww_error_at_field(err, ww_str_of(sqlstate),
                      ww_str_of(PQresultErrorField(refusal, PG_DIAG_CONSTRAINT_NAME)));
    err->line = line_of(text, PQresultErrorField(refusal, PG_DIAG_STATEMENT_POSITION));
    return err->status;
}
