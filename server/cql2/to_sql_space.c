/* Writes geometries and their relations (S_INTERSECTS …) as SQL of PostGIS.
 *
 * ST_Intersects and its like bring the test of bounding boxes (&&) with them, so that a GiST index on the
 * column is used. A literal is WKB with the stored SRID; only a system that differs by more than decision 002
 * takes for nothing (WGS 84 beside CGCS2000) is transformed.
 */
#include "server/cql2/shape.h"
#include "server/cql2/sql_writer.h"

static int datum_of(int srid) {
    return srid == 4326 ? 4490 : srid;
}

/* One of the shapes that a literal consists of. */
static void write_shape(struct ww_cql2_sql *w, const struct ww_cql2_shape *shape, uint32_t i) {
    struct ww_buf wkb;
    bool same = datum_of(w->expr->crs.srid) == datum_of(w->schema->srid);
    if (!ww_cql2_sql_can_add(w))
        return;
    ww_buf_init(&wkb, 64 * WW_CQL2_MAX_VERTICES);
    if (!ww_cql2_shape_wkb(shape, i, w->expr->crs, NULL, NULL, &wkb))
        w->status = ww_error_set(w->err, ww_buf_status(&wkb), "a geometry is too large");
    else {
        ww_pg_arg_bytea(w->args, ww_buf_str(&wkb));
        ww_cql2_sql_text(w, same ? "ST_GeomFromWKB(" : "ST_Transform(ST_GeomFromWKB(");
        ww_cql2_sql_last(w, "bytea");
        ww_buf_printf(w->out, same ? ", %d)" : ", %d), ", same ? w->schema->srid : w->expr->crs.srid);
        if (!same)
            ww_buf_printf(w->out, "%d)", w->schema->srid);
    }
    ww_buf_clear(&wkb);
}

void ww_cql2_sql_geometry(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    if (node->op == CQL2_PROPERTY)
        ww_cql2_sql_property(w, node);
    else
        write_shape(w, node->shape, 0);
}

static void write_side(struct ww_cql2_sql *w, const struct ww_cql2_node *side, uint32_t i) {
    if (side->op == CQL2_PROPERTY)
        ww_cql2_sql_property(w, side);
    else
        write_shape(w, side->shape, i);
}

static uint32_t shapes_of(const struct ww_cql2_node *side) {
    return side->op == CQL2_SHAPE ? ww_cql2_shape_count(side->shape) : 1;
}

void ww_cql2_sql_spatial(struct ww_cql2_sql *w, const struct ww_cql2_node *node) {
    static const char *const calls[] = {
        [CQL2_S_CONTAINS - CQL2_S_CONTAINS] = "ST_Contains(",
        [CQL2_S_CROSSES - CQL2_S_CONTAINS] = "ST_Crosses(",
        [CQL2_S_DISJOINT - CQL2_S_CONTAINS] = "ST_Disjoint(",
        [CQL2_S_EQUALS - CQL2_S_CONTAINS] = "ST_Equals(",
        [CQL2_S_INTERSECTS - CQL2_S_CONTAINS] = "ST_Intersects(",
        [CQL2_S_OVERLAPS - CQL2_S_CONTAINS] = "ST_Overlaps(",
        [CQL2_S_TOUCHES - CQL2_S_CONTAINS] = "ST_Touches(",
        [CQL2_S_WITHIN - CQL2_S_CONTAINS] = "ST_Within(",
    };
    const struct ww_cql2_node *a = node->args[0], *b = node->args[1];
    uint32_t left = shapes_of(a), right = shapes_of(b);
    /* Of collections of several kinds: any member that meets, or none (check.c lets no other relation
     * through). */
    ww_buf_char(w->out, '(');
    for (uint32_t i = 0; i < left && w->status == WW_OK; i++)
        for (uint32_t j = 0; j < right && w->status == WW_OK; j++) {
            if (i + j > 0)
                ww_cql2_sql_text(w, node->op == CQL2_S_DISJOINT ? " AND " : " OR ");
            ww_cql2_sql_text(w, calls[node->op - CQL2_S_CONTAINS]);
            write_side(w, a, i);
            ww_cql2_sql_text(w, ", ");
            write_side(w, b, j);
            ww_buf_char(w->out, ')');
        }
    ww_buf_char(w->out, ')');
}
