/* The station registry: rows of the table `station`, checked and found by MN. */
#include "ingest/hj212/stations.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

#include "geo/base/alloc.h"
#include "geo/base/json_reader.h"
#include "geo/base/map.h"
#include "geo/unit.h"

/* A megacity has some ten thousand monitors; each takes about a kilobyte. */
enum { REGISTRY_MEMORY = 512 << 20, CONFIG_MEMORY = 1 << 20, MAX_MN = 32, MAX_OVERRIDES = 1024 };
enum { MAX_NETWORKS = 256, MAX_TEXT = 64, MAX_ZONES = 64 };
#define DEFAULT_ZONE "Asia/Shanghai"

struct ww_hj212_stations {
    struct ww_arena *arena; /* owns all texts and rows */
    struct ww_map *by_mn;   /* → index */
    struct ww_hj212_station **stations;
    uint32_t n_stations, capacity;
    struct ww_zone *zones[MAX_ZONES]; /* owned; [0] is the default */
    struct ww_str zone_names[MAX_ZONES];
    uint32_t n_zones;
    struct ww_hj212_station unknown;
};

/* What reading one config needs. */
struct reader {
    struct ww_hj212_stations *stations;
    struct ww_hj212_station *out;
    struct ww_error *err;
};

typedef const struct ww_json_node *node_t;

static enum ww_status bad(const struct reader *r, const char *member, node_t node, const char *message) {
    (void)ww_error_set(r->err, WW_BAD_INPUT, "%s %s", member, message);
    ww_error_at_field(r->err, ww_str_of(member), node ? node->text : WW_STR_NONE);
    return WW_BAD_INPUT;
}

static enum ww_status no_memory(struct ww_error *err) {
    return ww_error_set(err, WW_NO_MEMORY, "no memory for the station registry");
}

static void set_defaults(struct ww_hj212_station *s) {
    s->how.crc_mode = WW_HJ212_CRC_STANDARD;
    s->minute_interval_s = 600;
    s->rtd_interval_s = 60;
    s->over_time_s = 10;
    s->re_count = 3;
    s->clock_tolerance_s = 60;
    s->set_clock = true;
    s->history = true;
}

/* ---- One reader a member of config ---- */

static enum ww_status read_choice(const struct reader *r, node_t node, const char *member,
                                  const char *const *names, size_t count, const char *message, int *out) {
    for (size_t i = 0; i < count; i++) {
        if (node->type == WW_JSON_STRING && ww_str_is(node->text, names[i])) {
            *out = (int)i;
            return WW_OK;
        }
    }
    return bad(r, member, node, message);
}

static enum ww_status read_int(const struct reader *r, node_t node, const char *member, int low, int high,
                               int *out) {
    int64_t value;
    if (!ww_json_as_i64(node, &value) || value < low || value > high) {
        char message[80];
        (void)snprintf(message, sizeof message, "must be a whole number from %d to %d", low, high);
        return bad(r, member, node, message);
    }
    *out = (int)value;
    return WW_OK;
}

static enum ww_status read_bool(const struct reader *r, node_t node, const char *member, bool *out) {
    return ww_json_as_bool(node, out) ? WW_OK : bad(r, member, node, "must be true or false");
}

static enum ww_status read_crc_mode(struct reader *r, node_t node) {
    static const char *const names[] = {"standard", "modbus", "ignore"};
    int mode = 0;
    enum ww_status st =
        read_choice(r, node, "crc_mode", names, 3, "must be standard, modbus or ignore", &mode);
    r->out->how.crc_mode = (enum ww_hj212_crc_mode)mode;
    return st;
}

static enum ww_status read_mode(struct reader *r, node_t node) {
    static const char *const names[] = {"lenient", "strict"};
    int mode = 0;
    enum ww_status st = read_choice(r, node, "mode", names, 2, "must be lenient or strict", &mode);
    r->out->how.strict = mode == 1;
    return st;
}

static enum ww_status read_water_mean(struct reader *r, node_t node) {
    static const char *const names[] = {"flow_weighted", "arithmetic"};
    int mean = 0;
    enum ww_status st =
        read_choice(r, node, "water_mean", names, 2, "must be flow_weighted or arithmetic", &mean);
    r->out->water_mean = mean == 0 ? WW_HJ212_WATER_MEAN_FLOW_WEIGHTED : WW_HJ212_WATER_MEAN_ARITHMETIC;
    return st;
}

