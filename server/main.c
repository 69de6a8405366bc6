/* wardwatch: one program, its subcommands. */
#include <stdio.h>
#include <string.h>

#include "ingest/simulate/replay.h"
#include "ingest/simulate/simulate.h"
#include "server/commands.h"

static int print_version(int argc, char **argv) {
    (void)argc;
    (void)argv;
    puts("wardwatch " WW_VERSION);
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"serve", ww_cmd_serve, "run the server: ingest, judge, answer"},
    {"migrate", ww_cmd_migrate, "bring a database to this program's schema"},
    {"account", ww_cmd_account, "add accounts, give them tokens"},
    {"feed", ww_cmd_feed, "add and list the ways in"},
    {"station", ww_cmd_station, "register HJ 212 stations, ask them"},
    {"alert", ww_cmd_alert, "look at alerts, acknowledge, assign, snooze, resolve them"},
    {"silence", ww_cmd_silence, "alerts that nobody is told of, until a time or until they clear"},
    {"maintenance", ww_cmd_maintenance, "announce work on sensors, so that its readings raise no alerts"},
    {"load", ww_cmd_load, "load wards, sites, things, waterways, feeds, rules from files"},
    {"decode", ww_cmd_decode, "show what is made of a device's bytes"},
    {"hotspot", ww_cmd_hotspot, "find hot and cold spots, on files"},
    {"trace", ww_cmd_trace, "trace a discharge upstream, on files"},
    {"scan", ww_cmd_scan, "find clusters in space and time, on files"},
    {"score", ww_cmd_score, "an anomaly score and the reasons for each row of a CSV file"},
    {"explain", ww_cmd_explain, "why was an alert raised? And does computing it again give the same?"},
    {"backtest", ww_cmd_backtest, "what would a rule have raised? Over stored history, without touching it"},
    {"replay", ww_replay_main, "send a file of records through a feed"},
    {"simulate", ww_simulate_main, "a simulated city that sends to a server"},
    {"version", print_version, "print the version"},
};

static void print_help(FILE *out) {
    fputs("wardwatch watches a city district: readings in, well-founded risk alerts for each ward out.\n\n"
          "usage: wardwatch COMMAND [ARGUMENTS]      (wardwatch COMMAND --help teaches each)\n\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].about);
    fputs("\nA server from nothing, on a database that is there:\n"
          "  wardwatch migrate --db postgresql:///wardwatch\n"
          "  wardwatch account add me --role admin --all-wards --db postgresql:///wardwatch\n"
          "  wardwatch serve --db postgresql:///wardwatch\n",
          out);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return print_version(argc, argv);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "wardwatch: unknown command %s (wardwatch --help lists them)\n", argv[1]);
    return 2;
}
