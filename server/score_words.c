/* Says in words why a reading is unusual, in English and Chinese. */
#include <math.h>

#include "server/score_rows.h"

static void put_band(struct ww_buf *out, const struct ww_baseline_verdict *v, bool zh) {
    bool outside = v->observed < v->lower || v->observed > v->upper;
    const char *side = outside ? (v->z > 0 ? (zh ? "高于" : "is above") : (zh ? "低于" : "is below"))
                               : (zh ? "在范围内" : "is within");
    const char *basis =
        v->by_season ? (zh ? "此时段通常值" : "usual for this hour") : (zh ? "近期水平" : "the recent level");
    ww_buf_printf(out, " %.6g %s %.6g", v->observed, side, v->lower);
    if (zh)
        ww_buf_printf(out, "～%.6g（偏离%s %+.1f 个标准差）", v->upper, basis, v->z);
    else
        ww_buf_printf(out, " to %.6g (%+.1f sd from %s)", v->upper, v->z, basis);
}

static void put_run(struct ww_buf *out, const struct ww_baseline_verdict *v, bool zh) {
    bool lately = v->outside_of_8 > 1;
    int n = lately ? 8 : 64, r = lately ? v->outside_of_8 : v->outside_of_64;
    if (zh)
        ww_buf_printf(out, "，最近 %d 个读数中有 %d 个异常", n, r);
    else
        ww_buf_printf(out, ", %d of the last %d outside", r, n);
}

void ww_score_words(struct ww_buf *out, struct ww_str name, const struct ww_baseline_verdict *v, bool zh) {
    ww_buf_str_add(out, name);
    put_band(out, v, zh);
    if (v->reasons & WW_BASELINE_RUN)
        put_run(out, v, zh);
    if (v->reasons & WW_BASELINE_SHIFT)
        ww_buf_text(out, v->shift_sign > 0 ? (zh ? "，持续偏高" : ", lastingly high")
                                           : (zh ? "，持续偏低" : ", lastingly low"));
    if (v->since_us != WW_INSTANT_NONE) {
        char text[40];
        (void)ww_instant_text(v->since_us, text);
        ww_buf_printf(out, zh ? "，自 %s 起" : ", since %s", text);
    }
    if (v->new_normal)
        ww_buf_text(out, zh ? "，已接受为新常态" : ", accepted as the new normal");
}
