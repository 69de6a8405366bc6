/* Rows with sparse values, drawn as features; what changed is kept as boxes until it is asked for. */
#include "geo/tile/live_layer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "geo/base/alloc.h"
#include "geo/base/arena.h"
#include "geo/base/grown.h"
#include "geo/base/id_map.h"
#include "geo/base/map.h"
#include "geo/tile/points.h"

#define CLUSTER_LEVELS 4 /* a cluster's square: a sixteenth of the side, 32 pixels of 512 */
#define TEXT_BYTES     ((size_t)256 << 20)
#define NONE           UINT32_MAX

struct cell {
    uint16_t column;
    uint8_t type;
    union {
        uint32_t text; /* in `texts` */
        int64_t integer;
        double number;
        bool truth;
    };
};

struct row {
    uint64_t id;
    struct ww_map_shape *shape; /* NULL: a point, whose spot `points` knows */
    struct cell *cells;
    uint16_t n_cells, cell_room;
    bool used, changed;
};

/* What a cluster asks of each row, close together: at low zooms all are asked. */
struct brief {
    int32_t ward;
    float state; /* -INFINITY: none */
    int32_t sum;
};

struct column {
    struct ww_str name;
    enum ww_live_type type;
};

struct text {
    struct ww_str text;
    uint32_t drawing, value; /* its number in the tile that was drawn then */
};

struct ww_live_layer {
    char *name;
    uint32_t max_rows;
    int cluster_below;
    uint16_t state, sum, n_columns;
    struct column columns[WW_LIVE_COLUMNS];
    struct row *rows;
    struct brief *briefs; /* as rows */
    uint32_t n_rows, row_room, n_used;
    uint32_t *free_rows;
    uint32_t n_free;
    struct ww_id_map by_id;
    struct ww_points *points;
    uint32_t *shapes; /* rows that have one */
    uint32_t n_shapes, shape_room;
    struct ww_arena *arena; /* texts and names */
    struct ww_map *by_text;
    struct text *texts;
    uint32_t n_texts, text_room;
    uint32_t drawing;  /* counts up: what another tile left in a text is not ours */
    uint32_t *changed; /* rows, each once */
    uint32_t n_changed, changed_room;
    struct ww_live_change *boxes; /* what was there before a row moved or went, then what is there now */
    size_t n_boxes, box_room;
    bool told;       /* the boxes have been handed out: begin anew */
    bool lost_boxes; /* no memory for one: everything changed */
    size_t cell_bytes;
};

struct ww_live_layer *ww_live_layer_new(const struct ww_live_options *options) {
    struct ww_live_layer *l = ww_try_calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->max_rows = options->max_rows < NONE ? options->max_rows : NONE - 1;
    l->cluster_below = options->cluster_below;
    l->state = l->sum = UINT16_MAX;
    l->points = ww_points_new();
    l->arena = ww_arena_new(TEXT_BYTES);
    l->by_text = ww_map_new(64);
    if (l->arena)
        l->name = (char *)(uintptr_t)ww_arena_copy(l->arena, options->name).ptr;
    if (l->name && options->state.len)
        l->state = ww_live_layer_column(l, options->state);
    if (l->name && options->sum.len)
        l->sum = ww_live_layer_column(l, options->sum);
    if (!l->points || !l->name || (options->state.len && l->state == UINT16_MAX) ||
        (options->sum.len && l->sum == UINT16_MAX)) {
        ww_live_layer_free(l);
        return NULL;
    }
    return l;
}

void ww_live_layer_free(struct ww_live_layer *l) {
    if (!l)
        return;
    for (uint32_t i = 0; i < l->n_rows; i++) {
        ww_map_shape_free(l->rows[i].shape);
        ww_free(l->rows[i].cells);
    }
    ww_free(l->rows);
    ww_free(l->briefs);
    ww_free(l->free_rows);
    ww_free(l->shapes);
    ww_free(l->texts);
    ww_free(l->changed);
    ww_free(l->boxes);
    ww_id_map_clear(&l->by_id);
    ww_map_free(l->by_text);
    ww_points_free(l->points);
    ww_arena_free(l->arena);
    ww_free(l);
}

