/* The tables of the simulated city: seats, outline, rivers, sites, measuring points.
 *
 * Ward names and codes: National Bureau of Statistics, 2023. Seats: GeoNames (CC BY 4.0), but
 * for Puti, which GeoNames lacks: its place is ours and approximate. Outline and rivers are drawn
 * by hand to look roughly right on a map; they are nobody's survey and no boundary. Sites and
 * measuring points are invented, and their names say so.
 */
#include "ingest/simulate/city_data.h"

const struct ww_place city_outline[] = {
    {106.955, 29.790}, {106.985, 29.745}, {107.030, 29.712}, {107.075, 29.690}, {107.120, 29.702},
    {107.135, 29.745}, {107.165, 29.775}, {107.215, 29.782}, {107.260, 29.805}, {107.300, 29.835},
    {107.345, 29.850}, {107.395, 29.872}, {107.440, 29.905}, {107.455, 29.950}, {107.410, 29.985},
    {107.355, 29.995}, {107.310, 30.020}, {107.285, 30.070}, {107.290, 30.125}, {107.275, 30.180},
    {107.245, 30.235}, {107.205, 30.245}, {107.165, 30.205}, {107.135, 30.150}, {107.100, 30.110},
    {107.060, 30.095}, {107.010, 30.100}, {106.950, 30.085}, {106.905, 30.050}, {106.870, 30.005},
    {106.860, 29.965}, {106.895, 29.930}, {106.925, 29.890}, {106.930, 29.840},
};
const uint32_t city_n_outline = sizeof city_outline / sizeof city_outline[0];

const struct city_seat city_seats[WW_CITY_WARDS] = {
    {"500115001", "凤城街道", "Fengcheng Subdistrict", {107.06019, 29.82587}, false},
    {"500115002", "晏家街道", "Yanjia Subdistrict", {106.99734, 29.82758}, false},
    {"500115003", "江南街道", "Jiangnan Subdistrict", {107.03715, 29.79313}, false},
    {"500115004", "渡舟街道", "Duzhou Subdistrict", {107.07840, 29.87848}, false},
    {"500115005", "新市街道", "Xinshi Subdistrict", {107.10408, 29.95996}, false},
    {"500115006", "八颗街道", "Bake Subdistrict", {107.02290, 29.90059}, false},
    {"500115007", "菩提街道", "Puti Subdistrict", {107.04200, 29.86100}, true},
    {"500115123", "邻封镇", "Linfeng Town", {107.21971, 29.89100}, false},
    {"500115124", "但渡镇", "Dandu Town", {107.14646, 29.83670}, false},
    {"500115125", "云集镇", "Yunji Town", {107.34041, 29.91943}, false},
    {"500115126", "长寿湖镇", "Changshouhu Town", {107.23789, 29.90536}, false},
    {"500115127", "双龙镇", "Shuanglong Town", {107.20356, 29.95972}, false},
    {"500115128", "龙河镇", "Longhe Town", {107.18044, 30.01753}, false},
    {"500115129", "石堰镇", "Shiyan Town", {107.17221, 30.08345}, false},
    {"500115130", "云台镇", "Yuntai Town", {107.20487, 30.13894}, false},
    {"500115131", "海棠镇", "Haitang Town", {107.22991, 30.17173}, false},
    {"500115132", "葛兰镇", "Gelan Town", {107.11612, 30.03589}, false},
    {"500115136", "洪湖镇", "Honghu Town", {106.95204, 30.00043}, false},
    {"500115137", "万顺镇", "Wanshun Town", {106.97159, 30.04006}, false},
};

#define LINE(points) points, sizeof(points) / sizeof(points)[0]

