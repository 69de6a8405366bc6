/* Geometries and their relations in memory, through GEOS, as PostGIS has them. */
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/coordinate.h"
#include "server/cql2/evaluator.h"

/* ---- Literals, made ready once ---- */

static bool move_position(void *arg, double *x, double *y) {
    struct ww_place place;
    if (ww_datum_to_place(arg, (struct ww_raw_place){*x, *y}, &place, NULL) != WW_OK)
        return false;
    *x = place.lon_deg;
    *y = place.lat_deg;
    return true;
}

static bool is_ours(int srid) {
    return srid == 4490 || srid == 4326; /* decision 002: the same */
}

/* NULL in `datum`: the literals are in the schema's system. */
static enum ww_status open_datum(const struct ww_cql2_expr *expr, struct ww_datum **datum,
                                 struct ww_error *err) {
    char name[24];
    *datum = NULL;
    if (expr->crs.srid == expr->schema->srid || (is_ours(expr->crs.srid) && is_ours(expr->schema->srid)))
        return WW_OK;
    if (!is_ours(expr->schema->srid))
        return ww_error_set(err, WW_BAD_INPUT,
                            "geometries in EPSG:%d can't be compared with EPSG:%d in memory", expr->crs.srid,
                            expr->schema->srid);
    int len = snprintf(name, sizeof name, "EPSG:%d", expr->crs.srid);
    return ww_datum_open((struct ww_str){name, (size_t)len}, datum, err);
}

static enum ww_status make_ready(struct ww_cql2_evaluator *e, const struct ww_cql2_shape *shape, uint32_t i,
                                 struct ww_datum *datum, struct ww_cql2_ready *out, struct ww_error *err) {
    struct ww_buf wkb;
    ww_buf_init(&wkb, 64 * WW_CQL2_MAX_VERTICES);
    enum ww_status st;
    if (!ww_cql2_shape_wkb(shape, i, e->expr->crs, datum ? move_position : NULL, datum, &wkb))
        st = ww_buf_status(&wkb) == WW_OK
                 ? ww_error_set(err, WW_BAD_INPUT, "a geometry lies outside of its reference system")
                 : ww_error_set(err, ww_buf_status(&wkb), "no memory for a geometry");
    else
        st = ww_geometry_from_wkb(e->geos, wkb.data, wkb.len, &out->shape, err);
    ww_buf_clear(&wkb);
    if (st == WW_OK && !(out->prepared = ww_prepared_new(e->geos, out->shape)))
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    return st;
}

enum ww_status ww_cql2_prepare_shape(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node,
                                     struct ww_error *err) {
    struct ww_cql2_slot *slot = &e->slots[node->slot];
    struct ww_datum *datum;
    uint32_t n = ww_cql2_shape_count(node->shape);
    enum ww_status st = open_datum(e->expr, &datum, err);
    if (st != WW_OK)
        return st;
    if (!e->geos)
        e->geos = ww_geos_open();
    slot->ready = ww_try_calloc(n, sizeof *slot->ready);
    if (!e->geos || !slot->ready)
        st = ww_error_set(err, WW_NO_MEMORY, "no memory for a geometry");
    for (uint32_t i = 0; st == WW_OK && i < n; i++)
        st = make_ready(e, node->shape, i, datum, &slot->ready[slot->n_ready++], err);
    ww_datum_close(datum);
    return st;
}

static uint32_t count_vertices(const struct ww_cql2_shape *shape) {
    uint32_t n = shape->n_positions;
    for (uint32_t i = 0; i < shape->n_members; i++)
        n += shape->members[i]->n_positions;
    return n;
}

/* GEOS has an index for what meets a prepared geometry, and for what lies in a prepared polygon. All else it
 * finds by crossing every segment with every other, of the literal's own lines too, and so for every row. */
enum ww_status ww_cql2_check_cost(const struct ww_cql2_node *node, struct ww_error *err) {
    if (node->op == CQL2_S_INTERSECTS || node->op == CQL2_S_DISJOINT)
        return WW_OK;
    for (uint32_t i = 0; i < 2; i++) {
        const struct ww_cql2_node *arg = node->args[i];
        if (arg->op != CQL2_SHAPE || count_vertices(arg->shape) <= WW_CQL2_MAX_LIVE_VERTICES)
            continue;
        bool holds_row = node->op == (i == 0 ? CQL2_S_CONTAINS : CQL2_S_WITHIN);
        if (!holds_row || (arg->shape->kind != CQL2_POLYGON && arg->shape->kind != CQL2_MULTIPOLYGON))
            return ww_error_set(err, WW_TOO_LARGE,
                                "a geometry of more than %d positions can only be asked, in memory, "
                                "what it meets, or what lies in it if it is a polygon",
                                WW_CQL2_MAX_LIVE_VERTICES);
    }
    return WW_OK;
}

