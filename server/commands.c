/* What subcommands share: options, complaints, files, the database. */
#include "server/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { DB_WAIT_MS = 30000 };

static const struct ww_option *find_option(const struct ww_option *options, struct ww_str name) {
    for (const struct ww_option *o = options; o->name; o++)
        if (ww_str_is(name, o->name))
            return o;
    return NULL;
}

int ww_options_take(int argc, char **argv, const struct ww_option *options, const char *help, int *n_rest) {
    int rest = 0;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            fputs(help, stdout);
            return 0;
        }
        if (strncmp(text, "--", 2) != 0) {
            argv[++rest] = argv[i];
            continue;
        }
        const char *equals = strchr(text, '=');
        struct ww_str name = {text + 2, equals ? (size_t)(equals - text) - 2 : strlen(text) - 2};
        const struct ww_option *o = find_option(options, name);
        if (!o) {
            fprintf(stderr, "wardwatch %s: unknown option %s (try --help)\n", argv[0], text);
            return 2;
        }
        if (o->flag) {
            *o->flag = true;
        } else if (equals) {
            *o->value = equals + 1;
        } else if (i + 1 < argc) {
            *o->value = argv[++i];
        } else {
            fprintf(stderr, "wardwatch %s: option %s needs a value (try --help)\n", argv[0], text);
            return 2;
        }
    }
    *n_rest = rest;
    return -1;
}

const char *ww_db_or_complain(const char *command, const char *db) {
    if (!db)
        db = getenv("WARDWATCH_DB");
    if (!db || !*db) {
        fprintf(stderr,
                "wardwatch %s: which database? Give --db postgresql://… (or \"host=… dbname=…\"), or set "
                "WARDWATCH_DB\n",
                command);
        return NULL;
    }
    return db;
}

struct ww_pg_sync *ww_db_open(const char *command, const char *db) {
    db = ww_db_or_complain(command, db);
    struct ww_pg_sync *sync = NULL;
    struct ww_error err;
    if (db && ww_pg_sync_open(db, DB_WAIT_MS, &sync, &err) != WW_OK)
        ww_complain(command, NULL, &err);
    return sync;
}

int ww_complain(const char *command, const char *what, const struct ww_error *err) {
    fprintf(stderr, "wardwatch %s: %s%s%s", command, what ? what : "", what ? ": " : "", err->message);
    if (err->field[0] && err->status == WW_BAD_INPUT)
        fprintf(stderr, " [%s]", err->field);
    if (err->line > 0)
        fprintf(stderr, " (line %llu, column %llu)", (unsigned long long)err->line,
                (unsigned long long)err->column);
    fputc('\n', stderr);
    return 1;
}

enum ww_status ww_read_file(const char *path, size_t ceiling, struct ww_buf *out, struct ww_error *err) {
    ww_buf_init(out, ceiling);
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return ww_error_set(err, WW_NOT_FOUND, "can't read %s: %s", path, strerror(errno));
    enum { CHUNK = 1 << 16 };
    size_t n = 1;
    while (n > 0) {
        char *room = ww_buf_reserve(out, CHUNK);
        n = room ? fread(room, 1, CHUNK, file) : 0;
        out->len += n;
    }
    bool broken = ferror(file);
    if (file != stdin)
        fclose(file);
    if (ww_buf_status(out) != WW_OK)
        return ww_error_set(err, ww_buf_status(out), "%s is larger than %zu MiB", path, ceiling >> 20);
    return broken ? ww_error_set(err, WW_UNAVAILABLE, "can't read %s to its end", path) : WW_OK;
}