static const struct ww_place yangtze_1[] = {
    {106.953, 29.793}, {106.975, 29.801}, {107.000, 29.800},
    {107.025, 29.806}, {107.050, 29.811}, {107.072, 29.806},
};
static const struct ww_place yangtze_2[] = {{107.072, 29.806}, {107.085, 29.798}, {107.104, 29.790}};
static const struct ww_place yangtze_3[] = {
    {107.104, 29.790}, {107.130, 29.782}, {107.155, 29.779}, {107.185, 29.783}, {107.214, 29.783},
};
static const struct ww_place longxi_1[] = {
    {107.262, 30.196}, {107.246, 30.160}, {107.252, 30.118}, {107.240, 30.080},
    {107.252, 30.040}, {107.262, 30.005}, {107.270, 29.985},
};
static const struct ww_place longxi_lake[] = {
    {107.270, 29.985}, {107.284, 29.962}, {107.272, 29.944}, {107.258, 29.930}, {107.246, 29.918},
};
static const struct ww_place longxi_2[] = {
    {107.246, 29.918}, {107.228, 29.902}, {107.213, 29.886},
    {107.190, 29.868}, {107.168, 29.850}, {107.150, 29.842},
};
static const struct ww_place longxi_3[] = {
    {107.150, 29.842},
    {107.134, 29.826},
    {107.120, 29.808},
    {107.104, 29.790},
};
static const struct ww_place taohua[] = {
    {107.096, 29.945}, {107.090, 29.915}, {107.082, 29.885},
    {107.074, 29.858}, {107.078, 29.832}, {107.072, 29.806},
};
static const struct ww_place dahong[] = {
    {106.962, 30.082}, {106.945, 30.045}, {106.930, 30.010}, {106.915, 29.975},
    {106.925, 29.935}, {106.940, 29.890}, {106.944, 29.840}, {106.953, 29.793},
};

const struct ww_city_waterway city_waterways[] = {
    {"CJ-1", "长江（上段，示意）", "Yangtze, upper reach (sketch)", "CJ-2", LINE(yangtze_1)},
    {"CJ-2", "长江（城区段，示意）", "Yangtze, town reach (sketch)", "CJ-3", LINE(yangtze_2)},
    {"CJ-3", "长江（下段，示意）", "Yangtze, lower reach (sketch)", "", LINE(yangtze_3)},
    {"LX-1", "龙溪河（上段，示意）", "Longxi River, upper reach (sketch)", "LX-L", LINE(longxi_1)},
    {"LX-L", "长寿湖（示意）", "Changshou Lake (sketch)", "LX-2", LINE(longxi_lake)},
    {"LX-2", "龙溪河（中段，示意）", "Longxi River, middle reach (sketch)", "LX-3", LINE(longxi_2)},
    {"LX-3", "龙溪河（下段，示意）", "Longxi River, lower reach (sketch)", "CJ-3", LINE(longxi_3)},
    {"TH-1", "桃花河（示意）", "Taohua River (sketch)", "CJ-2", LINE(taohua)},
    {"DH-1", "大洪河（示意）", "Dahong River (sketch)", "CJ-1", LINE(dahong)},
};
const uint32_t city_n_waterways = sizeof city_waterways / sizeof city_waterways[0];

#define PRETREATMENT "medical.pretreatment"
#define DISCHARGE    "medical.discharge"
#define LEVEL_1      "wastewater.L1"
#define LEVEL_1A     "wwtp.1A"
#define RIVER_III    "surface_water.III"
#define LAKE_III     "lake_water.III"
#define AIR_2        "air.2"
#define NOISE_2      "noise_area.2"

