/* Lays wards out on cells; the half of the ward index that builds it.
 *
 * Two steps. First each ward is spread over the coarse grid: which of its edges touch which
 * cell, and in which cells' south-west corner does it lie? The corners of one row are
 * answered together: an edge that crosses the row's line flips all corners east of it.
 * Then every grid cell is split into 4 × 4 as long as that thins out its edges; the corners
 * of the parts follow from the whole's corner and edges by counting crossings, the same
 * function that answers look-ups.
 *
 * "Touches" is asked with cells that are a thousandth wider than they are. So a place whose
 * cell was computed with a rounding error of 2^-44 degree still meets all edges near it.
 * More edges than needed do no harm: crossings are counted, not assumed.
 */
#include "geo/base/alloc.h"
#include "geo/ward_cells.h"

#define SPLIT_ABOVE    16u        /* edges of a cell; measured, see tests/bench/ward_lookup_bench.c */
#define MAX_LEAF_WORDS (1u << 28) /* 1 GB */
#define MAX_ENTRIES    (1u << 26)

/* A ward in a cell, while building. */
struct group {
    uint32_t ward;
    bool inside;  /* the cell's corner lies in the ward */
    uint32_t n;   /* edges */
    size_t first; /* in a list of edges */
};

struct entry {
    uint32_t cell; /* of the grid */
    struct group group;
};

struct pair {
    uint32_t cell; /* of the ward's own rectangle of the grid */
    uint32_t edge;
};

struct cell {
    uint32_t x, y; /* units, of the south-west corner */
    uint32_t shift;
};

/* A growing array; `items` has `n` of `cap` items. */
struct list {
    void *items;
    size_t n, cap;
};

struct build {
    struct ww_ward_index *index;
    struct list entries;     /* struct entry: step one's result */
    struct list entry_edges; /* uint32_t */
    struct list pairs;       /* struct pair: of one ward */
    struct list counts;      /* uint32_t: of one ward, a cell of its rectangle each */
    struct list flips;       /* bool: of one ward, likewise */
    struct list groups;      /* struct group: a stack, step two */
    struct list edges;       /* uint32_t: a stack */
    struct list nodes;       /* uint32_t */
    struct list leaves;      /* uint32_t */
    enum ww_status failed;   /* sticky; checked between cells */
};

#define ITEMS(type, list) ((type *)(list).items)

/* Appends `count` items of `size` bytes, not yet filled; NULL (and failed) without memory. */
static void *extend(struct build *b, struct list *list, size_t count, size_t size) {
    if (list->n + count > list->cap) {
        size_t cap = list->n + count + list->n / 2 + 64;
        void *grown = ww_try_realloc(list->items, cap * size);
        if (!grown) {
            b->failed = WW_NO_MEMORY;
            return NULL;
        }
        list->items = grown;
        list->cap = cap;
    }
    void *fresh = (char *)list->items + list->n * size;
    list->n += count;
    return fresh;
}

static void push_u32(struct build *b, struct list *list, uint32_t value) {
    uint32_t *item = extend(b, list, 1, sizeof *item);
    if (item)
        *item = value;
}

static struct ww_place corner_of(struct cell c) {
    return (struct ww_place){.lon_deg = ww_cell_degrees(c.x), .lat_deg = ww_cell_degrees(c.y)};
}

static double size_of(struct cell c) {
    return (double)(UINT32_C(1) << c.shift) / WW_CELL_SCALE;
}

/* Does the edge touch the cell (a little widened)? Boxes first, then: are the cell's four
 * corners all on one side of the edge's line? */
static bool touches(const struct ww_place *edge, struct cell c) {
    const double half = size_of(c) / 2;
    const double reach = half * (1 + 1.0 / 512);
    const struct ww_place corner = corner_of(c);
    const double ax = edge[0].lon_deg - (corner.lon_deg + half);
    const double ay = edge[0].lat_deg - (corner.lat_deg + half);
    const double bx = edge[1].lon_deg - (corner.lon_deg + half);
    const double by = edge[1].lat_deg - (corner.lat_deg + half);
    if ((ax < -reach && bx < -reach) || (ax > reach && bx > reach) || (ay < -reach && by < -reach) ||
        (ay > reach && by > reach))
        return false;
    return fabs(ax * by - ay * bx) <= reach * (fabs(bx - ax) + fabs(by - ay));
}

/* ---- Step one: wards over the grid ---- */

