/* Turns a request into SQL over the layer's view. Names come from the catalogue only, everything else is an
 * argument.
 *
 * Pages go by key: the rows after the last one of the page before, in an order that ends with the key and so
 * has no ties. Rows that are inserted or deleted meanwhile move no other row into another page. NULL is the
 * greatest of all values, as PostgreSQL has it: last when ascending, first when descending.
 *
 * A feature without geometry or time is found by every bbox and datetime (Part 1, as the conformance suite
 * reads it).
 *
 * A layer may have a place that no index knows, such as a reading's: its thing's or its own. For a small box
 * its option `near` names a function that says where in the key's order to look, and the query goes range by
 * range, in each no further than a page:
 *
 *   SELECT … FROM near(box) AS n (series, since, until)
 *   CROSS JOIN LATERAL (SELECT * FROM layer t WHERE t.key = n.series AND t.time BETWEEN … AND the conditions
 *                       ORDER BY key LIMIT page) t
 *   ORDER BY key LIMIT page
 *
 * For a large box the same would read a page of every series; there the key's order finds a page soon.
 */
#include <math.h>

#include "server/ogc/request.h"

void ogc_query_init(struct ogc_query *query) {
    memset(query, 0, sizeof *query);
    ww_buf_init(&query->sql, (size_t)256 << 10);
    ww_pg_args_init(&query->args);
    query->geom_at = -1;
}

void ogc_query_clear(struct ogc_query *query) {
    ww_buf_clear(&query->sql);
    ww_pg_args_clear(&query->args);
}

static const struct ww_layer_column *column_at(const struct ogc_call *call, int i) {
    return &call->layer->columns[i];
}

static void add_instant(struct ogc_query *q, int64_t instant) {
    ww_pg_arg_instant(&q->args, instant);
    ww_buf_printf(&q->sql, "$%d::timestamptz", q->args.count);
}

/* ---- Conditions ---- */

/* Each condition begins with AND. */
static void and_wards(struct ogc_call *call, struct ogc_query *q) {
    const struct ww_layer *layer = call->layer;
    if (!call->wards.ptr || layer->open || layer->ward < 0)
        return; /* begin.c lets nobody here who may not see all of a layer without wards */
    struct ww_str sql = column_at(call, layer->ward)->sql;
    ww_pg_arg_str(&q->args, call->wards);
    if (layer->ward_kind == WW_LAYER_WARD_ID)
        ww_buf_printf(&q->sql, " AND %.*s = ANY ($%d::int[])", WW_STR_ARG(sql), q->args.count);
    else
        ww_buf_printf(
            &q->sql, " AND %.*s::text IN (SELECT w.code FROM wardwatch.ward w WHERE w.id = ANY ($%d::int[]))",
            WW_STR_ARG(sql), q->args.count);
}

/* A box in another system is no box here: its outline, with points between the corners. */
static bool add_outline(struct ww_crs *crs, const double box[4], int srid, struct ogc_query *q) {
    enum { SIDE = 16 };
    double xy[4 * SIDE * 2];
    for (int i = 0; i < SIDE; i++) {
        double f = (double)i / SIDE;
        double w = box[2] - box[0];
        double h = box[3] - box[1];
        const double points[4][2] = {{box[0] + f * w, box[1]},
                                     {box[2], box[1] + f * h},
                                     {box[2] - f * w, box[3]},
                                     {box[0], box[3] - f * h}};
        for (int side = 0; side < 4; side++) {
            size_t at = 2 * (size_t)(side * SIDE + i);
            bool swap = ww_crs_is_north_first(crs);
            xy[at] = points[side][swap ? 1 : 0];
            xy[at + 1] = points[side][swap ? 0 : 1];
        }
    }
    ww_crs_inverse(crs, xy, (size_t)4 * SIDE);
    struct ww_buf wkt;
    ww_buf_init(&wkt, (size_t)16 << 10);
    ww_buf_text(&wkt, "POLYGON((");
    bool good = true;
    for (size_t i = 0; i <= 4 * SIDE; i++) {
        size_t at = 2 * (i % (4 * SIDE));
        good = good && isfinite(xy[at]);
        ww_buf_printf(&wkt, "%s%.12g %.12g", i ? "," : "", xy[at], xy[at + 1]);
    }
    ww_buf_text(&wkt, "))");
    if (good) {
        ww_pg_arg_str(&q->args, ww_buf_str(&wkt));
        ww_buf_printf(&q->sql, "ST_GeomFromText($%d::text, %d)", q->args.count, srid);
    }
    ww_buf_clear(&wkt);
    return good;
}