const struct ww_city_site city_sites[] = {
    {"HOSP-01",
     "长寿模拟第一医院",
     "Simulated First Hospital",
     "hospital",
     PRETREATMENT,
     {107.0655, 29.8315}},
    {"HOSP-02", "晏家模拟医院", "Simulated Yanjia Hospital", "hospital", PRETREATMENT, {107.0030, 29.8325}},
    {"HOSP-03",
     "葛兰模拟中心医院",
     "Simulated Gelan Central Hospital",
     "hospital",
     DISCHARGE,
     {107.1205, 30.0400}},
    {"HOSP-04",
     "长寿湖模拟医院",
     "Simulated Changshouhu Hospital",
     "hospital",
     DISCHARGE,
     {107.2440, 29.9090}},
    {"CLIN-01", "渡舟模拟门诊部", "Simulated Duzhou Clinic", "clinic", PRETREATMENT, {107.0830, 29.8820}},
    {"CLIN-02", "云台模拟卫生院", "Simulated Yuntai Health Centre", "clinic", DISCHARGE, {107.2090, 30.1420}},
    {"PLANT-01", "晏家模拟化工厂", "Simulated Yanjia Chemical Plant", "plant", LEVEL_1, {106.9860, 29.8180}},
    {"PLANT-02", "江南模拟钢铁厂", "Simulated Jiangnan Steel Works", "plant", LEVEL_1, {107.0260, 29.7860}},
    {"PLANT-03", "但渡模拟造纸厂", "Simulated Dandu Paper Mill", "plant", LEVEL_1, {107.1430, 29.8310}},
    {"WWTP-01",
     "凤城模拟污水处理厂",
     "Simulated Fengcheng Wastewater Plant",
     "wwtp",
     LEVEL_1A,
     {107.0705, 29.8160}},
    {"WWTP-02",
     "葛兰模拟污水处理厂",
     "Simulated Gelan Wastewater Plant",
     "wwtp",
     LEVEL_1A,
     {107.1220, 30.0260}},
    {"OUTF-01", "长江模拟排口", "Simulated Outfall, Yangtze", "outfall", LEVEL_1A, {107.0725, 29.8070}},
    {"OUTF-02", "龙溪河模拟排口", "Simulated Outfall, Longxi River", "outfall", LEVEL_1, {107.1495, 29.8418}},
};
const uint32_t city_n_sites = sizeof city_sites / sizeof city_sites[0];