/* The rectangle of grid cells that a box touches, widened like cells are. */
struct span {
    uint32_t x0, y0, nx, ny; /* cells, counted from the grid's corner */
};

static uint32_t clamp_cell(const struct ww_ward_index *index, double degrees, uint32_t first,
                           uint32_t count) {
    double cell = floor((degrees + 256) * WW_CELL_SCALE / (double)(UINT32_C(1) << index->shift)) - first;
    return cell <= 0 ? 0 : cell >= count ? count - 1 : (uint32_t)cell;
}

static struct span span_of(const struct ww_ward_index *index, double west, double south, double east,
                           double north) {
    const double margin = (double)(UINT32_C(1) << index->shift) / WW_CELL_SCALE / 512;
    struct span s = {.x0 = clamp_cell(index, west - margin, index->x0, index->nx),
                     .y0 = clamp_cell(index, south - margin, index->y0, index->ny)};
    s.nx = clamp_cell(index, east + margin, index->x0, index->nx) - s.x0 + 1;
    s.ny = clamp_cell(index, north + margin, index->y0, index->ny) - s.y0 + 1;
    return s;
}

static struct cell grid_cell(const struct ww_ward_index *index, uint32_t column, uint32_t row) {
    return (struct cell){.x = (index->x0 + column) << index->shift,
                         .y = (index->y0 + row) << index->shift,
                         .shift = index->shift};
}

/* The first column from which on the row's corners lie east of the edge. */
static uint32_t first_east(const struct ww_ward_index *index, const struct ww_place *edge, struct span s,
                           uint32_t row) {
    const struct ww_place *low = edge[0].lat_deg < edge[1].lat_deg ? &edge[0] : &edge[1];
    const struct ww_place *high = low == &edge[0] ? &edge[1] : &edge[0];
    const struct ww_place corner = corner_of(grid_cell(index, s.x0, row));
    double share = (corner.lat_deg - low->lat_deg) / (high->lat_deg - low->lat_deg);
    double crossing = low->lon_deg + share * (high->lon_deg - low->lon_deg);
    double guess = (crossing - corner.lon_deg) * WW_CELL_SCALE / (double)(UINT32_C(1) << index->shift);
    uint32_t column = guess <= 0 ? 0 : guess >= s.nx ? s.nx : (uint32_t)guess;
    /* The guess is rounded; the orientation of the corners decides. East of it is right of it. */
    while (column > 0 &&
           ww_orient_nudged(*low, *high, corner_of(grid_cell(index, s.x0 + column - 1, row))) < 0)
        column--;
    while (column < s.nx &&
           ww_orient_nudged(*low, *high, corner_of(grid_cell(index, s.x0 + column, row))) > 0)
        column++;
    return column;
}

/* One edge: the corners that it flips and the cells that it touches. */
static void spread_edge(struct build *b, uint32_t edge, struct span s) {
    const struct ww_ward_index *index = b->index;
    const struct ww_place *ends = index->vertices + edge;
    struct span e =
        span_of(index, fmin(ends[0].lon_deg, ends[1].lon_deg), fmin(ends[0].lat_deg, ends[1].lat_deg),
                fmax(ends[0].lon_deg, ends[1].lon_deg), fmax(ends[0].lat_deg, ends[1].lat_deg));
    for (uint32_t row = e.y0; row < e.y0 + e.ny && !b->failed; row++) {
        const double line = corner_of(grid_cell(index, 0, row)).lat_deg;
        if ((ends[0].lat_deg > line) != (ends[1].lat_deg > line)) {
            uint32_t column = first_east(index, ends, s, row);
            bool *flips = ITEMS(bool, b->flips) + (size_t)(row - s.y0) * s.nx;
            if (column < s.nx)
                flips[column] = !flips[column];
        }
        for (uint32_t column = e.x0; column < e.x0 + e.nx; column++) {
            if (!touches(ends, grid_cell(index, column, row)))
                continue;
            struct pair *pair = extend(b, &b->pairs, 1, sizeof *pair);
            if (!pair)
                return;
            *pair = (struct pair){.cell = (row - s.y0) * s.nx + (column - s.x0), .edge = edge};
            ITEMS(uint32_t, b->counts)[pair->cell]++;
        }
    }
}