static enum ww_status read_version(struct reader *r, node_t node) {
    int64_t version;
    if (!ww_json_as_i64(node, &version) || (version != 2005 && version != 2017 && version != 2025))
        return bad(r, "version", node, "must be 2005, 2017 or 2025");
    r->out->how.version = (int)version;
    return WW_OK;
}

static enum ww_status read_time_zone(struct reader *r, node_t node) {
    struct ww_hj212_stations *all = r->stations;
    if (node->type != WW_JSON_STRING)
        return bad(r, "time_zone", node, "must name a time zone");
    for (uint32_t i = 0; i < all->n_zones; i++) {
        if (ww_str_eq(all->zone_names[i], node->text)) {
            r->out->zone = all->zones[i];
            return WW_OK;
        }
    }
    if (all->n_zones == MAX_ZONES)
        return bad(r, "time_zone", node, "is one time zone too many in this registry");
    struct ww_str name = ww_arena_copy(all->arena, node->text);
    struct ww_zone *zone = NULL;
    if (!name.ptr)
        return no_memory(r->err);
    if (ww_zone_open(name, &zone, NULL) != WW_OK)
        return bad(r, "time_zone", node, "is no time zone that this system knows");
    all->zone_names[all->n_zones] = name;
    all->zones[all->n_zones++] = zone;
    r->out->zone = zone;
    return WW_OK;
}

static enum ww_status read_minute_interval(struct reader *r, node_t node) {
    int minutes = 0;
    enum ww_status st = read_int(r, node, "minute_interval_min", 1, 60, &minutes);
    r->out->minute_interval_s = minutes * 60;
    r->out->set_minute_interval = true;
    return st;
}

static enum ww_status read_rtd_interval(struct reader *r, node_t node) {
    int seconds = 0;
    enum ww_status st = read_int(r, node, "rtd_interval_s", 1, 86400, &seconds);
    r->out->rtd_interval_s = seconds;
    r->out->set_rtd_interval = true;
    return st;
}

static enum ww_status read_expects(struct reader *r, node_t node) {
    const uint32_t most = sizeof r->out->expects / sizeof *r->out->expects;
    if (node->type != WW_JSON_ARRAY)
        return bad(r, "expects", node, "must be a list of commands");
    for (node_t n = node->child; n; n = n->next) {
        int64_t cn;
        const struct ww_hj212_command *command = NULL;
        if (ww_json_as_i64(n, &cn) && cn >= 1000 && cn <= 9999)
            command = ww_hj212_command((int)cn);
        if (!command || command->kind != WW_HJ212_UPLOAD)
            return bad(r, "expects", n, "must list uploads, as 2011 or 2061");
        if (r->out->n_expects == most)
            return bad(r, "expects", n, "lists too many commands");
        r->out->expects[r->out->n_expects++] = command->cn;
    }
    return WW_OK;
}

/* The override of that factor, added when it is new. */
static struct ww_hj212_override *override_of(struct reader *r, struct ww_str code) {
    struct ww_hj212_station *s = r->out;
    for (uint32_t i = 0; i < s->n_overrides; i++)
        if (ww_str_eq_nocase(s->overrides[i].code, code))
            return &s->overrides[i];
    size_t size = sizeof *s->overrides;
    struct ww_hj212_override *grown =
        ww_arena_grow(r->stations->arena, s->overrides, s->n_overrides * size, (s->n_overrides + 1) * size);
    struct ww_str copy = ww_arena_copy(r->stations->arena, code);
    if (!grown || !copy.ptr)
        return NULL;
    s->overrides = grown;
    s->overrides[s->n_overrides] = (struct ww_hj212_override){.code = copy};
    return &s->overrides[s->n_overrides++];
}

static enum ww_status read_overrides(struct reader *r, node_t node, const char *member, bool is_unit) {
    if (node->type != WW_JSON_OBJECT)
        return bad(r, member, node, "must be an object with factor codes as names");
    for (node_t n = node->child; n; n = n->next) {
        if (n->key.len == 0 || n->key.len > MAX_TEXT || n->type != WW_JSON_STRING || n->text.len == 0 ||
            n->text.len > MAX_TEXT)
            return bad(r, member, n, "needs texts of 1 to 64 bytes");
        if (is_unit && !ww_unit_code(n->text))
            return bad(r, member, n, "names an unknown unit");
        if (r->out->n_overrides == MAX_OVERRIDES)
            return bad(r, member, n, "has too many factors");
        struct ww_hj212_override *o = override_of(r, n->key);
        struct ww_str text = ww_arena_copy(r->stations->arena, n->text);
        if (!o || !text.ptr)
            return no_memory(r->err);
        *(is_unit ? &o->unit : &o->property) = text;
    }
    return WW_OK;
}

