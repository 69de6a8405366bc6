/* Reads a frame's segment: header fields in any order, the data area as items in their order.
 *
 *   QN=…;ST=32;CN=2011;PW=123456;MN=…;Flag=5;CP=&&DataTime=20160801085857;w01018-Rtd=2.2,w01018-Flag=N&&
 *   └ header: fields by their names ┘           └ data area: items ┘
 *
 * Nothing is looked for at a fixed place, because in the field fields are missing, moved and misspelt; each
 * such habit sets its bit. All that can be read is read, then the first of these refuses: a CRC that does not
 * fit, a data area that is broken or can't be decrypted, no MN, no CN, in strict mode any deviation.
 */
#include <stdio.h>
#include <strings.h>

#include "ingest/hj212/hj212_internal.h"

struct parser {
    const struct ww_hj212_frame *frame;
    const struct ww_hj212_reading *how;
    struct ww_arena *arena;
    struct ww_hj212_message *out;
    struct ww_error *err;
    struct ww_str segment; /* plain, once it is known */
    struct ww_str pnum, pno;
    size_t area_at, area_end; /* of the data area in the segment; area_at 0: there is none */
    const char *broken;       /* what is wrong with the data area */
    int last_rank;
    uint32_t capacity;
};

static void deviates(struct parser *p, unsigned bit) {
    p->out->deviations |= bit;
}

static bool all_digits(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static struct ww_str trim(struct parser *p, struct ww_str text) {
    struct ww_str trimmed = ww_str_trim(text);
    if (trimmed.len != text.len)
        deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR);
    return trimmed;
}

/* ---- Header ---- */

/* In the standard's order. */
enum header_field { QN, ST, CN, PW, MN, FLAG, PNUM, PNO, RF, CP, N_HEADER_FIELDS };
static const char *const header_names[] = {"QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF", "CP"};

static int header_field(struct parser *p, struct ww_str key) {
    for (int i = 0; i < N_HEADER_FIELDS; i++) {
        if (!ww_str_eq_nocase(key, ww_str_of(header_names[i])))
            continue;
        if (!ww_str_is(key, header_names[i]))
            deviates(p, WW_HJ212_DEV_KEY_CASE);
        return i;
    }
    return -1;
}

static int small_number(struct ww_str text, int most) {
    uint64_t value;
    return all_digits(text) && ww_str_to_u64(text, &value) && value <= (uint64_t)most ? (int)value : -1;
}

static void set_header(struct parser *p, int field, struct ww_str value) {
    struct ww_hj212_message *m = p->out;
    switch (field) {
    case QN:
        m->qn = value;
        break;
    case ST:
        m->st = value;
        break;
    case CN:
        m->cn = value;
        m->command = small_number(value, 9999);
        break;
    case PW:
        m->pw = value;
        break;
    case MN:
        m->mn = value;
        break;
    case FLAG:
        m->flag = small_number(value, 255);
        break;
    case PNUM:
        p->pnum = value;
        break;
    case PNO:
        p->pno = value;
        break;
    case RF:
        m->rf = ww_str_is(value, "1");
        break;
    default:
        break;
    }
}

/* The closing "&&": the last one, since a ciphertext and a log's text may hold others. Fields that a sender
 * moved behind it stand after it. */
static void find_area(struct parser *p, size_t value_at) {
    struct ww_str s = p->segment;
    size_t at = value_at;
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    if (at + 2 > s.len || memcmp(s.ptr + at, "&&", 2) != 0) {
        p->broken = "the data area does not begin with \"&&\"";
        return;
    }
    p->area_at = at + 2;
    const char *closing = NULL;
    for (size_t i = s.len; i >= p->area_at + 2 && !closing; i--)
        if (s.ptr[i - 1] == '&' && s.ptr[i - 2] == '&')
            closing = s.ptr + i - 2;
    if (!closing)
        p->broken = "the data area is not closed by \"&&\"";
    p->area_end = closing ? (size_t)(closing - s.ptr) : s.len;
}

/* "Flag=5CP=&&…": the ";" before CP is missing, as in the standard's own example C.19. */
static size_t end_before_cp(struct parser *p, size_t from, size_t end) {
    const char *start = p->segment.ptr + from, *cp = memmem(start, end - from, "CP=&&", 5);
    if (!cp || ww_str_trim((struct ww_str){start, (size_t)(cp - start)}).len == 0)
        return end;
    deviates(p, WW_HJ212_DEV_MISSPELT);
    return (size_t)(cp - p->segment.ptr);
}

