/* The requests of a host and their fields, by one table. */
#include "ingest/hj212/request_fields.h"

#include <stdio.h>

enum kind {
    KIND_NONE,     /* a command without fields */
    KIND_INT,      /* from low to high */
    KIND_MINUTES,  /* divides an hour, 30 at most */
    KIND_TIME,     /* YYYYMMDDhhmmss */
    KIND_CLOCK,    /* hhmmss */
    KIND_CODE,     /* factor, facility or information code */
    KIND_PASSWORD, /* 1 to 9 characters (2017: PW has 6) */
    KIND_KEY,      /* 32 hexadecimal digits */
    KIND_INFO      /* named CODE-Info; text */
};

struct row {
    int cn;
    const char *name;
    enum kind kind;
    bool required;
    int low, high;
};

enum { MAX_VALUE = 900 }; /* the data area has 950 bytes */

/* Rows of one command stand together; a command is in the table when it has a row. */
static const struct row rows[] = {
    {1000, "OverTime", KIND_INT, true, 1, 99},
    {1000, "ReCount", KIND_INT, true, 1, 99},
    {1002, "i23005-Info", KIND_CODE, true, 0, 0},
    {1011, "PolId", KIND_CODE, false, 0, 0},
    {1012, "PolId", KIND_CODE, false, 0, 0},
    {1012, "SystemTime", KIND_TIME, true, 0, 0},
    {1014, "SKCreateTime", KIND_TIME, false, 0, 0},
    {1014, "NewSK", KIND_KEY, true, 0, 0},
    {1061, "", KIND_NONE, false, 0, 0},
    {1062, "RtdInterval", KIND_INT, true, 30, 3600},
    {1063, "", KIND_NONE, false, 0, 0},
    {1064, "MinInterval", KIND_MINUTES, true, 0, 0},
    {1072, "NewPW", KIND_PASSWORD, true, 0, 0},
    {2011, "", KIND_NONE, false, 0, 0},
    {2012, "", KIND_NONE, false, 0, 0},
    {2013, "BeginTime", KIND_TIME, true, 0, 0},
    {2013, "EndTime", KIND_TIME, true, 0, 0},
    {2021, "", KIND_NONE, false, 0, 0},
    {2022, "", KIND_NONE, false, 0, 0},
    {2031, "BeginTime", KIND_TIME, true, 0, 0},
    {2031, "EndTime", KIND_TIME, true, 0, 0},
    {2041, "BeginTime", KIND_TIME, true, 0, 0},
    {2041, "EndTime", KIND_TIME, true, 0, 0},
    {2051, "BeginTime", KIND_TIME, true, 0, 0},
    {2051, "EndTime", KIND_TIME, true, 0, 0},
    {2052, "BeginTime", KIND_TIME, true, 0, 0},
    {2052, "EndTime", KIND_TIME, true, 0, 0},
    {2061, "BeginTime", KIND_TIME, true, 0, 0},
    {2061, "EndTime", KIND_TIME, true, 0, 0},
    {2062, "BeginTime", KIND_TIME, true, 0, 0},
    {2062, "EndTime", KIND_TIME, true, 0, 0},
    {3011, "PolId", KIND_CODE, true, 0, 0},
    {3012, "PolId", KIND_CODE, true, 0, 0},
    {3013, "PolId", KIND_CODE, true, 0, 0},
    {3014, "PolId", KIND_CODE, true, 0, 0},
    {3015, "PolId", KIND_CODE, false, 0, 0},
    {3016, "PolId", KIND_CODE, true, 0, 0},
    {3016, "CstartTime", KIND_CLOCK, true, 0, 0},
    {3016, "Ctime", KIND_INT, true, 1, 24},
    {3017, "PolId", KIND_CODE, true, 0, 0},
    {3018, "PolId", KIND_CODE, true, 0, 0},
    {3019, "PolId", KIND_CODE, true, 0, 0},
    {3020, "PolId", KIND_CODE, true, 0, 0},
    {3020, "InfoId", KIND_CODE, true, 0, 0},
    {3020, "BeginTime", KIND_TIME, false, 0, 0},
    {3020, "EndTime", KIND_TIME, false, 0, 0},
    {3021, "PolId", KIND_CODE, true, 0, 0},
    {3021, "InfoId", KIND_CODE, true, 0, 0},
    {3021, "-Info", KIND_INFO, true, 0, 0},
    {3022, "PolId", KIND_CODE, true, 0, 0},
    {3024, "PolId", KIND_CODE, true, 0, 0},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static enum ww_status refuse(struct ww_error *err, struct ww_str name, const char *why) {
    char field[64];
    (void)snprintf(field, sizeof field, "fields.%.*s", name.len > 40 ? 40 : (int)name.len, name.ptr);
    (void)ww_error_set(err, WW_BAD_INPUT, "%s %s", field, why);
    ww_error_at_field(err, ww_str_of(field), WW_STR_NONE); /* not the value: it may be a key */
    return WW_BAD_INPUT;
}

static bool all_of(struct ww_str text, const char *allowed) {
    for (size_t i = 0; i < text.len; i++)
        if (!text.ptr[i] || !strchr(allowed, text.ptr[i]))
            return false;
    return true;
}

#define DIGITS "0123456789"

static bool is_code(struct ww_str text) {
    return text.len >= 1 && text.len <= 32 &&
           all_of(text, DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");
}

static unsigned number_at(struct ww_str text, size_t from, size_t len) {
    unsigned n = 0;
    for (size_t i = from; i < from + len; i++)
        n = n * 10 + (unsigned)(text.ptr[i] - '0');
    return n;
}

static bool is_clock(struct ww_str text) {
    return text.len == 6 && all_of(text, DIGITS) && number_at(text, 0, 2) < 24 &&
           number_at(text, 2, 2) < 60 && number_at(text, 4, 2) < 60;
}

static bool is_time(struct ww_str text) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.len != 14 || !all_of(text, DIGITS))
        return false;
    unsigned year = number_at(text, 0, 4), month = number_at(text, 4, 2), day = number_at(text, 6, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1u : 0u) &&
           is_clock((struct ww_str){text.ptr + 8, 6});
}

