/* wardwatch hotspot: where values are high together, on files, without a database. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "geo/hotspot/tail.h"
#include "server/commands.h"
#include "server/hotspot_job.h"

static const char help[] =
    "usage: wardwatch hotspot --values FILE NEIGHBOURS [OPTIONS]\n\n"
    "Finds hot and cold spots: Getis-Ord Gi* and Gi, local and global Moran, with false discoveries held\n"
    "down (Benjamini-Hochberg). FILE is CSV with a head, or GeoJSON; - is standard input.\n\n"
    "Columns (taken by their usual names, or named):\n"
    "  --id, --value, --population, --x, --y COLUMN      usual: id, value, population, lon and lat or x and "
    "y\n"
    "  --plane | --degrees    what x and y are; else columns named lon… and GeoJSON are degrees, x and y a "
    "plane\n"
    "Neighbours, one of:\n"
    "  --knn K                the K nearest\n"
    "  --band D               all within D metres (great circles), or D units of the plane\n"
    "  --contiguity queen|rook [--snap D]    polygons that share a corner or a border\n"
    "  --weights FILE         .gal, .gwt, .kwt, or CSV of from, to[, weight]; --gwt weight|distance says "
    "what\n"
    "                         the third number is (else looked at)\n"
    "  --hex METRES           rows fall into hexagons, which are the places; [--rings N] [--hex-origin "
    "LON,LAT]\n"
    "  --row-standardise      each row of weights sums to 1 (changes local and global Moran alone)\n"
    "Values:\n"
    "  --of mean|sum|max|count     what rows of one place become (hexagons: mean)\n"
    "  --transform rate|freeman-tukey|empirical-bayes     of value and population\n"
    "What is tested:\n"
    "  --statistic gstar|g|moran   whose p, q and class are given (default gstar: the place itself counts)\n"
    "  --sides two|hot|cold        default two\n"
    "  --p auto|normal|dealt|permutation    auto: normal, and dealt (values dealt out at random) when "
    "skewed\n"
    "  --permutations N --seed N   default 999, 1\n"
    "  --fdr Q                     false discovery rate, default 0.05\n"
    "Over time (emerging hot spots):\n"
    "  --time COLUMN [--bin year|month|day|hour] [--time-lag N] [--time-window cube|bin]\n"
    "  --format json|geojson|csv   default json\n\n"
    "wardwatch hotspot --values stations.csv --value pm25 --band 3000 --format geojson\n\n"
    "找出数值聚集偏高（热点）或偏低（冷点）的地方：Getis-Ord Gi*、Gi，局部与全局 Moran，并控制错误发现率。\n"
    "  --values 数据文件（CSV 或 GeoJSON）；--knn 最近 K 个；--band 距离内（米，大圆）；--contiguity "
    "面邻接；\n"
    "  --weights 权重文件；--hex 六边形网格；--time "
    "时间列（新兴热点）。输出注明所用的距离、检验与随机种子。\n";

static bool choose(const char *name, const char *text, const char *const *words, int *out) {
    for (int i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
    if (!text)
        return true;
    fprintf(stderr, "wardwatch hotspot: --%s can't be %s; it is one of", name, text);
    for (int i = 0; words[i]; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", words[i]);
    fputs(" (try --help)\n", stderr);
    return false;
}

static bool take_number(const char *name, const char *text, double least, double most, double *out) {
    if (!text)
        return true;
    if (ww_str_to_double(ww_str_of(text), out) && *out >= least && *out <= most)
        return true;
    fprintf(stderr, "wardwatch hotspot: --%s must be a number from %g to %g, not %s\n", name, least, most,
            text);
    return false;
}

/* Options to what they mean; false after a complaint. */
static bool understand(struct ww_hotspot_job *job) {
    static const char *const statistics[] = {"gstar", "g", "moran", NULL},
                             *const sides[] = {"two", "hot", "cold", NULL},
                             *const ps[] = {"auto", "normal", "dealt", "permutation", NULL},
                             *const transforms[] = {"none", "rate", "freeman-tukey", "empirical-bayes", NULL},
                             *const ofs[] = {"one", "mean", "sum", "max", "count", NULL},
                             *const bins[] = {"year", "month", "day", "hour", NULL},
                             *const windows[] = {"cube", "bin", NULL};
    const struct ww_hotspot_options *o = &job->o;
    int statistic = 0, side = 0, p = 0, transform = 0, of = 0, bin = 0, window = 0;
    double draws = 0, seed = 1, rings = 1, lag = 1;
    job->fdr = 0.05;
    if (!choose("statistic", o->statistic, statistics, &statistic) ||
        !choose("sides", o->sides, sides, &side) || !choose("p", o->p, ps, &p) ||
        !choose("transform", o->transform, transforms, &transform) || !choose("of", o->of, ofs, &of) ||
        !choose("bin", o->bin, bins, &bin) || !choose("time-window", o->time_window, windows, &window) ||
        !take_number("permutations", o->permutations, 1, 1e7, &draws) ||
        !take_number("seed", o->seed, 0, 9e15, &seed) || !take_number("fdr", o->fdr, 0, 1, &job->fdr) ||
        !take_number("rings", o->rings, 1, 100, &rings) ||
        !take_number("time-lag", o->time_lag, 0, 1e6, &lag) ||
        !take_number("hex", o->hex, 1, 1e5, &job->hex_m))
        return false;
    job->statistic = (enum ww_hotspot_statistic)statistic;
    job->sides = (enum ww_sides)side;
    job->p_by = (enum ww_hotspot_p)(o->p || draws == 0 ? p : WW_P_PERMUTATION);
    job->transform = (enum ww_hotspot_transform)transform;
    job->of = (enum ww_hotspot_of)(!o->of && (job->hex_m > 0 || o->time) ? WW_OF_MEAN : of);
    job->draws = job->p_by == WW_P_PERMUTATION ? (uint32_t)(draws > 0 ? draws : 999) : 0;
    job->seed = (uint64_t)seed;
    job->rings = (uint32_t)rings;
    job->emerging_options =
        (struct ww_emerging_options){.lag = (uint32_t)lag, .whole_cube = window == 0, .fdr = job->fdr};
    if (!o->values || (o->plane && o->degrees)) {
        fputs(o->values ? "wardwatch hotspot: --plane or --degrees, not both\n"
                        : "wardwatch hotspot: --values FILE is missing (try --help)\n",
              stderr);
        return false;
    }
    int ways = (o->knn != NULL) + (o->band != NULL) + (o->contiguity != NULL) + (o->weights != NULL);
    if (ways > 1 || (ways == 0 && !o->hex)) {
        fprintf(stderr,
                "wardwatch hotspot: neighbours come from one of --knn, --band, --contiguity, --weights%s "
                "(try --help)\n",
                ways == 0 ? ", or from --hex" : "");
        return false;
    }
    if (job->statistic == WW_BY_MORAN && job->sides != WW_TWO_SIDED) {
        fputs("wardwatch hotspot: local Moran is tested on two sides\n", stderr);
        return false;
    }
    return true;
}