static void add_envelope(const double box[4], int srid, struct ogc_query *q) {
    for (int i = 0; i < 4; i++)
        ww_pg_arg_double(&q->args, box[i]);
    int n = q->args.count;
    ww_buf_printf(&q->sql, "ST_MakeEnvelope($%d::float8, $%d::float8, $%d::float8, $%d::float8, %d)", n - 3,
                  n - 2, n - 1, n, srid);
}

/* The i-th box as a geometry of the layer's system. */
static void add_box(struct ogc_call *call, const struct ogc_request *r, int i, struct ogc_query *q) {
    const int srid = call->layer->srid;
    struct ww_crs *crs = ogc_crs_get(call->ogc->crs, (uint32_t)srid, r->box_crs);
    if (!crs || ww_crs_is_plain(crs))
        add_envelope(r->boxes[i], srid, q);
    else if (!add_outline(crs, r->boxes[i], srid, q))
        ww_buf_text(&q->sql, "NULL"); /* beyond where the system is defined: nothing is there */
}

static void and_box(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q) {
    const struct ww_layer *layer = call->layer;
    if (!r->has_box || layer->geom < 0)
        return;
    struct ww_str geom = column_at(call, layer->geom)->sql;
    ww_buf_printf(&q->sql, " AND (%.*s IS NULL", WW_STR_ARG(geom));
    for (int i = 0; i < r->n_boxes; i++) {
        ww_buf_printf(&q->sql, " OR ST_Intersects(%.*s, ", WW_STR_ARG(geom));
        add_box(call, r, i, q);
        ww_buf_char(&q->sql, ')');
    }
    ww_buf_char(&q->sql, ')');
}

/* ---- Where to look for a small box ---- */

/* A box of at most so much of the district. With S series evenly spread, a share f of them in the box and
 * pages of p rows, range by range costs S * f * p rows, the key's order p / f: the same at f = 1 / sqrt(S),
 * for some thousand series 1 / 64. */
#define SMALL_SHARE (1.0 / 64)

/* The area of the box around all that was counted; 0 when nothing was. */
static double district_area(const struct ww_layer_set *set) {
    double box[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < ww_layer_count(set); i++) {
        const struct ww_layer *layer = ww_layer_at(set, i);
        if (!layer->has_box || layer->box[0] > layer->box[2])
            continue;
        for (int k = 0; k < 2; k++) {
            box[k] = fmin(box[k], layer->box[k]);
            box[k + 2] = fmax(box[k + 2], layer->box[k + 2]);
        }
    }
    return box[0] < box[2] ? (box[2] - box[0]) * (box[3] - box[1]) : 0;
}

static bool goes_by_range(struct ogc_call *call, const struct ogc_request *r) {
    const struct ww_layer *layer = call->layer;
    if (!layer->near.len || !r->has_box || r->n_boxes != 1)
        return false;
    struct ww_crs *crs = ogc_crs_get(call->ogc->crs, (uint32_t)layer->srid, r->box_crs);
    if (!crs || !ww_crs_is_plain(crs) || !ww_crs_is_geographic(crs))
        return false;
    const double *box = r->boxes[0];
    return (box[2] - box[0]) * (box[3] - box[1]) <= SMALL_SHARE * district_area(call->set);
}