struct ww_str ww_live_layer_name(const struct ww_live_layer *l) {
    return (struct ww_str){l->name, strlen(l->name)};
}

size_t ww_live_layer_rows(const struct ww_live_layer *l) {
    return l->n_used;
}

size_t ww_live_layer_bytes(const struct ww_live_layer *l) {
    return sizeof(*l) + l->row_room * sizeof(*l->rows) + l->cell_bytes + ww_arena_used(l->arena) +
           l->text_room * sizeof(*l->texts) + l->n_used * (16 + 2 * 16 + 12) +
           l->box_room * sizeof(*l->boxes);
}

/* ---- Columns and texts ---- */

uint16_t ww_live_layer_column(struct ww_live_layer *l, struct ww_str name) {
    struct ww_str copy;
    for (uint16_t i = 0; i < l->n_columns; i++)
        if (ww_str_eq(l->columns[i].name, name))
            return i;
    if (l->n_columns == WW_LIVE_COLUMNS || !(copy = ww_arena_copy(l->arena, name)).ptr)
        return UINT16_MAX;
    l->columns[l->n_columns] = (struct column){.name = copy};
    return l->n_columns++;
}

uint16_t ww_live_layer_columns(const struct ww_live_layer *l) {
    return l->n_columns;
}

struct ww_str ww_live_layer_column_name(const struct ww_live_layer *l, uint16_t column) {
    assert(column < l->n_columns);
    return l->columns[column].name;
}

enum ww_live_type ww_live_layer_column_type(const struct ww_live_layer *l, uint16_t column) {
    assert(column < l->n_columns);
    return l->columns[column].type;
}

static uint32_t keep_text(struct ww_live_layer *l, struct ww_str text) {
    uint64_t at;
    struct ww_str copy;
    if (ww_map_get(l->by_text, text, &at))
        return (uint32_t)at;
    if (!ww_grown(&l->texts, l->n_texts, &l->text_room, sizeof(*l->texts)))
        return NONE;
    copy = ww_arena_copy(l->arena, text);
    if (!copy.ptr || ww_map_put(l->by_text, text, l->n_texts) != WW_OK)
        return NONE;
    l->texts[l->n_texts] = (struct text){.text = copy};
    return l->n_texts++;
}

/* ---- Changes ---- */

static void add_box(struct ww_live_layer *l, struct ww_live_change box) {
    if (l->told)
        l->n_boxes = 0, l->told = false;
    if (l->n_boxes == l->box_room) {
        const size_t room = l->box_room ? l->box_room * 2 : 64;
        struct ww_live_change *boxes = ww_try_realloc(l->boxes, room * sizeof(*boxes));
        if (!boxes) {
            l->lost_boxes = true;
            return;
        }
        l->boxes = boxes, l->box_room = room;
    }
    l->boxes[l->n_boxes++] = box;
}

static struct ww_live_change box_of(const struct ww_live_layer *l, uint32_t at) {
    const struct row *row = &l->rows[at];
    struct ww_live_change box = {.ward = l->briefs[at].ward};
    if (row->shape) {
        ww_map_shape_box(row->shape, &box.north_west, &box.south_east);
        return box;
    }
    box.north_west = box.south_east = ww_points_spot(l->points, at);
    box.is_point = true;
    return box;
}

static void note_change(struct ww_live_layer *l, uint32_t at) {
    if (l->rows[at].changed)
        return;
    if (!ww_grown(&l->changed, l->n_changed, &l->changed_room, sizeof(*l->changed))) {
        l->lost_boxes = true;
        return;
    }
    l->rows[at].changed = true;
    l->changed[l->n_changed++] = at;
}