/* The fields in [from, to); stops at CP, and says where its value begins (0: there was none). */
static size_t read_fields(struct parser *p, size_t from, size_t to) {
    struct ww_str s = p->segment;
    while (from < to) {
        size_t end = from;
        while (end < to && s.ptr[end] != ';' && s.ptr[end] != ',')
            end++;
        end = end_before_cp(p, from, end);
        struct ww_str item = trim(p, (struct ww_str){s.ptr + from, end - from});
        const char *equals = item.len ? memchr(item.ptr, '=', item.len) : NULL;
        if (equals) {
            struct ww_str key = {item.ptr, (size_t)(equals - item.ptr)};
            int field = header_field(p, key);
            if (field >= 0 && field < p->last_rank)
                deviates(p, WW_HJ212_DEV_KEY_ORDER);
            p->last_rank = field >= 0 ? field : p->last_rank;
            if (field == CP)
                return (size_t)(equals - s.ptr) + 1;
            set_header(p, field, (struct ww_str){equals + 1, (size_t)(item.ptr + item.len - equals) - 1});
        }
        if (item.len == 0 || (end < to && s.ptr[end] == ','))
            deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR);
        bool is_separator = end < to && (s.ptr[end] == ';' || s.ptr[end] == ',');
        from = end + (is_separator || end == to);
    }
    return 0;
}

static void read_header(struct parser *p) {
    size_t value_at = read_fields(p, 0, p->segment.len);
    if (value_at == 0) {
        p->broken = "there is no CP";
        return;
    }
    find_area(p, value_at);
    size_t behind = p->area_end + 2;
    if (!p->broken && behind < p->segment.len) {
        if (p->segment.ptr[behind] != ';')
            deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR);
        else
            behind++;
        if (read_fields(p, behind, p->segment.len) != 0)
            p->broken = "there are two data areas";
        deviates(p, WW_HJ212_DEV_KEY_ORDER);
    }
}

static bool is_epc(struct ww_str mn) {
    for (size_t i = 0; i < mn.len; i++)
        if ((mn.ptr[i] < '0' || mn.ptr[i] > '9') && (mn.ptr[i] < 'A' || mn.ptr[i] > 'F'))
            return false;
    return mn.len == 24;
}

/* Surface-water stations (ST 21) have sent the version bits 2 since 2019 and mean "surface water 2017": there
 * only what nothing but 2025 has decides. */
static int version_of(const struct parser *p) {
    const struct ww_hj212_message *m = p->out;
    if (p->how->version != 0)
        return p->how->version;
    int bits = m->flag < 0 ? 0 : m->flag >> 2;
    if (bits < 2) /* what it says of itself goes before what it takes from 2025 (9015, RF) */
        return bits == 0 ? 2005 : 2017;
    bool is_of_2025 = m->rf || m->command == 9015 || is_epc(m->mn);
    return ww_str_is(m->st, "21") && !is_of_2025 ? 2017 : 2025;
}

static void judge_header(struct parser *p) {
    struct ww_hj212_message *m = p->out;
    m->version = version_of(p);
    if (m->flag < 0)
        deviates(p, WW_HJ212_DEV_FLAG_MISSING);
    m->wants_answer = m->flag >= 0 && (m->flag & 1);
    bool announced = m->flag >= 0 && (m->flag & 2);
    int pnum = small_number(p->pnum, 9999), pno = small_number(p->pno, 9999);
    bool given = pnum > 0 && pno > 0 && pno <= pnum;
    if (announced != given || ((p->pnum.len > 0 || p->pno.len > 0) && !given))
        deviates(p, WW_HJ212_DEV_PACKET_FIELDS);
    m->pnum = given ? (unsigned)pnum : 0;
    m->pno = given ? (unsigned)pno : 0;
    if (m->qn.len != 17 || !all_digits(m->qn))
        deviates(p, WW_HJ212_DEV_QN);
    if (m->version == 2005 ? m->mn.len != 14 : !is_epc(m->mn))
        deviates(p, WW_HJ212_DEV_MN);
}

/* ---- Ciphertext ---- */

static bool has_control(struct ww_str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t')
            return true;
    return false;
}

static bool looks_plain(struct ww_str text) {
    return !has_control(text) && ww_str_is_utf8(text);
}

static bool crc_fits(const struct parser *p, struct ww_str segment) {
    uint16_t stated = p->frame->stated_crc;
    return p->frame->crc_is_hex &&
           (ww_hj212_crc(segment) == stated || ww_hj212_crc_modbus(segment) == stated);
}

