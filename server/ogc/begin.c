/* The start of every request: snapshot, layer, format, language, root address, parameters; and its failure.
 *
 * A layer that the snapshot does not have is looked for in the database before it is called unknown, so that
 * a view which was made a second ago is there.
 */
#include <stdarg.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "server/ogc/ogc.h"

/* ---- What outlives requests ---- */

enum { ROW_STREAMS = 4, COUNT_STREAMS = 2, COUNT_MS = 500, COUNT_WAIT_MS = 500 };

struct ww_ogc *ww_ogc_new(struct ww_app *app, const char *conninfo) {
    struct ww_ogc *ogc = ww_must_calloc(1, sizeof *ogc);
    const struct ww_pg_streams_options rows = {
        .conninfo = conninfo, .application = "wardwatch features", .connections = ROW_STREAMS};
    const struct ww_pg_streams_options counts = {.conninfo = conninfo,
                                                 .application = "wardwatch counts",
                                                 .connections = COUNT_STREAMS,
                                                 .wait_max_ms = COUNT_WAIT_MS,
                                                 .statement_timeout_ms = COUNT_MS};
    ogc->layers = ww_layers_new(app->base, conninfo);
    ogc->rows = ww_pg_streams_new(app->base, &rows);
    ogc->counts = ww_pg_streams_new(app->base, &counts);
    ogc->crs = ogc_crs_cache_new();
    return ogc;
}

void ww_ogc_free(struct ww_ogc *ogc) {
    if (!ogc)
        return;
    ww_pg_streams_free(ogc->counts);
    ww_pg_streams_free(ogc->rows);
    ww_layers_free(ogc->layers);
    ogc_crs_cache_free(ogc->crs);
    ww_free(ogc);
}

/* ---- Failing ---- */

void ogc_end(struct ogc_call *call) {
    ww_layer_set_drop(call->set);
    call->set = NULL;
    call->layer = NULL;
}

void ogc_fail_error(struct ogc_call *call, const struct ww_error *err) {
    ogc_end(call);
    ww_http_respond_error(call->req, 0, err);
}