/* Turns one ward's pairs and flips into entries, cell by cell. */
static void make_entries(struct build *b, uint32_t ward, struct span s) {
    const size_t base = b->entry_edges.n;
    uint32_t *edges = extend(b, &b->entry_edges, b->pairs.n, sizeof *edges);
    if (!edges)
        return;
    uint32_t *counts = ITEMS(uint32_t, b->counts);
    const bool *flips = ITEMS(bool, b->flips);
    uint32_t at = 0;
    for (uint32_t cell = 0; cell < s.nx * s.ny; cell++) { /* counts become the place of the first */
        uint32_t n = counts[cell];
        counts[cell] = at;
        at += n;
    }
    for (size_t i = 0; i < b->pairs.n; i++) { /* … and then the place after the last */
        const struct pair *pair = &ITEMS(struct pair, b->pairs)[i];
        edges[counts[pair->cell]++] = pair->edge;
    }
    bool inside = false;
    uint32_t start = 0;
    for (uint32_t cell = 0; cell < s.nx * s.ny; cell++) {
        inside = (cell % s.nx == 0 ? false : inside) != flips[cell];
        const uint32_t n = counts[cell] - start;
        if (n > 0 || inside) {
            struct entry *entry = extend(b, &b->entries, 1, sizeof *entry);
            if (!entry)
                return;
            entry->cell = (s.y0 + cell / s.nx) * b->index->nx + s.x0 + cell % s.nx;
            entry->group = (struct group){.ward = ward, .inside = inside, .n = n, .first = base + start};
        }
        start = counts[cell];
    }
}

static void spread_ward(struct build *b, uint32_t number, const struct ww_ward_source *ward,
                        const struct ww_ward_ring *rings) {
    struct span s = span_of(b->index, ward->west, ward->south, ward->east, ward->north);
    const size_t n_cells = (size_t)s.nx * s.ny;
    b->pairs.n = b->counts.n = b->flips.n = 0;
    if (!extend(b, &b->counts, n_cells, sizeof(uint32_t)) || !extend(b, &b->flips, n_cells, sizeof(bool)))
        return;
    memset(b->counts.items, 0, n_cells * sizeof(uint32_t));
    memset(b->flips.items, 0, n_cells * sizeof(bool));
    for (uint32_t r = ward->first_ring; r < ward->first_ring + ward->n_rings; r++)
        for (uint32_t e = 0; e < rings[r].n_edges && !b->failed; e++)
            spread_edge(b, rings[r].first + e, s);
    if (!b->failed)
        make_entries(b, number, s);
    if (b->entries.n > MAX_ENTRIES)
        b->failed = WW_TOO_LARGE;
}

/* ---- Step two: cells into nodes and leaves ---- */

static uint32_t build_cell(struct build *b, struct cell c, size_t first_group, size_t n_groups);

static uint32_t count_runs(const uint32_t *edges, uint32_t n) {
    uint32_t runs = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool goes_on = i > 0 && edges[i] == edges[i - 1] + 1 && length < WW_RUN_MAX;
        length = goes_on ? length + 1 : 1;
        runs += !goes_on;
    }
    return runs;
}

static void write_runs(struct build *b, const uint32_t *edges, uint32_t n) {
    uint32_t first = 0;
    for (uint32_t i = 1; i <= n; i++) {
        if (i < n && edges[i] == edges[i - 1] + 1 && i - first < WW_RUN_MAX)
            continue;
        push_u32(b, &b->leaves, WW_RUN(edges[first], i - first));
        first = i;
    }
}

static uint32_t write_leaf(struct build *b, size_t first_group, size_t n_groups) {
    const size_t offset = b->leaves.n;
    for (size_t i = 0; i < n_groups && !b->failed; i++) {
        const struct group g = ITEMS(struct group, b->groups)[first_group + i];
        const uint32_t *edges = ITEMS(uint32_t, b->edges) + g.first;
        const uint32_t runs = g.n ? count_runs(edges, g.n) : 0;
        const uint32_t shown = runs < WW_GROUP_MANY ? runs : WW_GROUP_MANY;
        push_u32(b, &b->leaves, WW_GROUP(g.ward, shown, g.inside, i + 1 == n_groups));
        if (shown == WW_GROUP_MANY)
            push_u32(b, &b->leaves, runs);
        if (g.n)
            write_runs(b, edges, g.n);
    }
    if (b->leaves.n > MAX_LEAF_WORDS)
        b->failed = WW_TOO_LARGE;
    return WW_SLOT(WW_SLOT_LEAF, offset);
}

