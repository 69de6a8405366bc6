/* The factor codes of HJ 212-2017 Appendix B and what each is in wardwatch.
 *
 *   code, 2005 code, property, unit that the field sends, Appendix B's unit, unit of stations of ST 22
 *
 * Units: Appendix B gives particles, ammonia and methane in ng/m3, which no instrument shows; the field sends
 * ug/m3 or mg/m3. Gases are in mg/m3 from stacks and in ug/m3 from air-quality stations, under the same code.
 * -Cou is what flowed or was discharged in the interval: a volume or a mass, in the unit of the appendix, and
 * a property of its own, since its dimension is another one. The totals of metals (w20122) and the plain ones
 * of surface water (w20138) are one property: the same limits hold for them.
 *
 * Looked up by a hash of the code in lower case, 2005 codes included; the slots are filled before main().
 */
#include <assert.h>

#include "ingest/hj212/hj212.h"

#define PLAIN(code, old, property, unit, standard, ambient)                                                  \
    { code, old, property, unit, standard, ambient, "", "" }
#define MASS(code, old, property, unit, standard, ambient, of_sum)                                           \
    { code, old, property, unit, standard, ambient, property "_mass", of_sum }
#define VOLUME(code, old, property, unit, standard, ambient)                                                 \
    { code, old, property, unit, standard, ambient, property "_volume", "m3" }

