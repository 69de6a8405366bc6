/* POST /ingest/v1/{feed}, and what is done with dead letters: both go down the one path.
 *
 * 200 is sent from the path's callback only, that is after COMMIT.
 */
#include <stdio.h>

#include "geo/base/json_reader.h"
#include "geo/base/json_writer.h"
#include "geo/base/log.h"
#include "ingest/decode/decode.h"
#include "ingest/path.h"
#include "server/route_table.h"

static void answer_receipt(struct ww_route_call *call, const struct ww_receipt *receipt) {
    struct ww_buf out;
    struct ww_json w;
    ww_buf_init(&out, (size_t)1 << 20);
    ww_json_init(&w, &out);
    ww_json_object(&w);
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {{"received", receipt->received},
                  {"stored", receipt->stored},
                  {"corrections", receipt->corrections},
                  {"duplicates", receipt->duplicates},
                  {"dead", receipt->dead}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        ww_json_key(&w, counts[i].name);
        ww_json_int(&w, (int64_t)counts[i].count);
    }
    ww_json_key(&w, "raw_message");
    ww_json_int(&w, receipt->raw_message_id);
    ww_json_key(&w, "dead_letters");
    ww_json_array(&w);
    for (size_t i = 0; i < receipt->n_dead_rows; i++) {
        const struct ww_dead_row *row = &receipt->dead_rows[i];
        ww_json_object(&w);
        ww_json_key(&w, "line");
        ww_json_int(&w, (int64_t)row->line);
        ww_json_key(&w, "column");
        ww_json_int(&w, (int64_t)row->column);
        ww_json_key(&w, "field");
        ww_json_text(&w, row->field);
        ww_json_key(&w, "reason");
        ww_json_text(&w, row->reason);
        ww_json_end_object(&w);
    }
    ww_json_end_array(&w);
    ww_json_end_object(&w);
    if (ww_buf_status(&out) == WW_OK)
        ww_call_answer_json(call, 200, ww_buf_str(&out));
    else /* it is committed: sending it again is harmless, so this may be told as "not now" */
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this answer");
    ww_buf_clear(&out);
}

static void on_committed(void *arg, enum ww_status status, const struct ww_receipt *receipt,
                         const struct ww_error *err) {
    struct ww_route_call *call = arg;
    if (status == WW_OK)
        answer_receipt(call, receipt);
    else
        ww_http_respond_error(call->req, ww_http_status_of(status), err);
}

void ww_handle_ingest(struct ww_route_call *call) {
    struct ww_error err;
    if (!ww_account_may_feed(call->account, call->path_arg[0])) {
        ww_call_fail(call, WW_DENIED, "feed", "this account may not write to that feed");
        return;
    }
    struct ww_submission submission = {
        .feed = call->path_arg[0],
        .content_type = ww_http_header(call->req, "Content-Type"),
        .body = ww_http_body(call->req),
        .peer = ww_http_peer(call->req),
        .account_id = call->account->id,
    };
    enum ww_status st = ww_path_submit(call->app->path, &submission, on_committed, call, &err);
    if (st != WW_OK)
        ww_http_respond_error(call->req, ww_http_status_of(st), &err);
}

/* ---- Dead letters ---- */

struct letter_run {
    struct ww_route_call *call;
    int64_t id;
    char actor[64];
    int32_t account_id;
    struct ww_str corrected; /* ptr NULL: as it was */
    struct ww_str feed, content_type, body;
    struct ww_receipt receipt; /* kept while the letter is marked; its dead rows are not */
};

static struct letter_run *new_run(struct ww_route_call *call) {
    struct letter_run *run = ww_arena_calloc(ww_http_arena(call->req), 1, sizeof *run);
    uint64_t id = 0;
    if (!run) {
        ww_call_fail(call, WW_NO_MEMORY, "", "no memory for this request");
        return NULL;
    }
    ww_str_to_u64(call->path_arg[0], &id); /* the route table checked it */
    run->call = call;
    run->id = (int64_t)id;
    run->account_id = call->account->id;
    snprintf(run->actor, sizeof run->actor, "%s", call->account->name);
    return run;
}