/* ---- Computing ---- */

static enum ww_status no_memory(struct ww_hotspot_job *job) {
    return ww_error_set(&job->err, WW_NO_MEMORY, "no memory for %u places", job->n);
}

static enum ww_status pick_places(struct ww_hotspot_job *job) {
    job->place = ww_arena_calloc(job->arena, job->n, sizeof *job->place);
    if (!job->place)
        return no_memory(job);
    for (uint32_t i = 0; i < job->n; i++)
        if (job->n_bins > 1 || !isnan(job->value[i]))
            job->place[job->m++] = i;
    return job->m >= 3
               ? WW_OK
               : ww_error_set(&job->err, WW_BAD_INPUT, "%u places with a value: three are needed", job->m);
}

static enum ww_status permute(struct ww_hotspot_job *job) {
    struct ww_permuted *permuted = ww_arena_calloc(job->arena, job->m, sizeof *permuted);
    if (!permuted)
        return no_memory(job);
    enum ww_status st =
        ww_hotspot_permute(job->weights, job->x, NULL, 0, job->draws, job->seed, permuted, &job->err);
    for (uint32_t k = 0; k < job->m && st == WW_OK; k++)
        job->p[k] = job->sides == WW_HOT_SIDE    ? permuted[k].high
                    : job->sides == WW_COLD_SIDE ? permuted[k].low
                                                 : ww_permuted_two_sided(permuted[k]);
    return st;
}

