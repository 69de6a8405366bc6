/* Files of spatial weights: .gal, .gwt, .csv. */
#include "geo/hotspot/weight_file.h"

#include "geo/base/alloc.h"

struct reading {
    struct ww_str text;
    size_t at;
    uint64_t line; /* of the next byte */
    bool by_commas;
    const struct ww_map *ids;
    uint32_t n;
    bool has_names; /* a name was seen: by_number is decided */
    struct ww_weight_file *out;
    size_t cap;
    struct ww_error *err;
};

static bool is_between(const struct reading *rd, char c) {
    return c == ' ' || c == '\t' || c == '\r' || (rd->by_commas && c == ',');
}

/* The next word of this line; none: len 0. Quotes around it are dropped. */
static struct ww_str next_word(struct reading *rd) {
    const char *p = rd->text.ptr;
    while (rd->at < rd->text.len && is_between(rd, p[rd->at]))
        rd->at++;
    size_t from = rd->at;
    if (from < rd->text.len && p[from] == '"') {
        for (rd->at++; rd->at < rd->text.len && p[rd->at] != '"' && p[rd->at] != '\n';)
            rd->at++;
        struct ww_str word = {p + from + 1, rd->at - from - 1};
        rd->at += rd->at < rd->text.len && p[rd->at] == '"';
        return word;
    }
    while (rd->at < rd->text.len && p[rd->at] != '\n' && !is_between(rd, p[rd->at]))
        rd->at++;
    return (struct ww_str){p + from, rd->at - from};
}

/* To the next line's first byte. */
static void next_line(struct reading *rd) {
    while (rd->at < rd->text.len && rd->text.ptr[rd->at] != '\n')
        rd->at++;
    if (rd->at < rd->text.len) {
        rd->at++;
        rd->line++;
    }
}

/* The next word, on whatever line it is. */
static struct ww_str next_word_anywhere(struct reading *rd) {
    for (;;) {
        struct ww_str word = next_word(rd);
        if (word.len > 0 || rd->at >= rd->text.len)
            return word;
        next_line(rd);
    }
}

static enum ww_status refuse(const struct reading *rd, const char *why, const char *field,
                             struct ww_str value) {
    (void)ww_error_set(rd->err, WW_BAD_INPUT, "%s", why);
    if (rd->err) {
        ww_error_at_field(rd->err, ww_str_of(field), value);
        rd->err->line = rd->line;
    }
    return WW_BAD_INPUT;
}

static enum ww_status place_of(struct reading *rd, struct ww_str name, const char *field, uint32_t *place) {
    uint64_t number;
    bool known = ww_map_get(rd->ids, name, &number);
    if (!rd->has_names) {
        rd->has_names = true;
        rd->out->by_number = !known && ww_str_to_u64(name, &number) && number >= 1 && number <= rd->n;
    }
    if (rd->out->by_number) {
        known = ww_str_to_u64(name, &number) && number >= 1 && number <= rd->n;
        number--;
    }
    if (!known)
        return refuse(rd, name.len == 0 ? "a place's name is missing" : "no place has this name", field,
                      name);
    *place = (uint32_t)number;
    return WW_OK;
}

static enum ww_status keep(struct reading *rd, struct ww_weight_pair pair) {
    struct ww_weight_file *f = rd->out;
    if (f->n == rd->cap) {
        size_t cap = rd->cap ? rd->cap * 2 : 1024;
        struct ww_weight_pair *pairs = ww_try_realloc(f->pairs, cap * sizeof *pairs);
        if (pairs)
            f->pairs = pairs;
        uint64_t *line = pairs ? ww_try_realloc(f->line, cap * sizeof *line) : NULL;
        if (!line)
            return ww_error_set(rd->err, WW_NO_MEMORY, "no memory for %zu pairs of neighbours", cap);
        f->line = line;
        rd->cap = cap;
    }
    f->pairs[f->n] = pair;
    f->line[f->n++] = rd->line;
    return WW_OK;
}