/* FROM … up to the conditions. */
static void from_layer(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q) {
    const struct ww_layer *layer = call->layer;
    q->by_range = goes_by_range(call, r);
    if (!q->by_range) {
        ww_buf_printf(&q->sql, " FROM %.*s t WHERE true", WW_STR_ARG(layer->relation));
        return;
    }
    const struct ww_str time = column_at(call, layer->time)->sql;
    ww_buf_printf(&q->sql, " FROM %.*s(", WW_STR_ARG(layer->near));
    add_box(call, r, 0, q);
    ww_buf_printf(&q->sql,
                  ") AS n (series, since, until) CROSS JOIN LATERAL (SELECT * FROM %.*s t"
                  " WHERE %.*s = n.series AND %.*s >= n.since AND %.*s <= n.until",
                  WW_STR_ARG(layer->relation), WW_STR_ARG(column_at(call, layer->key[0])->sql),
                  WW_STR_ARG(time), WW_STR_ARG(time));
}

/* One comparison of a time column with an end of the interval. */
static void compare_time(struct ogc_query *q, const struct ww_layer_column *column, const char *op,
                         int64_t instant) {
    if (column->type == WW_LAYER_INSTANT) {
        ww_buf_printf(&q->sql, "%.*s %s ", WW_STR_ARG(column->sql), op);
        add_instant(q, instant);
    } else if (column->type == WW_LAYER_CIVIL) {
        ww_buf_printf(&q->sql, "%.*s %s (", WW_STR_ARG(column->sql), op);
        add_instant(q, instant);
        ww_buf_text(&q->sql, " AT TIME ZONE 'UTC')");
    } else { /* a day is all of its moments */
        ww_buf_printf(&q->sql, "%.*s %s (", WW_STR_ARG(column->sql), op);
        add_instant(q, instant);
        ww_buf_text(&q->sql, " AT TIME ZONE 'UTC')::date");
    }
}

static bool is_key(const struct ww_layer *layer, int column) {
    for (int i = 0; i < layer->n_key; i++)
        if (layer->key[i] == column)
            return true;
    return false;
}

static void and_interval(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q) {
    const struct ww_layer *layer = call->layer;
    if (!r->has_interval || layer->time < 0 || (r->interval.from == INT64_MIN && r->interval.to == INT64_MAX))
        return;
    const struct ww_layer_column *start = column_at(call, layer->time);
    const struct ww_layer_column *end = layer->time_end >= 0 ? column_at(call, layer->time_end) : start;
    ww_buf_text(&q->sql, " AND (");
    if (!is_key(layer, layer->time))
        ww_buf_printf(&q->sql, "%.*s IS NULL OR ", WW_STR_ARG(start->sql));
    ww_buf_text(&q->sql, "(true");
    if (r->interval.to != INT64_MAX) {
        ww_buf_text(&q->sql, " AND ");
        if (r->interval.to == INT64_MIN) /* the year 0: before everything */
            ww_buf_text(&q->sql, "false");
        else
            compare_time(q, start, "<=", r->interval.to);
    }
    if (r->interval.from != INT64_MIN) {
        ww_buf_text(&q->sql, " AND (");
        if (end != start)
            ww_buf_printf(&q->sql, "%.*s IS NULL OR ", WW_STR_ARG(end->sql));
        compare_time(q, end, ">=", r->interval.from);
        ww_buf_char(&q->sql, ')');
    }
    ww_buf_text(&q->sql, "))");
}

static void cast(struct ogc_query *q, const struct ww_layer_column *column) {
    ww_buf_printf(&q->sql, "$%d::%.*s", q->args.count, WW_STR_ARG(column->pg_type));
}

static void and_equals(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q) {
    for (int i = 0; i < r->n_equals; i++) {
        const struct ww_layer_column *column = column_at(call, r->equals[i].column);
        ww_pg_arg_str(&q->args, r->equals[i].value);
        bool by_text = column->type == WW_LAYER_TEXT; /* whatever its type: it is shown as text */
        ww_buf_printf(&q->sql, " AND %.*s = ", WW_STR_ARG(by_text ? column->select : column->sql));
        if (by_text)
            ww_buf_printf(&q->sql, "$%d::text", q->args.count);
        else
            cast(q, column);
    }
}

/* ---- The order, and what comes after a place in it ---- */