void ogc_fail(struct ogc_call *call, enum ww_status status, const char *field, const char *fmt, ...) {
    struct ww_error err;
    char message[sizeof err.message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    ww_error_set(&err, status, "%s", message);
    if (*field)
        ww_error_at_field(&err, ww_str_of(field), WW_STR_NONE);
    ogc_fail_error(call, &err);
}

/* ---- Parameters ---- */

/* Levenshtein's distance, cut off at 32 letters. */
static size_t distance(struct ww_str a, struct ww_str b) {
    size_t row[33];
    if (a.len > 32 || b.len > 32)
        return 99;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = corner + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            corner = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[b.len];
}

const char *ogc_nearest(struct ww_str wrong, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t best_distance = wrong.len / 3 + 2; /* more than that is another word */
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(wrong, ww_str_of(names[i]));
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

static bool is_listed(struct ww_str name, const char *const *list) {
    for (; list && *list; list++)
        if (ww_str_is(name, *list))
            return true;
    return ww_str_is(name, "f") || ww_str_is(name, "lang");
}

bool ogc_refuse_unknown(struct ogc_call *call, struct ww_str name, const char *const *fixed,
                        bool with_properties) {
    if (is_listed(name, fixed))
        return false;
    if (with_properties && ww_layer_column_find(call->layer, name) >= 0)
        return false;
    const char *known[512];
    size_t n = 0;
    known[n++] = "f";
    known[n++] = "lang";
    for (const char *const *p = fixed; p && *p; p++)
        known[n++] = *p;
    for (int i = 0; with_properties && i < call->layer->n_columns && n < 512; i++)
        known[n++] = call->layer->columns[i].name.ptr;
    const char *nearest = ogc_nearest(name, known, n);
    struct ww_error err;
    ww_error_set(&err, WW_BAD_INPUT, "unknown parameter %.*s%s%s%s", name.len > 60 ? 60 : (int)name.len,
                 name.ptr, nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    ww_error_at_field(&err, name, WW_STR_NONE);
    ogc_fail_error(call, &err);
    return true;
}

static bool params_are_good(struct ogc_call *call, const char *const *allowed) {
    struct ww_str name;
    struct ww_str value;
    for (int i = 0; ww_http_param_at(call->req, i, &name, &value); i++)
        if (ogc_refuse_unknown(call, name, allowed, false))
            return false;
    return true;
}

/* ---- Who asks, for what, where ---- */

bool ogc_may_see(const struct ogc_call *call, const struct ww_layer *layer) {
    const struct ww_account *account = call->route->account;
    if (!account)
        return layer->anonymous || layer->open;
    return account->all_wards || layer->open || layer->ward >= 0;
}

/* The database lets the reader see the wards of the account; the conditions in query.c only help its plans. A
 * relation that readers have no right to is an operator's: read with our own rights, it is those conditions
 * that keep wards apart. */
struct ww_pg_reader ogc_reader(const struct ogc_call *call) {
    struct ww_pg_reader reader = ww_call_reader(call->route);
    if (!call->layer->as_reader)
        reader.role = "none";
    return reader;
}

static struct ww_str root_of(struct ogc_call *call) {
    struct ww_str origin = ww_http_origin(call->req);
    char text[310];
    int n = snprintf(text, sizeof text, "%.*s/ogc", WW_STR_ARG(origin));
    return ww_arena_copy(call->arena, (struct ww_str){text, (size_t)n});
}

static bool choose_format(struct ogc_call *call, const enum ogc_format *offered) {
    struct ww_str f;
    if (ww_http_param(call->req, "f", &f)) {
        for (size_t i = 0; offered[i] != OGC_FORMATS; i++) {
            bool named = ww_str_is(f, ogc_format_name(offered[i]));
            /* Every document that is JSON of some kind goes by that name too. */
            bool as_json = ww_str_is(f, "json") && i == 0;
            if (named || as_json) {
                call->format = offered[i];
                return true;
            }
        }
        ogc_fail(call, WW_BAD_INPUT, "f", "there is no format \"%.*s\" here; the first is %s",
                 f.len > 40 ? 40 : (int)f.len, f.ptr, ogc_format_name(offered[0]));
        return false;
    }
    int chosen = ogc_negotiate(ww_http_header(call->req, "Accept"), offered, &call->plain_json);
    if (chosen < 0) {
        struct ww_error err;
        ww_error_set(&err, WW_BAD_INPUT, "nothing that the header Accept names is made here; %s is",
                     ogc_media_type(offered[0]));
        ogc_end(call);
        ww_http_respond_error(call->req, 406, &err);
        return false;
    }
    call->format = (enum ogc_format)chosen;
    return true;
}

static bool choose_language(struct ogc_call *call) {
    struct ww_str lang;
    if (!ww_http_param(call->req, "lang", &lang)) {
        call->zh = ogc_is_chinese(ww_http_header(call->req, "Accept-Language"));
        return true;
    }
    call->zh = ww_str_starts(lang, WW_STR("zh"));
    if (call->zh || ww_str_starts(lang, WW_STR("en")))
        return true;
    ogc_fail(call, WW_BAD_INPUT, "lang", "lang must be en or zh");
    return false;
}

/* ---- Beginning ---- */

struct beginning {
    struct ogc_call call;
    const enum ogc_format *offered;
    const char *const *allowed;
    void (*then)(struct ogc_call *call);
    bool needs_layer, looked, checks;
};

static void find_layer(struct beginning *b);

static void on_looked(void *arg) {
    struct beginning *b = arg;
    b->looked = true;
    ww_layer_set_drop(b->call.set);
    b->call.set = ww_layers_get(b->call.ogc->layers);
    find_layer(b);
}

static void go_on(struct beginning *b) {
    struct ogc_call *call = &b->call;
    if (!choose_format(call, b->offered) || !choose_language(call))
        return;
    if (b->checks && !params_are_good(call, b->allowed))
        return;
    b->then(call);
}

static void find_layer(struct beginning *b) {
    struct ogc_call *call = &b->call;
    struct ww_str id = call->route->path_arg[0];
    if (!b->needs_layer) {
        go_on(b);
        return;
    }
    call->layer = call->set ? ww_layer_find(call->set, id) : NULL;
    if (!call->layer && !b->looked && ww_layers_refresh(call->ogc->layers, on_looked, b) == WW_OK)
        return;
    if (call->layer && ogc_may_see(call, call->layer)) {
        go_on(b);
        return;
    }
    ogc_fail(call, WW_NOT_FOUND, "", "there is no collection \"%.*s\", or it is not yours to see",
             id.len > 60 ? 60 : (int)id.len, id.ptr);
}

void ogc_begin(struct ww_route_call *route, bool needs_layer, const enum ogc_format *offered,
               const char *const *allowed, void (*then)(struct ogc_call *call)) {
    struct beginning *b = ww_arena_calloc(ww_http_arena(route->req), 1, sizeof *b);
    if (!b) {
        ww_call_fail(route, WW_NO_MEMORY, "", "no memory for this request");
        return;
    }
    struct ww_ogc *ogc = route->app->ogc;
    b->call = (struct ogc_call){.route = route,
                                .req = route->req,
                                .ogc = ogc,
                                .set = ww_layers_get(ogc->layers),
                                .arena = ww_http_arena(route->req),
                                .wards = ww_call_wards(route)};
    b->call.root = root_of(&b->call);
    b->offered = offered;
    b->allowed = allowed;
    b->checks = allowed != NULL;
    b->then = then;
    b->needs_layer = needs_layer;
    if (!b->call.set) {
        ogc_fail(&b->call, WW_UNAVAILABLE, "", "the layers are not known yet");
        return;
    }
    find_layer(b);
}
