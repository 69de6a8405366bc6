/* Applies the embedded migrations that a database does not have yet, each in its own transaction.
 *
 * wardwatch.migration remembers what was applied, with the SHA-256 of the file's bytes. What is
 * there must be a prefix of what we have, byte for byte: else somebody changed a file after its
 * release, or the database belongs to a newer program, and going on would make a third schema that
 * nobody knows. An advisory lock of the session, taken before the first look, lets the second of
 * two processes wait and then find everything done.
 */
#include "sql/migrate.h"

#include <openssl/sha.h>

#include "sql/migrate_internal.h"

/* Any number that no other program uses on this database: "ww migr" in ASCII. */
#define LOCK_SQL   "SELECT pg_advisory_lock(33626503386851186)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(33626503386851186)"

static const char table_sql[] = "CREATE SCHEMA IF NOT EXISTS wardwatch;"
                                "CREATE TABLE IF NOT EXISTS wardwatch.migration ("
                                " version integer PRIMARY KEY,"
                                " name text NOT NULL,"
                                " sha256 bytea NOT NULL CHECK (length(sha256) = 32),"
                                " applied_at timestamptz NOT NULL DEFAULT now())";

int ww_migrate_version(void) {
    return embedded_migration_count > 0 ? embedded_migrations[embedded_migration_count - 1].version : 0;
}

static void hash_text(struct ww_str text, unsigned char out[SHA256_DIGEST_LENGTH]) {
    SHA256((const unsigned char *)text.ptr, text.len, out);
}

static bool has_hash(struct ww_str hex, const struct ww_migration *file) {
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char text[2 * SHA256_DIGEST_LENGTH];
    hash_text(file->text, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    return ww_str_eq(hex, (struct ww_str){text, sizeof text});
}

/* How many of our files the database has; WW_CONFLICT when it has something else. */
static enum ww_status count_applied(struct ww_pg_sync *sync, const struct ww_migration *files, size_t n_files,
                                    size_t *n_applied, struct ww_error *err) {
    const struct ww_pg_result *rows;
    enum ww_status st = ww_pg_sync_exec(
        sync, "SELECT version, name, encode(sha256, 'hex') FROM wardwatch.migration ORDER BY version", NULL,
        &rows, err);
    if (st != WW_OK)
        return st;
    int n = ww_pg_rows(rows);
    for (int i = 0; i < n; i++) {
        int64_t version = ww_pg_i64(rows, i, 0);
        struct ww_str name = ww_pg_str(rows, i, 1);
        if ((size_t)i >= n_files)
            return ww_error_set(err, WW_CONFLICT,
                                "the database is newer than this program: it has migration %.*s, "
                                "we know %zu; use the newer wardwatch",
                                WW_STR_ARG(name), n_files);
        if (version != files[i].version)
            return ww_error_set(err, WW_CONFLICT, "the database has migration %.*s but not %s before it",
                                WW_STR_ARG(name), files[i].name);
        if (!has_hash(ww_pg_str(rows, i, 2), &files[i]))
            return ww_error_set(err, WW_CONFLICT,
                                "migration %s was applied with other bytes than this program has",
                                files[i].name);
    }
    *n_applied = (size_t)n;
    return WW_OK;
}

static enum ww_status record(struct ww_pg_sync *sync, const struct ww_migration *file, struct ww_error *err) {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    hash_text(file->text, hash);
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, file->version);
    ww_pg_arg_str(&args, ww_str_of(file->name));
    ww_pg_arg_bytea(&args, (struct ww_str){(const char *)hash, sizeof hash});
    enum ww_status st =
        ww_pg_sync_exec(sync, "INSERT INTO wardwatch.migration (version, name, sha256) VALUES ($1, $2, $3)",
                        &args, NULL, err);
    ww_pg_args_clear(&args);
    return st;
}

static enum ww_status apply(struct ww_pg_sync *sync, const struct ww_migration *file, struct ww_error *err) {
    struct ww_error why = {.status = WW_OK};
    const struct ww_pg_result *result;
    enum ww_status st = ww_pg_sync_exec(sync, "BEGIN", NULL, NULL, &why);
    if (st == WW_OK)
        st = ww_pg_sync_exec(sync, file->text.ptr, NULL, NULL, &why);
    if (st == WW_OK)
        st = record(sync, file, &why);
    if (st == WW_OK)
        st = ww_pg_sync_exec(sync, "COMMIT", NULL, &result, &why);
    if (st == WW_OK && ww_str_is(ww_pg_tag(result), "COMMIT"))
        return WW_OK;
    if (st == WW_OK) /* the file itself ended our transaction with an error inside */
        st = ww_error_set(&why, WW_BAD_INPUT, "it was rolled back");
    /* On a lost connection the server has rolled back already. */
    if (ww_pg_sync_exec(sync, "ROLLBACK", NULL, NULL, NULL) != WW_OK && st != WW_UNAVAILABLE)
        st = WW_UNAVAILABLE;
    ww_error_set(err, st, "migration %s failed: %.200s", file->name, why.message);
    ww_error_at_field(err, ww_str_of(why.field), ww_str_of(why.value));
    if (err)
        err->line = why.line;
    return st;
}

static enum ww_status apply_missing(struct ww_pg_sync *sync, const struct ww_migration *files, size_t n_files,
                                    void (*on_step)(void *arg, int version, const char *name), void *arg,
                                    int *applied, struct ww_error *err) {
    size_t have = 0;
    enum ww_status st = ww_pg_sync_exec(sync, table_sql, NULL, NULL, err);
    if (st == WW_OK)
        st = count_applied(sync, files, n_files, &have, err);
    for (size_t i = have; st == WW_OK && i < n_files; i++) {
        st = apply(sync, &files[i], err);
        if (st != WW_OK)
            break;
        (*applied)++;
        if (on_step)
            on_step(arg, files[i].version, files[i].name);
    }
    return st;
}

enum ww_status ww_migrate_from(struct ww_pg_sync *sync, const struct ww_migration *files, size_t n_files,
                               void (*on_step)(void *arg, int version, const char *name), void *arg,
                               int *applied, struct ww_error *err) {
    int count = 0;
    enum ww_status st = ww_pg_sync_exec(sync, LOCK_SQL, NULL, NULL, err);
    if (st == WW_OK) {
        st = apply_missing(sync, files, n_files, on_step, arg, &count, err);
        enum ww_status unlocked = ww_pg_sync_exec(sync, UNLOCK_SQL, NULL, NULL, st == WW_OK ? err : NULL);
        if (st == WW_OK)
            st = unlocked;
    }
    if (applied)
        *applied = count;
    return st;
}

enum ww_status ww_migrate(struct ww_pg_sync *sync, void (*on_step)(void *arg, int version, const char *name),
                          void *arg, int *applied, struct ww_error *err) {
    return ww_migrate_from(sync, embedded_migrations, embedded_migration_count, on_step, arg, applied, err);
}
