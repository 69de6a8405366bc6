/* The rules that the simulated city is judged by.
 *
 * Discharge standards limit daily means, so every water rule comes twice: "…-now" judges single
 * readings, k of n, and is a risk signal only; "…-day" judges the daily mean, as the standard means
 * it. Limit classes are left to the things, so that one rule serves both kinds of hospital. Rules of the
 * detectors that learn come after them.
 */
#include <stddef.h>

#include "ingest/simulate/city_data.h"

#define K_OF_N "\"judge\":\"reading\",\"fire\":[2,3],\"clear\":[3,3]"
#define DAILY  "\"judge\":\"mean\",\"min_coverage\":0.75,\"expected_step_s\":300"
#define HOURLY "\"judge\":\"reading\",\"fire\":[1,1],\"clear\":[1,1]"

#define SCOPE(property, class, standard, averaging)                                                          \
    "{\"property\":\"" property "\",\"thing_class\":\"" class "\",\"standard\":\"" standard                  \
                                                              "\",\"averaging\":\"" averaging "\","

#define HOSPITAL(p) SCOPE(p, "hospital_outlet", "GB 18466-2005", "24h")
#define PLANT(p)    SCOPE(p, "plant_outlet", "GB 8978-1996", "24h")
#define WWTP(p)     SCOPE(p, "plant_outlet", "GB 18918-2002", "24h")
#define RIVER(p)    SCOPE(p, "river_station", "GB 3838-2002", "instant")
#define AIR(p, a)   SCOPE(p, "air_station", "GB 3095-2026", a)
#define NOISE       SCOPE("noise_leq", "noise_meter", "GB 3096-2008", "1h")

/* One false alarm in ten sensor-months each at most; tests/bench/rules_bench.c counts how many there are.
 * Gaps are left to the rule sensor-silence, which tells of them while they last. */
#define UNUSUAL(class, properties)                                                                           \
    "{\"thing_class\":\"" class "\",\"properties\":[" properties                                             \
                                "],\"side\":\"up\",\"false_alarms_per_month\":0.1}"
#define NEIGHBOURS(class, verdict, side)                                                                     \
    "{\"thing_class\":\"" class "\",\"verdict\":\"" verdict "\",\"side\":\"" side                            \
                                "\",\"false_alarms_per_month\":0.1}"
#define QUALITY(class) "{\"thing_class\":\"" class "\",\"signs\":[\"stuck\",\"range\",\"spike\"]}"
/* A gauge may stand still for hours: its level is left out. */
#define RIVER_QUALITY                                                                                        \
    "{\"thing_class\":\"river_station\",\"properties\":[\"ph\",\"do\",\"codmn\",\"nh3n\",\"tp\"],"           \
    "\"signs\":[\"stuck\",\"range\",\"spike\"]}"
#define MADE_UP(class) "{\"thing_class\":\"" class "\",\"signs\":[\"clipped\",\"digits\",\"flag\"]}"