static enum ww_status read_units(struct reader *r, node_t node) {
    return read_overrides(r, node, "units", true);
}

static enum ww_status read_factors(struct reader *r, node_t node) {
    return read_overrides(r, node, "factors", false);
}

/* "10.1.0.0/16", "fd00::1"; without a prefix it is one address. */
static bool parse_network(struct ww_str text, struct ww_hj212_network *out) {
    char address[INET6_ADDRSTRLEN];
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    size_t len = slash ? (size_t)(slash - text.ptr) : text.len;
    if (len == 0 || len >= sizeof address)
        return false;
    memcpy(address, text.ptr, len);
    address[len] = '\0';
    memset(out, 0, sizeof *out);
    out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(out->family, address, out->address) != 1)
        return false;
    uint64_t most = out->family == AF_INET6 ? 128 : 32, prefix = most;
    if (slash && !ww_str_to_u64((struct ww_str){slash + 1, text.len - len - 1}, &prefix))
        return false;
    out->prefix = (int)prefix;
    return prefix <= most;
}

static enum ww_status read_addresses(struct reader *r, node_t node) {
    struct ww_hj212_station *s = r->out;
    uint32_t count = 0;
    if (node->type != WW_JSON_ARRAY)
        return bad(r, "addresses", node, "must be a list of addresses or networks");
    for (node_t n = node->child; n; n = n->next)
        count++;
    if (count == 0 || count > MAX_NETWORKS)
        return bad(r, "addresses", node, "must have 1 to 256 entries");
    s->networks = ww_arena_calloc(r->stations->arena, count, sizeof *s->networks);
    if (!s->networks)
        return no_memory(r->err);
    for (node_t n = node->child; n; n = n->next)
        if (n->type != WW_JSON_STRING || !parse_network(n->text, &s->networks[s->n_networks++]))
            return bad(r, "addresses", n, "must be addresses or networks, as 10.1.0.0/16");
    return WW_OK;
}

static enum ww_status read_over_time(struct reader *r, node_t node) {
    r->out->set_over_time = true;
    return read_int(r, node, "over_time_s", 1, 99, &r->out->over_time_s);
}

static enum ww_status read_re_count(struct reader *r, node_t node) {
    r->out->set_over_time = true;
    return read_int(r, node, "re_count", 1, 99, &r->out->re_count);
}

static enum ww_status read_set_clock(struct reader *r, node_t node) {
    return read_bool(r, node, "set_clock", &r->out->set_clock);
}

static enum ww_status read_clock_tolerance(struct reader *r, node_t node) {
    return read_int(r, node, "clock_tolerance_s", 1, 86400, &r->out->clock_tolerance_s);
}

static enum ww_status read_history(struct reader *r, node_t node) {
    return read_bool(r, node, "history", &r->out->history);
}

static enum ww_status read_on_connect(struct reader *r, node_t node) {
    struct ww_hj212_station *s = r->out;
    const struct {
        const char *name;
        const char *path;
        bool *out;
    } members[] = {{"over_time", "on_connect.over_time", &s->set_over_time},
                   {"rtd_interval", "on_connect.rtd_interval", &s->set_rtd_interval},
                   {"minute_interval", "on_connect.minute_interval", &s->set_minute_interval},
                   {"realtime", "on_connect.realtime", &s->set_realtime},
                   {"facility", "on_connect.facility", &s->set_facility}};
    if (node->type != WW_JSON_OBJECT)
        return bad(r, "on_connect", node, "must be an object");
    for (node_t n = node->child; n; n = n->next) {
        size_t i = 0;
        while (i < sizeof members / sizeof *members && !ww_str_is(n->key, members[i].name))
            i++;
        if (i == sizeof members / sizeof *members)
            return bad(r, "on_connect", n, "has a member that is not known here");
        enum ww_status st = read_bool(r, n, members[i].path, members[i].out);
        if (st != WW_OK)
            return st;
    }
    return WW_OK;
}