static enum ww_status take_p(struct ww_hotspot_job *job) {
    struct ww_deal *deal = ww_deal_new(job->x, job->m);
    if (!deal)
        return no_memory(job);
    enum ww_status st = ww_deal_skewness(deal, job->weights, &job->skewness);
    bool dealt = job->p_by == WW_P_DEALT || (job->p_by == WW_P_AUTO && job->skewness > 0.1);
    job->p_taken = job->p_by == WW_P_PERMUTATION ? "permutation" : dealt ? "dealt" : "normal";
    ww_hotspot_p(job->z, job->m, job->sides, job->p_normal);
    memcpy(job->p, job->p_normal, job->m * sizeof *job->p);
    if (st == WW_OK && job->p_by == WW_P_PERMUTATION)
        st = permute(job);
    else if (st == WW_OK && dealt)
        st = job->statistic == WW_BY_GSTAR ? ww_deal_p_gstar(deal, job->weights, job->sides, job->p)
                                           : ww_deal_p_g(deal, job->weights, job->sides, job->p);
    for (uint32_t k = 0; k < job->m; k++) /* where there is no z there is no p */
        job->p[k] = isnan(job->z[k]) ? NAN : job->p[k];
    ww_deal_free(deal);
    return st == WW_OK ? ww_hotspot_q(job->p, job->m, job->q) : st;
}

static enum ww_status compute_map(struct ww_hotspot_job *job) {
    double *numbers = ww_arena_calloc(job->arena, 7 * (size_t)job->m, sizeof *numbers);
    job->local = ww_arena_calloc(job->arena, job->m, sizeof *job->local);
    if (!numbers || !job->local)
        return no_memory(job);
    double **const slices[] = {&job->x, &job->gstar, &job->g, &job->z, &job->p, &job->p_normal, &job->q};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        *slices[i] = numbers + i * job->m;
    for (uint32_t k = 0; k < job->m; k++)
        job->x[k] = job->value[job->place[k]];
    ww_hotspot_gstar(job->weights, job->x, job->gstar);
    ww_hotspot_g(job->weights, job->x, job->g);
    ww_hotspot_local_moran(job->weights, job->x, job->local);
    enum ww_status st = ww_hotspot_moran(job->weights, job->x, &job->moran);
    if (st == WW_OK)
        st = ww_hotspot_general_g(job->weights, job->x, &job->general_g);
    for (uint32_t k = 0; k < job->m; k++)
        job->z[k] = job->statistic == WW_BY_GSTAR ? job->gstar[k]
                    : job->statistic == WW_BY_G   ? job->g[k]
                                                  : job->local[k].z;
    return st == WW_OK ? take_p(job) : st;
}

static enum ww_status compute_cube(struct ww_hotspot_job *job) {
    size_t n = (size_t)job->n * job->n_bins;
    job->cube_z = ww_arena_calloc(job->arena, n, sizeof *job->cube_z);
    job->cube_side = ww_arena_calloc(job->arena, n, sizeof *job->cube_side);
    job->emerging = ww_arena_calloc(job->arena, job->n, sizeof *job->emerging);
    if (!job->cube_z || !job->cube_side || !job->emerging)
        return no_memory(job);
    return ww_emerging_map(job->weights, job->value, job->n_bins, &job->emerging_options, job->cube_z,
                           job->cube_side, job->emerging, &job->err);
}

static enum ww_status compute(struct ww_hotspot_job *job) {
    enum ww_status st = ww_hotspot_places(job);
    if (st == WW_OK)
        st = pick_places(job);
    if (st == WW_OK)
        st = ww_hotspot_neighbours(job);
    if (st == WW_OK && job->o.row_standardise)
        ww_weights_standardise(job->weights);
    if (st != WW_OK)
        return st;
    return job->n_bins > 1 ? compute_cube(job) : compute_map(job);
}