size_t ww_live_layer_changes(struct ww_live_layer *l, const struct ww_live_change **changes) {
    if (l->told)
        l->n_boxes = 0, l->told = false;
    for (uint32_t i = 0; i < l->n_changed; i++) {
        struct row *row = &l->rows[l->changed[i]];
        if (!row->changed)
            continue; /* dropped meanwhile */
        row->changed = false;
        add_box(l, box_of(l, l->changed[i]));
    }
    l->n_changed = 0;
    if (l->lost_boxes && l->box_room > 0) {
        l->lost_boxes = false;
        l->boxes[0] = (struct ww_live_change){{0, 0}, {UINT32_MAX, UINT32_MAX}, 0, false};
        l->n_boxes = 1;
    }
    l->told = true;
    *changes = l->boxes;
    return l->n_boxes;
}

/* ---- Rows ---- */

static uint32_t find_row(const struct ww_live_layer *l, uint64_t id) {
    uint32_t at;
    return ww_id_map_get(&l->by_id, id, &at) ? at : NONE;
}

bool ww_live_layer_has(const struct ww_live_layer *l, uint64_t id) {
    return find_row(l, id) != NONE;
}

int32_t ww_live_layer_ward(const struct ww_live_layer *l, uint64_t id) {
    const uint32_t at = find_row(l, id);
    return at == NONE ? 0 : l->briefs[at].ward;
}

/* A slot for a new row; not counted as used yet. */
static enum ww_status new_slot(struct ww_live_layer *l, uint32_t *at) {
    if (l->n_used >= l->max_rows)
        return WW_TOO_LARGE;
    if (l->n_free > 0) {
        *at = l->free_rows[--l->n_free];
        return WW_OK;
    }
    if (l->n_rows == l->row_room) {
        const uint32_t room = l->row_room ? l->row_room * 2 : 64;
        uint32_t *free_rows = ww_try_realloc(l->free_rows, room * sizeof(*free_rows));
        struct row *rows;
        struct brief *briefs;
        if (!free_rows)
            return WW_NO_MEMORY;
        l->free_rows = free_rows;
        if (!(rows = ww_try_realloc(l->rows, room * sizeof(*rows))))
            return WW_NO_MEMORY;
        l->rows = rows;
        if (!(briefs = ww_try_realloc(l->briefs, room * sizeof(*briefs))))
            return WW_NO_MEMORY;
        l->briefs = briefs;
        l->row_room = room;
    }
    *at = l->n_rows++;
    l->rows[*at] = (struct row){0};
    return WW_OK;
}

static enum ww_status add_row(struct ww_live_layer *l, uint64_t id, uint32_t *at) {
    enum ww_status st = new_slot(l, at);
    if (st != WW_OK)
        return st;
    if ((st = ww_id_map_put(&l->by_id, id, *at)) != WW_OK) {
        l->free_rows[l->n_free++] = *at;
        return st;
    }
    l->rows[*at].id = id;
    l->rows[*at].used = true;
    l->briefs[*at] = (struct brief){0, -INFINITY, 0};
    l->n_used++;
    return WW_OK;
}

static void forget_shape(struct ww_live_layer *l, uint32_t at) {
    for (uint32_t i = 0; i < l->n_shapes; i++)
        if (l->shapes[i] == at) {
            memmove(l->shapes + i, l->shapes + i + 1, (l->n_shapes - i - 1) * sizeof(*l->shapes));
            l->n_shapes--;
            break;
        }
    ww_map_shape_free(l->rows[at].shape);
    l->rows[at].shape = NULL;
}

static void drop_row(struct ww_live_layer *l, uint32_t at) {
    struct row *row = &l->rows[at];
    if (row->shape)
        forget_shape(l, at);
    ww_points_drop(l->points, at);
    ww_id_map_remove(&l->by_id, row->id);
    row->n_cells = 0;
    row->used = row->changed = false;
    l->free_rows[l->n_free++] = at;
    l->n_used--;
}

void ww_live_layer_drop(struct ww_live_layer *l, uint64_t id) {
    const uint32_t at = find_row(l, id);
    if (at == NONE)
        return;
    add_box(l, box_of(l, at));
    drop_row(l, at);
}