static void resolve(struct letter_run *run, const char *state, ww_pg_cb cb) {
    struct ww_pg_args args;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, run->id);
    ww_pg_arg_str(&args, ww_str_of(state));
    ww_pg_arg_str(&args, ww_str_of(run->actor));
    enum ww_status st =
        ww_pg_pool_query(run->call->app->pool, ww_sql_find("dead_letter_resolve"), &args, cb, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(run->call, st, NULL);
}

/* The rows are in. A letter that could not be marked stays kept; sending it again stores nothing twice. */
static void on_resubmit_marked(void *arg, enum ww_status status, const struct ww_pg_result *r,
                               const struct ww_error *err) {
    struct letter_run *run = arg;
    (void)r;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else
        answer_receipt(run->call, &run->receipt);
}

static bool keep_receipt(struct letter_run *run, const struct ww_receipt *receipt) {
    run->receipt = *receipt;
    run->receipt.dead_rows = NULL;
    run->receipt.n_dead_rows = 0;
    if (!receipt->n_dead_rows)
        return true;
    struct ww_dead_row *rows =
        ww_arena_calloc(ww_http_arena(run->call->req), receipt->n_dead_rows, sizeof *rows);
    if (!rows)
        return false;
    memcpy(rows, receipt->dead_rows, receipt->n_dead_rows * sizeof *rows);
    run->receipt.dead_rows = rows;
    run->receipt.n_dead_rows = receipt->n_dead_rows;
    return true;
}

/* What is dead again stands as a new letter with its own reason, so the old one is done in any case. */
static void on_resubmitted(void *arg, enum ww_status status, const struct ww_receipt *receipt,
                           const struct ww_error *err) {
    struct letter_run *run = arg;
    if (status != WW_OK)
        ww_http_respond_error(run->call->req, ww_http_status_of(status), err);
    else if (!keep_receipt(run, receipt))
        ww_call_fail(run->call, WW_NO_MEMORY, "", "no memory for this request");
    else
        resolve(run, "resubmitted", on_resubmit_marked);
}

static void add_text(char *room, size_t *len, struct ww_str text) {
    if (text.len)
        memcpy(room + *len, text.ptr, text.len);
    *len += text.len;
}

/* One record must be a whole body again: CSV needs its header line, a GeoJSON feature its
 * collection, and a record of a JSON array is a line of NDJSON once its line breaks are gone. */
static bool make_body(struct letter_run *run, struct ww_str raw, struct ww_str header, struct ww_str type,
                      struct ww_str config_format) {
    static const char head[] = "{\"type\":\"FeatureCollection\",\"features\":[", foot[] = "]}";
    char *room =
        ww_arena_alloc(ww_http_arena(run->call->req), header.len + raw.len + sizeof head + sizeof foot);
    size_t len = 0;
    if (!room)
        return false;
    enum ww_format format = ww_format_of_content_type(type);
    if (format == WW_FORMAT_AUTO && ww_str_is(config_format, "json"))
        format = WW_FORMAT_JSON;
    if (format == WW_FORMAT_AUTO && ww_str_is(config_format, "geojson"))
        format = WW_FORMAT_GEOJSON;
    run->content_type = type;
    if (header.len) {
        add_text(room, &len, header);
        if (header.ptr[header.len - 1] != '\n')
            room[len++] = '\n';
        run->content_type = WW_STR("text/csv");
    } else if (format == WW_FORMAT_GEOJSON) {
        add_text(room, &len, ww_str_of(head));
        run->content_type = WW_STR("application/geo+json");
    } else if (format == WW_FORMAT_JSON) {
        run->content_type = WW_STR("application/x-ndjson");
    }
    size_t at = len;
    add_text(room, &len, raw);
    for (; !header.len && at < len; at++) {
        if (room[at] == '\n' || room[at] == '\r')
            room[at] = ' ';
    }
    if (!header.len && format == WW_FORMAT_GEOJSON)
        add_text(room, &len, ww_str_of(foot));
    run->body = (struct ww_str){room, len};
    return true;
}

