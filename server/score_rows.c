/* Scores rows as they come; see score_rows.h. */
#include "server/score_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/base/alloc.h"
#include "geo/detect/row_alarm.h"

enum { MAX_NAME = 1 << 16, MAX_TIME = 256, MOST_TOLD = 3 };

struct column {
    size_t index; /* in the row */
    struct ww_str name;
    struct ww_baseline state;
    struct ww_baseline_verdict verdict;
    struct ww_novelty novelty;
    struct ww_novelty_verdict seen; /* in this row */
    int64_t time_us;                /* of the last reading that advanced */
    enum { VALUE_READ, VALUE_MISSING, VALUE_UNREAD } what;
    double surprise;
};

struct ww_score {
    const struct ww_score_config *config;
    size_t time[WW_SCORE_TIMES];
    size_t n_columns;
    bool told_head, decided, was_alarm;
    struct ww_row_score score;
    struct ww_row_alarm alarm;
    struct ww_score_counts counts;
    struct ww_error notice;
    struct ww_buf names, reasons;
    struct column *columns;
};

/* ---- columns ---- */

static bool find_column(const struct ww_csv_row *header, const char *name, size_t *index) {
    for (size_t i = 0; i < header->n; i++) {
        if (ww_str_is(header->cells[i], name)) {
            *index = i;
            return true;
        }
    }
    uint64_t number = 0;
    if (ww_str_to_u64(ww_str_of(name), &number) && number >= 1 && number <= header->n) {
        *index = (size_t)number - 1;
        return true;
    }
    return false;
}

static enum ww_status no_column(const struct ww_csv_row *header, const char *name, struct ww_error *err) {
    char list[160] = "";
    size_t at = 0;
    for (size_t i = 0; i < header->n && at + 40 < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", i ? ", " : "",
                               header->cells[i].len < 32 ? (int)header->cells[i].len : 32,
                               header->cells[i].ptr);
    (void)ww_error_set(err, WW_BAD_INPUT, "there is no column %.40s; the first line has: %s", name, list);
    if (err) {
        err->line = header->line;
        err->column = 1;
    }
    return WW_BAD_INPUT;
}

static bool is_time(const struct ww_score *s, size_t index) {
    for (size_t i = 0; i < s->config->n_time; i++)
        if (s->time[i] == index)
            return true;
    return false;
}

/* Names are kept in one buffer: the header row's cells do not live on. Offsets first, pointers when it has
 * stopped growing. */
static enum ww_status keep_names(struct ww_score *s, const struct ww_csv_row *header, struct ww_error *err) {
    size_t at = 0;
    for (size_t i = 0; i < s->n_columns; i++)
        ww_buf_str_add(&s->names, header->cells[s->columns[i].index]);
    if (ww_buf_status(&s->names) != WW_OK)
        return ww_error_set(err, WW_BAD_INPUT, "the names of the columns are longer than 64 KiB");
    for (size_t i = 0; i < s->n_columns; i++) {
        size_t len = header->cells[s->columns[i].index].len;
        s->columns[i].name = (struct ww_str){s->names.data ? s->names.data + at : "", len};
        at += len;
    }
    return WW_OK;
}

static enum ww_status choose_columns(struct ww_score *s, const struct ww_csv_row *header,
                                     struct ww_error *err) {
    const struct ww_score_config *c = s->config;
    size_t n = c->n_value;
    for (size_t i = 0; i < c->n_time; i++)
        if (!find_column(header, c->time[i], &s->time[i]))
            return no_column(header, c->time[i], err);
    if (n == 0)
        n = header->n < WW_SCORE_COLUMNS ? header->n : WW_SCORE_COLUMNS;
    s->columns = ww_try_calloc(n ? n : 1, sizeof *s->columns);
    if (!s->columns)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %zu columns", n);
    for (size_t i = 0; i < header->n && c->n_value == 0 && s->n_columns < n; i++)
        if (!is_time(s, i))
            s->columns[s->n_columns++].index = i;
    for (size_t i = 0; i < c->n_value; i++)
        if (!find_column(header, c->value[i], &s->columns[s->n_columns++].index))
            return no_column(header, c->value[i], err);
    for (size_t i = 0; i < s->n_columns; i++) {
        ww_baseline_init(&s->columns[i].state);
        ww_novelty_init(&s->columns[i].novelty);
    }
    s->decided = c->n_value > 0;
    return keep_names(s, header, err);
}