void ww_live_layer_keep_only(struct ww_live_layer *l, bool (*keep)(void *arg, uint64_t id), void *arg) {
    for (uint32_t at = 0; at < l->n_rows; at++)
        if (l->rows[at].used && !keep(arg, l->rows[at].id)) {
            add_box(l, box_of(l, at));
            drop_row(l, at);
        }
}

enum ww_status ww_live_layer_place(struct ww_live_layer *l, uint64_t id, int32_t ward, struct ww_spot spot) {
    uint32_t at = find_row(l, id);
    const bool is_new = at == NONE;
    enum ww_status st;
    if (!is_new && !l->rows[at].shape) {
        const struct ww_spot was = ww_points_spot(l->points, at);
        if (was.x == spot.x && was.y == spot.y && l->briefs[at].ward == ward)
            return WW_OK;
    }
    if (!is_new)
        add_box(l, box_of(l, at));
    else if ((st = add_row(l, id, &at)) != WW_OK)
        return st;
    if ((st = ww_points_put(l->points, at, spot)) != WW_OK) {
        if (is_new)
            drop_row(l, at);
        return st;
    }
    if (l->rows[at].shape)
        forget_shape(l, at);
    l->briefs[at].ward = ward;
    note_change(l, at);
    return WW_OK;
}

enum ww_status ww_live_layer_shape(struct ww_live_layer *l, uint64_t id, int32_t ward,
                                   struct ww_map_shape *shape) {
    uint32_t at = find_row(l, id);
    enum ww_status st = WW_OK;
    if (at != NONE && l->rows[at].shape && l->briefs[at].ward == ward &&
        ww_map_shape_equal(l->rows[at].shape, shape)) {
        ww_map_shape_free(shape);
        return WW_OK;
    }
    if (at != NONE)
        add_box(l, box_of(l, at));
    else if ((st = add_row(l, id, &at)) != WW_OK)
        goto failed;
    if (!l->rows[at].shape) {
        if (!ww_grown(&l->shapes, l->n_shapes, &l->shape_room, sizeof(*l->shapes))) {
            st = WW_NO_MEMORY;
            if (!ww_points_has(l->points, at))
                drop_row(l, at);
            goto failed;
        }
        l->shapes[l->n_shapes++] = at;
        ww_points_drop(l->points, at);
    }
    ww_map_shape_free(l->rows[at].shape);
    l->rows[at].shape = shape;
    l->briefs[at].ward = ward;
    note_change(l, at);
    return WW_OK;
failed:
    ww_map_shape_free(shape);
    return st;
}

bool ww_live_layer_bounds(const struct ww_live_layer *l, double out[4]) {
    struct ww_spot nw = {UINT32_MAX, UINT32_MAX}, se = {0, 0};
    for (uint32_t at = 0; at < l->n_rows; at++) {
        if (!l->rows[at].used)
            continue;
        const struct ww_live_change box = box_of(l, at);
        nw.x = box.north_west.x < nw.x ? box.north_west.x : nw.x;
        nw.y = box.north_west.y < nw.y ? box.north_west.y : nw.y;
        se.x = box.south_east.x > se.x ? box.south_east.x : se.x;
        se.y = box.south_east.y > se.y ? box.south_east.y : se.y;
    }
    if (nw.x > se.x || nw.y > se.y)
        return false;
    const struct ww_place a = ww_spot_place(nw), b = ww_spot_place(se);
    out[0] = a.lon_deg, out[1] = b.lat_deg, out[2] = b.lon_deg, out[3] = a.lat_deg;
    return true;
}

/* ---- Values ---- */

static struct cell *find_cell(const struct row *row, uint16_t column) {
    for (uint16_t i = 0; i < row->n_cells; i++)
        if (row->cells[i].column == column)
            return &row->cells[i];
    return NULL;
}