static int hex_pair(const char *p) {
    uint16_t value;
    char digits[4] = {'0', '0', p[0], p[1]};
    return ww_hj212_read_crc(digits, &value, NULL) ? (int)value : -1;
}

/* "{0xE4,0x3E,…}tail" → bytes; false when it is not of this form. */
static bool read_cipher_text(struct ww_str text, char *out, size_t *len) {
    size_t at = 1;
    *len = 0;
    if (text.len < 2 || text.ptr[0] != '{')
        return false;
    while (at < text.len && text.ptr[at] != '}') {
        if (text.ptr[at] == ',' || text.ptr[at] == ' ') {
            at++;
            continue;
        }
        int value = at + 4 <= text.len && text.ptr[at] == '0' && (text.ptr[at + 1] | 0x20) == 'x'
                        ? hex_pair(text.ptr + at + 2)
                        : -1;
        if (value < 0)
            return false;
        out[(*len)++] = (char)value;
        at += 4;
    }
    if (at >= text.len)
        return false;
    memcpy(out + *len, text.ptr + at + 1, text.len - at - 1);
    *len += text.len - at - 1;
    return true;
}

static bool may_be_encrypted(int cn) {
    return (cn >= 2000 && cn <= 2999) || cn == 1014 || cn == 3020;
}

/* Decrypts `cipher` with `key` in place of the data area; true when the result is what was sent. */
static bool try_key(struct parser *p, const unsigned char *key, struct ww_str cipher) {
    struct ww_str s = p->segment;
    size_t behind = s.len - p->area_end;
    char *plain = key ? ww_arena_alloc(p->arena, p->area_at + cipher.len + behind + 1) : NULL;
    if (!plain || !ww_hj212_sm4(key, false, cipher, plain + p->area_at))
        return false;
    memcpy(plain, s.ptr, p->area_at);
    memcpy(plain + p->area_at + cipher.len, s.ptr + p->area_end, behind);
    struct ww_str whole = {plain, p->area_at + cipher.len + behind};
    struct ww_str area = {plain + p->area_at, cipher.len};
    if (!looks_plain(area) || (p->how->crc_mode != WW_HJ212_CRC_IGNORE && !crc_fits(p, whole)))
        return false;
    p->segment = whole;
    p->area_end = p->area_at + cipher.len;
    p->out->encrypted = true;
    return true;
}

/* The data area may be a ciphertext when the segment as it is does not read as text with this CRC. */
static void decrypt(struct parser *p) {
    struct ww_str area = {p->segment.ptr + p->area_at, p->area_end - p->area_at};
    if (p->broken || !may_be_encrypted(p->out->command) || area.len == 0)
        return;
    /* One of 256 ciphertexts begins with a brace by itself. */
    char *bytes = area.ptr[0] == '{' ? ww_arena_alloc(p->arena, area.len) : NULL;
    size_t len;
    bool is_text_form = bytes && read_cipher_text(area, bytes, &len);
    if (looks_plain(area) && !is_text_form && (crc_fits(p, p->segment) || !p->how->sm4_key))
        return;
    struct ww_str cipher = is_text_form ? (struct ww_str){bytes, len} : area;
    if (cipher.len < 16 && !is_text_form)
        return; /* nothing of it can be encrypted */
    if (try_key(p, p->how->sm4_key, cipher) || try_key(p, p->how->sm4_previous, cipher)) {
        if (p->segment.len == p->frame->announced)
            p->out->deviations &= ~(unsigned)WW_HJ212_DEV_LENGTH; /* it is the plain segment's */
        return;
    }
    if (!is_text_form && looks_plain(area))
        return;
    if (!is_text_form && !has_control(area) && crc_fits(p, p->segment)) {
        deviates(p, WW_HJ212_DEV_CHARSET); /* a log in GBK, most likely */
        return;
    }
    p->out->encrypted = true;
    p->broken = p->how->sm4_key ? "the data area is encrypted, and no key of the station opens it"
                                : "the data area is encrypted, and the station has no key";
}

/* ---- Data area ---- */

static const char *const known_suffixes[] = {
    "Rtd",        "Min",      "Avg",           "Max",        "ZsRtd", "ZsMin",      "ZsAvg",
    "ZsMax",      "Flag",     "EFlag",         "Cou",        "RS",    "RT",         "Data",
    "Info",       "SN",       "DayData",       "NightData",  "ZsCou", "SampleTime", "CompleteTime",
    "SampleType", "SampleRd", "StandardValue", "ResultType", "Ala"};
