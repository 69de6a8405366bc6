/* Reads the comment of a layer or column: titles and descriptions in two languages, and options.
 *
 *   Wells / 水井
 *   Wells of the water company
 *   自来水公司的水井
 *   wardwatch: key=id time=drilled ward=ward_id near=water_company.wells_near
 *
 * The first line is the title, split at " / " or "｜". Further lines belong to the description of their
 * language: a line with a character of U+2E80 or above (CJK) is Chinese. A text in one language alone stands
 * for both.
 */
#include "geo/base/buf.h"
#include "server/layers/layers.h"

static bool is_chinese(struct ww_str text) {
    for (size_t i = 0; i + 2 < text.len; i++) {
        unsigned char a = (unsigned char)text.ptr[i];
        unsigned char b = (unsigned char)text.ptr[i + 1];
        if (a >= 0xe3 && a <= 0xef)
            return true;
        if (a == 0xe2 && b >= 0xba) /* U+2E80 … */
            return true;
    }
    return false;
}

static struct ww_str take_line(struct ww_str *rest) {
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct ww_str line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = line.len + (end ? 1 : 0);
    *rest = (struct ww_str){rest->ptr + used, rest->len - used};
    return ww_str_trim(line);
}

static bool split_at(struct ww_str text, struct ww_str mark, struct ww_str *left, struct ww_str *right) {
    for (size_t i = 0; i + mark.len <= text.len; i++) {
        if (memcmp(text.ptr + i, mark.ptr, mark.len) == 0) {
            *left = ww_str_trim((struct ww_str){text.ptr, i});
            *right = ww_str_trim((struct ww_str){text.ptr + i + mark.len, text.len - i - mark.len});
            return true;
        }
    }
    return false;
}

static void read_title(struct ww_str line, struct ww_layer_comment *out) {
    if (!split_at(line, WW_STR(" / "), &out->title_en, &out->title_zh) &&
        !split_at(line, WW_STR("｜"), &out->title_en, &out->title_zh))
        out->title_en = out->title_zh = line;
    if (is_chinese(out->title_en) && !is_chinese(out->title_zh)) { /* the other way round */
        struct ww_str other = out->title_en;
        out->title_en = out->title_zh;
        out->title_zh = other;
    }
}

static void read_option(struct ww_str word, struct ww_layer_comment *out) {
    static const struct {
        const char *name;
        size_t offset;
    } valued[] = {{"key", offsetof(struct ww_layer_comment, key)},
                  {"id", offsetof(struct ww_layer_comment, id)},
                  {"time", offsetof(struct ww_layer_comment, time)},
                  {"ward", offsetof(struct ww_layer_comment, ward)},
                  {"near", offsetof(struct ww_layer_comment, near)}};
    struct ww_str name;
    struct ww_str value;
    if (ww_str_is(word, "public")) {
        out->open = true;
        return;
    }
    if (ww_str_is(word, "anonymous")) {
        out->anonymous = true;
        return;
    }
    if (split_at(word, WW_STR("="), &name, &value)) {
        for (size_t i = 0; i < sizeof valued / sizeof *valued; i++) {
            if (ww_str_is(name, valued[i].name)) {
                *(struct ww_str *)((char *)out + valued[i].offset) = value;
                return;
            }
        }
    }
    if (out->unknown.len == 0)
        out->unknown = word;
}

static void read_options(struct ww_str line, struct ww_layer_comment *out) {
    while (line.len > 0) {
        size_t n = 0;
        while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '\t')
            n++;
        if (n > 0)
            read_option((struct ww_str){line.ptr, n}, out);
        n += n < line.len;
        line = (struct ww_str){line.ptr + n, line.len - n};
    }
}

static void add_line(struct ww_buf *about, struct ww_str line) {
    if (about->len > 0)
        ww_buf_char(about, ' ');
    ww_buf_str_add(about, line);
}

enum ww_status ww_layer_comment_read(struct ww_arena *arena, struct ww_str text,
                                     struct ww_layer_comment *out) {
    static const struct ww_str mark = WW_STR("wardwatch:");
    struct ww_buf about[2];
    memset(out, 0, sizeof *out);
    struct ww_str rest = ww_arena_copy(arena, ww_str_trim(text));
    if (!rest.ptr)
        return WW_NO_MEMORY;
    for (int i = 0; i < 2; i++)
        ww_buf_init(&about[i], (size_t)64 << 10);
    bool titled = false;
    while (rest.len > 0) {
        struct ww_str line = take_line(&rest);
        if (ww_str_starts(line, mark)) {
            read_options((struct ww_str){line.ptr + mark.len, line.len - mark.len}, out);
        } else if (!titled) {
            read_title(line, out);
            titled = true;
        } else if (line.len > 0) {
            add_line(&about[is_chinese(line)], line);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct ww_str both = ww_buf_str(&about[about[i].len ? i : 1 - i]);
        *(i ? &out->about_zh : &out->about_en) = ww_arena_copy(arena, both);
    }
    bool good = out->about_en.ptr && out->about_zh.ptr;
    for (int i = 0; i < 2; i++) {
        good = good && about[i].failed == WW_OK;
        ww_buf_clear(&about[i]);
    }
    return good ? WW_OK : WW_NO_MEMORY;
}