enum ww_status ww_score_new(const struct ww_score_config *config, const struct ww_csv_row *header,
                            struct ww_score **out, struct ww_error *err) {
    struct ww_score *s = ww_try_calloc(1, sizeof *s);
    if (!s)
        return ww_error_set(err, WW_NO_MEMORY, "no memory");
    s->config = config;
    ww_row_score_init(&s->score);
    ww_row_alarm_init(&s->alarm);
    ww_buf_init(&s->names, MAX_NAME);
    ww_buf_init(&s->reasons, 1 << 20);
    enum ww_status st = choose_columns(s, header, err);
    if (st != WW_OK) {
        ww_score_free(s);
        return st;
    }
    *out = s;
    return WW_OK;
}

void ww_score_free(struct ww_score *s) {
    if (!s)
        return;
    ww_buf_clear(&s->names);
    ww_buf_clear(&s->reasons);
    ww_free(s->columns);
    ww_free(s);
}

struct ww_score_counts ww_score_count(const struct ww_score *s) {
    return s->counts;
}

const struct ww_error *ww_score_notice(const struct ww_score *s) {
    return s->notice.message[0] ? &s->notice : NULL;
}

/* ---- cells ---- */

static bool is_missing(struct ww_str cell) {
    static const char *const words[] = {"NA", "N/A", "NaN", "null", "none", "nil", "-", "--", "?", "."};
    if (cell.len == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ww_str_eq_nocase(cell, ww_str_of(words[i])))
            return true;
    return false;
}

static bool read_number(const struct ww_score_config *c, struct ww_str cell, double *out) {
    char text[64];
    if (cell.len > 0 && cell.ptr[0] == '+')
        cell = (struct ww_str){cell.ptr + 1, cell.len - 1};
    const char *comma = memchr(cell.ptr, ',', cell.len);
    bool by_comma = c->decimal == ',' || (c->decimal == 0 && c->separator != ',' && comma);
    if (by_comma && comma && cell.len < sizeof text) {
        if (memchr(cell.ptr, '.', cell.len))
            return false; /* 1.234,5 or 1,234.5: a guess would be a thousand times wrong */
        memcpy(text, cell.ptr, cell.len);
        text[comma - cell.ptr] = '.';
        cell.ptr = text;
    }
    if (c->decimal == ',' && !comma && memchr(cell.ptr, '.', cell.len))
        return false;
    return ww_str_to_double(cell, out) && fabs(*out) < 1e30;
}