static const char *const known_keys[] = {
    "DataTime",   "BeginTime",   "EndTime", "PolId",  "QnRtn",       "ExeRtn",     "RtdInterval",  "OverTime",
    "ReCount",    "VaseNo",      "Stime",   "InfoId", "MinInterval", "SystemTime", "NewPW",        "Ctime",
    "CstartTime", "RestartTime", "QN",      "Flag",   "AlarmTime",   "AlarmEvent", "SKCreateTime", "NewSK"};

static void judge_case(struct parser *p, struct ww_str text, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!ww_str_eq_nocase(text, ww_str_of(names[i])))
            continue;
        if (!ww_str_is(text, names[i]))
            deviates(p, WW_HJ212_DEV_KEY_CASE);
        return;
    }
}

static void judge_item(struct parser *p, const struct ww_hj212_item *item) {
    if (item->value.ptr && item->value.len == 0)
        deviates(p, WW_HJ212_DEV_EMPTY_VALUE);
    if (item->suffix.len > 0) {
        judge_case(p, item->suffix, known_suffixes, sizeof known_suffixes / sizeof *known_suffixes);
        const struct ww_hj212_factor *factor = ww_hj212_factor(item->key);
        if (ww_str_eq_nocase(item->suffix, WW_STR("td")) ||
            (!factor && ww_hj212_factor_without_letter(p->out->st, item->key)))
            deviates(p, WW_HJ212_DEV_MISSPELT);
        if (factor && !ww_str_is(item->key, factor->code) && !ww_str_is(item->key, factor->old_code))
            deviates(p, WW_HJ212_DEV_KEY_CASE);
        return;
    }
    judge_case(p, item->key, known_keys, sizeof known_keys / sizeof *known_keys);
    if (ww_str_eq_nocase(item->key, WW_STR("DataTime")) && item->value.len != 14)
        deviates(p, WW_HJ212_DEV_DATA_TIME);
    if (ww_str_eq_nocase(item->key, WW_STR("Flag")))
        deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR); /* a flag without its factor */
}

static struct ww_hj212_item *add_item(struct parser *p) {
    struct ww_hj212_message *m = p->out;
    if (m->n_items == p->capacity) {
        uint32_t fresh = p->capacity ? p->capacity * 2 : 32;
        struct ww_hj212_item *grown =
            ww_arena_grow(p->arena, m->items, m->n_items * sizeof *grown, fresh * sizeof *grown);
        if (!grown)
            return NULL;
        m->items = grown;
        p->capacity = fresh;
    }
    return &m->items[m->n_items++];
}

/* "key-suffix=value". Without "=" the value's pointer is NULL. */
static struct ww_hj212_item split_item(struct ww_str text) {
    struct ww_hj212_item item = {.key = text};
    const char *equals = memchr(text.ptr, '=', text.len);
    if (equals) {
        item.key = ww_str_trim((struct ww_str){text.ptr, (size_t)(equals - text.ptr)});
        item.value = ww_str_trim((struct ww_str){equals + 1, (size_t)(text.ptr + text.len - equals) - 1});
    }
    const char *dash = item.key.len ? memrchr(item.key.ptr, '-', item.key.len) : NULL;
    if (dash && dash > item.key.ptr && dash + 1 < item.key.ptr + item.key.len) {
        item.suffix = (struct ww_str){dash + 1, (size_t)(item.key.ptr + item.key.len - dash) - 1};
        item.key.len = (size_t)(dash - item.key.ptr);
    }
    return item;
}

/* Where the item that begins at `from` ends. A log's text stands between a pair of "//" and may hold
 * separators. */
static size_t item_end(struct ww_str area, size_t from) {
    size_t at = from;
    while (at < area.len && area.ptr[at] != ';' && area.ptr[at] != ',') {
        if (area.ptr[at] == '=' && at + 3 <= area.len && memcmp(area.ptr + at + 1, "//", 2) == 0) {
            const char *close = memmem(area.ptr + at + 3, area.len - at - 3, "//", 2);
            if (close) {
                at = (size_t)(close - area.ptr) + 2;
                continue;
            }
        }
        at++;
    }
    return at;
}

/* Of one factor, in groups of their own by the standard. */
static bool stands_alone(struct ww_str suffix) {
    static const char *const names[] = {"DayData", "NightData", "SampleRd", "StandardValue", "ResultType"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ww_str_eq_nocase(suffix, ww_str_of(names[i])))
            return true;
    return false;
}