static bool same_cell(const struct cell *a, const struct cell *b) {
    if (a->type != b->type)
        return false;
    switch ((enum ww_live_type)a->type) {
    case WW_LIVE_TEXT:
        return a->text == b->text;
    case WW_LIVE_NUMBER:
        return memcmp(&a->number, &b->number, sizeof(a->number)) == 0;
    case WW_LIVE_BOOL:
        return a->truth == b->truth;
    default:
        return a->integer == b->integer;
    }
}

static bool make_cell(struct ww_live_layer *l, uint16_t column, struct ww_live_value v, struct cell *out) {
    *out = (struct cell){.column = column, .type = (uint8_t)v.type};
    switch (v.type) {
    case WW_LIVE_TEXT:
        return (out->text = keep_text(l, v.text)) != NONE;
    case WW_LIVE_NUMBER:
        out->number = v.number;
        return true;
    case WW_LIVE_BOOL:
        out->truth = v.truth;
        return true;
    default:
        out->integer = v.integer;
        return true;
    }
}

static double cell_size(const struct cell *c) {
    return c->type == WW_LIVE_NUMBER    ? c->number
           : c->type == WW_LIVE_INTEGER ? (double)c->integer
                                        : -INFINITY;
}

static void note_brief(struct ww_live_layer *l, uint32_t at, uint16_t column, const struct cell *cell) {
    if (column == l->state)
        l->briefs[at].state = cell ? (float)cell_size(cell) : -INFINITY;
    if (column == l->sum)
        l->briefs[at].sum = cell && cell->type == WW_LIVE_INTEGER ? (int32_t)cell->integer : 0;
}

enum ww_status ww_live_layer_set(struct ww_live_layer *l, uint64_t id, uint16_t column,
                                 struct ww_live_value value) {
    const uint32_t at = find_row(l, id);
    struct row *row;
    struct cell *cell, made;
    assert(column < l->n_columns);
    if (at == NONE)
        return WW_NOT_FOUND;
    row = &l->rows[at];
    cell = find_cell(row, column);
    if (value.type == WW_LIVE_NOTHING || (value.type == WW_LIVE_NUMBER && !isfinite(value.number))) {
        if (cell) {
            *cell = row->cells[--row->n_cells];
            note_brief(l, at, column, NULL);
            note_change(l, at);
        }
        return WW_OK;
    }
    if (!make_cell(l, column, value, &made))
        return WW_NO_MEMORY;
    if (cell && same_cell(cell, &made))
        return WW_OK;
    if (!cell && row->n_cells == row->cell_room) {
        const uint16_t room = row->cell_room ? (uint16_t)(row->cell_room * 2) : 8;
        struct cell *cells = ww_try_realloc(row->cells, room * sizeof(*cells));
        if (!cells)
            return WW_NO_MEMORY;
        l->cell_bytes += (size_t)(room - row->cell_room) * sizeof(*cells);
        row->cells = cells, row->cell_room = room;
    }
    if (!cell)
        cell = &row->cells[row->n_cells++];
    *cell = made;
    note_brief(l, at, column, cell);
    l->columns[column].type = value.type;
    note_change(l, at);
    return WW_OK;
}

struct ww_live_value ww_live_layer_get(const struct ww_live_layer *l, uint64_t id, uint16_t column) {
    const uint32_t at = find_row(l, id);
    const struct cell *cell = at == NONE ? NULL : find_cell(&l->rows[at], column);
    struct ww_live_value v = {.type = cell ? (enum ww_live_type)cell->type : WW_LIVE_NOTHING};
    if (v.type == WW_LIVE_TEXT)
        v.text = l->texts[cell->text].text;
    else if (v.type == WW_LIVE_NUMBER)
        v.number = cell->number;
    else if (v.type == WW_LIVE_BOOL)
        v.truth = cell->truth;
    else if (cell)
        v.integer = cell->integer;
    return v;
}

/* ---- Drawing ---- */

struct drawing {
    struct ww_live_layer *layer;
    struct ww_mvt *mvt;
    struct ww_tile tile;
    const struct ww_live_view *view;
    uint32_t key[WW_LIVE_COLUMNS]; /* NONE until the tile has a value of that column */
    uint32_t count_key;
};