/* What would end the field, the data area or the frame. */
static bool holds_separator(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F || strchr(";,&=#", text.ptr[i]))
            return true;
    return false;
}

static enum ww_status check_value(const struct row *row, const struct ww_hj212_field *f,
                                  struct ww_error *err) {
    uint64_t number;
    char why[64];
    bool is_number = f->value.len <= 4 && ww_str_to_u64(f->value, &number);
    switch (row->kind) {
    case KIND_INT:
        if (is_number && number >= (uint64_t)row->low && number <= (uint64_t)row->high)
            return WW_OK;
        (void)snprintf(why, sizeof why, "must be a whole number from %d to %d", row->low, row->high);
        return refuse(err, f->name, why);
    case KIND_MINUTES:
        if (is_number && number >= 1 && number <= 30 && 60 % number == 0)
            return WW_OK;
        return refuse(err, f->name, "must be 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30 minutes");
    case KIND_TIME:
        return is_time(f->value) ? WW_OK : refuse(err, f->name, "must be a time as YYYYMMDDhhmmss");
    case KIND_CLOCK:
        return is_clock(f->value) ? WW_OK : refuse(err, f->name, "must be a time of day as hhmmss");
    case KIND_CODE:
        return is_code(f->value) ? WW_OK : refuse(err, f->name, "must be a code such as w01018");
    case KIND_PASSWORD:
        if (f->value.len >= 1 && f->value.len <= 9 && !holds_separator(f->value))
            return WW_OK;
        return refuse(err, f->name, "must have 1 to 9 characters and none of ; , & = #");
    case KIND_KEY:
        if (f->value.len == 32 && all_of(f->value, DIGITS "abcdefABCDEF"))
            return WW_OK;
        return refuse(err, f->name, "must have 32 hexadecimal digits");
    case KIND_INFO:
        if (f->value.len >= 1 && f->value.len <= MAX_VALUE && !holds_separator(f->value))
            return WW_OK;
        return refuse(err, f->name, "must have 1 to 900 bytes and none of ; , & = #");
    case KIND_NONE:
        break;
    }
    return refuse(err, f->name, "is not a field of this command");
}