/* Whether the last items are about the item's factor and have not yet said this of it. */
static bool continues_group(const struct ww_hj212_message *m, const struct ww_hj212_item *item) {
    const struct ww_hj212_item *first = m->items, *last = first + m->n_items - 1;
    if (item->suffix.len == 0)
        return ww_str_eq_nocase(item->key, WW_STR("Flag")); /* a flag without its factor */
    const struct ww_hj212_item *i = last;
    for (; i >= first && i->group == last->group; i--) {
        if (i->suffix.len == 0 || !ww_str_eq_nocase(i->key, item->key))
            break;
        if (ww_str_eq_nocase(i->suffix, item->suffix))
            return false;
    }
    return i < last;
}

/* Items of one factor belong together, whichever separator stands between them. */
static uint16_t group_of(struct parser *p, const struct ww_hj212_item *item, bool new_group) {
    const struct ww_hj212_message *m = p->out;
    if (m->n_items == 0)
        return 0;
    const struct ww_hj212_item *last = &m->items[m->n_items - 1];
    bool same = new_group && continues_group(m, item);
    if (same && item->suffix.len > 0 && !stands_alone(item->suffix))
        deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR);
    return (uint16_t)(last->group + (new_group && !same));
}

static enum ww_status read_items(struct parser *p) {
    struct ww_str area = p->out->data_area;
    bool new_group = false;
    for (size_t from = 0; from < area.len;) {
        size_t end = item_end(area, from);
        struct ww_str text = trim(p, (struct ww_str){area.ptr + from, end - from});
        bool stray = text.len == 0 || end + 1 == area.len; /* ",;" or a trailing ";" */
        if (stray)
            deviates(p, WW_HJ212_DEV_STRAY_SEPARATOR);
        if (text.len > 0) {
            struct ww_hj212_item item = split_item(text);
            item.group = group_of(p, &item, new_group);
            struct ww_hj212_item *place = add_item(p);
            if (!place)
                return ww_error_set(p->err, WW_NO_MEMORY, "no memory for the items of a frame");
            *place = item;
            judge_item(p, place);
            new_group = false;
        }
        new_group = new_group || (end < area.len && area.ptr[end] == ';');
        from = end + 1;
    }
    return WW_OK;
}

/* A repeated PolId heads a group of its own items; there nothing repeats. */
static enum ww_status judge_repeats(struct parser *p) {
    const struct ww_hj212_message *m = p->out;
    uint32_t slots = 64;
    while (slots < m->n_items * 2)
        slots *= 2;
    uint32_t *table = ww_arena_calloc(p->arena, slots, sizeof *table);
    if (!table)
        return ww_error_set(p->err, WW_NO_MEMORY, "no memory for the items of a frame");
    for (uint32_t i = 0; i < m->n_items; i++) {
        const struct ww_hj212_item *item = &m->items[i];
        if (ww_str_eq_nocase(item->key, WW_STR("PolId")))
            return WW_OK;
        if (item->suffix.len == 0)
            continue;
        uint64_t hash = ww_str_hash(item->key) * 31 + ww_str_hash(item->suffix);
        uint32_t at = (uint32_t)(hash >> 20) & (slots - 1);
        for (; table[at] != 0; at = (at + 1) & (slots - 1)) {
            const struct ww_hj212_item *other = &m->items[table[at] - 1];
            if (ww_str_eq(other->key, item->key) && ww_str_eq(other->suffix, item->suffix)) {
                deviates(p, WW_HJ212_DEV_REPEATED_FACTOR);
                return WW_OK;
            }
        }
        table[at] = i + 1;
    }
    return WW_OK;
}

/* ---- The verdict ---- */

static void judge_crc(struct parser *p) {
    struct ww_hj212_message *m = p->out;
    m->computed_crc = ww_hj212_crc(p->segment);
    m->computed_modbus = ww_hj212_crc_modbus(p->segment);
    bool standard = p->frame->crc_is_hex && p->frame->stated_crc == m->computed_crc;
    bool modbus = p->frame->crc_is_hex && p->frame->stated_crc == m->computed_modbus;
    if (!standard)
        deviates(p, modbus ? WW_HJ212_DEV_CRC_MODBUS : WW_HJ212_DEV_CRC);
    m->crc_ok = standard || (modbus && p->how->crc_mode == WW_HJ212_CRC_MODBUS) ||
                p->how->crc_mode == WW_HJ212_CRC_IGNORE;
}