/* The first of each class are the actors of the opening (script.c). */
const struct city_point city_points[] = {
    {WW_CITY_HOSPITAL,
     "H01",
     "第一医院废水总排口",
     "First Hospital, outlet",
     PRETREATMENT,
     "HOSP-01",
     {107.0657, 29.8311}},
    {WW_CITY_HOSPITAL,
     "H02",
     "晏家医院废水总排口",
     "Yanjia Hospital, outlet",
     PRETREATMENT,
     "HOSP-02",
     {107.0033, 29.8322}},
    {WW_CITY_HOSPITAL,
     "H03",
     "葛兰中心医院废水总排口",
     "Gelan Hospital, outlet",
     DISCHARGE,
     "HOSP-03",
     {107.1208, 30.0397}},
    {WW_CITY_HOSPITAL,
     "H04",
     "长寿湖医院废水总排口",
     "Changshouhu Hospital, outlet",
     DISCHARGE,
     "HOSP-04",
     {107.2443, 29.9087}},
    {WW_CITY_HOSPITAL,
     "H05",
     "渡舟门诊部废水排口",
     "Duzhou Clinic, outlet",
     PRETREATMENT,
     "CLIN-01",
     {107.0832, 29.8818}},
    {WW_CITY_HOSPITAL,
     "H06",
     "云台卫生院废水排口",
     "Yuntai Health Centre, outlet",
     DISCHARGE,
     "CLIN-02",
     {107.2092, 30.1418}},
    {WW_CITY_PLANT,
     "P01",
     "化工厂废水总排口",
     "Chemical Plant, outlet",
     LEVEL_1,
     "PLANT-01",
     {106.9863, 29.8176}},
    {WW_CITY_PLANT,
     "P02",
     "钢铁厂废水总排口",
     "Steel Works, outlet",
     LEVEL_1,
     "PLANT-02",
     {107.0263, 29.7864}},
    {WW_CITY_PLANT,
     "P03",
     "造纸厂废水总排口",
     "Paper Mill, outlet",
     LEVEL_1,
     "PLANT-03",
     {107.1434, 29.8314}},
    {WW_CITY_PLANT,
     "W01",
     "凤城污水处理厂出水口",
     "Fengcheng Wastewater Plant, outlet",
     LEVEL_1A,
     "WWTP-01",
     {107.0707, 29.8156}},
    {WW_CITY_PLANT,
     "W02",
     "葛兰污水处理厂出水口",
     "Gelan Wastewater Plant, outlet",
     LEVEL_1A,
     "WWTP-02",
     {107.1222, 30.0256}},
    {WW_CITY_RIVER, "R01", "龙溪河上游断面", "Longxi River, upstream", RIVER_III, "", {107.2500, 30.1180}},
    {WW_CITY_RIVER, "R02", "龙溪河入湖断面", "Longxi River, lake inflow", RIVER_III, "", {107.2640, 29.9990}},
    {WW_CITY_RIVER, "R03", "龙溪河邻封断面", "Longxi River, Linfeng", RIVER_III, "", {107.2135, 29.8863}},
    {WW_CITY_RIVER, "R04", "龙溪河河口断面", "Longxi River, mouth", RIVER_III, "", {107.1080, 29.7950}},
    {WW_CITY_RIVER, "R05", "长寿湖湖心", "Changshou Lake, centre", LAKE_III, "", {107.2740, 29.9460}},
    {WW_CITY_RIVER, "R06", "桃花河断面", "Taohua River", RIVER_III, "", {107.0765, 29.8450}},
    {WW_CITY_RIVER,
     "R07",
     "长江扇沱断面（模拟）",
     "Yangtze, lower section",
     RIVER_III,
     "",
     {107.1550, 29.7792}},
    {WW_CITY_AIR, "A01", "凤城空气站", "Fengcheng air station", AIR_2, "", {107.0580, 29.8290}},
    {WW_CITY_AIR, "A02", "晏家空气站", "Yanjia air station", AIR_2, "", {106.9950, 29.8240}},
    {WW_CITY_AIR, "A03", "新市空气站", "Xinshi air station", AIR_2, "", {107.1060, 29.9570}},
    {WW_CITY_AIR, "A04", "长寿湖空气站", "Changshouhu air station", AIR_2, "", {107.2400, 29.9030}},
    {WW_CITY_AIR, "A05", "葛兰空气站", "Gelan air station", AIR_2, "", {107.1150, 30.0390}},
    {WW_CITY_AIR, "A06", "洪湖空气站", "Honghu air station", AIR_2, "", {106.9540, 30.0030}},
    {WW_CITY_NOISE,
     "N01",
     "凤城步行街噪声点",
     "Fengcheng pedestrian street",
     NOISE_2,
     "",
     {107.0625, 29.8240}},
    {WW_CITY_NOISE, "N02", "晏家工业园噪声点", "Yanjia industrial park", NOISE_2, "", {106.9920, 29.8295}},
    {WW_CITY_NOISE, "N03", "江南码头噪声点", "Jiangnan wharf", NOISE_2, "", {107.0420, 29.7960}},
    {WW_CITY_NOISE, "N04", "渡舟安置房噪声点", "Duzhou housing estate", NOISE_2, "", {107.0760, 29.8800}},
    {WW_CITY_NOISE, "N05", "菩提广场噪声点", "Puti square", NOISE_2, "", {107.0430, 29.8600}},
    {WW_CITY_NOISE, "N06", "长寿湖景区噪声点", "Changshouhu resort", NOISE_2, "", {107.2360, 29.9075}},
    {WW_CITY_NOISE, "N07", "葛兰集市噪声点", "Gelan market", NOISE_2, "", {107.1140, 30.0340}},
    {WW_CITY_NOISE, "N08", "云集集镇噪声点", "Yunji town centre", NOISE_2, "", {107.3420, 29.9180}},
    {WW_CITY_COMPLAINTS,
     "12345",
     "模拟群众投诉热线",
     "Simulated complaint hotline",
     "",
     "",
     {107.0602, 29.8259}},
};
const uint32_t city_n_points = sizeof city_points / sizeof city_points[0];

const struct ww_city_class_info *ww_city_class_info(enum ww_city_class class) {
    static const struct ww_city_class_info classes[WW_CITY_N_CLASSES] = {
        {"hospital-water", "hospital_outlet", "医疗废水排口", "hospital outlet", PRETREATMENT, 'H'},
        {"plant-water", "plant_outlet", "企业废水排口", "plant outlet", LEVEL_1, 'P'},
        {"river", "river_station", "河流断面", "river station", RIVER_III, 'R'},
        {"air", "air_station", "空气站", "air station", AIR_2, 'A'},
        {"noise", "noise_meter", "噪声点", "noise meter", NOISE_2, 'N'},
        {"complaints", "complaints", "投诉热线", "complaint hotline", "", 'C'},
    };
    return &classes[class];
}