static enum ww_status print(struct ww_hotspot_job *job, int format) {
    struct ww_buf out;
    ww_buf_init(&out, (size_t)1 << 31);
    enum ww_status st = WW_OK;
    if (format == 0)
        ww_hotspot_write_json(job, &out);
    else if (format == 1)
        st = ww_hotspot_write_geojson(job, &out);
    else
        ww_hotspot_write_csv(job, &out);
    if (st == WW_OK && (st = ww_buf_status(&out)) != WW_OK)
        (void)ww_error_set(&job->err, st, "the answer is too large");
    if (st == WW_OK && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        st = ww_error_set(&job->err, WW_UNAVAILABLE, "can't write to standard output");
    ww_buf_clear(&out);
    return st;
}

/* For the person at the terminal; a program reads "method". */
static void say(const struct ww_hotspot_job *job) {
    if (job->o.knn || job->o.band)
        fprintf(stderr, "wardwatch hotspot: distances %s\n",
                job->is_plane ? "in the plane of x and y" : "along great circles, in metres");
    if (job->third_ignored && !job->o.gwt)
        fputs("wardwatch hotspot: the third column is the distance; each neighbour counts 1\n", stderr);
    if (job->o.population && job->transform == WW_RATE_NONE)
        fputs("wardwatch hotspot: --population is not used without --transform\n", stderr);
    if (job->draws > 0 && job->n_bins == 1 && job->m / (job->draws + 1.0) > job->fdr)
        fprintf(stderr,
                "wardwatch hotspot: with %u permutations no p is below %.3g: a single place among %u can't "
                "be below "
                "q %.3g; take %.0f or more, or --p dealt\n",
                job->draws, 1 / (job->draws + 1.0), job->m, job->m / (job->draws + 1.0),
                ceil(job->m / (job->fdr > 0 ? job->fdr : 1)));
}

int ww_cmd_hotspot(int argc, char **argv) {
    struct ww_hotspot_job job = {.arena = ww_arena_new((size_t)1 << 36)};
    struct ww_hotspot_options *o = &job.o;
    const struct ww_option options[] = {{"values", &o->values, NULL},
                                        {"id", &o->id, NULL},
                                        {"value", &o->value, NULL},
                                        {"x", &o->x, NULL},
                                        {"y", &o->y, NULL},
                                        {"lon", &o->x, NULL},
                                        {"lat", &o->y, NULL},
                                        {"population", &o->population, NULL},
                                        {"time", &o->time, NULL},
                                        {"bin", &o->bin, NULL},
                                        {"weights", &o->weights, NULL},
                                        {"knn", &o->knn, NULL},
                                        {"band", &o->band, NULL},
                                        {"contiguity", &o->contiguity, NULL},
                                        {"hex", &o->hex, NULL},
                                        {"rings", &o->rings, NULL},
                                        {"hex-origin", &o->hex_origin, NULL},
                                        {"snap", &o->snap, NULL},
                                        {"transform", &o->transform, NULL},
                                        {"of", &o->of, NULL},
                                        {"statistic", &o->statistic, NULL},
                                        {"p", &o->p, NULL},
                                        {"permutations", &o->permutations, NULL},
                                        {"seed", &o->seed, NULL},
                                        {"sides", &o->sides, NULL},
                                        {"fdr", &o->fdr, NULL},
                                        {"format", &o->format, NULL},
                                        {"gwt", &o->gwt, NULL},
                                        {"time-lag", &o->time_lag, NULL},
                                        {"time-window", &o->time_window, NULL},
                                        {"plane", NULL, &o->plane},
                                        {"degrees", NULL, &o->degrees},
                                        {"row-standardise", NULL, &o->row_standardise},
                                        {NULL, NULL, NULL}};
    static const char *const formats[] = {"json", "geojson", "csv", NULL};
    int n_rest, format = 0, code = ww_options_take(argc, argv, options, help, &n_rest);
    if (code < 0 && n_rest > 0) {
        fprintf(stderr, "wardwatch hotspot: what is %s? (try --help)\n", argv[1]);
        code = 2;
    }
    if (code < 0 && (!understand(&job) || !choose("format", o->format, formats, &format)))
        code = 2;
    if (code < 0) {
        enum ww_status st = job.arena ? compute(&job) : no_memory(&job);
        if (st == WW_OK)
            say(&job);
        if (st == WW_OK)
            st = print(&job, format);
        code = st == WW_OK ? 0 : ww_complain("hotspot", job.file, &job.err);
    }
    ww_weights_free(job.weights);
    ww_weights_free(job.all_weights);
    ww_polygons_free(job.polygons);
    if (job.table.arena)
        ww_attribute_table_clear(&job.table);
    ww_arena_free(job.arena);
    return code;
}
