/* Makes a snapshot of layers from the database's own catalogue (sql/queries/layers_columns.sql).
 *
 * A layer needs an id for its rows: the option key= (or id=), else the primary key or the smallest unique
 * index, else a column named id, fid or gid. What has none is not served, and the log says so. Time: the
 * option, else the first instant or date. Ward: the option, else a column ward_id or ward.
 */
#include <stdio.h>

#include "geo/base/buf.h"
#include "geo/base/log.h"
#include "server/layers/internal.h"

enum { SET_CEILING = 16 << 20, MAX_COLUMNS = 400 };

enum { /* columns of the query */
       Q_RELATION,
       Q_KIND,
       Q_COMMENT,
       Q_READABLE,
       Q_NAME,
       Q_FORMAT,
       Q_TYPE,
       Q_CATEGORY,
       Q_NOT_NULL,
       Q_TITLE,
       Q_GEOM_TYPE,
       Q_SRID,
       Q_KEY
};

size_t ww_layer_count(const struct ww_layer_set *set) {
    return set->n;
}

const struct ww_layer *ww_layer_at(const struct ww_layer_set *set, size_t i) {
    return &set->layers[i];
}

const struct ww_layer *ww_layer_find(const struct ww_layer_set *set, struct ww_str id) {
    for (size_t i = 0; i < set->n; i++)
        if (ww_str_eq(set->layers[i].id, id))
            return &set->layers[i];
    return NULL;
}

int ww_layer_column_find(const struct ww_layer *layer, struct ww_str name) {
    for (int i = 0; i < layer->n_columns; i++)
        if (ww_str_eq(layer->columns[i].name, name))
            return i;
    return -1;
}

const char *ww_layer_version(const struct ww_layer_set *set) {
    return set->version;
}

void ww_layer_set_hold(struct ww_layer_set *set) {
    set->holders++;
}

void ww_layer_set_drop(struct ww_layer_set *set) {
    if (set && --set->holders == 0)
        ww_arena_free(set->arena);
}

/* ---- Columns ---- */

static enum ww_layer_type type_of(struct ww_str name, struct ww_str category) {
    static const struct {
        const char *name;
        enum ww_layer_type type;
    } known[] = {{"bool", WW_LAYER_BOOL},         {"int2", WW_LAYER_INT},
                 {"int4", WW_LAYER_INT},          {"int8", WW_LAYER_INT},
                 {"float4", WW_LAYER_FLOAT},      {"float8", WW_LAYER_FLOAT},
                 {"numeric", WW_LAYER_NUMERIC},   {"timestamptz", WW_LAYER_INSTANT},
                 {"timestamp", WW_LAYER_CIVIL},   {"date", WW_LAYER_DATE},
                 {"json", WW_LAYER_JSON},         {"jsonb", WW_LAYER_JSON},
                 {"geometry", WW_LAYER_GEOMETRY}, {"geography", WW_LAYER_GEOMETRY}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ww_str_is(name, known[i].name))
            return known[i].type;
    return ww_str_is(category, "A") || ww_str_is(category, "C") ? WW_LAYER_JSON : WW_LAYER_TEXT;
}

/* t."na""me", with something before and behind. */
static struct ww_str column_sql(struct ww_arena *arena, const char *before, struct ww_str name,
                                const char *behind) {
    struct ww_buf out;
    ww_buf_init(&out, 4096);
    ww_buf_text(&out, before);
    ww_buf_text(&out, "t.\"");
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            ww_buf_char(&out, '"');
        ww_buf_char(&out, name.ptr[i]);
    }
    ww_buf_char(&out, '"');
    ww_buf_text(&out, behind);
    struct ww_str text = out.failed == WW_OK ? ww_arena_copy(arena, ww_buf_str(&out)) : WW_STR_NONE;
    ww_buf_clear(&out);
    return text;
}