struct order {
    struct ogc_sort by[OGC_MAX_SORT + WW_LAYER_MAX_KEY];
    int n;
};

static struct order order_of(const struct ogc_call *call, const struct ogc_request *r) {
    struct order o = {.n = r->n_sort};
    memcpy(o.by, r->sort, sizeof r->sort[0] * (size_t)r->n_sort);
    for (int i = 0; i < call->layer->n_key; i++)
        o.by[o.n++] = (struct ogc_sort){call->layer->key[i], false};
    return o;
}

/* (k1, k2) > ($1, $2): what an index can answer. Only for the key by itself. */
static void after_key(struct ogc_call *call, const struct ogc_request *r, const struct order *o,
                      struct ogc_query *q) {
    ww_buf_text(&q->sql, " AND (");
    for (int i = 0; i < o->n; i++)
        ww_buf_printf(&q->sql, "%s%.*s", i ? ", " : "", WW_STR_ARG(column_at(call, o->by[i].column)->sql));
    ww_buf_text(&q->sql, ") > (");
    for (int i = 0; i < o->n; i++) {
        if (i)
            ww_buf_text(&q->sql, ", ");
        ww_call_arg(&q->args, r->after[i]);
        cast(q, column_at(call, o->by[i].column));
    }
    ww_buf_char(&q->sql, ')');
}

/* Equal in the first i of the order, beyond in the next: one alternative for each i. */
static void after_sorted(struct ogc_call *call, const struct ogc_request *r, const struct order *o,
                         struct ogc_query *q) {
    int arg[OGC_MAX_SORT + WW_LAYER_MAX_KEY];
    for (int i = 0; i < o->n; i++) {
        ww_call_arg(&q->args, r->after[i]);
        arg[i] = q->args.count;
    }
    ww_buf_text(&q->sql, " AND (false");
    for (int i = 0; i < o->n; i++) {
        ww_buf_text(&q->sql, " OR (true");
        for (int j = 0; j <= i; j++) {
            const struct ww_layer_column *c = column_at(call, o->by[j].column);
            bool is_null = !r->after[j].ptr;
            ww_buf_text(&q->sql, " AND ");
            if (j < i && is_null)
                ww_buf_printf(&q->sql, "%.*s IS NULL", WW_STR_ARG(c->sql));
            else if (j < i)
                ww_buf_printf(&q->sql, "%.*s = $%d::%.*s", WW_STR_ARG(c->sql), arg[j],
                              WW_STR_ARG(c->pg_type));
            else if (o->by[j].descending && is_null)
                ww_buf_printf(&q->sql, "%.*s IS NOT NULL", WW_STR_ARG(c->sql));
            else if (o->by[j].descending)
                ww_buf_printf(&q->sql, "%.*s < $%d::%.*s", WW_STR_ARG(c->sql), arg[j],
                              WW_STR_ARG(c->pg_type));
            else if (is_null)
                ww_buf_text(&q->sql, "false");
            else
                ww_buf_printf(&q->sql, "(%.*s > $%d::%.*s OR %.*s IS NULL)", WW_STR_ARG(c->sql), arg[j],
                              WW_STR_ARG(c->pg_type), WW_STR_ARG(c->sql));
        }
        ww_buf_char(&q->sql, ')');
    }
    /* Every argument needs a type, whether or not an alternative used it. */
    for (int i = 0; i < o->n; i++)
        ww_buf_printf(&q->sql, " OR $%d::text = 'x' AND false", arg[i]);
    ww_buf_char(&q->sql, ')');
}

static void and_after(struct ogc_call *call, const struct ogc_request *r, const struct order *o,
                      struct ogc_query *q) {
    if (r->n_after == 0)
        return;
    if (r->n_sort == 0)
        after_key(call, r, o, q);
    else
        after_sorted(call, r, o, q);
}

/* ---- Statements ---- */

static void add_column(struct ogc_call *call, struct ogc_query *q, int column) {
    ww_buf_printf(&q->sql, "%s%.*s", q->n_columns ? ", " : "SELECT ",
                  WW_STR_ARG(column_at(call, column)->select));
    q->columns[q->n_columns++] = column;
}