static bool all_digits(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static bool read_epoch(struct ww_str text, double unit_us, int64_t *out) {
    double value;
    if (!ww_str_to_double(text, &value) || fabs(value * unit_us) > 2.5e17)
        return false;
    *out = (int64_t)llround(value * unit_us);
    return true;
}

static bool read_time(const struct ww_score_config *c, struct ww_str text, int64_t *out,
                      struct ww_error *err) {
    bool good;
    if (c->time_format && strcmp(c->time_format, "epoch") == 0)
        good = read_epoch(text, 1e6, out);
    else if (c->time_format && strcmp(c->time_format, "epoch_ms") == 0)
        good = read_epoch(text, 1e3, out);
    else if (c->time_format && *c->time_format)
        return ww_instant_parse_format(text, c->time_format, c->zone, out, err) == WW_OK;
    else if (all_digits(text) && (text.len == 9 || text.len == 10))
        good = read_epoch(text, 1e6, out);
    else if (all_digits(text) && (text.len == 12 || text.len == 13))
        good = read_epoch(text, 1e3, out);
    else
        return ww_instant_parse(text, c->zone, out, err) == WW_OK;
    if (!good)
        (void)ww_error_set(err, WW_BAD_INPUT, "not a number of seconds or milliseconds");
    return good;
}

static struct ww_str time_text(const struct ww_score *s, const struct ww_csv_row *row,
                               char joined[MAX_TIME]) {
    size_t at = 0;
    if (s->config->n_time == 1)
        return s->time[0] < row->n ? row->cells[s->time[0]] : WW_STR_NONE;
    for (size_t i = 0; i < s->config->n_time; i++) {
        struct ww_str cell = s->time[i] < row->n ? row->cells[s->time[i]] : WW_STR_NONE;
        if (at + cell.len + 1 >= MAX_TIME)
            break;
        if (i > 0)
            joined[at++] = ' ';
        if (cell.len > 0)
            memcpy(joined + at, cell.ptr, cell.len);
        at += cell.len;
    }
    return (struct ww_str){joined, at};
}

/* ---- what can't be read ---- */

static void place(struct ww_error *err, const struct ww_csv_row *row, size_t index, struct ww_str field,
                  struct ww_str value) {
    err->line = row->line;
    err->column = index < row->n ? row->columns[index] : 1;
    ww_error_at_field(err, field, value);
}

static enum ww_status unread(struct ww_score *s, const struct ww_error *what, struct ww_error *err) {
    if (!s->notice.message[0])
        s->notice = *what;
    if (!s->config->strict)
        return WW_OK;
    if (err)
        *err = *what;
    return WW_BAD_INPUT;
}

static enum ww_status take_time(struct ww_score *s, const struct ww_csv_row *row, struct ww_str text,
                                int64_t *time_us, bool *good, struct ww_error *err) {
    struct ww_error what;
    *good = read_time(s->config, text, time_us, &what);
    if (*good)
        return WW_OK;
    struct ww_error found;
    (void)ww_error_set(&found, WW_BAD_INPUT, "the time \"%.*s\" can't be read: %.120s",
                       text.len < 40 ? (int)text.len : 40, text.ptr ? text.ptr : "", what.message);
    place(&found, row, s->time[0], WW_STR("time"), text);
    s->counts.unread_times++;
    return unread(s, &found, err);
}

static enum ww_status take_value(struct ww_score *s, struct column *c, const struct ww_csv_row *row,
                                 double *value, struct ww_error *err) {
    struct ww_str cell = c->index < row->n ? row->cells[c->index] : WW_STR_NONE;
    c->what = VALUE_MISSING;
    if (is_missing(cell)) {
        s->counts.missing++;
        return WW_OK;
    }
    c->what = read_number(s->config, cell, value) ? VALUE_READ : VALUE_UNREAD;
    if (c->what == VALUE_READ)
        return WW_OK;
    struct ww_error found;
    s->counts.unread_values++;
    (void)ww_error_set(&found, WW_BAD_INPUT, "%.*s: \"%.*s\" is not a number",
                       c->name.len < 60 ? (int)c->name.len : 60, c->name.ptr,
                       cell.len < 40 ? (int)cell.len : 40, cell.ptr);
    place(&found, row, c->index, c->name, cell);
    return unread(s, &found, err);
}

/* Without a choice, every column is judged whose first cell is a number or missing. */
static void decide_columns(struct ww_score *s, const struct ww_csv_row *row) {
    size_t kept = 0;
    double value;
    for (size_t i = 0; i < s->n_columns; i++) {
        size_t index = s->columns[i].index;
        struct ww_str cell = index < row->n ? row->cells[index] : WW_STR_NONE;
        if (is_missing(cell) || read_number(s->config, cell, &value))
            s->columns[kept++] = s->columns[i];
    }
    s->n_columns = kept;
    s->decided = true;
}

/* ---- lines out ---- */

static void put_text(struct ww_buf *out, struct ww_str text) {
    bool quote = false;
    for (size_t i = 0; i < text.len; i++)
        quote |= text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\n' || text.ptr[i] == '\r';
    if (!quote) {
        ww_buf_str_add(out, text);
        return;
    }
    ww_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            ww_buf_char(out, '"');
        ww_buf_char(out, text.ptr[i]);
    }
    ww_buf_char(out, '"');
}

