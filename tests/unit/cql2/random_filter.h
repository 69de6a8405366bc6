/* Random filters over the table of cql2_sql_test.c: every operator, every type, literals that meet its rows.
 */
#ifndef WW_TESTS_RANDOM_FILTER_H
#define WW_TESTS_RANDOM_FILTER_H

#include "geo/base/buf.h"

struct dice {
    uint64_t state;
};

static inline unsigned roll(struct dice *d, unsigned sides) { /* xorshift64* */
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return (unsigned)((d->state * UINT64_C(2685821657736338717)) >> 33) % sides;
}

static inline void pick(struct dice *d, struct ww_buf *out, const char *const *from, unsigned n) {
    ww_buf_text(out, from[roll(d, n)]);
}
#define PICK(d, out, from) pick(d, out, from, (unsigned)(sizeof(from) / sizeof *(from)))

static inline void write_random_text(struct dice *d, struct ww_buf *out, int depth) {
    static const char *const texts[] = {"name",       "alt",         "name",     "alt",       "'Kiev'",
                                        "'kiev'",     "'København'", "'straße'", "'STRASSE'", "'重庆'",
                                        "'O''Brien'", "''",          "'ΟΔΟΣ'",   "'Chisinau'"};
    if (depth > 0 && roll(d, 4) == 0) {
        ww_buf_text(out, roll(d, 2) ? "CASEI(" : "ACCENTI(");
        write_random_text(d, out, depth - 1);
        ww_buf_char(out, ')');
    } else
        PICK(d, out, texts);
}

static inline void write_random_number(struct dice *d, struct ww_buf *out, int depth) {
    static const char *const numbers[] = {"n",
                                          "m",
                                          "x",
                                          "y",
                                          "n",
                                          "x",
                                          "0",
                                          "1",
                                          "2",
                                          "-1",
                                          "3",
                                          "0.5",
                                          "-2.5",
                                          "7",
                                          "1e3",
                                          "9007199254740993",
                                          "9007199254740992",
                                          "1.5"};
    static const char *const signs[] = {" + ", " - ", " * ", " / ", " % ", " DIV ", " ^ "};
    if (depth > 0 && roll(d, 3) == 0) {
        ww_buf_char(out, '(');
        write_random_number(d, out, depth - 1);
        PICK(d, out, signs);
        write_random_number(d, out, depth - 1);
        ww_buf_char(out, ')');
    } else if (depth > 0 && roll(d, 12) == 0) {
        ww_buf_text(out, "-");
        write_random_number(d, out, 0);
    } else
        PICK(d, out, numbers);
}

static inline void write_random_instant(struct dice *d, struct ww_buf *out) {
    static const char *const times[] = {"day",
                                        "day2",
                                        "t1",
                                        "t2",
                                        "DATE('2026-11-01')",
                                        "DATE('2026-11-02')",
                                        "TIMESTAMP('2026-11-01T00:00:00Z')",
                                        "TIMESTAMP('2026-11-01T12:00:00Z')",
                                        "TIMESTAMP('2026-11-02T23:59:59.999999Z')",
                                        "TIMESTAMP('2026-11-02T08:00:00+08:00')"};
    PICK(d, out, times);
}

static inline void write_random_interval(struct dice *d, struct ww_buf *out) {
    static const char *const begins[] = {"day", "t1", "'..'", "'2026-11-01'", "'2026-11-01T12:00:00Z'"};
    static const char *const ends[] = {
        "day2", "t2", "'..'", "'2026-11-02'", "'2026-11-01T12:00:00Z'", "'2026-11-03T00:00:00Z'"};
    ww_buf_text(out, "INTERVAL(");
    PICK(d, out, begins);
    ww_buf_text(out, ", ");
    PICK(d, out, ends);
    ww_buf_char(out, ')');
}

static inline void write_random_geometry(struct dice *d, struct ww_buf *out) {
    static const char *const shapes[] = {
        "geom",
        "geom",
        "geom2",
        "POINT(1 1)",
        "POINT(0.5 0.5)",
        "LINESTRING(0 0, 2 2)",
        "LINESTRING(0 1, 2 1)",
        "POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))",
        "POLYGON((0 0, 3 0, 3 3, 0 3, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))",
        "MULTIPOINT((0 0), (1 1))",
        "MULTILINESTRING((0 0, 1 1), (2 0, 2 3))",
        "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 1, 0 0)), ((2 2, 3 2, 3 3, 2 3, 2 2)))",
        "BBOX(0, 0, 1, 1)",
        "BBOX(1, 0, 1, 2)",
        "BBOX(1, 1, 1, 1)",
        "BBOX(179, 0, -179, 2)",
        "BBOX(0, 0, 0, 2, 2, 9)",
        "GEOMETRYCOLLECTION(POLYGON((0 0, 1 0, 1 1, 0 1, 0 0)), POLYGON((2 2, 3 2, 3 3, 2 3, 2 2)))"};
    PICK(d, out, shapes);
}

static inline void write_random_array(struct dice *d, struct ww_buf *out) {
    static const char *const arrays[] = {
        "tags",           "tags",     "('a')",       "('a', 'b')", "()",
        "('a', 1, TRUE)", "(1, 2.0)", "(name, 'b')", "(n, 1)",     "(DATE('2026-11-01'), 'a')",
        "['b']",          "(x, flag)"};
    PICK(d, out, arrays);
}

static inline void write_random_filter(struct dice *d, struct ww_buf *out, int depth);

