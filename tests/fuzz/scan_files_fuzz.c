/* The files of `wardwatch scan` → geo/scan/input.c, date.c, table.c, prepare.c, population.c and a short
 * scan. The input is a byte of settings, then .geo, .cas, .ctl or .pop, and lists, parted by zero bytes.
 * ww_link: ww_scan */
#include <math.h>
#include <stdlib.h>

#include "geo/scan/prepare.h"
#include "geo/scan/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ww_str next_text(const uint8_t **data, size_t *size) {
    const uint8_t *end = *size > 0 ? memchr(*data, 0, *size) : NULL;
    size_t len = end ? (size_t)(end - *data) : *size;
    struct ww_str text = {(const char *)*data, len};
    *data += len + (end != NULL);
    *size -= len + (end != NULL);
    return text;
}

static void check(enum ww_status st, const struct ww_error *err) {
    if (st != WW_OK && !err->message[0])
        abort(); /* every refusal says why */
}

static void scan(const struct ww_scan_input *in, const struct ww_scan_setup *setup) {
    struct ww_scan_table_data *table;
    struct ww_error err = {.message = ""};
    enum ww_status st = ww_scan_prepare(in, setup, &table, &err);
    check(st, &err);
    if (st != WW_OK)
        return;
    struct ww_scan_zones *zones = NULL;
    struct ww_scan_limits limits = {INFINITY, table->weight, 1e9};
    if (table->at) {
        struct ww_scan_places places = {table->data.n_places, in->degrees, (const double(*)[3])table->at};
        st = ww_scan_zones_circles(&places, &limits, &zones, &err);
    } else {
        struct ww_scan_lists lists = {in->n_ids, in->list_start, in->list_item};
        st = in->list_start && in->n_ids == table->data.n_places
                 ? ww_scan_zones_connected(&lists, 4, &limits, &zones, &err)
                 : WW_NOT_FOUND;
    }
    uint64_t cells = (uint64_t)table->data.n_places * table->data.n_times;
    if (st == WW_OK && cells < 3000 && zones->start[zones->n_chains] < 3000) {
        struct ww_scan_windows windows = {1, table->data.n_times < 3 ? table->data.n_times : 3, true};
        struct ww_scan_rules rules = {.max_clusters = 3, .replicas = 1};
        struct ww_scan_run *run;
        st = ww_scan_start(&table->data, zones, &windows, &rules, &run, &err);
        check(st, &err);
        if (st == WW_OK && ww_scan_step(run, 1)) {
            struct ww_scan_result result;
            ww_scan_result(run, &result);
            struct ww_scan_report report = {in,       table, zones,  &result,  setup, &rules,
                                            &windows, "any", "form", INFINITY, 0.5};
            struct ww_buf out;
            ww_buf_init(&out, 1 << 20);
            ww_scan_report_json(&report, &out);
            ww_scan_report_geojson(&report, &out);
            ww_buf_clear(&out);
        }
        ww_scan_free(run);
    }
    ww_scan_zones_free(zones);
    ww_scan_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    uint8_t settings = *data++;
    size--;
    struct ww_scan_setup setup = {.model = (enum ww_scan_model)(settings & 3),
                                  .unit = (enum ww_scan_unit)((settings >> 2 & 7) % 5),
                                  .unit_length = 1 + (settings >> 5 & 1),
                                  .temporal = settings >> 6 & 1,
                                  .judged = 1};
    enum ww_scan_times times = setup.unit == WW_SCAN_NUMBER ? WW_SCAN_TIMES_NUMBERS : WW_SCAN_TIMES_AUTO;
    enum ww_scan_file other = setup.model == WW_SCAN_BERNOULLI ? WW_SCAN_CONTROLS : WW_SCAN_POPULATION;
    struct ww_str geo = next_text(&data, &size), cases = next_text(&data, &size),
                  more = next_text(&data, &size);
    struct ww_scan_input *in = ww_scan_input_new();
    struct ww_error err = {.message = ""};
    enum ww_status st = size > 0 ? ww_scan_read_lists(in, next_text(&data, &size), &err) : WW_OK;
    if (st == WW_OK && geo.len > 0)
        st = ww_scan_read_geo(in, geo, (enum ww_scan_coordinates)((settings >> 7) * 2), &err);
    if (st == WW_OK)
        st = ww_scan_read_counts(in, WW_SCAN_CASES, cases, times, &err);
    if (st == WW_OK && more.len > 0)
        st = ww_scan_read_counts(in, other, more, times, &err);
    check(st, &err);
    if (st == WW_OK && in->n_ids <= 64)
        scan(in, &setup);
    ww_scan_input_free(in);
    return 0;
}