static const struct ww_hj212_factor table[] = {
    /* water, Table B.1; w01003 and w01016 are of HJ 525, sent by surface-water stations */
    VOLUME("w00000", "B01", "flow", "L/s", "", ""),
    PLAIN("w01001", "001", "ph", "[pH]", "", ""),
    PLAIN("w01002", "002", "colour_pt_co", "[Pt-Co]", "", ""),
    PLAIN("w01003", "", "turbidity", "NTU", "", ""),
    MASS("w01006", "", "tds", "mg/L", "", "", "kg"),
    PLAIN("w01009", "", "do", "mg/L", "", ""),
    PLAIN("w01010", "", "water_temperature", "degC", "", ""),
    MASS("w01012", "003", "ss", "mg/L", "", "", "kg"),
    PLAIN("w01014", "", "conductivity", "uS/cm", "", ""),
    PLAIN("w01016", "", "chlorophyll_a", "mg/L", "", ""),
    MASS("w01017", "010", "bod5", "mg/L", "", "", "kg"),
    MASS("w01018", "011", "cod", "mg/L", "", "", "kg"),
    MASS("w01019", "", "codmn", "mg/L", "", "", "kg"),
    MASS("w01020", "015", "toc", "mg/L", "", "", "kg"),
    PLAIN("w02003", "550", "fecal_coliform", "MPN/L", "", ""),
    PLAIN("w02006", "", "total_bacteria", "1/L", "", ""),
    PLAIN("w03001", "570", "gross_alpha", "Bq/L", "", ""),
    PLAIN("w03002", "571", "gross_beta", "Bq/L", "", ""),
    MASS("w19001", "", "surfactants", "mg/L", "", "", "kg"),
    MASS("w19002", "520", "las", "mg/L", "", "", "kg"),
    MASS("w20012", "039", "barium", "mg/L", "", "", "kg"),
    MASS("w20023", "037", "boron", "mg/L", "", "", "kg"),
    MASS("w20038", "040", "cobalt", "mg/L", "", "", "kg"),
    MASS("w20061", "038", "molybdenum", "mg/L", "", "", "kg"),
    MASS("w20089", "041", "thallium", "ng/L", "", "", "mg"),
    MASS("w20092", "036", "tin", "mg/L", "", "", "kg"),
    MASS("w20111", "020", "mercury", "ug/L", "", "", "g"),
    MASS("w20113", "021", "alkyl_mercury", "ng/L", "", "", "mg"),
    MASS("w20115", "022", "cadmium", "ug/L", "", "", "g"),
    MASS("w20116", "023", "chromium", "mg/L", "", "", "kg"),
    MASS("w20117", "024", "chromium_vi", "ug/L", "", "", "g"),
    MASS("w20119", "026", "arsenic", "ug/L", "", "", "g"),
    MASS("w20120", "027", "lead", "ug/L", "", "", "g"),
    MASS("w20121", "028", "nickel", "mg/L", "", "", "kg"),
    MASS("w20122", "029", "copper", "mg/L", "", "", "kg"),
    MASS("w20123", "030", "zinc", "mg/L", "", "", "kg"),
    MASS("w20124", "031", "manganese", "mg/L", "", "", "kg"),
    MASS("w20125", "032", "iron", "mg/L", "", "", "kg"),
    MASS("w20126", "033", "silver", "mg/L", "", "", "kg"),
    MASS("w20127", "034", "beryllium", "ug/L", "", "", "g"),
    MASS("w20128", "035", "selenium", "ug/L", "", "", "g"),
    MASS("w20138", "", "copper", "mg/L", "", "", "kg"),
    MASS("w20139", "", "zinc", "mg/L", "", "", "kg"),
    MASS("w20140", "", "selenium", "mg/L", "", "", "kg"),
    MASS("w20141", "", "arsenic", "mg/L", "", "", "kg"),
    MASS("w20142", "", "mercury", "ug/L", "", "", "g"),
    MASS("w20143", "", "cadmium", "ug/L", "", "", "g"),
    MASS("w20144", "", "lead", "mg/L", "", "", "kg"),
    MASS("w21001", "065", "tn", "mg/L", "", "", "kg"),
    MASS("w21003", "060", "nh3n", "mg/L", "", "", "kg"),
    MASS("w21004", "062", "kjeldahl_nitrogen", "mg/L", "", "", "kg"),
    MASS("w21006", "063", "nitrite", "mg/L", "", "", "kg"),
    MASS("w21007", "064", "nitrate", "mg/L", "", "", "kg"),
    MASS("w21011", "101", "tp", "mg/L", "", "", "kg"),
    MASS("w21016", "070", "cyanide", "mg/L", "", "", "kg"),
    MASS("w21017", "072", "fluoride", "mg/L", "", "", "kg"),
    MASS("w21019", "071", "sulfide", "mg/L", "", "", "kg"),
    MASS("w21022", "090", "chloride", "mg/L", "", "", "kg"),
    MASS("w21038", "", "sulfate", "mg/L", "", "", "kg"),
    MASS("w22001", "080", "petroleum", "mg/L", "", "", "kg"),
    MASS("w23002", "110", "volatile_phenols", "mg/L", "", "", "kg"),
    MASS("w25043", "540", "benzo_a_pyrene", "ug/L", "", "", "g"),
    MASS("w33001", "350", "hch", "ng/L", "", "", "mg"),
    MASS("w33007", "351", "ddt", "ng/L", "", "", "mg"),
    MASS("w99001", "061", "organic_nitrogen", "mg/L", "", "", "kg"),
    /* air, Table B.2; a05024 (ozone) is of HJ 524, sent by air-quality stations */
    VOLUME("a00000", "B02", "waste_gas_flow", "m3/s", "", ""),
    PLAIN("a01001", "", "temperature", "degC", "", ""),
    PLAIN("a01002", "", "humidity", "%", "", ""),
    PLAIN("a01006", "", "pressure", "kPa", "", ""),
    PLAIN("a01007", "", "wind_speed", "m/s", "", ""),
    PLAIN("a01008", "", "wind_direction", "deg", "", ""),
    PLAIN("a01010", "37", "ringelmann", "1", "", ""),
    PLAIN("a01011", "S02", "flue_gas_velocity", "m/s", "", ""),
    PLAIN("a01012", "S03", "flue_gas_temperature", "degC", "", ""),
    PLAIN("a01013", "S08", "flue_gas_pressure", "kPa", "", ""),
    PLAIN("a01014", "S05", "flue_gas_humidity", "%", "", ""),
    PLAIN("a01015", "S06", "cooler_temperature", "degC", "", ""),
    PLAIN("a01016", "S07", "stack_area", "m2", "", ""),
    PLAIN("a01017", "S04", "flue_gas_dynamic_pressure", "kPa", "", ""),
    PLAIN("a01901", "", "furnace_temperature", "degC", "", ""),
    PLAIN("a01902", "", "furnace_dcs_temperature", "degC", "", ""),
    MASS("a05001", "30", "co2", "mg/m3", "", "", "kg"),
    MASS("a05002", "", "methane", "mg/m3", "ng/m3", "", "g"),
    MASS("a05008", "", "cfc11", "mg/m3", "", "", "kg"),
    MASS("a05009", "", "cfc12", "mg/m3", "", "", "kg"),
    MASS("a05013", "", "cfc113", "mg/m3", "", "", "kg"),
    PLAIN("a05024", "", "o3", "ug/m3", "", ""),
    PLAIN("a19001", "S01", "oxygen", "%", "", ""),
    MASS("a20007", "", "arsenic_air", "ng/m3", "", "", "g"),
    MASS("a20016", "36", "beryllium_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a20025", "33", "cadmium_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a20026", "", "cadmium_air", "ng/m3", "", "", "g"),
    MASS("a20043", "32", "lead_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a20044", "", "lead_air", "ng/m3", "", "", "g"),
    MASS("a20057", "31", "mercury_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a20058", "", "mercury_air", "ng/m3", "", "", "g"),
    MASS("a20063", "35", "nickel_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a20091", "34", "tin_compounds_air", "mg/m3", "", "", "kg"),
    MASS("a21001", "10", "nh3", "mg/m3", "ng/m3", "", "g"),
    MASS("a21002", "03", "nox", "mg/m3", "", "ug/m3", "kg"),
    MASS("a21003", "", "no", "mg/m3", "", "ug/m3", "kg"),
    MASS("a21004", "", "no2", "mg/m3", "", "ug/m3", "kg"),
    MASS("a21005", "04", "co", "mg/m3", "", "", "kg"),
    MASS("a21017", "07", "cyanide_air", "mg/m3", "", "", "kg"),
    MASS("a21018", "06", "hf", "mg/m3", "", "", "kg"),
    MASS("a21022", "11", "cl2", "mg/m3", "", "", "kg"),
    MASS("a21024", "08", "hcl", "mg/m3", "", "", "kg"),
    MASS("a21026", "02", "so2", "mg/m3", "", "ug/m3", "kg"),
    MASS("a21028", "05", "h2s", "mg/m3", "", "", "kg"),
    MASS("a23001", "27", "phenols_air", "mg/m3", "", "", "kg"),
    MASS("a24003", "", "dichloromethane", "mg/m3", "", "", "kg"),
    MASS("a24004", "", "chloroform", "mg/m3", "", "", "kg"),
    MASS("a24005", "", "carbon_tetrachloride", "mg/m3", "", "", "kg"),
    MASS("a24006", "", "dibromochloromethane", "mg/m3", "", "", "kg"),
    MASS("a24007", "", "bromodichloromethane", "mg/m3", "", "", "kg"),
    MASS("a24008", "", "bromomethane", "mg/m3", "", "", "kg"),
    MASS("a24009", "", "bromoform", "mg/m3", "", "", "kg"),
    MASS("a24015", "", "chloroethane", "mg/m3", "", "", "kg"),
    MASS("a24016", "", "dichloroethane_11", "mg/m3", "", "", "kg"),
    MASS("a24017", "", "dichloroethane_12", "mg/m3", "", "", "kg"),
    MASS("a24018", "", "trichloroethane_111", "mg/m3", "", "", "kg"),
    MASS("a24019", "", "trichloroethane_112", "mg/m3", "", "", "kg"),
    MASS("a24020", "", "tetrachloroethane_1122", "mg/m3", "", "", "kg"),
    MASS("a24027", "", "dichloropropane_12", "mg/m3", "", "", "kg"),
    MASS("a24034", "", "dibromoethane_12", "mg/m3", "", "", "kg"),
    MASS("a24036", "", "cyclohexane", "mg/m3", "", "", "kg"),
    MASS("a24042", "", "n_hexane", "mg/m3", "", "", "kg"),
    MASS("a24043", "", "n_heptane", "mg/m3", "", "", "kg"),
    MASS("a24046", "29", "vinyl_chloride", "mg/m3", "", "", "kg"),
    MASS("a24047", "", "dichloroethylene_11", "mg/m3", "", "", "kg"),
    MASS("a24049", "", "trichloroethylene", "mg/m3", "", "", "kg"),
    MASS("a24050", "", "tetrachloroethylene", "mg/m3", "", "", "kg"),
    MASS("a24053", "", "propylene", "mg/m3", "", "", "kg"),
    MASS("a24054", "", "dichloropropene_13", "mg/m3", "", "", "kg"),
    MASS("a24072", "", "dioxane_14", "mg/m3", "", "", "kg"),
    MASS("a24078", "", "butadiene_13", "mg/m3", "", "", "kg"),
    MASS("a24087", "25", "hydrocarbons", "mg/m3", "", "", "kg"),
    MASS("a24088", "", "nmhc", "mg/m3", "", "", "kg"),
    MASS("a24099", "", "chloromethane", "mg/m3", "", "", "kg"),
    MASS("a24110", "", "trans_dichloroethylene_12", "mg/m3", "", "", "kg"),
    MASS("a24111", "", "cis_dichloroethylene_12", "mg/m3", "", "", "kg"),
    MASS("a24112", "", "trans_dichloropropene_13", "mg/m3", "", "", "kg"),
    MASS("a24113", "", "hexachlorobutadiene", "mg/m3", "", "", "kg"),
    MASS("a25002", "", "benzene", "mg/m3", "", "", "kg"),
    MASS("a25003", "17", "toluene", "mg/m3", "", "", "kg"),
    MASS("a25004", "", "ethylbenzene", "mg/m3", "", "", "kg"),
    MASS("a25005", "18", "xylene", "mg/m3", "", "", "kg"),
    MASS("a25006", "", "o_xylene", "mg/m3", "", "", "kg"),
    MASS("a25007", "", "m_xylene", "mg/m3", "", "", "kg"),
    MASS("a25008", "", "p_xylene", "mg/m3", "", "", "kg"),
    MASS("a25010", "23", "chlorobenzene", "mg/m3", "", "", "kg"),
    MASS("a25011", "", "dichlorobenzene_12", "mg/m3", "", "", "kg"),
    MASS("a25012", "", "dichlorobenzene_13", "mg/m3", "", "", "kg"),
    MASS("a25013", "", "dichlorobenzene_14", "mg/m3", "", "", "kg"),
    MASS("a25014", "", "ethyltoluene_4", "mg/m3", "", "", "kg"),
    MASS("a25015", "", "trichlorobenzene_124", "mg/m3", "", "", "kg"),
    MASS("a25019", "", "trimethylbenzene_124", "mg/m3", "", "", "kg"),
    MASS("a25020", "", "trimethylbenzene_123", "mg/m3", "", "", "kg"),
    MASS("a25021", "", "trimethylbenzene_135", "mg/m3", "", "", "kg"),
    MASS("a25023", "22", "nitrobenzene", "mg/m3", "", "", "kg"),
    MASS("a25038", "", "styrene", "mg/m3", "", "", "kg"),
    MASS("a25044", "20", "benzo_a_pyrene_air", "mg/m3", "", "", "kg"),
    MASS("a25072", "", "tetrahydrofuran", "mg/m3", "", "", "kg"),
    MASS("a26001", "21", "anilines", "mg/m3", "", "", "kg"),
    MASS("a29017", "", "ethyl_acetate", "mg/m3", "", "", "kg"),
    MASS("a29026", "", "vinyl_acetate", "mg/m3", "", "", "kg"),
    MASS("a30001", "28", "methanol", "mg/m3", "", "", "kg"),
    MASS("a30008", "", "isopropanol", "mg/m3", "", "", "kg"),
    MASS("a30022", "13", "mercaptans", "mg/m3", "", "", "kg"),
    MASS("a31001", "19", "formaldehyde", "mg/m3", "", "", "kg"),
    MASS("a31002", "26", "acetaldehyde", "mg/m3", "", "", "kg"),
    MASS("a31024", "", "acetone", "mg/m3", "", "", "kg"),
    MASS("a31025", "", "butanone_2", "mg/m3", "", "", "kg"),
    MASS("a31030", "", "methyl_isobutyl_ketone", "mg/m3", "", "", "kg"),
    MASS("a34001", "", "tsp", "ug/m3", "ng/m3", "", "g"),
    MASS("a34002", "", "pm10", "ug/m3", "ng/m3", "", "g"),
    MASS("a34004", "", "pm2_5", "ug/m3", "ng/m3", "", "g"),
    MASS("a34005", "", "pm1", "ug/m3", "ng/m3", "", "g"),
    PLAIN("a34011", "", "dustfall", "t/km2/mo", "", ""),
    MASS("a34013", "01", "smoke_dust", "mg/m3", "", "", "kg"),
    MASS("a34017", "", "carbon_black_dust", "mg/m3", "", "", "kg"),
    MASS("a34038", "09", "asphalt_fume", "mg/m3", "", "", "kg"),
    MASS("a34039", "14", "sulfuric_acid", "mg/m3", "", "", "kg"),
    MASS("a34040", "15", "chromic_acid_mist", "mg/m3", "", "", "kg"),
    MASS("a99010", "", "acrylonitrile", "mg/m3", "", "", "kg"),
    MASS("a99049", "24", "phosgene", "mg/m3", "", "", "kg"),
    MASS("a99051", "12", "carbon_disulfide", "mg/m3", "", "", "kg"),
    /* noise, Table B.3 */
    PLAIN("LA", "", "noise_la", "dB(A)", "", ""),
    PLAIN("L5", "", "noise_l5", "dB(A)", "", ""),
    PLAIN("L10", "", "noise_l10", "dB(A)", "", ""),
    PLAIN("L50", "", "noise_l50", "dB(A)", "", ""),
    PLAIN("L90", "", "noise_l90", "dB(A)", "", ""),
    PLAIN("L95", "", "noise_l95", "dB(A)", "", ""),
    PLAIN("Leq", "", "noise_leq", "dB(A)", "", ""),
    PLAIN("Ldn", "", "noise_ldn", "dB(A)", "", ""),
    PLAIN("Ld", "", "noise_ld", "dB(A)", "", ""),
    PLAIN("Ln", "", "noise_ln", "dB(A)", "", ""),
    PLAIN("LMx", "", "noise_lmax", "dB(A)", "", ""),
    PLAIN("LMn", "", "noise_lmin", "dB(A)", "", ""),
};