static inline void write_random_list(struct dice *d, struct ww_buf *out,
                                     void (*write)(struct dice *, struct ww_buf *)) {
    unsigned n = 1 + roll(d, 4);
    ww_buf_char(out, '(');
    for (unsigned i = 0; i < n; i++) {
        if (i)
            ww_buf_text(out, ", ");
        write(d, out);
    }
    ww_buf_char(out, ')');
}

static inline void write_one_text(struct dice *d, struct ww_buf *out) {
    write_random_text(d, out, 1);
}
static inline void write_one_number(struct dice *d, struct ww_buf *out) {
    write_random_number(d, out, 1);
}
static inline void write_one_boolean(struct dice *d, struct ww_buf *out) {
    static const char *const booleans[] = {"flag", "TRUE", "FALSE", "flag", "(n > 1)", "(name IS NULL)"};
    PICK(d, out, booleans);
}
static inline void write_one_value(struct dice *d, struct ww_buf *out) {
    switch (roll(d, 5)) {
    case 0:
        write_one_text(d, out);
        break;
    case 1:
        write_one_boolean(d, out);
        break;
    case 2:
        write_random_instant(d, out);
        break;
    case 3:
        write_random_geometry(d, out);
        break;
    default:
        write_random_number(d, out, 2);
        break;
    }
}

static inline void write_random_test(struct dice *d, struct ww_buf *out) {
    static const char *const compares[] = {" = ", " <> ", " < ", " > ", " <= ", " >= "};
    static const char *const patterns[] = {"'K%'",
                                           "'%e%'",
                                           "'_iev'",
                                           "'%'",
                                           "'st%ße'",
                                           "CASEI('STRA%')",
                                           "ACCENTI(CASEI('k_benh%'))",
                                           "'100\\%'",
                                           "ACCENTI('％%')",
                                           "'%a%b%'",
                                           "CASEI('_\\_%')"};
    static const char *const spatial[] = {"S_INTERSECTS(", "S_DISJOINT(", "S_EQUALS(",  "S_TOUCHES(",
                                          "S_WITHIN(",     "S_OVERLAPS(", "S_CROSSES(", "S_CONTAINS("};
    static const char *const of_instants[] = {"T_AFTER(", "T_BEFORE(", "T_DISJOINT(", "T_EQUALS(",
                                              "T_INTERSECTS("};
    static const char *const of_intervals[] = {"T_CONTAINS(",  "T_DURING(", "T_FINISHEDBY(",   "T_FINISHES(",
                                               "T_MEETS(",     "T_METBY(",  "T_OVERLAPPEDBY(", "T_OVERLAPS(",
                                               "T_STARTEDBY(", "T_STARTS(", "T_INTERSECTS(",   "T_EQUALS("};
    static const char *const of_arrays[] = {"A_EQUALS(", "A_CONTAINS(", "A_CONTAINEDBY(", "A_OVERLAPS("};
    static void (*const kinds[])(struct dice *, struct ww_buf *) = {write_one_text, write_one_number,
                                                                    write_random_instant, write_one_boolean};
    void (*write)(struct dice *, struct ww_buf *) = kinds[roll(d, 4)];
    switch (roll(d, 11)) {
    case 0:
    case 1:
        write(d, out);
        PICK(d, out, compares);
        write(d, out);
        break;
    case 2:
        write_random_number(d, out, 3);
        PICK(d, out, compares);
        write_random_number(d, out, 3);
        break;
    case 3:
        write_random_text(d, out, 2);
        ww_buf_text(out, roll(d, 2) ? " LIKE " : " NOT LIKE ");
        PICK(d, out, patterns);
        break;
    case 4:
        write(d, out);
        ww_buf_text(out, roll(d, 2) ? " BETWEEN " : " NOT BETWEEN ");
        write(d, out);
        ww_buf_text(out, " AND ");
        write(d, out);
        break;
    case 5:
        write(d, out);
        ww_buf_text(out, roll(d, 2) ? " IN " : " NOT IN ");
        write_random_list(d, out, write);
        break;
    case 6:
        write_one_value(d, out);
        ww_buf_text(out, roll(d, 2) ? " IS NULL" : " IS NOT NULL");
        break;
    case 7:
        PICK(d, out, spatial);
        write_random_geometry(d, out);
        ww_buf_text(out, ", ");
        write_random_geometry(d, out);
        ww_buf_char(out, ')');
        break;
    case 8: {
        bool first = roll(d, 2), second = roll(d, 2);
        PICK(d, out, of_instants);
        (first ? write_random_instant : write_random_interval)(d, out);
        ww_buf_text(out, ", ");
        (second ? write_random_instant : write_random_interval)(d, out);
        ww_buf_char(out, ')');
        break;
    }
    case 9:
        PICK(d, out, of_intervals);
        write_random_interval(d, out);
        ww_buf_text(out, ", ");
        write_random_interval(d, out);
        ww_buf_char(out, ')');
        break;
    default:
        PICK(d, out, of_arrays);
        write_random_array(d, out);
        ww_buf_text(out, ", ");
        write_random_array(d, out);
        ww_buf_char(out, ')');
        break;
    }
}

static inline void write_random_filter(struct dice *d, struct ww_buf *out, int depth) {
    unsigned kind = depth > 0 ? roll(d, 6) : 5;
    if (kind == 0) {
        ww_buf_text(out, "NOT (");
        write_random_filter(d, out, depth - 1);
        ww_buf_char(out, ')');
    } else if (kind < 4) {
        ww_buf_char(out, '(');
        write_random_filter(d, out, depth - 1);
        ww_buf_text(out, kind == 1 ? ") AND (" : ") OR (");
        write_random_filter(d, out, depth - 1);
        ww_buf_char(out, ')');
    } else
        write_random_test(d, out);
}

#endif