bool ww_live_view_eq(const struct ww_live_view *a, const struct ww_live_view *b) {
    return a->all == b->all && a->n_wards == b->n_wards &&
           (a->n_wards == 0 || memcmp(a->wards, b->wards, a->n_wards * sizeof *a->wards) == 0);
}

bool ww_live_view_sees(const struct ww_live_view *view, int32_t ward) {
    size_t from = 0, n = view->n_wards;
    if (view->all)
        return true;
    while (n > 0) {
        const size_t half = n / 2;
        if (view->wards[from + half] < ward)
            from += half + 1, n -= half + 1;
        else
            n = half;
    }
    return from < view->n_wards && view->wards[from] == ward;
}

static uint32_t text_number(struct drawing *d, uint32_t at) {
    struct text *text = &d->layer->texts[at];
    if (text->drawing != d->layer->drawing) {
        text->drawing = d->layer->drawing;
        text->value = ww_mvt_new_text(d->mvt, text->text);
    }
    return text->value;
}

static void tag_cell(struct drawing *d, const struct cell *cell) {
    uint32_t *key = &d->key[cell->column];
    if (*key == NONE)
        *key = ww_mvt_key(d->mvt, d->layer->columns[cell->column].name);
    switch ((enum ww_live_type)cell->type) {
    case WW_LIVE_TEXT:
        ww_mvt_tag(d->mvt, *key, text_number(d, cell->text));
        break;
    case WW_LIVE_INTEGER:
        ww_mvt_tag_i64(d->mvt, *key, cell->integer);
        break;
    case WW_LIVE_NUMBER:
        ww_mvt_tag_double(d->mvt, *key, cell->number);
        break;
    case WW_LIVE_BOOL:
        ww_mvt_tag_bool(d->mvt, *key, cell->truth);
        break;
    case WW_LIVE_NOTHING:
        break;
    }
}

static void tag_row(struct drawing *d, const struct row *row) {
    for (uint16_t i = 0; i < row->n_cells; i++)
        tag_cell(d, &row->cells[i]);
}

static void draw_point(struct drawing *d, const struct ww_point *point) {
    int32_t x, y;
    ww_tile_units(d->tile, ww_spot_of_key(point->key), &x, &y);
    ww_mvt_feature(d->mvt, d->layer->rows[point->row].id, WW_MVT_POINT);
    tag_row(d, &d->layer->rows[point->row]);
    ww_mvt_position(d->mvt, x, y);
    (void)ww_mvt_feature_end(d->mvt); /* a failure is told by the layer's end */
}

/* Points that stand together: their middle, how many, the worst of them. */
static void draw_cluster(struct drawing *d, const struct ww_point *points, size_t n) {
    const struct ww_point *first = NULL, *worst = NULL;
    int64_t sum_x = 0, sum_y = 0, count = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct brief *brief = &d->layer->briefs[points[i].row];
        int32_t x, y;
        if (!ww_live_view_sees(d->view, brief->ward))
            continue;
        ww_tile_units(d->tile, ww_spot_of_key(points[i].key), &x, &y);
        sum_x += x, sum_y += y;
        first = first ? first : &points[i];
        if (brief->state > (worst ? d->layer->briefs[worst->row].state : -INFINITY))
            worst = &points[i];
        sum += brief->sum;
        count++;
    }
    if (count == 0)
        return;
    if (count == 1) {
        draw_point(d, first);
        return;
    }
    ww_mvt_feature(d->mvt, d->layer->rows[first->row].id, WW_MVT_POINT);
    if (d->count_key == NONE)
        d->count_key = ww_mvt_key(d->mvt, WW_STR("count"));
    ww_mvt_tag_i64(d->mvt, d->count_key, count);
    if (worst)
        tag_cell(d, find_cell(&d->layer->rows[worst->row], d->layer->state));
    if (sum != 0) {
        if (d->key[d->layer->sum] == NONE)
            d->key[d->layer->sum] = ww_mvt_key(d->mvt, d->layer->columns[d->layer->sum].name);
        ww_mvt_tag_i64(d->mvt, d->key[d->layer->sum], sum);
    }
    ww_mvt_position(d->mvt, (int32_t)(sum_x / count), (int32_t)(sum_y / count));
    (void)ww_mvt_feature_end(d->mvt);
}