static bool read_letter(struct letter_run *run, const struct ww_pg_result *r) {
    struct ww_arena *arena = ww_http_arena(run->call->req);
    struct ww_str raw, header;
    run->feed = ww_arena_copy(arena, ww_pg_str(r, 0, 0));
    struct ww_str type = ww_arena_copy(arena, ww_pg_str(r, 0, 4));
    if (!run->feed.ptr || !type.ptr || ww_pg_bytes(r, 0, 2, arena, &raw) != WW_OK ||
        ww_pg_bytes(r, 0, 3, arena, &header) != WW_OK)
        return false;
    return make_body(run, run->corrected.ptr ? run->corrected : raw, header, type, ww_pg_str(r, 0, 5));
}

static void on_letter(void *arg, enum ww_status status, const struct ww_pg_result *r,
                      const struct ww_error *err) {
    struct letter_run *run = arg;
    struct ww_error refused;
    if (status != WW_OK) {
        ww_call_fail_db(run->call, status, err);
        return;
    }
    if (ww_pg_rows(r) == 0) {
        ww_call_fail(run->call, WW_NOT_FOUND, "", "there is no such dead letter");
        return;
    }
    if (!ww_str_is(ww_pg_str(r, 0, 1), "kept")) {
        ww_call_fail(run->call, WW_CONFLICT, "state", "this dead letter is %.*s already",
                     WW_STR_ARG(ww_pg_str(r, 0, 1)));
        return;
    }
    if (!read_letter(run, r)) {
        ww_call_fail(run->call, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    struct ww_submission submission = {
        .feed = run->feed,
        .content_type = run->content_type,
        .body = run->body,
        .peer = ww_http_peer(run->call->req),
        .account_id = run->account_id,
    };
    enum ww_status st = ww_path_submit(run->call->app->path, &submission, on_resubmitted, run, &refused);
    if (st != WW_OK)
        ww_http_respond_error(run->call->req, ww_http_status_of(st), &refused);
}

/* {"raw":"corrected text"} or nothing. */
static bool read_correction(struct letter_run *run) {
    struct ww_http_request *req = run->call->req;
    struct ww_str body = ww_http_body(req);
    struct ww_json_node *root;
    struct ww_error err;
    if (ww_str_trim(body).len == 0)
        return true;
    if (ww_json_parse(ww_http_arena(req), body, &root, &err) != WW_OK) {
        ww_http_respond_error(req, 400, &err);
        return false;
    }
    const struct ww_json_node *raw = ww_json_get(root, "raw");
    if (root->type != WW_JSON_OBJECT || (raw ? raw->next || root->child != raw : root->child != NULL) ||
        (raw && !ww_json_as_str(raw, &run->corrected))) {
        ww_call_fail(run->call, WW_BAD_INPUT, "raw",
                     "the body must be empty or {\"raw\":\"corrected text\"}");
        return false;
    }
    return true;
}

void ww_handle_dead_letter_resubmit(struct ww_route_call *call) {
    struct letter_run *run = new_run(call);
    struct ww_pg_args args;
    if (!run || !read_correction(run))
        return;
    ww_pg_args_init(&args);
    ww_pg_arg_i64(&args, run->id);
    enum ww_status st =
        ww_pg_pool_query(call->app->pool, ww_sql_find("dead_letter_read"), &args, on_letter, run);
    ww_pg_args_clear(&args);
    if (st != WW_OK)
        ww_call_fail_db(call, st, NULL);
}

static void on_discarded(void *arg, enum ww_status status, const struct ww_pg_result *r,
                         const struct ww_error *err) {
    struct letter_run *run = arg;
    if (status != WW_OK)
        ww_call_fail_db(run->call, status, err);
    else if (ww_pg_rows(r) == 0)
        ww_call_fail(run->call, WW_CONFLICT, "state",
                     "there is no such dead letter, or it is not kept any more");
    else
        ww_call_answer_json(run->call, 200, WW_STR("{\"state\":\"discarded\"}"));
}

void ww_handle_dead_letter_discard(struct ww_route_call *call) {
    struct letter_run *run = new_run(call);
    if (run)
        resolve(run, "discarded", on_discarded);
}