static bool name_fits(const struct row *row, struct ww_str name) {
    if (row->kind != KIND_INFO)
        return row->kind != KIND_NONE && ww_str_is(name, row->name);
    return name.len > 5 && ww_str_is((struct ww_str){name.ptr + name.len - 5, 5}, "-Info") &&
           is_code((struct ww_str){name.ptr, name.len - 5});
}

static const struct row *find_row(int cn, struct ww_str name) {
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].cn == cn && name_fits(&rows[i], name))
            return &rows[i];
    return NULL;
}

static const struct ww_hj212_field *find_field(const struct row *row, const struct ww_hj212_field *fields,
                                               size_t n) {
    for (size_t i = 0; i < n; i++)
        if (name_fits(row, fields[i].name))
            return &fields[i];
    return NULL;
}

static bool is_request(int cn) {
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].cn == cn)
            return true;
    return false;
}

/* BeginTime not after EndTime; both or neither. */
static enum ww_status check_span(const struct ww_hj212_field *fields, size_t n, struct ww_error *err) {
    struct ww_str begin = WW_STR_NONE, end = WW_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        if (ww_str_is(fields[i].name, "BeginTime"))
            begin = fields[i].value;
        if (ww_str_is(fields[i].name, "EndTime"))
            end = fields[i].value;
    }
    if (!begin.ptr && !end.ptr)
        return WW_OK;
    if (!begin.ptr || !end.ptr)
        return refuse(err, begin.ptr ? WW_STR("EndTime") : WW_STR("BeginTime"), "is missing");
    return memcmp(begin.ptr, end.ptr, 14) <= 0
               ? WW_OK
               : refuse(err, WW_STR("EndTime"), "must not be before BeginTime");
}

enum ww_status ww_hj212_request_check(int cn, const struct ww_hj212_field *fields, size_t n_fields,
                                      struct ww_error *err) {
    if (!is_request(cn)) {
        (void)ww_error_set(err, WW_NOT_FOUND, "%d is not a command that a host sends", cn);
        ww_error_at_field(err, WW_STR("cn"), WW_STR_NONE);
        return WW_NOT_FOUND;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < n_fields; i++) {
        const struct row *row = find_row(cn, fields[i].name);
        if (!row)
            return refuse(err, fields[i].name, "is not a field of this command");
        if (find_field(row, fields, i))
            return refuse(err, fields[i].name, "is given twice");
        enum ww_status st = check_value(row, &fields[i], err);
        if (st != WW_OK)
            return st;
        bytes += fields[i].name.len + fields[i].value.len + 2;
    }
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].cn == cn && rows[i].required && !find_field(&rows[i], fields, n_fields))
            return refuse(err, ww_str_of(rows[i].name), "is missing");
    if (bytes > MAX_VALUE)
        return ww_error_set(err, WW_BAD_INPUT, "the fields are too long for one frame");
    return check_span(fields, n_fields, err);
}

bool ww_hj212_field_is_secret(struct ww_str name) {
    return ww_str_eq_nocase(name, WW_STR("NewPW")) || ww_str_eq_nocase(name, WW_STR("NewSK"));
}

static void describe_row(const struct row *row, char out[64]) {
    static const char *const kinds[] = {
        "", "", "divisor of 60", "YYYYMMDDhhmmss", "hhmmss", "w01018", "text", "32 hex digits", "text"};
    const char *name = row->kind == KIND_INFO ? "CODE-Info" : row->name;
    if (row->kind == KIND_INT)
        (void)snprintf(out, 64, " %s=%d…%d", name, row->low, row->high);
    else
        (void)snprintf(out, 64, row->required ? " %s=%s" : " [%s=%s]", name, kinds[row->kind]);
}

bool ww_hj212_request_describe(size_t index, char out[160]) {
    size_t i = 0, len;
    for (; i < N_ROWS; i++)
        if ((i == 0 || rows[i].cn != rows[i - 1].cn) && index-- == 0)
            break;
    if (i == N_ROWS)
        return false;
    len = (size_t)snprintf(out, 160, "%d", rows[i].cn);
    for (size_t j = i; j < N_ROWS && rows[j].cn == rows[i].cn && rows[j].kind != KIND_NONE; j++) {
        char text[64];
        describe_row(&rows[j], text);
        len += (size_t)snprintf(out + len, 160 - len, "%s", text);
    }
    return true;
}