static void select_columns(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q) {
    const struct ww_layer *layer = call->layer;
    for (int i = 0; i < r->n_sort; i++)
        add_column(call, q, r->sort[i].column);
    for (int i = 0; i < layer->n_key; i++)
        add_column(call, q, layer->key[i]);
    for (int i = 0; i < r->n_properties; i++)
        add_column(call, q, r->properties[i]);
    if (layer->geom >= 0) {
        q->geom_at = q->n_columns;
        add_column(call, q, layer->geom);
    }
}

enum ww_status ogc_query_conditions(struct ogc_call *call, const struct ogc_request *r, struct ogc_query *q,
                                    struct ww_error *err) {
    and_wards(call, q);
    and_box(call, r, q);
    and_interval(call, r, q);
    and_equals(call, r, q);
    return ogc_filter_sql(call, r, q, err);
}

static enum ww_status finish(const struct ogc_query *q, struct ww_error *err) {
    if (q->sql.failed == WW_OK && ww_buf_status(&q->args.bytes) == WW_OK)
        return WW_OK;
    return ww_error_set(err, WW_BAD_INPUT, "the request asks for too much at once");
}

/* One row more than a page, which shows that there is a next one. */
static void order_and_limit(struct ogc_call *call, const struct order *o, int64_t limit,
                            struct ogc_query *q) {
    for (int i = 0; i < o->n; i++)
        ww_buf_printf(&q->sql, "%s%.*s%s", i ? ", " : " ORDER BY ",
                      WW_STR_ARG(column_at(call, o->by[i].column)->sql), o->by[i].descending ? " DESC" : "");
    if (limit >= 0)
        ww_buf_printf(&q->sql, " LIMIT %lld", (long long)limit + 1);
}

enum ww_status ogc_query_items(struct ogc_call *call, const struct ogc_request *r, int64_t limit,
                               struct ogc_query *q, struct ww_error *err) {
    struct order o = order_of(call, r);
    select_columns(call, r, q);
    from_layer(call, r, q);
    enum ww_status st = ogc_query_conditions(call, r, q, err);
    if (st != WW_OK)
        return st;
    and_after(call, r, &o, q);
    if (q->by_range) {
        order_and_limit(call, &o, limit < 0 ? -1 : limit + r->offset, q);
        ww_buf_text(&q->sql, ") t");
    }
    order_and_limit(call, &o, limit, q);
    if (r->offset > 0 && r->n_after == 0)
        ww_buf_printf(&q->sql, " OFFSET %lld", (long long)r->offset);
    return finish(q, err);
}

enum ww_status ogc_query_count(struct ogc_call *call, const struct ogc_request *r, int64_t most,
                               struct ogc_query *q, struct ww_error *err) {
    ww_buf_text(&q->sql, "SELECT count(*) FROM (SELECT");
    from_layer(call, r, q);
    enum ww_status st = ogc_query_conditions(call, r, q, err);
    if (st != WW_OK)
        return st;
    if (q->by_range)
        ww_buf_text(&q->sql, ") t");
    ww_buf_printf(&q->sql, " LIMIT %lld) s", (long long)most + 1);
    return finish(q, err);
}

enum ww_status ogc_query_one(struct ogc_call *call, const struct ogc_request *r, const struct ww_str *key,
                             struct ogc_query *q, struct ww_error *err) {
    select_columns(call, r, q);
    ww_buf_printf(&q->sql, " FROM %.*s t WHERE true", WW_STR_ARG(call->layer->relation));
    and_wards(call, q);
    for (int i = 0; i < call->layer->n_key; i++) {
        const struct ww_layer_column *column = column_at(call, call->layer->key[i]);
        ww_pg_arg_str(&q->args, key[i]);
        ww_buf_printf(&q->sql, " AND %.*s = ", WW_STR_ARG(column->sql));
        cast(q, column);
    }
    ww_buf_text(&q->sql, " LIMIT 2");
    return finish(q, err);
}