static bool may_have_arcs(struct ww_str geom_type) {
    static const char *const kinds[] = {
        "Geometry",   "GeometryCollection", "CircularString", "CompoundCurve", "CurvePolygon",
        "MultiCurve", "MultiSurface",       "GeometryZ",      "GeometryM",     "GeometryZM"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (ww_str_eq_nocase(geom_type, ww_str_of(kinds[i])))
            return true;
    return false;
}

static struct ww_str select_sql(struct ww_arena *arena, const struct ww_layer_column *c, struct ww_str type) {
    static const char *const plain_texts[] = {"text", "varchar", "bpchar", "name"};
    if (c->type == WW_LAYER_GEOMETRY) {
        if (ww_str_is(type, "geography"))
            return column_sql(arena, "", c->name, "::geometry");
        return may_have_arcs(c->geom_type) ? column_sql(arena, "ST_CurveToLine(", c->name, ")") : c->sql;
    }
    if (c->type == WW_LAYER_JSON && !ww_str_is(type, "json") && !ww_str_is(type, "jsonb"))
        return column_sql(arena, "to_jsonb(", c->name, ")");
    if (c->type != WW_LAYER_TEXT)
        return c->sql;
    for (size_t i = 0; i < sizeof plain_texts / sizeof *plain_texts; i++)
        if (ww_str_is(type, plain_texts[i]))
            return c->sql;
    if (ww_str_is(type, "bytea"))
        return column_sql(arena, "encode(", c->name, ", 'base64')");
    return column_sql(arena, "", c->name, "::text");
}

/* postgis_typmod_type says "Point", "PointZ", …; of geography "(Point,4326)". Without the dimension's
 * letters. */
static struct ww_str plain_geom_type(struct ww_str text) {
    if (text.len && text.ptr[0] == '(')
        text = (struct ww_str){text.ptr + 1, text.len - 1};
    size_t n = 0;
    while (n < text.len && text.ptr[n] != ',' && text.ptr[n] != ')')
        n++;
    while (n > 1 && (text.ptr[n - 1] == 'Z' || text.ptr[n - 1] == 'M'))
        n--;
    return n ? (struct ww_str){text.ptr, n} : WW_STR("Geometry");
}

static enum ww_status read_column(struct ww_arena *arena, const struct ww_pg_result *r, int row,
                                  struct ww_layer_column *out) {
    struct ww_layer_comment comment;
    struct ww_str type = ww_pg_str(r, row, Q_TYPE);
    enum ww_status st = ww_layer_comment_read(arena, ww_pg_str(r, row, Q_TITLE), &comment);
    if (st != WW_OK)
        return st;
    *out = (struct ww_layer_column){
        .name = ww_arena_copy(arena, ww_pg_str(r, row, Q_NAME)),
        .title_en = comment.title_en,
        .title_zh = comment.title_zh,
        .type = type_of(type, ww_pg_str(r, row, Q_CATEGORY)),
        .nullable = !ww_pg_bool(r, row, Q_NOT_NULL),
        .is_array = ww_str_is(ww_pg_str(r, row, Q_CATEGORY), "A"),
        .pg_type = ww_arena_copy(arena, ww_pg_str(r, row, Q_FORMAT)),
        .geom_type = ww_arena_copy(arena, plain_geom_type(ww_pg_str(r, row, Q_GEOM_TYPE)))};
    if (!out->name.ptr || !out->pg_type.ptr || !out->geom_type.ptr)
        return WW_NO_MEMORY;
    out->sql = column_sql(arena, "", out->name, "");
    if (!out->sql.ptr)
        return WW_NO_MEMORY;
    out->select = select_sql(arena, out, type);
    return out->select.ptr ? WW_OK : WW_NO_MEMORY;
}

/* ---- Layers ---- */

static int find_named(const struct ww_layer *layer, const char *const *names) {
    for (; *names; names++) {
        int at = ww_layer_column_find(layer, ww_str_of(*names));
        if (at >= 0)
            return at;
    }
    return -1;
}

static bool can_be_key(const struct ww_layer *layer, int column) {
    enum ww_layer_type type = layer->columns[column].type;
    return type == WW_LAYER_INT || type == WW_LAYER_TEXT || type == WW_LAYER_INSTANT ||
           type == WW_LAYER_DATE || type == WW_LAYER_NUMERIC;
}

static struct ww_str take_name(struct ww_str *list, char mark) {
    const char *end = list->len ? memchr(list->ptr, mark, list->len) : NULL;
    struct ww_str name = {list->ptr, end ? (size_t)(end - list->ptr) : list->len};
    size_t used = name.len + (end ? 1 : 0);
    *list = (struct ww_str){list->ptr + used, list->len - used};
    return ww_str_trim(name);
}

/* The columns of an index, in its order: place 1, 2, … as the query says. */
static void key_of_index(struct ww_layer *layer, const int *places) {
    for (int place = 1; place <= WW_LAYER_MAX_KEY + 1; place++) {
        int at = -1;
        for (int i = 0; i < layer->n_columns; i++)
            if (places[i] == place)
                at = i;
        if (at < 0)
            return;
        if (place > WW_LAYER_MAX_KEY || !can_be_key(layer, at)) {
            layer->n_key = 0;
            return;
        }
        layer->key[layer->n_key++] = at;
    }
}

static const char *choose_key(struct ww_layer *layer, const struct ww_layer_comment *comment,
                              const int *places) {
    static const char *const usual[] = {"id", "fid", "gid", "ogc_fid", NULL};
    struct ww_str list = comment->key.len ? comment->key : comment->id;
    while (list.len > 0) {
        int at = ww_layer_column_find(layer, take_name(&list, ','));
        if (at < 0 || layer->n_key == WW_LAYER_MAX_KEY || !can_be_key(layer, at))
            return "its option key names no column that can identify a row";
        layer->key[layer->n_key++] = at;
    }
    if (layer->n_key == 0)
        key_of_index(layer, places);
    if (layer->n_key == 0) {
        int at = find_named(layer, usual);
        if (at >= 0 && can_be_key(layer, at))
            layer->key[layer->n_key++] = at;
    }
    return layer->n_key ? NULL : "it has no primary key, no column id, fid or gid, and no option key=";
}

static bool is_time(const struct ww_layer_column *column) {
    return column->type == WW_LAYER_INSTANT || column->type == WW_LAYER_CIVIL ||
           column->type == WW_LAYER_DATE;
}

static const char *choose_time(struct ww_layer *layer, const struct ww_layer_comment *comment) {
    layer->time = layer->time_end = -1;
    struct ww_str list = comment->time;
    if (list.len) {
        layer->time = ww_layer_column_find(layer, take_name(&list, '/'));
        if (list.len)
            layer->time_end = ww_layer_column_find(layer, take_name(&list, '/'));
        bool bad_end = memchr(comment->time.ptr, '/', comment->time.len) &&
                       (layer->time_end < 0 || !is_time(&layer->columns[layer->time_end]));
        if (layer->time < 0 || bad_end || !is_time(&layer->columns[layer->time]))
            return "its option time names no column with a time";
        return NULL;
    }
    for (int i = 0; i < layer->n_columns && layer->time < 0; i++)
        if (is_time(&layer->columns[i]))
            layer->time = i;
    return NULL;
}

static const char *choose_ward(struct ww_layer *layer, const struct ww_layer_comment *comment) {
    static const char *const usual[] = {"ward_id", "ward", NULL};
    layer->ward = -1;
    if (comment->ward.len) {
        layer->ward = ww_layer_column_find(layer, comment->ward);
        if (layer->ward < 0)
            return "its option ward names no column";
    } else if (!comment->open) {
        layer->ward = find_named(layer, usual);
    }
    if (layer->ward < 0)
        return NULL;
    enum ww_layer_type type = layer->columns[layer->ward].type;
    if (type == WW_LAYER_INT)
        layer->ward_kind = WW_LAYER_WARD_ID;
    else if (type == WW_LAYER_TEXT)
        layer->ward_kind = WW_LAYER_WARD_CODE;
    else
        return "its ward column is neither a number (ward.id) nor a text (ward.code)";
    return NULL;
}

/* schema.function, of letters that need no quotes: it becomes a part of queries. */
static const char *choose_near(struct ww_layer *layer, const struct ww_layer_comment *comment) {
    int dots = 0;
    for (size_t i = 0; i < comment->near.len; i++) {
        const char c = comment->near.ptr[i];
        dots += c == '.';
        if (!(c == '.' && i > 0) && !(c >= 'a' && c <= 'z') && c != '_' && !(c >= '0' && c <= '9' && i > 0))
            return "its option near is not schema.function";
    }
    if (comment->near.len && (dots != 1 || layer->geom < 0 || layer->time < 0))
        return "its option near needs schema.function, a geometry and a time";
    layer->near = comment->near;
    return NULL;
}

static void choose_geometry(struct ww_layer *layer, const struct ww_pg_result *r, int first) {
    layer->geom = -1;
    for (int i = 0; i < layer->n_columns && layer->geom < 0; i++) {
        if (layer->columns[i].type == WW_LAYER_GEOMETRY) {
            layer->geom = i;
            layer->srid = (int)ww_pg_i64(r, first + i, Q_SRID);
        }
    }
    if (layer->srid <= 0)
        layer->srid = 4490; /* not declared: as everything else is kept here */
}

static const char *describe(struct ww_layer *layer, const struct ww_layer_comment *comment,
                            const int *places) {
    const char *why = choose_key(layer, comment, places);
    if (!why)
        why = choose_time(layer, comment);
    if (!why)
        why = choose_ward(layer, comment);
    if (!why)
        why = choose_near(layer, comment);
    if (!why && (memchr(layer->id.ptr, '/', layer->id.len) || ww_str_is(layer->id, "dUmmYColLection")))
        why = "its name can't be part of an address"; /* the second is reserved by the conformance suite */
    return why;
}

/* One relation: rows `first` … of the result. NULL when it became a layer, else why not. */
static const char *read_layer(struct ww_layer_set *set, const struct ww_pg_result *r, int first, int n,
                              struct ww_layer *out) {
    struct ww_arena *arena = set->arena;
    struct ww_layer_comment comment;
    int places[MAX_COLUMNS] = {0};
    if (n > MAX_COLUMNS)
        return "it has too many columns";
    struct ww_layer_column *columns = ww_arena_calloc(arena, (size_t)n, sizeof *columns);
    if (!columns || ww_layer_comment_read(arena, ww_pg_str(r, first, Q_COMMENT), &comment) != WW_OK)
        return "memory is short";
    for (int i = 0; i < n; i++) {
        if (read_column(arena, r, first + i, &columns[i]) != WW_OK)
            return "memory is short";
        places[i] = (int)ww_pg_i64(r, first + i, Q_KEY);
    }
    struct ww_str id = ww_arena_copy(arena, ww_pg_str(r, first, Q_RELATION));
    if (!id.ptr)
        return "memory is short";
    *out = (struct ww_layer){.id = id,
                             .title_en = comment.title_en.len ? comment.title_en : id,
                             .title_zh = comment.title_zh.len ? comment.title_zh : id,
                             .about_en = comment.about_en,
                             .about_zh = comment.about_zh,
                             .columns = columns,
                             .n_columns = n,
                             .as_reader = ww_pg_bool(r, first, Q_READABLE),
                             .open = comment.open,
                             .anonymous = comment.anonymous,
                             .time_from = INT64_MIN,
                             .time_to = INT64_MIN,
                             .rows = -1};
    struct ww_str quoted = column_sql(arena, "", id, ""); /* t."name" → layers."name" */
    size_t room = quoted.len + sizeof "layers";
    char *relation = quoted.ptr ? ww_arena_alloc(arena, room) : NULL;
    if (!relation)
        return "memory is short";
    snprintf(relation, room, "layers%s", quoted.ptr + 1);
    out->relation = ww_str_of(relation);
    choose_geometry(out, r, first);
    if (comment.unknown.len)
        ww_log(WW_LOG_WARN, "layer=%.*s unknown_option=\"%.*s\"", WW_STR_ARG(id),
               WW_STR_ARG(comment.unknown));
    return describe(out, &comment, places);
}

struct ww_layer_set *ww_layer_set_build(const struct ww_pg_result *columns, const char *version) {
    int rows = ww_pg_rows(columns);
    struct ww_arena *arena = ww_arena_new(SET_CEILING);
    struct ww_layer_set *set = arena ? ww_arena_calloc(arena, 1, sizeof *set) : NULL;
    if (set)
        set->layers = ww_arena_calloc(arena, (size_t)rows + 1, sizeof *set->layers);
    if (!set || !set->layers) {
        ww_arena_free(arena);
        return NULL;
    }
    set->arena = arena;
    set->holders = 1;
    snprintf(set->version, sizeof set->version, "%s", version);
    for (int first = 0, end; first < rows; first = end) {
        struct ww_str name = ww_pg_str(columns, first, Q_RELATION);
        for (end = first + 1; end < rows && ww_str_eq(ww_pg_str(columns, end, Q_RELATION), name); end++) {
        }
        const char *why = read_layer(set, columns, first, end - first, &set->layers[set->n]);
        if (!why)
            set->n++;
        else
            ww_log(WW_LOG_WARN, "layer=%.*s not_served reason=\"%s\"", WW_STR_ARG(name), why);
    }
    return set;
}