static void put_name(struct ww_buf *out, struct ww_str name, const char *suffix) {
    struct ww_buf whole;
    ww_buf_init(&whole, MAX_NAME + 16);
    ww_buf_str_add(&whole, name);
    ww_buf_text(&whole, suffix);
    ww_buf_char(out, ',');
    put_text(out, ww_buf_str(&whole));
    ww_buf_clear(&whole);
}

static void put_head(struct ww_score *s, struct ww_buf *out) {
    ww_buf_text(out, "row,time,score,alarm,reasons");
    for (size_t i = 0; i < s->n_columns; i++) {
        put_name(out, s->columns[i].name, "_expected");
        put_name(out, s->columns[i].name, "_low");
        put_name(out, s->columns[i].name, "_high");
    }
    ww_buf_char(out, '\n');
    s->told_head = true;
}

static int by_surprise(const void *a, const void *b) {
    const struct column *x = *(const struct column *const *)a, *y = *(const struct column *const *)b;
    return x->surprise > y->surprise ? -1 : x->surprise < y->surprise ? 1 : x->index < y->index ? -1 : 1;
}

static void part(struct ww_buf *out) {
    if (out->len > 0)
        ww_buf_text(out, "; ");
}

/* The most surprised columns first, at most three; then what was not read. */
static void put_reasons(struct ww_score *s, bool time_read) {
    const bool zh = s->config->chinese;
    struct column *order[WW_SCORE_COLUMNS];
    size_t n = 0, told = 0, learning = 0, late = 0, unread_n = 0, read = 0;
    ww_buf_reset(&s->reasons);
    for (size_t i = 0; i < s->n_columns; i++) {
        struct column *c = &s->columns[i];
        unread_n += c->what == VALUE_UNREAD;
        if (c->what != VALUE_READ)
            continue;
        read++;
        learning += c->verdict.kind == WW_BASELINE_LEARNING;
        late += c->verdict.kind == WW_BASELINE_LATE;
        if (c->verdict.reasons || c->verdict.new_normal)
            order[n++] = c;
    }
    qsort(order, n, sizeof *order, by_surprise);
    for (; told < n && told < MOST_TOLD; told++) {
        part(&s->reasons);
        ww_score_words(&s->reasons, order[told]->name, &order[told]->verdict, zh);
    }
    if (told < n) {
        part(&s->reasons);
        ww_buf_printf(&s->reasons, zh ? "另有 %zu 列" : "and %zu more columns", n - told);
    }
    const char *plain = !time_read         ? (zh ? "时间无法读取" : "time not readable")
                        : read == 0        ? (zh ? "无数值" : "no value")
                        : learning == read ? (zh ? "学习中" : "learning")
                        : late > 0 ? (zh ? "时间未前进，不参与学习" : "time did not advance: not learned")
                        : n == 0 ? (zh ? "正常" : "as usual")
                                 : NULL;
    if (plain) {
        part(&s->reasons);
        ww_buf_text(&s->reasons, plain);
    }
    if (unread_n > 0) {
        part(&s->reasons);
        ww_buf_printf(&s->reasons, zh ? "%zu 个值不是数字" : "%zu values are not numbers", unread_n);
    }
}

static void put_number(struct ww_buf *out, double value) {
    ww_buf_printf(out, ",%.8g", value);
}

static void put_line(struct ww_score *s, struct ww_buf *out, struct ww_str time, double score, bool alarm) {
    ww_buf_printf(out, "%llu,", (unsigned long long)s->counts.rows);
    put_text(out, time);
    ww_buf_printf(out, ",%.9f,%d,", score, alarm);
    put_text(out, ww_buf_str(&s->reasons));
    for (size_t i = 0; i < s->n_columns; i++) {
        const struct column *c = &s->columns[i];
        if (c->what != VALUE_READ || c->verdict.kind == WW_BASELINE_LEARNING) {
            ww_buf_text(out, ",,,");
            continue;
        }
        put_number(out, c->verdict.expected);
        put_number(out, c->verdict.lower);
        put_number(out, c->verdict.upper);
    }
    ww_buf_char(out, '\n');
}

/* ---- the row ---- */