enum { N_ROWS = sizeof table / sizeof *table, N_SLOTS = 1024, MAX_CODE = 7 };
static_assert(2 * N_ROWS <= N_SLOTS / 2, "half of the slots stay free, though each row has two codes");

static struct slot {
    uint64_t key; /* the code, 0 = free */
    uint16_t row;
} slots[N_SLOTS];

/* Up to seven characters as a number, letters in lower case; 0 when it can't be a code. */
static uint64_t key_of(const char *text, size_t len) {
    uint64_t key = 0;
    if (len > MAX_CODE)
        return 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0)
            return 0; /* no leading zero bytes: they would not show in the number */
        key = key << 8 | (c >= 'A' && c <= 'Z' ? c | 0x20u : c);
    }
    return key;
}

/* The slot that has the key, or the free one where it belongs. */
static struct slot *find_slot(uint64_t key) {
    uint32_t at = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 54);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (N_SLOTS - 1);
    return &slots[at];
}

static void add_code(const char *code, size_t row) {
    struct slot *slot = find_slot(key_of(code, strlen(code)));
    if (slot->key == 0)
        *slot = (struct slot){key_of(code, strlen(code)), (uint16_t)row};
}

__attribute__((constructor)) static void fill_slots(void) {
    for (size_t i = 0; i < N_ROWS; i++)
        add_code(table[i].code, i);
    for (size_t i = 0; i < N_ROWS; i++)
        if (table[i].old_code[0])
            add_code(table[i].old_code, i);
}

const struct ww_hj212_factor *ww_hj212_factor(struct ww_str code) {
    uint64_t key = key_of(code.ptr, code.len);
    const struct slot *slot = key ? find_slot(key) : NULL;
    return slot && slot->key == key ? &table[slot->row] : NULL;
}

const struct ww_hj212_factor *ww_hj212_factor_without_letter(struct ww_str st, struct ww_str code) {
    static const char *const water[] = {"21", "24", "26", "32", "33", "34", "52"};
    static const char *const air[] = {"22", "27", "31", "39", "51"};
    char full[6] = {0};
    for (size_t i = 0; i < sizeof water / sizeof *water; i++)
        full[0] = ww_str_is(st, water[i]) ? 'w' : full[0];
    for (size_t i = 0; i < sizeof air / sizeof *air; i++)
        full[0] = ww_str_is(st, air[i]) ? 'a' : full[0];
    if (!full[0] || code.len != sizeof full - 1)
        return NULL;
    memcpy(full + 1, code.ptr, code.len);
    return ww_hj212_factor((struct ww_str){full, sizeof full});
}

const struct ww_hj212_factor *ww_hj212_factors(size_t *count) {
    *count = N_ROWS;
    return table;
}