/* Rows lie in memory as they came, not as they lie on the map, and waiting for them would take most of the
 * time: each link of the chain row → cells → texts is fetched a few points before it is followed. */
#define AHEAD 6
static void fetch_texts(const struct ww_live_layer *l, const struct row *row, bool bytes) {
    for (uint16_t i = 0; i < row->n_cells; i++)
        if (row->cells[i].type == WW_LIVE_TEXT) {
            const struct text *text = &l->texts[row->cells[i].text];
            __builtin_prefetch(bytes ? (const void *)text->text.ptr : text);
        }
}

static void fetch_ahead(const struct ww_live_layer *l, const struct ww_point *points, size_t i, size_t n) {
    if (i + 4 * AHEAD < n)
        __builtin_prefetch(&l->rows[points[i + 4 * AHEAD].row]);
    if (i + 3 * AHEAD < n)
        __builtin_prefetch(l->rows[points[i + 3 * AHEAD].row].cells);
    if (i + 2 * AHEAD < n)
        fetch_texts(l, &l->rows[points[i + 2 * AHEAD].row], false);
    if (i + AHEAD < n)
        fetch_texts(l, &l->rows[points[i + AHEAD].row], true);
}

static void draw_points(struct drawing *d) {
    const struct ww_live_layer *l = d->layer;
    const struct ww_point *points;
    const size_t n = ww_points_in(l->points, d->tile, 0, &points);
    if (d->tile.zoom >= l->cluster_below) {
        for (size_t i = 0; i < n; i++) {
            fetch_ahead(l, points, i, n);
            if (ww_live_view_sees(d->view, l->briefs[points[i].row].ward))
                draw_point(d, &points[i]);
        }
        return;
    }
    for (size_t i = 0, end; i < n; i = end) {
        const int square_zoom = d->tile.zoom + CLUSTER_LEVELS;
        uint64_t first, last;
        ww_tile_keys(ww_tile_of(ww_spot_of_key(points[i].key), square_zoom), &first, &last);
        for (end = i + 1; end < n && points[end].key <= last;)
            end++;
        draw_cluster(d, points + i, end - i);
    }
}

static void draw_shapes(struct drawing *d) {
    const struct ww_live_layer *l = d->layer;
    for (uint32_t i = 0; i < l->n_shapes; i++) {
        const struct row *row = &l->rows[l->shapes[i]];
        if (!ww_live_view_sees(d->view, l->briefs[l->shapes[i]].ward) ||
            !ww_map_shape_touches(row->shape, d->tile, WW_LIVE_SHAPE_MARGIN))
            continue;
        ww_mvt_feature(d->mvt, row->id, ww_map_shape_type(row->shape));
        ww_map_shape_draw(row->shape, d->tile, WW_LIVE_SHAPE_MARGIN, d->mvt);
        tag_row(d, row);
        (void)ww_mvt_feature_end(d->mvt);
    }
}

enum ww_status ww_live_layer_draw(struct ww_live_layer *layer, struct ww_tile tile,
                                  const struct ww_live_view *view, struct ww_mvt *mvt, struct ww_buf *out) {
    struct drawing d = {.layer = layer, .mvt = mvt, .tile = tile, .view = view, .count_key = NONE};
    memset(d.key, 0xff, sizeof(d.key));
    if (++layer->drawing == 0) { /* after four thousand million tiles */
        for (uint32_t i = 0; i < layer->n_texts; i++)
            layer->texts[i].drawing = 0;
        layer->drawing = 1;
    }
    ww_mvt_layer(mvt, ww_live_layer_name(layer));
    draw_shapes(&d);
    draw_points(&d);
    return ww_mvt_layer_end(mvt, out);
}