/* "0 100 sids FIPS" or "100". */
static enum ww_status read_head(struct reading *rd, uint64_t *n_places) {
    struct ww_str first = next_word_anywhere(rd), second = next_word(rd);
    if (!ww_str_to_u64(first, n_places) || (second.len > 0 && !ww_str_to_u64(second, n_places)))
        return refuse(rd, "a weights file begins with the number of places, or \"0 N FILE FIELD\"", "head",
                      first);
    next_line(rd);
    return WW_OK;
}

static enum ww_status read_gal(struct reading *rd) {
    uint64_t n_places, seen = 0;
    enum ww_status st = read_head(rd, &n_places);
    for (; st == WW_OK; seen++) {
        struct ww_str name = next_word_anywhere(rd);
        if (name.len == 0)
            break;
        uint32_t from, to;
        uint64_t n;
        st = place_of(rd, name, "place", &from);
        if (st != WW_OK)
            break;
        struct ww_str count = next_word(rd);
        if (!ww_str_to_u64(count, &n) || n >= rd->n)
            return refuse(rd, "after a place's name comes the number of its neighbours", "number", count);
        for (uint64_t k = 0; k < n && st == WW_OK; k++) {
            st = place_of(rd, next_word_anywhere(rd), "neighbour", &to);
            if (st == WW_OK)
                st = keep(rd, (struct ww_weight_pair){from, to, 1});
        }
    }
    if (st == WW_OK && seen != n_places)
        return refuse(rd, "the file holds another number of places than its head says", "head", WW_STR_NONE);
    return st;
}

static enum ww_status read_pair(struct reading *rd, struct ww_str from) {
    struct ww_weight_pair pair = {0, 0, 1};
    enum ww_status st = place_of(rd, from, "from", &pair.from);
    if (st == WW_OK)
        st = place_of(rd, next_word(rd), "to", &pair.to);
    if (st != WW_OK)
        return st;
    struct ww_str third = next_word(rd);
    if (rd->out->has_third && !ww_str_to_double(third, &pair.weight))
        return refuse(rd, "the third word must be a number", "weight", third);
    return keep(rd, pair);
}

static enum ww_status read_pairs(struct reading *rd, bool has_third) {
    enum ww_status st = WW_OK;
    rd->out->has_third = has_third;
    while (st == WW_OK) {
        struct ww_str from = next_word_anywhere(rd);
        if (from.len == 0)
            break;
        st = read_pair(rd, from);
        if (st == WW_OK)
            next_line(rd);
    }
    return st;
}

static enum ww_status read_csv(struct reading *rd) {
    struct ww_str from = next_word_anywhere(rd), to = next_word(rd), third = next_word(rd);
    if (from.len == 0 || to.len == 0)
        return refuse(rd, "a table of neighbours needs a head with two columns: from, to", "head", from);
    next_line(rd);
    return read_pairs(rd, third.len > 0);
}

enum ww_status ww_weight_file_read(struct ww_str text, enum ww_weight_format format, const struct ww_map *ids,
                                   uint32_t n, struct ww_weight_file *out, struct ww_error *err) {
    struct reading rd = {.text = text, .line = 1, .ids = ids, .n = n, .out = out, .err = err};
    *out = (struct ww_weight_file){0};
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        rd.at = 3;
    rd.by_commas = format == WW_WEIGHTS_CSV;
    enum ww_status st;
    uint64_t n_places;
    if (format == WW_WEIGHTS_GAL)
        st = read_gal(&rd);
    else if (format == WW_WEIGHTS_CSV)
        st = read_csv(&rd);
    else if ((st = read_head(&rd, &n_places)) == WW_OK)
        st = read_pairs(&rd, true);
    if (st != WW_OK)
        ww_weight_file_clear(out);
    return st;
}

void ww_weight_file_clear(struct ww_weight_file *file) {
    ww_free(file->pairs);
    ww_free(file->line);
    *file = (struct ww_weight_file){0};
}

enum ww_status ww_weight_file_weights(const struct ww_weight_file *file, uint32_t n, struct ww_weights **out,
                                      struct ww_error *err) {
    struct ww_error inner;
    enum ww_status st = ww_weights_from_pairs(file->pairs, file->n, n, out, &inner);
    if (st == WW_OK)
        return st;
    (void)ww_error_set(err, st, "%s", inner.message);
    if (err && st == WW_BAD_INPUT)
        err->line = file->line[inner.offset];
    return st;
}