/* The score column: late readings say nothing of what begins now. */
static void look_for_news(struct column *c, const struct ww_reading *reading) {
    double usual_us = c->verdict.usual_s * (double)WW_SECOND_US;
    double waited = usual_us > 0 ? (double)(reading->time_us - c->time_us) / usual_us : 1;
    const struct ww_novelty_reading one = {.value = reading->value,
                                           .season = c->verdict.season,
                                           .season_dev = c->verdict.season_dev,
                                           .missing = waited > 1.5 ? waited - 1 : 0};
    ww_novelty_step(&c->novelty, &one, &c->seen);
    c->time_us = reading->time_us;
}

/* What the row's columns come to. */
struct said {
    double score;
    bool judged, alarm;
};

static struct said say(struct ww_score *s) {
    struct ww_novelty_verdict seen[WW_SCORE_COLUMNS];
    seen[0] = (struct ww_novelty_verdict){.young = true}; /* there may be none */
    struct said said = {0};
    size_t n = 0;
    bool read = false;
    double usual_s = INFINITY;
    for (size_t i = 0; i < s->n_columns; i++) {
        struct column *c = &s->columns[i];
        bool is_judged = c->what == VALUE_READ && c->verdict.kind != WW_BASELINE_LEARNING;
        read |= c->what == VALUE_READ;
        if (c->what == VALUE_READ && c->verdict.kind != WW_BASELINE_LATE)
            seen[n++] = c->seen;
        c->surprise = is_judged ? c->verdict.surprise : 0;
        said.judged |= is_judged;
        if (is_judged && c->verdict.usual_s < usual_s)
            usual_s = c->verdict.usual_s;
    }
    said.score = ww_row_score_step(&s->score, seen, n);
    if (said.judged) {
        double months = ww_row_alarm_step(&s->alarm, &s->score, said.score, usual_s, n > 0);
        said.alarm = months * s->config->false_alarms_a_month >= 1;
    }
    said.score = read ? said.score : 0;
    return said;
}

static void count_row(struct ww_score *s, bool judged, bool alarm) {
    size_t learning = 0, late = 0;
    for (size_t i = 0; i < s->n_columns; i++) {
        if (s->columns[i].what == VALUE_READ) {
            learning += s->columns[i].verdict.kind == WW_BASELINE_LEARNING;
            late += s->columns[i].verdict.kind == WW_BASELINE_LATE;
        }
    }
    s->counts.judged += judged;
    s->counts.learning += !judged && learning > 0;
    s->counts.late += late > 0;
    s->counts.alarm_rows += alarm;
    s->counts.alarms += alarm && !s->was_alarm;
    s->was_alarm = alarm;
}

enum ww_status ww_score_row(struct ww_score *s, const struct ww_csv_row *row, struct ww_buf *out,
                            struct ww_error *err) {
    char joined[MAX_TIME];
    int64_t time_us = 0;
    bool time_read;
    s->notice.message[0] = '\0';
    if (!s->decided)
        decide_columns(s, row);
    if (!s->told_head)
        put_head(s, out);
    s->counts.rows++;
    struct ww_str text = time_text(s, row, joined);
    enum ww_status st = take_time(s, row, text, &time_us, &time_read, err);
    for (size_t i = 0; i < s->n_columns && st == WW_OK; i++) {
        struct column *c = &s->columns[i];
        double value = 0;
        st = take_value(s, c, row, &value, err);
        if (!time_read)
            c->what = c->what == VALUE_READ ? VALUE_MISSING : c->what;
        if (st != WW_OK || c->what != VALUE_READ)
            continue;
        struct ww_reading reading = {.time_us = time_us, .value = value, .flag = 'N'};
        ww_baseline_step(&s->config->baseline, &c->state, &reading, &c->verdict);
        if (c->verdict.kind != WW_BASELINE_LATE)
            look_for_news(c, &reading);
    }
    if (st != WW_OK)
        return st;
    struct said said = say(s);
    count_row(s, said.judged, said.alarm);
    put_reasons(s, time_read);
    put_line(s, out, text, said.score, said.alarm);
    return ww_buf_status(out);
}
