/* wardwatch score: an anomaly score and the reasons for every row of a CSV file, in one pass. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/commands.h"
#include "server/score_rows.h"

static const char help[] =
    "usage: wardwatch score FILE.csv --time COL [--value COL…] [options]\n\n"
    "Reads FILE (- = standard input) once, in constant memory, and writes CSV: for each row its number, its "
    "time,\n"
    "a score from 0 to 1 (from 0.5: something begins that is seen once in 2,000 rows or more rarely; below: "
    "how\n"
    "far it is outside; made to be sorted), an alarm where chance gives fewer than you accept, the reasons "
    "in\n"
    "words, and for each value column what was expected and the band. Every row is judged by the rows before "
    "it\n"
    "alone: what is written would have been said then. No database is needed. docs/guides/score.md "
    "explains.\n"
    "  --time COL           the column of the time (name, or number from 1); repeat to join several by a "
    "blank\n"
    "  --value COL          a column to judge; repeat. Without it every other column whose first cell is a\n"
    "                       number. Several are judged together.\n"
    "  --time-format F      epoch, epoch_ms, or like %m/%d/%Y %H:%M:%S (default: ISO 8601 and its kin)\n"
    "  --zone ZONE          of times without one, and of hours and weekends (default UTC)\n"
    "  --false-alarms N     alarms that you accept by chance in a month (default 1)\n"
    "  --accept-hours H     readings outside for so long are the new normal (default 4)\n"
    "  --separator C        between cells: , ; | or tab (default: the one that the first line uses most)\n"
    "  --decimal C          . or , (default: guessed where cells are not parted by commas)\n"
    "  --lang en|zh         of the reasons\n"
    "  --output FILE        instead of standard output\n"
    "  --strict             stop at the first cell that can't be read, with line and column\n"
    "Exit status: 0 done, 1 failed (one line with line and column), 2 wrong use.\n\n"
    "逐行给出 0～1 的异常分数（0.5 "
    "起为约两千行一遇的新情况，以下为偏离程度，可排序）、告警、原因、期望值与正常范围；一遍读完，内存恒定，不"
    "需要数据库。\n"
    "  --time 时间列（可重复，以空格相连）；--value 数值列（可重复，多列联合判断）；--time-format "
    "时间格式；\n"
    "  --zone 时区；--false-alarms 每月可接受的误报数；--accept-hours 多久后视为新常态；--lang zh "
    "中文原因；\n"
    "  --strict 遇到无法读取的单元格即停止并给出行列号。\n";

enum { MOST_NOTICES = 5, OUT_CHUNK = 1 << 16, MAX_OUT = 8 << 20 };

struct files {
    FILE *in, *out;
    struct ww_csv_stream *stream;
    struct ww_score *score;
    struct ww_buf lines;
    uint64_t notices;
};

static size_t read_file(void *from, char *out, size_t cap) {
    size_t n = fread(out, 1, cap, from);
    return n == 0 && ferror((FILE *)from) ? (size_t)-1 : n;
}

static bool write_lines(struct files *f, bool all) {
    if (f->lines.len == 0 || (!all && f->lines.len < OUT_CHUNK))
        return true;
    bool good = fwrite(f->lines.data, 1, f->lines.len, f->out) == f->lines.len;
    ww_buf_reset(&f->lines);
    return good && (!all || fflush(f->out) == 0);
}

static void tell_notice(struct files *f) {
    const struct ww_error *notice = ww_score_notice(f->score);
    if (notice && ++f->notices <= MOST_NOTICES)
        (void)ww_complain("score", "passed over", notice);
}

static void tell_summary(const struct files *f) {
    struct ww_score_counts c = ww_score_count(f->score);
    fprintf(stderr,
            "rows=%llu judged=%llu learning=%llu late=%llu missing_values=%llu unread_values=%llu "
            "unread_times=%llu alarms=%llu alarm_rows=%llu\n",
            (unsigned long long)c.rows, (unsigned long long)c.judged, (unsigned long long)c.learning,
            (unsigned long long)c.late, (unsigned long long)c.missing, (unsigned long long)c.unread_values,
            (unsigned long long)c.unread_times, (unsigned long long)c.alarms,
            (unsigned long long)c.alarm_rows);
}

static enum ww_status score_all(struct files *f, struct ww_score_config *config, struct ww_error *err) {
    struct ww_csv_row row;
    enum ww_status st = ww_csv_stream_new(read_file, f->in, config->separator, &f->stream);
    if (st != WW_OK)
        return ww_error_set(err, st, "no memory");
    if (!ww_csv_stream_next(f->stream, &row, &st, err))
        return ww_error_set(err, WW_BAD_INPUT, "the file is empty");
    config->separator = ww_csv_stream_separator(f->stream);
    if (st == WW_OK)
        st = ww_score_new(config, &row, &f->score, err);
    while (st == WW_OK && ww_csv_stream_next(f->stream, &row, &st, err) && st == WW_OK) {
        st = ww_score_row(f->score, &row, &f->lines, err);
        tell_notice(f);
        if (st == WW_OK && !write_lines(f, false))
            return ww_error_set(err, WW_UNAVAILABLE, "can't write: %s", strerror(errno));
    }
    if (!write_lines(f, true))
        return ww_error_set(err, WW_UNAVAILABLE, "can't write: %s", strerror(errno));
    if (st == WW_OK) {
        struct ww_score_counts c = ww_score_count(f->score);
        if (c.rows > 0 && c.unread_times == c.rows)
            return ww_error_set(err, WW_BAD_INPUT, "no time could be read: give --time-format");
    }
    return st;
}

static int score(const char *path, const char *out_path, struct ww_score_config *config) {
    struct files f = {.in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb"), .out = stdout};
    struct ww_error err = {0};
    enum ww_status st = WW_OK;
    if (!f.in)
        st = ww_error_set(&err, WW_NOT_FOUND, "can't read %s: %s", path, strerror(errno));
    if (st == WW_OK && out_path && !(f.out = fopen(out_path, "wb")))
        st = ww_error_set(&err, WW_UNAVAILABLE, "can't write %s: %s", out_path, strerror(errno));
    ww_buf_init(&f.lines, MAX_OUT);
    if (st == WW_OK)
        st = score_all(&f, config, &err);
    if (f.score)
        tell_summary(&f);
    if (f.out && f.out != stdout && fclose(f.out) != 0 && st == WW_OK)
        st = ww_error_set(&err, WW_UNAVAILABLE, "can't write %s: %s", out_path, strerror(errno));
    if (f.in && f.in != stdin)
        fclose(f.in);
    ww_score_free(f.score);
    ww_csv_stream_free(f.stream);
    ww_buf_clear(&f.lines);
    return st == WW_OK ? 0 : ww_complain("score", path, &err);
}

/* ---- the command line ---- */

