/* The rules that the simulated city is judged by.
 *
 * Discharge standards limit daily means, so every water rule comes twice: "…-now" judges single
 * readings, k of n, and is a risk signal only; "…-day" judges the daily mean, as the standard means
 * it. Limit classes are left to the things, so that one rule serves both kinds of hospital.
 */
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

const struct city_rule city_rules[] = {
    {"hospital-cod-now", "医疗废水COD瞬时超标风险", "Hospital COD over the limit: risk", 3,
     HOSPITAL("cod") K_OF_N "}"},
    {"hospital-cod-day", "医疗废水COD日均值超标", "Hospital COD, daily mean over the limit", 4,
     HOSPITAL("cod") DAILY "}"},
    {"hospital-nh3n-now", "医疗废水氨氮瞬时超标风险", "Hospital NH3-N over the limit: risk", 3,
     HOSPITAL("nh3n") K_OF_N "}"},
    {"hospital-nh3n-day", "医疗废水氨氮日均值超标", "Hospital NH3-N, daily mean over the limit", 4,
     HOSPITAL("nh3n") DAILY "}"},
    {"hospital-ss-now", "医疗废水悬浮物瞬时超标风险", "Hospital SS over the limit: risk", 2,
     HOSPITAL("ss") K_OF_N "}"},
    {"hospital-ss-day", "医疗废水悬浮物日均值超标", "Hospital SS, daily mean over the limit", 3,
     HOSPITAL("ss") DAILY "}"},
    {"hospital-ph-now", "医疗废水pH异常风险", "Hospital pH out of range: risk", 3, HOSPITAL("ph") K_OF_N "}"},
    {"plant-cod-now", "企业废水COD瞬时超标风险", "Plant COD over the limit: risk", 3,
     PLANT("cod") K_OF_N "}"},
    {"plant-cod-day", "企业废水COD日均值超标", "Plant COD, daily mean over the limit", 4,
     PLANT("cod") DAILY "}"},
    {"plant-nh3n-now", "企业废水氨氮瞬时超标风险", "Plant NH3-N over the limit: risk", 3,
     PLANT("nh3n") K_OF_N "}"},
    {"plant-nh3n-day", "企业废水氨氮日均值超标", "Plant NH3-N, daily mean over the limit", 4,
     PLANT("nh3n") DAILY "}"},
    {"plant-ph-now", "企业废水pH异常风险", "Plant pH out of range: risk", 3, PLANT("ph") K_OF_N "}"},
    {"wwtp-cod-now", "污水厂出水COD瞬时超标风险", "Wastewater plant COD over the limit: risk", 3,
     WWTP("cod") K_OF_N "}"},
    {"wwtp-cod-day", "污水厂出水COD日均值超标", "Wastewater plant COD, daily mean over the limit", 4,
     WWTP("cod") DAILY "}"},
    {"wwtp-nh3n-now", "污水厂出水氨氮瞬时超标风险", "Wastewater plant NH3-N over the limit: risk", 3,
     WWTP("nh3n") K_OF_N "}"},
    {"wwtp-nh3n-day", "污水厂出水氨氮日均值超标", "Wastewater plant NH3-N, daily mean over the limit", 4,
     WWTP("nh3n") DAILY "}"},
    {"wwtp-tp-now", "污水厂出水总磷瞬时超标风险", "Wastewater plant TP over the limit: risk", 3,
     WWTP("tp") K_OF_N "}"},
    {"wwtp-tp-day", "污水厂出水总磷日均值超标", "Wastewater plant TP, daily mean over the limit", 4,
     WWTP("tp") DAILY "}"},
    {"river-nh3n", "河流断面氨氮超III类", "River NH3-N above class III", 3, RIVER("nh3n") K_OF_N "}"},
    {"river-tp", "河流断面总磷超III类", "River TP above class III", 3, RIVER("tp") K_OF_N "}"},
    {"river-codmn", "河流断面高锰酸盐指数超III类", "River CODMn above class III", 2,
     RIVER("codmn") K_OF_N "}"},
    {"river-do", "河流断面溶解氧低于III类", "River DO below class III", 3, RIVER("do") K_OF_N "}"},
    {"air-so2-hour", "空气SO2小时值超标", "Air SO2, hourly value over the limit", 3,
     AIR("so2", "1h") HOURLY "}"},
    {"air-no2-hour", "空气NO2小时值超标", "Air NO2, hourly value over the limit", 2,
     AIR("no2", "1h") HOURLY "}"},
    {"air-o3-hour", "空气O3小时值超标", "Air O3, hourly value over the limit", 2, AIR("o3", "1h") HOURLY "}"},
    {"air-pm2_5-day", "空气PM2.5日均值超标", "Air PM2.5, daily mean over the limit", 2,
     AIR("pm2_5", "24h") "\"judge\":\"mean\"}"},
    {"air-pm10-day", "空气PM10日均值超标", "Air PM10, daily mean over the limit", 2,
     AIR("pm10", "24h") "\"judge\":\"mean\"}"},
    {"noise-leq", "环境噪声昼夜超标", "Noise over the day or night limit", 2, NOISE K_OF_N "}"},
};
const uint32_t city_n_rules = sizeof city_rules / sizeof city_rules[0];