/* on_connect is last: what it says goes before what the named intervals imply. */
static const struct {
    const char *name;
    enum ww_status (*read)(struct reader *r, node_t node);
} members[] = {{"crc_mode", read_crc_mode},
               {"mode", read_mode},
               {"version", read_version},
               {"water_mean", read_water_mean},
               {"time_zone", read_time_zone},
               {"minute_interval_min", read_minute_interval},
               {"rtd_interval_s", read_rtd_interval},
               {"expects", read_expects},
               {"units", read_units},
               {"factors", read_factors},
               {"addresses", read_addresses},
               {"over_time_s", read_over_time},
               {"re_count", read_re_count},
               {"set_clock", read_set_clock},
               {"clock_tolerance_s", read_clock_tolerance},
               {"history", read_history},
               {"on_connect", read_on_connect}};
enum { N_MEMBERS = sizeof members / sizeof *members };

static enum ww_status check_names(struct reader *r, node_t root) {
    for (node_t n = root->child; n; n = n->next) {
        size_t i = 0;
        while (i < N_MEMBERS && !ww_str_is(n->key, members[i].name))
            i++;
        if (i < N_MEMBERS)
            continue;
        (void)ww_error_set(r->err, WW_BAD_INPUT, "%.*s is not known here",
                           (int)(n->key.len > 40 ? 40 : n->key.len), n->key.ptr ? n->key.ptr : "");
        ww_error_at_field(r->err, n->key, n->text);
        return WW_BAD_INPUT;
    }
    return WW_OK;
}

static enum ww_status read_config(struct reader *r, struct ww_str config) {
    if (ww_str_trim(config).len == 0)
        return WW_OK;
    struct ww_arena *arena = ww_arena_new(CONFIG_MEMORY);
    if (!arena)
        return no_memory(r->err);
    struct ww_json_node *root;
    enum ww_status st = ww_json_parse(arena, config, &root, r->err);
    if (st == WW_OK && root->type != WW_JSON_OBJECT)
        st = bad(r, "config", root, "must be an object");
    if (st == WW_OK)
        st = check_names(r, root);
    for (size_t i = 0; i < N_MEMBERS && st == WW_OK; i++) {
        node_t node = ww_json_get(root, members[i].name);
        if (node)
            st = members[i].read(r, node);
    }
    ww_arena_free(arena);
    return st;
}

/* ---- The registry ---- */

struct ww_hj212_stations *ww_hj212_stations_new(void) {
    struct ww_hj212_stations *all = ww_must_calloc(1, sizeof *all);
    all->arena = ww_arena_new(REGISTRY_MEMORY);
    assert(all->arena);
    all->by_mn = ww_map_new(64);
    /* Systems without zone files still know that China is eight hours ahead. */
    if (ww_zone_open(WW_STR(DEFAULT_ZONE), &all->zones[0], NULL) != WW_OK) {
        enum ww_status st = ww_zone_open(WW_STR("+08:00"), &all->zones[0], NULL);
        assert(st == WW_OK);
        (void)st;
    }
    all->zone_names[0] = WW_STR(DEFAULT_ZONE);
    all->n_zones = 1;
    set_defaults(&all->unknown);
    all->unknown.zone = all->zones[0];
    all->unknown.how.crc_mode = WW_HJ212_CRC_MODBUS;
    all->unknown.set_clock = all->unknown.history = false;
    return all;
}

void ww_hj212_stations_free(struct ww_hj212_stations *all) {
    if (!all)
        return;
    for (uint32_t i = 0; i < all->n_zones; i++)
        ww_zone_close(all->zones[i]);
    ww_map_free(all->by_mn);
    ww_arena_free(all->arena);
    ww_free(all);
}

static bool is_mn(struct ww_str mn) {
    for (size_t i = 0; i < mn.len; i++)
        if (mn.ptr[i] < ' ' || mn.ptr[i] > '~')
            return false;
    return mn.len >= 1 && mn.len <= MAX_MN;
}

static enum ww_status take_key(struct reader *r, const char *member, struct ww_str key,
                               unsigned char room[16], const unsigned char **out) {
    if (key.len == 0)
        return WW_OK;
    if (key.len != 16)
        return bad(r, member, NULL, "must have 16 bytes");
    memcpy(room, key.ptr, 16);
    *out = room;
    return WW_OK;
}