/* Takes each "--name VALUE" or "--name=VALUE" out of argv; false when there are more than `most`, or no
 * value. */
static bool take_repeated(int *argc, char **argv, const char *name, const char **values, size_t most,
                          size_t *n) {
    int kept = 1;
    size_t len = strlen(name);
    for (int i = 1; i < *argc; i++) {
        bool is = strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, len) == 0;
        char next = is ? argv[i][2 + len] : 'x';
        if (!is || (next != '\0' && next != '=')) {
            argv[kept++] = argv[i];
            continue;
        }
        if (*n == most || (next == '\0' && i + 1 == *argc))
            return false;
        values[(*n)++] = next == '=' ? argv[i] + 3 + len : argv[++i];
    }
    *argc = kept;
    return true;
}

static bool one_char(const char *text, const char *allowed, char *out) {
    if (!text)
        return true;
    if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0)
        text = "\t";
    *out = text[0];
    return strlen(text) == 1 && strchr(allowed, text[0]);
}

static bool positive(const char *text, double *out) {
    return !text || (ww_str_to_double(ww_str_of(text), out) && *out > 0 && *out < 1e9);
}

static int wrong(const char *why) {
    fprintf(stderr, "wardwatch score: %s (try --help)\n", why);
    return 2;
}

int ww_cmd_score(int argc, char **argv) {
    static struct ww_score_config config; /* large; one command a process */
    config = (struct ww_score_config){.false_alarms_a_month = 1, .baseline = ww_baseline_params_default};
    const char *zone = "UTC", *alarms = NULL, *hours = NULL, *separator = NULL, *decimal = NULL, *lang = "en";
    const char *output = NULL;
    double accept_hours = 4;
    const struct ww_option options[] = {{"time-format", &config.time_format, NULL},
                                        {"zone", &zone, NULL},
                                        {"false-alarms", &alarms, NULL},
                                        {"accept-hours", &hours, NULL},
                                        {"separator", &separator, NULL},
                                        {"decimal", &decimal, NULL},
                                        {"lang", &lang, NULL},
                                        {"output", &output, NULL},
                                        {"strict", NULL, &config.strict},
                                        {NULL, NULL, NULL}};
    if (!take_repeated(&argc, argv, "time", config.time, WW_SCORE_TIMES, &config.n_time) ||
        !take_repeated(&argc, argv, "value", config.value, WW_SCORE_COLUMNS, &config.n_value))
        return wrong("--time (at most 16) and --value (at most 256) need a column");
    int rest, code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    if (rest != 1 || config.n_time == 0) {
        fputs(help, stderr);
        return 2;
    }
    if (!one_char(separator, ",;|\t", &config.separator) || !one_char(decimal, ".,", &config.decimal))
        return wrong("--separator is one of , ; | tab, --decimal one of . ,");
    if (!positive(alarms, &config.false_alarms_a_month) || !positive(hours, &accept_hours))
        return wrong("--false-alarms and --accept-hours are numbers above 0");
    if (strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0)
        return wrong("--lang is en or zh");
    config.chinese = strcmp(lang, "zh") == 0;
    struct ww_zone *opened = NULL;
    struct ww_error err;
    if (ww_zone_open(ww_str_of(zone), &opened, &err) != WW_OK) {
        (void)ww_complain("score", "--zone", &err);
        return 2;
    }
    config.zone = config.baseline.zone = opened;
    config.baseline.accept_us = (int64_t)(accept_hours * (double)WW_HOUR_US);
    code = score(argv[1], output, &config);
    ww_zone_close(opened);
    return code;
}