/* Lies the corner in the ward, when `from` does as the group says? */
static bool corner_inside(const struct build *b, struct group g, struct ww_place from,
                          struct ww_place corner) {
    const uint32_t *edges = ITEMS(uint32_t, b->edges) + g.first;
    unsigned crossings = g.inside;
    for (uint32_t i = 0; i < g.n; i++)
        crossings += ww_cell_crossings(b->index->vertices + edges[i], 1, corner, from, NULL);
    return crossings & 1u;
}

/* Puts on the stacks what one part of a cell keeps of its groups; returns its edges. */
static size_t push_part(struct build *b, struct cell whole, struct cell part, size_t first_group,
                        size_t n_groups) {
    size_t n_edges = 0;
    for (size_t i = 0; i < n_groups && !b->failed; i++) {
        const struct group g = ITEMS(struct group, b->groups)[first_group + i];
        struct group kept = {.ward = g.ward, .first = b->edges.n};
        kept.inside = corner_inside(b, g, corner_of(whole), corner_of(part));
        for (uint32_t e = 0; e < g.n; e++) {
            const uint32_t edge = ITEMS(uint32_t, b->edges)[g.first + e];
            if (touches(b->index->vertices + edge, part))
                push_u32(b, &b->edges, edge);
        }
        kept.n = (uint32_t)(b->edges.n - kept.first);
        n_edges += kept.n;
        if (kept.n == 0 && !kept.inside)
            continue;
        struct group *pushed = extend(b, &b->groups, 1, sizeof *pushed);
        if (pushed)
            *pushed = kept;
    }
    return n_edges;
}

static struct cell part_of(struct cell c, uint32_t i) {
    uint32_t shift = c.shift - 2;
    return (struct cell){.x = c.x + ((i & 3) << shift), .y = c.y + ((i >> 2) << shift), .shift = shift};
}

/* Splits a cell unless its parts would hardly have fewer edges than the whole (many wards
 * along one line, many edges at one vertex). False: it stays whole. */
static bool split_cell(struct build *b, struct cell c, size_t first_group, size_t n_groups, size_t n_edges,
                       uint32_t *slot) {
    const size_t groups_mark = b->groups.n;
    const size_t edges_mark = b->edges.n;
    size_t starts[17];
    size_t total = 0;
    size_t with_edges = 0;
    for (uint32_t i = 0; i < 16; i++) {
        starts[i] = b->groups.n;
        size_t n = push_part(b, c, part_of(c, i), first_group, n_groups);
        total += n;
        with_edges += n > 0;
    }
    starts[16] = b->groups.n;
    const bool worth_it = total * 4 <= with_edges * n_edges * 3;
    if (worth_it && !b->failed) {
        const size_t node = b->nodes.n / 16;
        if (extend(b, &b->nodes, 16, sizeof(uint32_t))) {
            for (uint32_t i = 0; i < 16 && !b->failed; i++) {
                uint32_t part = build_cell(b, part_of(c, i), starts[i], starts[i + 1] - starts[i]);
                ITEMS(uint32_t, b->nodes)[node * 16 + i] = part;
            }
        }
        *slot = WW_SLOT(WW_SLOT_NODE, node);
    }
    b->groups.n = groups_mark;
    b->edges.n = edges_mark;
    return worth_it;
}

/* Splitting ends when cells take sixteen times the words that the edges need at least. */
static bool may_split(const struct build *b, struct cell c) {
    const size_t budget = b->index->n_vertices * 16 + (1u << 20);
    return c.shift >= WW_CELL_MIN_SHIFT + 2 && b->leaves.n + b->nodes.n < budget;
}

static uint32_t build_cell(struct build *b, struct cell c, size_t first_group, size_t n_groups) {
    size_t n_edges = 0;
    for (size_t i = 0; i < n_groups; i++)
        n_edges += ITEMS(struct group, b->groups)[first_group + i].n;
    if (n_groups == 0)
        return WW_SLOT(WW_SLOT_PLAIN, 0);
    if (n_groups == 1 && n_edges == 0)
        return WW_SLOT(WW_SLOT_PLAIN, ITEMS(struct group, b->groups)[first_group].ward + 1);
    uint32_t slot = 0;
    if (n_edges > SPLIT_ABOVE && may_split(b, c) && split_cell(b, c, first_group, n_groups, n_edges, &slot))
        return slot;
    return write_leaf(b, first_group, n_groups);
}