void ww_cql2_drop_shape(struct ww_cql2_evaluator *e, struct ww_cql2_slot *slot) {
    for (uint32_t i = 0; i < slot->n_ready; i++) {
        ww_prepared_free(e->geos, slot->ready[i].prepared);
        if (slot->ready[i].shape)
            ww_shape_free(e->geos, slot->ready[i].shape);
    }
    ww_free(slot->ready);
}

/* ---- Relations ---- */

/* The geometries of one side: a literal's, or one made of the row's value. */
struct side {
    struct ww_cql2_ready *ready;
    uint32_t n;
    struct ww_cql2_ready own;
    bool is_null;
};

static void open_side(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node, struct side *side) {
    *side = (struct side){.n = 1};
    if (node->op == CQL2_SHAPE) {
        side->ready = e->slots[node->slot].ready;
        side->n = e->slots[node->slot].n_ready;
        return;
    }
    struct ww_cql2_value value = ww_cql2_property_of(e, node);
    if (!value.is_null && !e->geos)
        e->geos = ww_geos_open();
    if (!value.is_null && e->geos) {
        if (value.is_place)
            side->own.shape = ww_geometry_from_place(e->geos, value.place);
        else if (ww_geometry_from_wkb(e->geos, value.wkb.ptr, value.wkb.len, &side->own.shape, NULL) != WW_OK)
            side->own.shape = NULL;
    }
    side->ready = &side->own;
    side->is_null = !side->own.shape;
}

static void close_side(struct ww_cql2_evaluator *e, struct side *side) {
    if (side->own.shape)
        ww_shape_free(e->geos, side->own.shape);
}

static enum ww_relation converse(enum ww_relation relation) {
    return relation == WW_CONTAINS ? WW_WITHIN : relation == WW_WITHIN ? WW_CONTAINS : relation;
}

static enum ww_cql2_truth relate(struct ww_cql2_evaluator *e, const struct ww_cql2_ready *a,
                                 enum ww_relation relation, const struct ww_cql2_ready *b) {
    bool answer;
    enum ww_status st;
    if (a->prepared && relation != WW_EQUALS)
        st = ww_prepared_relate(e->geos, a->prepared, relation, b->shape, &answer, NULL);
    else if (b->prepared && relation != WW_EQUALS)
        st = ww_prepared_relate(e->geos, b->prepared, converse(relation), a->shape, &answer, NULL);
    else
        st = ww_shape_relate(e->geos, a->shape, relation, b->shape, &answer, NULL);
    return st == WW_OK ? ww_cql2_truth(answer) : WW_CQL2_UNKNOWN;
}

enum ww_cql2_truth ww_cql2_eval_spatial(struct ww_cql2_evaluator *e, const struct ww_cql2_node *node) {
    static const enum ww_relation relations[] = {[CQL2_S_CONTAINS - CQL2_S_CONTAINS] = WW_CONTAINS,
                                                 [CQL2_S_CROSSES - CQL2_S_CONTAINS] = WW_CROSSES,
                                                 [CQL2_S_DISJOINT - CQL2_S_CONTAINS] = WW_DISJOINT,
                                                 [CQL2_S_EQUALS - CQL2_S_CONTAINS] = WW_EQUALS,
                                                 [CQL2_S_INTERSECTS - CQL2_S_CONTAINS] = WW_INTERSECTS,
                                                 [CQL2_S_OVERLAPS - CQL2_S_CONTAINS] = WW_OVERLAPS,
                                                 [CQL2_S_TOUCHES - CQL2_S_CONTAINS] = WW_TOUCHES,
                                                 [CQL2_S_WITHIN - CQL2_S_CONTAINS] = WW_WITHIN};
    const enum ww_relation relation = relations[node->op - CQL2_S_CONTAINS];
    struct side a, b;
    open_side(e, node->args[0], &a);
    open_side(e, node->args[1], &b);
    enum ww_cql2_truth whole = WW_CQL2_UNKNOWN;
    if (!a.is_null && !b.is_null) {
        /* Of several geometries: one pair that meets decides, as in to_sql_space.c. */
        enum ww_cql2_truth decides = relation == WW_DISJOINT ? WW_CQL2_FALSE : WW_CQL2_TRUE;
        whole = ww_cql2_truth(relation == WW_DISJOINT);
        for (uint32_t i = 0; i < a.n * b.n && whole != decides; i++) {
            enum ww_cql2_truth part = relate(e, &a.ready[i / b.n], relation, &b.ready[i % b.n]);
            if (part == decides || part == WW_CQL2_UNKNOWN)
                whole = part;
        }
    }
    close_side(e, &a);
    close_side(e, &b);
    return whole;
}
