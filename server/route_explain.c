/* Why an alert was raised, in words. */
#include "geo/base/json_writer.h"
#include "server/explain_words.h"
#include "server/route_table.h"

enum { ANSWER_CEILING = 16 << 20 };

struct explain_run {
    struct ww_route_call *call;
    struct ww_str alert; /* JSON, with its explanation */
};

/* ---- Explanation ---- */

static void write_lines(struct ww_json *w, const char *key, struct ww_str text) {
    ww_json_key(w, key);
    ww_json_array(w);
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        ww_json_str(w, (struct ww_str){text.ptr, len});
        size_t step = len + (end ? 1 : 0);
        text = (struct ww_str){text.ptr + step, text.len - step};
    }
    ww_json_end_array(w);
}

static void write_answer(const struct ww_json_node *alert, const struct ww_zone *zone, struct ww_str outcome,
                         struct ww_buf *out) {
    struct ww_buf words;
    struct ww_json w;
    const struct ww_json_node *explanation = ww_json_get(alert, "explanation");
    const struct ww_json_node *id = ww_json_get(alert, "id");
    ww_buf_init(&words, ANSWER_CEILING);
    ww_json_init(&w, out);
    ww_json_object(&w);
    ww_json_key(&w, "id");
    ww_json_raw(&w, id->text);
    ww_json_key(&w, "words");
    ww_json_object(&w);
    for (int zh = 0; zh < 2; zh++) {
        ww_buf_reset(&words);
        ww_explain_words(alert, zone, zh == 1, &words);
        write_lines(&w, zh == 1 ? "zh" : "en", ww_buf_str(&words));
    }
    ww_json_end_object(&w);
    ww_json_key(&w, "explanation");
    ww_json_raw(&w, explanation->text);
    ww_json_key(&w, "outcome");
    ww_json_raw(&w, outcome.len > 0 ? outcome : WW_STR("null"));
    ww_json_end_object(&w);
    ww_buf_clear(&words);
}

static void on_told(void *arg, enum ww_status status, const struct ww_pg_result *r,
                    const struct ww_error *err) {
    struct explain_run *run = arg;
    struct ww_json_node *alert;
    struct ww_zone *zone = NULL;
    struct ww_error problem;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
        return;
    }
    if (ww_json_parse(ww_http_arena(run->call->req), run->alert, &alert, &problem) != WW_OK) {
        ww_call_fail(run->call, WW_NO_MEMORY, "", "no memory for this answer");
        return;
    }
    if (ww_pg_str(r, 0, 0).len > 0 && ww_zone_open(ww_pg_str(r, 0, 0), &zone, NULL) != WW_OK)
        zone = NULL; /* UTC then, as the judge has it */
    struct ww_buf out;
    ww_buf_init(&out, ANSWER_CEILING);
    write_answer(alert, zone, ww_pg_str(r, 0, 1), &out);
    ww_zone_close(zone);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(run->call, 200, ww_buf_str(&out));
    else
        ww_call_fail(run->call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

static void on_alert(void *arg, enum ww_status status, const struct ww_pg_result *r,
                     const struct ww_error *err) {
    struct explain_run *run = arg;
    struct ww_route_call *call = run->call;
    if (status != WW_OK) {
        ww_call_fail_db(call, status, err);
        return;
    }
    if (ww_pg_rows(r) == 0) {
        ww_call_fail(call, WW_NOT_FOUND, "", "there is no such thing, or it is not yours to see");
        return;
    }
    struct ww_str item = ww_pg_str(r, 0, 1), more = ww_pg_str(r, 0, 3);
    char *text = ww_arena_alloc(ww_http_arena(call->req), item.len + more.len);
    if (!text) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
        return;
    }
    memcpy(text, item.ptr, item.len - 1); /* the members of both in one object */
    text[item.len - 1] = ',';
    memcpy(text + item.len, more.ptr + 1, more.len - 1);
    run->alert = (struct ww_str){text, item.len + more.len - 1};
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    enum ww_status st = ww_call_query(call, ww_sql_find("api_alert_told"), &args, on_told, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

void ww_handle_alert_explanation(struct ww_route_call *call) {
    struct explain_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    run->call = call;
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_call_arg(&args, ww_call_wards(call));
    ww_pg_arg_null(&args);
    ww_pg_arg_i64(&args, 1);
    ww_pg_arg_bool(&args, false);
    for (int i = 0; i < 6; i++) /* api_alerts.sql has so many filters before the id */
        ww_pg_arg_null(&args);
    ww_pg_arg_str(&args, call->path_arg[0]);
    for (int i = 0; i < 6; i++) /* and so many behind it */
        ww_pg_arg_null(&args);
    enum ww_status st = ww_call_query(call, ww_sql_find("api_alerts"), &args, on_alert, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}