static bool has_room(struct ww_hj212_stations *all) {
    if (all->n_stations < all->capacity)
        return true;
    uint32_t fresh = all->capacity ? all->capacity * 2 : 16;
    struct ww_hj212_station **grown =
        ww_arena_grow(all->arena, all->stations, all->n_stations * sizeof *grown, fresh * sizeof *grown);
    if (!grown)
        return false;
    all->stations = grown;
    all->capacity = fresh;
    return true;
}

enum ww_status ww_hj212_stations_add(struct ww_hj212_stations *all, struct ww_str mn, int32_t feed_id,
                                     bool enabled, struct ww_str password, struct ww_str sm4_key,
                                     struct ww_str sm4_previous, struct ww_str config, struct ww_error *err) {
    uint64_t there;
    struct reader r = {.stations = all, .err = err};
    if (!is_mn(mn))
        return bad(&r, "mn", NULL, "must have 1 to 32 printable ASCII characters");
    if (ww_map_get(all->by_mn, mn, &there)) {
        (void)ww_error_set(err, WW_CONFLICT, "the station %.*s is there twice", WW_STR_ARG(mn));
        ww_error_at_field(err, WW_STR("mn"), mn);
        return WW_CONFLICT;
    }
    struct ww_hj212_station *s = ww_arena_calloc(all->arena, 1, sizeof *s);
    if (!s || !has_room(all))
        return no_memory(err);
    set_defaults(s);
    s->mn = ww_arena_copy(all->arena, mn);
    s->password = ww_arena_copy(all->arena, password);
    s->feed_id = feed_id;
    s->enabled = enabled;
    s->zone = all->zones[0];
    if (!s->mn.ptr || !s->password.ptr)
        return no_memory(err);
    r.out = s;
    enum ww_status st = take_key(&r, "sm4_key", sm4_key, s->sm4_key, &s->how.sm4_key);
    if (st == WW_OK)
        st = take_key(&r, "sm4_previous", sm4_previous, s->sm4_previous, &s->how.sm4_previous);
    if (st == WW_OK)
        st = read_config(&r, config);
    if (st == WW_OK && ww_map_put(all->by_mn, s->mn, all->n_stations) != WW_OK)
        st = no_memory(err);
    if (st == WW_OK)
        all->stations[all->n_stations++] = s;
    return st;
}

const struct ww_hj212_station *ww_hj212_station_find(const struct ww_hj212_stations *all, struct ww_str mn) {
    uint64_t index;
    return ww_map_get(all->by_mn, mn, &index) ? all->stations[index] : NULL;
}

uint32_t ww_hj212_station_count(const struct ww_hj212_stations *all) {
    return all->n_stations;
}

const struct ww_hj212_station *ww_hj212_station_at(const struct ww_hj212_stations *all, uint32_t index) {
    assert(index < all->n_stations);
    return all->stations[index];
}

const struct ww_hj212_station *ww_hj212_station_unknown(const struct ww_hj212_stations *all) {
    return &all->unknown;
}

static bool in_network(const struct ww_hj212_network *network, const struct ww_hj212_network *peer) {
    if (network->family != peer->family)
        return false;
    size_t whole = (size_t)network->prefix / 8;
    if (memcmp(network->address, peer->address, whole) != 0)
        return false;
    int rest = network->prefix % 8;
    return rest == 0 || ((network->address[whole] ^ peer->address[whole]) >> (8 - rest)) == 0;
}

bool ww_hj212_station_allows(const struct ww_hj212_station *station, const char *peer) {
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    struct ww_hj212_network address;
    if (station->n_networks == 0)
        return true;
    if (!peer || !parse_network(ww_str_of(peer), &address))
        return false;
    if (address.family == AF_INET6 && memcmp(address.address, mapped, sizeof mapped) == 0) {
        memmove(address.address, address.address + 12, 4);
        address.family = AF_INET;
    }
    for (uint32_t i = 0; i < station->n_networks; i++)
        if (in_network(&station->networks[i], &address))
            return true;
    return false;
}

enum ww_status ww_hj212_station_check(struct ww_str config, struct ww_error *err) {
    struct ww_hj212_stations *alone = ww_hj212_stations_new();
    enum ww_status st = ww_hj212_stations_add(alone, WW_STR("0"), 0, true, WW_STR_NONE, WW_STR_NONE,
                                              WW_STR_NONE, config, err);
    ww_hj212_stations_free(alone);
    return st;
}