/* Builds one grid cell from its entries, which `order` lists. */
static void build_grid_cell(struct build *b, uint32_t cell, const uint32_t *order, uint32_t n) {
    struct ww_ward_index *index = b->index;
    b->groups.n = b->edges.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct group g = ITEMS(struct entry, b->entries)[order[i]].group;
        const uint32_t *from = ITEMS(uint32_t, b->entry_edges) + g.first;
        uint32_t *edges = extend(b, &b->edges, g.n, sizeof *edges);
        struct group *group = extend(b, &b->groups, 1, sizeof *group);
        if (!edges || !group)
            return;
        if (g.n)
            memcpy(edges, from, g.n * sizeof *edges);
        g.first = b->edges.n - g.n;
        *group = g;
    }
    index->grid[cell] = build_cell(b, grid_cell(index, cell % index->nx, cell / index->nx), 0, n);
}

/* Sorts the entries by cell; within a cell they stay in the order of the wards. */
static void build_grid(struct build *b) {
    const size_t n_cells = (size_t)b->index->nx * b->index->ny;
    uint32_t *starts = ww_try_calloc(n_cells + 1, sizeof *starts);
    uint32_t *order = ww_try_calloc(b->entries.n + 1, sizeof *order);
    if (!starts || !order) {
        b->failed = WW_NO_MEMORY;
        goto done;
    }
    const struct entry *entries = b->entries.items;
    for (size_t i = 0; i < b->entries.n; i++)
        starts[entries[i].cell + 1]++;
    for (size_t c = 0; c < n_cells; c++)
        starts[c + 1] += starts[c];
    for (size_t i = 0; i < b->entries.n; i++)
        order[starts[entries[i].cell]++] = (uint32_t)i;
    uint32_t start = 0;
    for (uint32_t c = 0; c < n_cells && !b->failed; c++) { /* starts[c] is now the end of c */
        build_grid_cell(b, c, order + start, starts[c] - start);
        start = starts[c];
    }
done:
    ww_free(starts);
    ww_free(order);
}

/* ---- The whole ---- */

/* The finest grid with at most about four cells a ward. */
static bool lay_grid(struct ww_ward_index *index) {
    const size_t wanted = (size_t)index->n_wards * 4;
    const size_t limit = wanted < 4096 ? 4096 : wanted > (1u << 20) ? 1u << 20 : wanted;
    const uint32_t west = ww_cell_units(index->west);
    const uint32_t south = ww_cell_units(index->south);
    const uint32_t east = ww_cell_units(index->east);
    const uint32_t north = ww_cell_units(index->north);
    for (index->shift = WW_CELL_MIN_SHIFT;; index->shift++) {
        index->x0 = west >> index->shift;
        index->y0 = south >> index->shift;
        index->nx = (east >> index->shift) - index->x0 + 1;
        index->ny = (north >> index->shift) - index->y0 + 1;
        if ((size_t)index->nx * index->ny <= limit)
            break;
    }
    index->grid = ww_try_calloc((size_t)index->nx * index->ny, sizeof *index->grid);
    return index->grid != NULL;
}

static uint32_t *take_fitted(struct list *list) {
    uint32_t *items = list->items;
    list->items = NULL;
    uint32_t *fitted = list->n ? ww_try_realloc(items, list->n * sizeof *items) : NULL;
    return fitted ? fitted : items;
}

enum ww_status ww_ward_cells_build(struct ww_ward_index *index, const struct ww_ward_source *wards,
                                   const struct ww_ward_ring *rings, struct ww_error *err) {
    struct build b = {.index = index};
    if (!lay_grid(index))
        b.failed = WW_NO_MEMORY;
    for (uint32_t i = 0; i < index->n_wards && !b.failed; i++)
        spread_ward(&b, i, &wards[i], rings);
    if (!b.failed)
        build_grid(&b);
    index->n_nodes = b.nodes.n / 16;
    index->n_leaf_words = b.leaves.n;
    index->nodes = take_fitted(&b.nodes);
    index->leaves = take_fitted(&b.leaves);
    struct list *lists[] = {&b.entries, &b.entry_edges, &b.pairs, &b.counts, &b.flips, &b.groups, &b.edges};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ww_free(lists[i]->items);
    if (b.failed == WW_TOO_LARGE)
        return ww_error_set(err, WW_TOO_LARGE, "the wards overlap too heavily for an index");
    return b.failed ? ww_error_set(err, b.failed, "no memory for the cells of the ward index") : WW_OK;
}