static enum ww_status refuse(struct parser *p, const char *field, struct ww_str value, const char *message) {
    (void)ww_error_set(p->err, WW_BAD_INPUT, "%s", message);
    ww_error_at_field(p->err, ww_str_of(field), value);
    return WW_BAD_INPUT;
}

static enum ww_status refuse_crc(struct parser *p) {
    char message[160], stated[8];
    struct ww_hj212_message *m = p->out;
    (void)snprintf(stated, sizeof stated, "%04X", p->frame->stated_crc);
    if (!p->frame->crc_is_hex)
        (void)snprintf(message, sizeof message, "the CRC is not four hex digits; %04X was computed",
                       m->computed_crc);
    else if (m->deviations & WW_HJ212_DEV_CRC_MODBUS)
        (void)snprintf(message, sizeof message,
                       "the CRC %s is CRC-16/MODBUS, which the station's crc_mode does not take; "
                       "the standard's is %04X",
                       stated, m->computed_crc);
    else
        (void)snprintf(message, sizeof message, "the CRC says %s, computed is %04X (MODBUS %04X)", stated,
                       m->computed_crc, m->computed_modbus);
    return refuse(p, "CRC", ww_str_of(p->frame->crc_is_hex ? stated : ""), message);
}

static enum ww_status refuse_deviation(struct parser *p) {
    unsigned allowed = WW_HJ212_DEV_QN | WW_HJ212_DEV_ASSUMED_UNIT;
    if (p->how->crc_mode != WW_HJ212_CRC_STANDARD)
        allowed |= WW_HJ212_DEV_CRC_MODBUS;
    if (p->how->crc_mode == WW_HJ212_CRC_IGNORE)
        allowed |= WW_HJ212_DEV_CRC;
    unsigned left = p->out->deviations & ~allowed;
    int bit = 0;
    if (left == 0)
        return WW_OK;
    while (!(left >> bit & 1))
        bit++;
    char message[96];
    (void)snprintf(message, sizeof message, "the station is read strictly, and the frame deviates: %s",
                   ww_hj212_deviation_name(bit));
    return refuse(p, ww_hj212_deviation_name(bit), WW_STR_NONE, message);
}

static enum ww_status judge(struct parser *p) {
    const struct ww_hj212_message *m = p->out;
    if (p->broken && m->encrypted)
        return refuse(p, "CP", WW_STR_NONE, p->broken);
    if (!m->crc_ok)
        return refuse_crc(p);
    if (p->broken)
        return refuse(p, "CP", WW_STR_NONE, p->broken);
    if (m->mn.len == 0)
        return refuse(p, "MN", m->mn, "there is no MN");
    if (m->command < 0)
        return refuse(p, "CN", m->cn, m->cn.len ? "the CN is not a number" : "there is no CN");
    return p->how->strict ? refuse_deviation(p) : WW_OK;
}

enum ww_status ww_hj212_parse(const struct ww_hj212_frame *frame, const struct ww_hj212_reading *how,
                              struct ww_arena *arena, struct ww_hj212_message *out, struct ww_error *err) {
    static const struct ww_hj212_reading by_the_book = {0};
    *out = (struct ww_hj212_message){.flag = -1, .command = -1, .deviations = frame->deviations};
    struct parser p = {.frame = frame,
                       .how = how ? how : &by_the_book,
                       .arena = arena,
                       .out = out,
                       .err = err,
                       .segment = frame->segment};
    read_header(&p);
    decrypt(&p);
    judge_crc(&p);
    if (p.area_at > 0 && !(p.broken && out->encrypted))
        out->data_area = (struct ww_str){p.segment.ptr + p.area_at, p.area_end - p.area_at};
    enum ww_status st = read_items(&p);
    if (st == WW_OK)
        st = judge_repeats(&p);
    const struct ww_hj212_item *qn = out->qn.len == 0 ? ww_hj212_find(out, "QN", "") : NULL;
    if (qn)
        out->qn = qn->value; /* a 9013 of 2005 has it there */
    judge_header(&p);
    if (qn)
        deviates(&p, WW_HJ212_DEV_QN);
    return st == WW_OK ? judge(&p) : st;
}

const struct ww_hj212_item *ww_hj212_find(const struct ww_hj212_message *message, const char *key,
                                          const char *suffix) {
    for (uint32_t i = 0; i < message->n_items; i++)
        if (ww_str_eq_nocase(message->items[i].key, ww_str_of(key)) &&
            ww_str_eq_nocase(message->items[i].suffix, ww_str_of(suffix)))
            return &message->items[i];
    return NULL;
}