const struct city_rule city_rules[] = {
    {"hospital-cod-now", "医疗废水COD瞬时超标风险", "Hospital COD over the limit: risk", 3,
     HOSPITAL("cod") K_OF_N "}", NULL},
    {"hospital-cod-day", "医疗废水COD日均值超标", "Hospital COD, daily mean over the limit", 4,
     HOSPITAL("cod") DAILY "}", NULL},
    {"hospital-nh3n-now", "医疗废水氨氮瞬时超标风险", "Hospital NH3-N over the limit: risk", 3,
     HOSPITAL("nh3n") K_OF_N "}", NULL},
    {"hospital-nh3n-day", "医疗废水氨氮日均值超标", "Hospital NH3-N, daily mean over the limit", 4,
     HOSPITAL("nh3n") DAILY "}", NULL},
    {"hospital-ss-now", "医疗废水悬浮物瞬时超标风险", "Hospital SS over the limit: risk", 2,
     HOSPITAL("ss") K_OF_N "}", NULL},
    {"hospital-ss-day", "医疗废水悬浮物日均值超标", "Hospital SS, daily mean over the limit", 3,
     HOSPITAL("ss") DAILY "}", NULL},
    {"hospital-ph-now", "医疗废水pH异常风险", "Hospital pH out of range: risk", 3, HOSPITAL("ph") K_OF_N "}",
     NULL},
    {"plant-cod-now", "企业废水COD瞬时超标风险", "Plant COD over the limit: risk", 3, PLANT("cod") K_OF_N "}",
     NULL},
    {"plant-cod-day", "企业废水COD日均值超标", "Plant COD, daily mean over the limit", 4,
     PLANT("cod") DAILY "}", NULL},
    {"plant-nh3n-now", "企业废水氨氮瞬时超标风险", "Plant NH3-N over the limit: risk", 3,
     PLANT("nh3n") K_OF_N "}", NULL},
    {"plant-nh3n-day", "企业废水氨氮日均值超标", "Plant NH3-N, daily mean over the limit", 4,
     PLANT("nh3n") DAILY "}", NULL},
    {"plant-ph-now", "企业废水pH异常风险", "Plant pH out of range: risk", 3, PLANT("ph") K_OF_N "}", NULL},
    {"wwtp-cod-now", "污水厂出水COD瞬时超标风险", "Wastewater plant COD over the limit: risk", 3,
     WWTP("cod") K_OF_N "}", NULL},
    {"wwtp-cod-day", "污水厂出水COD日均值超标", "Wastewater plant COD, daily mean over the limit", 4,
     WWTP("cod") DAILY "}", NULL},
    {"wwtp-nh3n-now", "污水厂出水氨氮瞬时超标风险", "Wastewater plant NH3-N over the limit: risk", 3,
     WWTP("nh3n") K_OF_N "}", NULL},
    {"wwtp-nh3n-day", "污水厂出水氨氮日均值超标", "Wastewater plant NH3-N, daily mean over the limit", 4,
     WWTP("nh3n") DAILY "}", NULL},
    {"wwtp-tp-now", "污水厂出水总磷瞬时超标风险", "Wastewater plant TP over the limit: risk", 3,
     WWTP("tp") K_OF_N "}", NULL},
    {"wwtp-tp-day", "污水厂出水总磷日均值超标", "Wastewater plant TP, daily mean over the limit", 4,
     WWTP("tp") DAILY "}", NULL},
    {"river-nh3n", "河流断面氨氮超III类", "River NH3-N above class III", 3, RIVER("nh3n") K_OF_N "}", NULL},
    {"river-tp", "河流断面总磷超III类", "River TP above class III", 3, RIVER("tp") K_OF_N "}", NULL},
    {"river-codmn", "河流断面高锰酸盐指数超III类", "River CODMn above class III", 2,
     RIVER("codmn") K_OF_N "}", NULL},
    {"river-do", "河流断面溶解氧低于III类", "River DO below class III", 3, RIVER("do") K_OF_N "}", NULL},
    {"air-so2-hour", "空气SO2小时值超标", "Air SO2, hourly value over the limit", 3,
     AIR("so2", "1h") HOURLY "}", NULL},
    {"air-no2-hour", "空气NO2小时值超标", "Air NO2, hourly value over the limit", 2,
     AIR("no2", "1h") HOURLY "}", NULL},
    {"air-o3-hour", "空气O3小时值超标", "Air O3, hourly value over the limit", 2, AIR("o3", "1h") HOURLY "}",
     NULL},
    {"air-pm2_5-day", "空气PM2.5日均值超标", "Air PM2.5, daily mean over the limit", 2,
     AIR("pm2_5", "24h") "\"judge\":\"mean\"}", NULL},
    {"air-pm10-day", "空气PM10日均值超标", "Air PM10, daily mean over the limit", 2,
     AIR("pm10", "24h") "\"judge\":\"mean\"}", NULL},
    {"noise-leq", "环境噪声昼夜超标", "Noise over the day or night limit", 2, NOISE K_OF_N "}", NULL},

    /* What no limit describes: other than usual for this point and hour. */
    {"hospital-unusual", "医疗废水异常（与往常不同）", "Hospital waste water, other than usual", 2,
     UNUSUAL("hospital_outlet", "\"cod\",\"nh3n\",\"ss\""), "baseline"},
    {"plant-unusual", "企业废水异常（与往常不同）", "Plant waste water, other than usual", 2,
     UNUSUAL("plant_outlet", "\"cod\",\"nh3n\",\"tp\",\"tn\""), "baseline"},
    {"river-unusual", "河流断面异常（与往常不同）", "River, other than usual", 2,
     UNUSUAL("river_station", "\"codmn\",\"nh3n\",\"tp\""), "baseline"},
    {"noise-unusual", "环境噪声异常（与往常不同）", "Noise, other than usual", 1,
     UNUSUAL("noise_meter", "\"noise_leq\""), "baseline"},
    {"air-area", "区域空气污染（多站同升）", "Air, several stations raised together", 2,
     NEIGHBOURS("air_station", "area", "up"), "neighbour"},
    {"air-alone", "空气站读数与邻站不符", "Air station at odds with its neighbours", 1,
     NEIGHBOURS("air_station", "fault", "both"), "neighbour"},
    {"hospital-quality", "医疗废水监测数据质量", "Hospital outlet, quality of readings", 1,
     QUALITY("hospital_outlet"), "quality"},
    {"plant-quality", "企业废水监测数据质量", "Plant outlet, quality of readings", 1, QUALITY("plant_outlet"),
     "quality"},
    {"river-quality", "河流断面监测数据质量", "River station, quality of readings", 1, RIVER_QUALITY,
     "quality"},
    {"noise-quality", "噪声监测数据质量", "Noise meter, quality of readings", 1, QUALITY("noise_meter"),
     "quality"},
    {"hospital-made-up", "医疗废水数据疑似造假", "Hospital readings that look made up", 3,
     MADE_UP("hospital_outlet"), "quality"},
    {"plant-made-up", "企业废水数据疑似造假", "Plant readings that look made up", 3, MADE_UP("plant_outlet"),
     "quality"},
};
const uint32_t city_n_rules = sizeof city_rules / sizeof city_rules[0];
