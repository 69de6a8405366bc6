/* The program's subcommands, and what they share on the command line.
 *
 * Each is `int ww_cmd_NAME(int argc, char **argv)` with argv[0] = its name; it answers --help, returns
 * 0 when done, 1 when it failed (one sentence on stderr), 2 for wrong usage.
 */
#ifndef WW_SERVER_COMMANDS_H
#define WW_SERVER_COMMANDS_H

#include "sql/pg.h"

int ww_cmd_serve(int argc, char **argv);
int ww_cmd_migrate(int argc, char **argv);
int ww_cmd_account(int argc, char **argv);
int ww_cmd_feed(int argc, char **argv);
int ww_cmd_station(int argc, char **argv);
int ww_cmd_load(int argc, char **argv);
int ww_cmd_maintenance(int argc, char **argv);
int ww_cmd_alert(int argc, char **argv);
int ww_cmd_silence(int argc, char **argv);
int ww_cmd_explain(int argc, char **argv);
int ww_cmd_backtest(int argc, char **argv);
int ww_cmd_decode(int argc, char **argv);
int ww_cmd_scan(int argc, char **argv);
int ww_cmd_score(int argc, char **argv);
int ww_cmd_hotspot(int argc, char **argv);
int ww_cmd_trace(int argc, char **argv);

/* Options as they are written: "--name VALUE" or "--name=VALUE"; a flag has no value. */
struct ww_option {
    const char *name;   /* without dashes; NULL ends the list */
    const char **value; /* where its value goes … */
    bool *flag;         /* … or, for a flag, this is set */
};

/* Takes the options out of argv; the rest moves up to argv[1…*n_rest]. "--help" prints `help` and makes it
 * return 0; a wrong option prints one line and makes it return 2; -1 means: go on. */
int ww_options_take(int argc, char **argv, const struct ww_option *options, const char *help, int *n_rest);

/* `db`, or $WARDWATCH_DB; NULL after printing what is missing. */
const char *ww_db_or_complain(const char *command, const char *db);
/* Connects, waiting at most 30 s; NULL after printing why not. */
struct ww_pg_sync *ww_db_open(const char *command, const char *db);
/* "wardwatch COMMAND: message" and, when known, the field and the place; returns 1. */
int ww_complain(const char *command, const char *what, const struct ww_error *err);

/* A whole file into `out` (which the caller clears). */
enum ww_status ww_read_file(const char *path, size_t ceiling, struct ww_buf *out,
                            struct ww_error *err) WW_MUST_CHECK;

#endif
