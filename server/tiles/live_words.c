/* Texts that many rows share, each kept once: wards, classes, feeds, units; and names that come again at
 * every load. */
#include "geo/base/alloc.h"
#include "geo/base/grown.h"
#include "geo/base/json_writer.h"
#include "server/tiles/live_internal.h"

#define WORD_BYTES ((size_t)256 << 20)

void live_words_clear(struct live_words *words) {
    ww_free(words->words);
    ww_map_free(words->by_text);
    ww_arena_free(words->arena);
    *words = (struct live_words){0};
}

static bool begin(struct live_words *words) {
    if (words->n > 0)
        return true;
    if (!words->arena && !(words->arena = ww_arena_new(WORD_BYTES)))
        return false;
    if (!words->by_text)
        words->by_text = ww_map_new(256);
    if (!ww_grown(&words->words, 0, &words->room, sizeof *words->words))
        return false;
    words->words[words->n++] = (struct live_word){WW_STR(""), WW_STR("\"\"")};
    return true;
}

static struct ww_str quoted(struct ww_arena *arena, struct ww_str text) {
    struct ww_buf buf;
    struct ww_json w;
    ww_buf_init(&buf, 6 * text.len + 2); /* every byte as \\u00xx */
    ww_json_init(&w, &buf);
    ww_json_str(&w, text);
    const struct ww_str out =
        ww_buf_status(&buf) == WW_OK ? ww_arena_copy(arena, ww_buf_str(&buf)) : WW_STR_NONE;
    ww_buf_clear(&buf);
    return out;
}

uint32_t live_word(struct live_words *words, struct ww_str text) {
    uint32_t found;
    if (text.len == 0 || !begin(words))
        return 0;
    if (live_word_find(words, text, &found))
        return found;
    struct live_word word = {ww_arena_copy(words->arena, text), quoted(words->arena, text)};
    if (!word.text.ptr || !word.json.ptr ||
        !ww_grown(&words->words, words->n, &words->room, sizeof *words->words) ||
        ww_map_put(words->by_text, text, words->n) != WW_OK)
        return 0;
    words->words[words->n] = word;
    return words->n++;
}

bool live_word_find(const struct live_words *words, struct ww_str text, uint32_t *out) {
    uint64_t at = 0;
    if (text.len > 0 && (!words->by_text || !ww_map_get(words->by_text, text, &at)))
        return false;
    *out = (uint32_t)at;
    return true;
}
