/* The routes: one table, and how a request finds its row. */
#include "server/route_table.h"

#include <ctype.h>
#include <stdio.h>

#include "geo/instant.h"

#define READERS                                                                                              \
    (WW_MAY(WW_ROLE_VIEWER) | WW_MAY(WW_ROLE_COORDINATOR) | WW_MAY(WW_ROLE_PROSECUTOR) |                     \
     WW_MAY(WW_ROLE_ANALYST) | WW_MAY(WW_ROLE_ADMIN))
#define INSPECTORS  (WW_MAY(WW_ROLE_PROSECUTOR) | WW_MAY(WW_ROLE_ANALYST) | WW_MAY(WW_ROLE_ADMIN))
#define JUDGES      (INSPECTORS | WW_MAY(WW_ROLE_COORDINATOR)) /* of what an alert was */
#define ADMINS      WW_MAY(WW_ROLE_ADMIN)
#define ANYONE      (READERS | WW_MAY(WW_ROLE_FEED))
#define MAP_LIST    (WW_ROUTE_ANONYMOUS | WW_ROUTE_LIST | WW_ROUTE_GEOJSON)
#define CONFIG_BODY ((size_t)256 << 10)

#define QUERY(name, type, en, zh)                                                                            \
    { name, type, WW_IN_QUERY, false, NULL, en, zh }
#define WORD(name, words, en, zh)                                                                            \
    { name, WW_PARAM_WORD, WW_IN_QUERY, false, words, en, zh }
#define PATH(name, type, en, zh)                                                                             \
    { name, type, WW_IN_PATH, true, NULL, en, zh }
#define UNUSED(name)                                                                                         \
    { name, WW_PARAM_TEXT, WW_IN_NOTHING, false, NULL, "", "" }
#define END                                                                                                  \
    { NULL, WW_PARAM_TEXT, WW_IN_NOTHING, false, NULL, NULL, NULL }
#define WARD QUERY("ward", WW_PARAM_TEXT, "Code of the ward", "街镇代码")

static const struct ww_param none[] = {END};
static const struct ww_param ward_params[] = {QUERY("code", WW_PARAM_TEXT, "Code of the ward", "街镇代码"),
                                              END};
static const struct ww_param site_params[] = {
    WARD, QUERY("kind", WW_PARAM_TEXT, "Kind of site: hospital, plant, outfall …", "监管对象类型"), END};
static const struct ww_param hotspot_params[] = {
    QUERY("rule", WW_PARAM_TEXT, "Code of the rule", "规则代码"),
    WORD("places", "ward|hexagon", "Wards or hexagons", "街镇或六边形网格"),
    WORD("class", "hot|cold", "Hot or cold spots", "热点或冷点"), WARD, END};
static const struct ww_param thing_params[] = {
    WARD, QUERY("class", WW_PARAM_TEXT, "Class that rules are scoped by", "规则适用类别"),
    QUERY("feed", WW_PARAM_TEXT, "Name of the feed it came through", "数据源名称"),
    QUERY("thing", WW_PARAM_ID, "Id of the thing", "设备编号"), END};
static const struct ww_param datastream_params[] = {
    QUERY("thing", WW_PARAM_ID, "Id of the thing", "设备编号"),
    QUERY("property", WW_PARAM_TEXT, "Code of the observed property", "观测指标代码"), WARD, END};
static const struct ww_param latest_params[] = {
    WARD,
    QUERY("bbox", WW_PARAM_TEXT, "West, south, east, north in degrees: things that stand there",
          "西、南、东、北（度）：位于其中的设备"),
    QUERY("class", WW_PARAM_TEXT, "Class that rules are scoped by", "规则适用类别"),
    QUERY("site_kind", WW_PARAM_TEXT, "Kind of the thing's site: hospital, plant, outfall …",
          "所属监管对象类型"),
    QUERY("feed", WW_PARAM_TEXT, "Name of the feed it came through", "数据源名称"),
    QUERY("property", WW_PARAM_TEXT, "Code of the observed property", "观测指标代码"),
    QUERY("since", WW_PARAM_INSTANT, "Newest value at or after", "最新值不早于该时刻"),
    QUERY("filter", WW_PARAM_FILTER, "CQL2 text over the columns of the CSV form, and geom; at most 4 KiB",
          "CQL2 文本过滤条件（列名同 CSV，另有 geom），最长 4 KiB"),
    WORD("format", "json|csv", "A list, or a table", "返回格式"),
    QUERY("limit", WW_PARAM_ID, "At most so many items; default 100", "最多返回条数，默认 100"),
    QUERY("after", WW_PARAM_ID, "Continue after this datastream", "从该数据流之后继续"),
    END};
static const struct ww_param observation_params[] = {
    {"datastream", WW_PARAM_ID, WW_IN_QUERY, true, NULL, "Id of the datastream", "数据流编号"},
    QUERY("from", WW_PARAM_INSTANT, "Phenomenon time at or after", "观测时间起（含）"),
    QUERY("to", WW_PARAM_INSTANT, "Phenomenon time before", "观测时间止（不含）"),
    QUERY("as_known_at", WW_PARAM_INSTANT, "Versions as they were known at that moment", "按当时已知的版本"),
    END};
#define SPAN                                                                                                     \
    {"datastream", WW_PARAM_ID, WW_IN_QUERY, true, NULL, "Id of the datastream", "数据流编号"},                  \
        {"from",                                                                                                 \
         WW_PARAM_INSTANT,                                                                                       \
         WW_IN_QUERY,                                                                                            \
         true,                                                                                                   \
         NULL,                                                                                                   \
         "Phenomenon time at or after",                                                                          \
         "观测时间起（含）"},                                                                                    \
    {                                                                                                            \
        "to", WW_PARAM_INSTANT, WW_IN_QUERY, true, NULL, "Phenomenon time before", "观测时间止（不含）" \
    }
#define FLAGS                                                                                                \
    QUERY("flags", WW_PARAM_TEXT, "Only readings with one of these quality flags: N",                        \
          "仅含这些质量标志的读数，如 N")
static const struct ww_param bucket_params[] = {
    SPAN,
    QUERY("width", WW_PARAM_WIDTH, "Of a bucket: PT15M, PT1H, P1D, P1W, P1M, P1Y", "时段长度，如 PT1H、P1D"),
    QUERY("points", WW_PARAM_ID, "Or how many buckets from `from` to `to`", "或：从 from 到 to 分为多少段"),
    QUERY("zone", WW_PARAM_ZONE, "Whose midnight days begin at: Asia/Shanghai; default UTC",
          "日界所在时区，如 Asia/Shanghai，默认 UTC"),
    FLAGS,
    END};
static const struct ww_param chart_params[] = {
    SPAN,
    QUERY("columns", WW_PARAM_ID, "Width of the chart in pixels, at most 4000; default 800",
          "图表宽度（像素），最大 4000，默认 800"),
    FLAGS, WORD("format", "json|csv", "An object, or a table", "返回格式"), END};
#define ALERT_FILTERS(in)                                                                                    \
    {"state", WW_PARAM_WORD, in, false, "open|cleared", "State of the alert", "预警状态"},                   \
        {"ward", WW_PARAM_TEXT, in, false, NULL, "Code of the ward", "街镇代码"},                            \
        {"rule", WW_PARAM_TEXT, in, false, NULL, "Code of the rule", "规则代码"},                            \
        {"severity", WW_PARAM_WORD, in, false, "1|2|3|4", "At least this severity", "不低于该级别"},         \
        {"since", WW_PARAM_INSTANT, in, false, NULL, "Opened at or after", "起始时间不早于"}, {              \
        "category", WW_PARAM_WORD, in, false, "pollution|sensor|lead",                                       \
            "About pollution, or about who tells of it", "污染或设备预警"                             \
    }
#define YES_NO(name, in, en, zh)                                                                             \
    { name, WW_PARAM_WORD, in, false, "yes|no", en, zh }
#define WORK_FILTERS(in)                                                                                     \
    YES_NO("acknowledged", in, "Whether somebody has said that he is on it", "是否已有人确认"),              \
        YES_NO("assigned", in, "Whether it is somebody's", "是否已指派"),                                    \
        YES_NO("snoozed", in, "Whether it is snoozed", "是否已暂缓"),                                        \
        YES_NO("silenced", in, "Whether a silence hides it", "是否被静音"),                                  \
        YES_NO("resolved", in, "Whether it was found out what it was", "是否已核实"), {                      \
        "assignee", WW_PARAM_TEXT, in, false, NULL, "Account it is assigned to", "指派给的账号"        \
    }
static const struct ww_param alert_list_params[] = {ALERT_FILTERS(WW_IN_QUERY), UNUSED("id"),
                                                    WORK_FILTERS(WW_IN_QUERY), END};
static const struct ww_param alert_params[] = {ALERT_FILTERS(WW_IN_NOTHING),
                                               PATH("id", WW_PARAM_ID, "Id of the alert", "预警编号"),
                                               WORK_FILTERS(WW_IN_NOTHING), END};
static const struct ww_param alert_id_params[] = {PATH("id", WW_PARAM_ID, "Id of the alert", "预警编号"),
                                                  END};
static const struct ww_param backtest_params[] = {PATH("id", WW_PARAM_ID, "Id of the back-test", "回测编号"),
                                                  END};
static const struct ww_param letter_list_params[] = {
    QUERY("feed", WW_PARAM_TEXT, "Name of the feed", "数据源名称"),
    WORD("state", "kept|resubmitted|discarded", "What became of it", "处理状态"), END};
static const struct ww_param letter_params[] = {PATH("id", WW_PARAM_ID, "Id of the dead letter", "死信编号"),
                                                END};
static const struct ww_param named_list_params[] = {UNUSED("name"), END};
static const struct ww_param feed_params[] = {PATH("name", WW_PARAM_TEXT, "Name of the feed", "数据源名称"),
                                              END};
static const struct ww_param rule_params[] = {PATH("code", WW_PARAM_TEXT, "Code of the rule", "规则代码"),
                                              END};
static const struct ww_param window_list_params[] = {
    WARD, WORD("state", "planned|open|over", "State of the window", "窗口状态"), UNUSED("id"), END};
static const struct ww_param window_params[] = {
    UNUSED("ward"), UNUSED("state"), PATH("id", WW_PARAM_ID, "Id of the maintenance window", "维护窗口编号"),
    END};
static const struct ww_param window_id_params[] = {
    PATH("id", WW_PARAM_ID, "Id of the maintenance window", "维护窗口编号"), END};
static const struct ww_param silence_list_params[] = {
    WORD("state", "open|over", "Whether it still holds", "是否仍有效"), UNUSED("id"), END};
static const struct ww_param silence_params[] = {
    UNUSED("state"), PATH("id", WW_PARAM_ID, "Id of the silence", "静音编号"), END};
static const struct ww_param silence_id_params[] = {PATH("id", WW_PARAM_ID, "Id of the silence", "静音编号"),
                                                    END};
static const struct ww_param muted_params[] = {
    WARD,
    QUERY("rule", WW_PARAM_TEXT, "Code of the rule", "规则代码"),
    WORD("reason", "rain|maintenance", "Why it was muted", "静默原因"),
    QUERY("window", WW_PARAM_ID, "Id of the maintenance window", "维护窗口编号"),
    WORD("state", "open|ended", "Whether the signal still goes on", "信号是否仍在持续"),
    QUERY("since", WW_PARAM_INSTANT, "At or after", "起始时间不早于"),
    END};
static const struct ww_param limit_params[] = {
    QUERY("property", WW_PARAM_TEXT, "Code of the observed property", "观测指标代码"),
    QUERY("class", WW_PARAM_TEXT, "Column or grade of the standard", "标准中的类别"),
    QUERY("standard", WW_PARAM_TEXT, "Number of the standard", "标准号"),
    QUERY("at", WW_PARAM_INSTANT, "In force at that moment", "该时刻有效"),
    UNUSED("id"),
    END};
static const struct ww_param health_params[] = {
    QUERY("feed", WW_PARAM_TEXT, "Name of the feed it came through", "数据源名称"),
    WORD("state", "silent|drifting|late|ok|unknown", "How it is as a sender", "健康状态"), END};
#define MN             PATH("mn", WW_PARAM_TEXT, "Device identity (MN) of the station", "设备唯一标识 MN")
#define COMMAND_STATES "queued|sent|accepted|done|no_data|refused|failed|timed_out|cancelled"
static const struct ww_param station_list_params[] = {
    QUERY("feed", WW_PARAM_TEXT, "Name of the feed", "数据源名称"),
    WORD("connected", "true|false", "Connected, as its newest event says", "是否在线"),
    WORD("enabled", "true|false", "Switched on", "是否启用"), END};
static const struct ww_param station_params[] = {MN, END};
static const struct ww_param command_list_params[] = {
    MN, WORD("state", COMMAND_STATES, "State of the command", "命令状态"),
    WORD("purpose", "asked|setup|history", "Why it was sent", "命令用途"), UNUSED("id"), END};
static const struct ww_param command_params[] = {UNUSED("mn"), UNUSED("state"), UNUSED("purpose"),
                                                 PATH("id", WW_PARAM_ID, "Id of the command", "命令编号"),
                                                 END};
static const struct ww_param gap_params[] = {
    MN, WORD("state", "open|asked|filled|no_data|given_up", "State of the gap", "缺数状态"), END};
static const struct ww_param station_event_params[] = {
    MN, QUERY("kind", WW_PARAM_TEXT, "Kind of event: connected, restarted …", "事件类型"), END};
static const struct ww_param event_params[] = {
    QUERY("last_event_id", WW_PARAM_ID, "Resume after this event (as the header Last-Event-ID)",
          "从该事件之后继续"),
    WORD("tiles", "0|1", "Also tell which vector tiles changed", "同时推送发生变化的矢量瓦片"), END};
static const struct ww_param tile_params[] = {
    PATH("layer", WW_PARAM_TEXT, "thing, alert, ward (live), or any collection of /ogc/",
         "图层：thing、alert、ward（实时），或 /ogc/ 的任一图层"),
    PATH("z", WW_PARAM_TEXT, "Zoom, 0 to 16", "缩放级别（0–16）"), PATH("x", WW_PARAM_TEXT, "Column", "列号"),
    PATH("y", WW_PARAM_TEXT, "Row, with or without .mvt", "行号，可带 .mvt"), END};
static const struct ww_param tilejson_params[] = {
    PATH("layer", WW_PARAM_TEXT, "Name of the layer, with or without .json", "图层名，可带 .json"), END};

#define LAYER      PATH("collectionId", WW_PARAM_TEXT, "Id of the collection", "图层标识")
#define OGC_READER (WW_ROUTE_ANONYMOUS | WW_ROUTE_OGC)
#define MATRIX     PATH("tileMatrixSetId", WW_PARAM_TEXT, "WebMercatorQuad", "瓦片矩阵集")
static const struct ww_param tileset_params[] = {LAYER, MATRIX, END};
static const struct ww_param ogc_tile_params[] = {LAYER,
                                                  MATRIX,
                                                  PATH("tileMatrix", WW_PARAM_TEXT, "Zoom", "缩放级别"),
                                                  PATH("tileRow", WW_PARAM_TEXT, "Row", "行号"),
                                                  PATH("tileCol", WW_PARAM_TEXT, "Column", "列号"),
                                                  END};
static const struct ww_param layer_params[] = {LAYER, END};
static const struct ww_param feature_params[] = {
    LAYER, PATH("featureId", WW_PARAM_TEXT, "Id of the feature", "要素标识"), END};

/* One of the acts of geo/alert/work.h. */
#define ACT(name, en, zh)                                                                                    \
    {                                                                                                        \
        WW_HTTP_POST, "/api/v1/alerts/{id}/" name, JUDGES, 0, alert_id_params, ww_handle_alert_act, NULL,    \
            NULL, 16384, 0, "alerts", en, zh                                                                 \
    }

static const struct ww_route routes[] = {
    {WW_HTTP_GET, "/healthz", 0, WW_ROUTE_PUBLIC, none, ww_handle_healthz, NULL, NULL, 0, 0, "operations",
     "The process lives", "进程存活"},
    {WW_HTTP_GET, "/readyz", 0, WW_ROUTE_PUBLIC, none, ww_handle_readyz, NULL, NULL, 0, 0, "operations",
     "The database is there and the state is rebuilt", "服务就绪"},
    {WW_HTTP_GET, "/metrics", 0, WW_ROUTE_PUBLIC, none, ww_handle_metrics, NULL, NULL, 0, 0, "operations",
     "Counters as Prometheus text", "运行指标"},
    {WW_HTTP_GET, "/api/v1/openapi.json", 0, WW_ROUTE_PUBLIC, none, ww_handle_openapi, NULL, NULL, 0, 0,
     "operations", "This document", "本接口文档"},

    {WW_HTTP_POST, "/api/v1/session", 0, WW_ROUTE_PUBLIC, none, ww_handle_session_open, NULL, NULL, 4096, 0,
     "session", "Log in with a token; sets the cookie ww_session", "用令牌登录"},
    {WW_HTTP_GET, "/api/v1/session", ANYONE, 0, none, ww_handle_session_show, NULL, NULL, 0, 0, "session",
     "Who is logged in", "当前登录者"},
    {WW_HTTP_DELETE, "/api/v1/session", ANYONE, 0, none, ww_handle_session_close, NULL, NULL, 0, 0, "session",
     "Log out", "退出登录"},

    {WW_HTTP_GET, "/api/v1/district", READERS, WW_ROUTE_ANONYMOUS, none, ww_handle_object, "api_district",
     NULL, 0, 0, "map", "The district", "辖区概况"},
    {WW_HTTP_GET, "/api/v1/wards", READERS, MAP_LIST, ward_params, ww_handle_list, "api_wards", NULL, 0, 0,
     "map", "Wards and their open alerts", "街镇及其未解除预警"},
    {WW_HTTP_GET, "/api/v1/sites", READERS, MAP_LIST, site_params, ww_handle_list, "api_sites", NULL, 0, 0,
     "map", "Regulated sites", "监管对象"},
    {WW_HTTP_GET, "/api/v1/waterways", READERS, MAP_LIST, none, ww_handle_list, "api_waterways", NULL, 0, 0,
     "map", "Reaches of rivers", "河段"},
    {WW_HTTP_GET, "/api/v1/hotspots", READERS, MAP_LIST, hotspot_params, ww_handle_list, "api_hotspots", NULL,
     0, 0, "map", "Where values are high or low together now", "热点分析"},
    {WW_HTTP_GET, "/api/v1/things", READERS, MAP_LIST, thing_params, ww_handle_list, "api_things", NULL, 0, 0,
     "observations", "Stations, meters, reporters", "监测设备"},
    {WW_HTTP_GET, "/api/v1/datastreams", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_LIST, datastream_params,
     ww_handle_list, "api_datastreams", NULL, 0, 0, "observations", "Datastreams and their latest values",
     "数据流及最新值"},
    {WW_HTTP_GET, "/api/v1/latest", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_CHECKED | WW_ROUTE_CSV,
     latest_params, ww_handle_latest, NULL, NULL, 0, 100000, "observations",
     "The newest values of all datastreams of an area, from memory", "区域内全部数据流的最新值（取自内存）"},
    {WW_HTTP_GET, "/api/v1/observations", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_LIST, observation_params,
     ww_handle_list, "api_observations", "api_observations_desc", 0, 10000, "observations",
     "The values of one datastream", "观测值"},
    {WW_HTTP_GET, "/api/v1/observations/buckets", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_LIST, bucket_params,
     ww_handle_buckets, "api_buckets", NULL, 0, 10000, "observations",
     "One datastream by hours, days or months: count, min, max, mean, first, last", "按时段汇总的观测值"},
    {WW_HTTP_GET, "/api/v1/observations/chart", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_CSV, chart_params,
     ww_handle_chart, NULL, NULL, 0, 0, "observations",
     "One datastream as a chart of so many pixels shows it (M4)", "按图表像素抽稀的观测值（M4）"},
    {WW_HTTP_GET, "/api/v1/alerts", READERS, MAP_LIST, alert_list_params, ww_handle_list, "api_alerts", NULL,
     0, 0, "alerts", "Risk alerts, newest first", "风险预警"},
    {WW_HTTP_GET, "/api/v1/alerts/{id}", READERS, WW_ROUTE_ANONYMOUS, alert_params, ww_handle_object,
     "api_alerts", NULL, 0, 0, "alerts", "One alert with its explanation and events", "预警详情"},
    {WW_HTTP_GET, "/api/v1/alerts/{id}/explanation", READERS, WW_ROUTE_ANONYMOUS, alert_id_params,
     ww_handle_alert_explanation, NULL, NULL, 0, 0, "alerts", "Why it was raised, in words",
     "预警由来（文字说明）"},
    ACT("acknowledge", "Say that one is on it", "确认（认领）预警"),
    ACT("unacknowledge", "Nobody is on it any more", "取消确认"),
    ACT("assign", "Give it to an account", "指派预警"),
    ACT("unassign", "Take it from whoever has it", "取消指派"),
    ACT("comment", "Write something to it", "添加备注"),
    ACT("snooze", "Tell nobody of it until a time, or until it clears", "暂缓通知"),
    ACT("unsnooze", "Tell of it again", "取消暂缓"),
    ACT("escalate", "Hand it up", "上报（升级）预警"),
    ACT("resolve", "Record what it was and what effect it had", "登记核实结果"),
    ACT("reopen", "The work on it goes on", "重新办理"),
    {WW_HTTP_GET, "/api/v1/alerts/{id}/trace", READERS, WW_ROUTE_ANONYMOUS, alert_id_params, ww_handle_object,
     "api_alert_trace", NULL, 0, 0, "alerts", "Where it came from and where it will go, as GeoJSON",
     "预警溯源与下游影响"},
    {WW_HTTP_GET, "/tiles/{layer}", READERS, OGC_READER, tilejson_params, ww_handle_tilejson, NULL, NULL, 0,
     0, "map", "A layer of live vector tiles (TileJSON 3.0)", "实时矢量瓦片图层说明（TileJSON 3.0）"},
    {WW_HTTP_GET, "/tiles/{layer}/{z}/{x}/{y}", READERS, OGC_READER, tile_params, ww_handle_tile, NULL, NULL,
     0, 0, "map", "A live vector tile (Mapbox Vector Tile 2.1)", "实时矢量瓦片（MVT 2.1）"},
    {WW_HTTP_GET, "/api/v1/silences", READERS, WW_ROUTE_LIST, silence_list_params, ww_handle_list,
     "api_silences", NULL, 0, 0, "alerts", "Silences and what they hid, newest first", "通知静音"},
    {WW_HTTP_GET, "/api/v1/silences/{id}", READERS, 0, silence_params, ww_handle_object, "api_silences", NULL,
     0, 0, "alerts", "One silence", "通知静音详情"},
    {WW_HTTP_POST, "/api/v1/silences", JUDGES, 0, none, ww_handle_silence_create, NULL, NULL, CONFIG_BODY, 0,
     "alerts", "Tell nobody of alerts of a rule, a sensor, a site, a ward or a polygon", "新建通知静音"},
    {WW_HTTP_POST, "/api/v1/silences/{id}/end", JUDGES, 0, silence_id_params, ww_handle_silence_end, NULL,
     NULL, 1024, 0, "alerts", "End a silence now", "结束通知静音"},
    {WW_HTTP_GET, "/api/v1/muted", READERS, WW_ROUTE_LIST, muted_params, ww_handle_list, "api_muted", NULL, 0,
     0, "alerts", "Signals that rain or maintenance kept from being alerts, newest first", "被静默的信号"},
    {WW_HTTP_GET, "/api/v1/maintenance", READERS, WW_ROUTE_LIST, window_list_params, ww_handle_list,
     "api_maintenance", NULL, 0, 0, "alerts", "Maintenance windows and what they hid, newest first",
     "维护窗口"},
    {WW_HTTP_GET, "/api/v1/maintenance/{id}", READERS, 0, window_params, ww_handle_object, "api_maintenance",
     NULL, 0, 0, "alerts", "One maintenance window", "维护窗口详情"},
    {WW_HTTP_POST, "/api/v1/maintenance", JUDGES, 0, none, ww_handle_maintenance_create, NULL, NULL, 16384, 0,
     "alerts", "Announce work on a sensor, a thing, a site or in a ward", "登记维护窗口"},
    {WW_HTTP_POST, "/api/v1/maintenance/{id}/end", JUDGES, 0, window_id_params, ww_handle_maintenance_end,
     NULL, NULL, 1024, 0, "alerts", "End a maintenance window now", "提前结束维护窗口"},
    {WW_HTTP_GET, "/api/v1/events", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_EVENTS, event_params,
     ww_handle_events, NULL, NULL, 0, 0, "alerts", "Alert events as they are committed", "预警事件流"},

    {WW_HTTP_GET, "/api/v1/dead-letters", INSPECTORS, WW_ROUTE_ALL_WARDS | WW_ROUTE_LIST | WW_ROUTE_RAW,
     letter_list_params, ww_handle_list, "api_dead_letters", NULL, 0, 0, "feeds",
     "Rows that could not be taken", "死信"},
    {WW_HTTP_POST, "/api/v1/dead-letters/{id}/resubmit", ADMINS, WW_ROUTE_ALL_WARDS, letter_params,
     ww_handle_dead_letter_resubmit, NULL, NULL, (size_t)16 << 20, 0, "feeds", "Send a dead letter again",
     "重新提交死信"},
    {WW_HTTP_POST, "/api/v1/dead-letters/{id}/discard", ADMINS, WW_ROUTE_ALL_WARDS, letter_params,
     ww_handle_dead_letter_discard, NULL, NULL, 1024, 0, "feeds", "Give a dead letter up", "丢弃死信"},
    {WW_HTTP_GET, "/api/v1/feeds", INSPECTORS, WW_ROUTE_LIST, named_list_params, ww_handle_list, "api_feeds",
     NULL, 0, 0, "feeds", "Ways in and what came through them", "数据源"},
    {WW_HTTP_GET, "/api/v1/feeds/{name}", INSPECTORS, 0, feed_params, ww_handle_object, "api_feeds", NULL, 0,
     0, "feeds", "One feed", "数据源详情"},
    {WW_HTTP_GET, "/api/v1/feeds/{name}/health", INSPECTORS, 0, feed_params, ww_handle_object,
     "api_feed_health", NULL, 0, 0, "health", "How a feed is: last seen, lag, completeness",
     "数据源健康状况"},
    {WW_HTTP_GET, "/api/v1/health/things", READERS, WW_ROUTE_ANONYMOUS | WW_ROUTE_LIST, health_params,
     ww_handle_list, "api_health_things", NULL, 0, 0, "health", "How things are as senders", "设备健康状况"},
    {WW_HTTP_POST, "/api/v1/feeds", ADMINS, 0, none, ww_handle_feed_create, "api_feed_create", NULL,
     CONFIG_BODY, 0, "feeds", "Create a feed", "新建数据源"},
    {WW_HTTP_PUT, "/api/v1/feeds/{name}", ADMINS, 0, feed_params, ww_handle_feed_replace, "api_feed_replace",
     NULL, CONFIG_BODY, 0, "feeds", "Change a feed", "修改数据源"},
    {WW_HTTP_POST, "/ingest/v1/{feed}", WW_MAY(WW_ROLE_FEED) | ADMINS, 0,
     (const struct ww_param[]){PATH("feed", WW_PARAM_TEXT, "Name of the feed", "数据源名称"), END},
     ww_handle_ingest, NULL, NULL, (size_t)16 << 20, 0, "feeds", "Send observations; 200 means committed",
     "上报观测数据"},

    {WW_HTTP_GET, "/api/v1/stations", INSPECTORS, WW_ROUTE_ALL_WARDS | WW_ROUTE_LIST, station_list_params,
     ww_handle_list, "api_stations", NULL, 0, 0, "stations", "HJ 212 stations", "HJ 212 监测站"},
    {WW_HTTP_GET, "/api/v1/stations/{mn}", INSPECTORS, WW_ROUTE_ALL_WARDS, station_params, ww_handle_object,
     "api_station", NULL, 0, 0, "stations", "One station, its commands, gaps and last events", "监测站详情"},
    {WW_HTTP_POST, "/api/v1/stations", ADMINS, WW_ROUTE_ALL_WARDS, none, ww_handle_station_create, NULL, NULL,
     CONFIG_BODY, 0, "stations", "Add a station", "新增监测站"},
    {WW_HTTP_PUT, "/api/v1/stations/{mn}", ADMINS, WW_ROUTE_ALL_WARDS, station_params,
     ww_handle_station_replace, NULL, NULL, CONFIG_BODY, 0, "stations", "Change a station", "修改监测站"},
    {WW_HTTP_GET, "/api/v1/stations/{mn}/commands", INSPECTORS, WW_ROUTE_ALL_WARDS | WW_ROUTE_LIST,
     command_list_params, ww_handle_list, "api_station_commands", NULL, 0, 0, "stations",
     "What the station was asked, newest first", "对监测站下发的命令"},
    {WW_HTTP_POST, "/api/v1/stations/{mn}/commands", ADMINS, WW_ROUTE_ALL_WARDS, station_params,
     ww_handle_station_command_create, NULL, NULL, 16384, 0, "stations", "Queue a command for the station",
     "下发命令"},
    {WW_HTTP_GET, "/api/v1/station-commands/{id}", INSPECTORS, WW_ROUTE_ALL_WARDS, command_params,
     ww_handle_object, "api_station_commands", NULL, 0, 0, "stations", "One command and its answers",
     "命令详情"},
    {WW_HTTP_DELETE, "/api/v1/station-commands/{id}", ADMINS, WW_ROUTE_ALL_WARDS,
     (const struct ww_param[]){PATH("id", WW_PARAM_ID, "Id of the command", "命令编号"), END},
     ww_handle_station_command_cancel, NULL, NULL, 0, 0, "stations", "Cancel a command that still waits",
     "取消待发命令"},
    {WW_HTTP_GET, "/api/v1/stations/{mn}/gaps", INSPECTORS, WW_ROUTE_ALL_WARDS | WW_ROUTE_LIST, gap_params,
     ww_handle_list, "api_station_gaps", NULL, 0, 0, "stations",
     "What the station should have sent and did not, newest first", "监测站缺失数据"},
    {WW_HTTP_GET, "/api/v1/stations/{mn}/events", INSPECTORS, WW_ROUTE_ALL_WARDS | WW_ROUTE_LIST,
     station_event_params, ww_handle_list, "api_station_events", NULL, 0, 0, "stations",
     "What happened to the station, newest first", "监测站事件"},

    {WW_HTTP_GET, "/api/v1/backtests", INSPECTORS, WW_ROUTE_ALL_WARDS, none, ww_handle_backtest_list, NULL,
     NULL, 0, 0, "rules", "Back-tests of this server, newest first", "回测任务"},
    {WW_HTTP_POST, "/api/v1/backtests", INSPECTORS, WW_ROUTE_ALL_WARDS, none, ww_handle_backtest_start, NULL,
     NULL, CONFIG_BODY, 0, "rules", "What would a rule have raised over stored history?",
     "用历史数据回测规则"},
    {WW_HTTP_GET, "/api/v1/backtests/{id}", INSPECTORS, WW_ROUTE_ALL_WARDS, backtest_params,
     ww_handle_backtest_show, NULL, NULL, 0, 0, "rules", "Progress and result of a back-test",
     "回测进度与结果"},
    {WW_HTTP_DELETE, "/api/v1/backtests/{id}", INSPECTORS, WW_ROUTE_ALL_WARDS, backtest_params,
     ww_handle_backtest_cancel, NULL, NULL, 0, 0, "rules",
     "Cancel a running back-test, forget a finished one", "取消或删除回测"},

    {WW_HTTP_GET, "/api/v1/limits", INSPECTORS, WW_ROUTE_LIST, limit_params, ww_handle_list, "api_limits",
     NULL, 0, 0, "rules", "Legal limits", "限值"},
    {WW_HTTP_POST, "/api/v1/limits", ADMINS, 0, none, ww_handle_limit_create, "api_limit_create", NULL,
     CONFIG_BODY, 0, "rules", "Add a limit", "新增限值"},
    {WW_HTTP_GET, "/api/v1/rules", INSPECTORS, WW_ROUTE_LIST, named_list_params, ww_handle_list, "api_rules",
     NULL, 0, 0, "rules", "Rules", "规则"},
    {WW_HTTP_GET, "/api/v1/rules/{code}", INSPECTORS, 0, rule_params, ww_handle_object, "api_rules", NULL, 0,
     0, "rules", "One rule", "规则详情"},
    {WW_HTTP_POST, "/api/v1/rules", ADMINS, 0, none, ww_handle_rule_create, "api_rule_create", NULL,
     CONFIG_BODY, 0, "rules", "Create a rule", "新建规则"},
    {WW_HTTP_PUT, "/api/v1/rules/{code}", ADMINS, 0, rule_params, ww_handle_rule_replace, "api_rule_replace",
     NULL, CONFIG_BODY, 0, "rules", "Replace a rule by its next version", "更新规则"},

    {WW_HTTP_GET, "/ogc", READERS, OGC_READER, none, ww_handle_ogc_landing, NULL, NULL, 0, 0, "layers",
     "OGC API - Features: landing page", "OGC API 要素服务首页"},
    {WW_HTTP_GET, "/ogc/", READERS, OGC_READER, none, ww_handle_ogc_landing, NULL, NULL, 0, 0, "layers",
     "The same", "同上"},
    {WW_HTTP_GET, "/ogc/api", READERS, OGC_READER, none, ww_handle_ogc_api, NULL, NULL, 0, 0, "layers",
     "Its OpenAPI document, with every collection's parameters", "图层接口文档（OpenAPI）"},
    {WW_HTTP_GET, "/ogc/conformance", READERS, OGC_READER, none, ww_handle_ogc_conformance, NULL, NULL, 0, 0,
     "layers", "Conformance classes", "符合性声明"},
    {WW_HTTP_GET, "/ogc/collections", READERS, OGC_READER, none, ww_handle_ogc_collections, NULL, NULL, 0, 0,
     "layers", "The collections", "图层列表"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}", READERS, OGC_READER, layer_params,
     ww_handle_ogc_collection, NULL, NULL, 0, 0, "layers", "One collection", "图层详情"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/queryables", READERS, OGC_READER, layer_params,
     ww_handle_ogc_queryables, NULL, NULL, 0, 0, "layers", "What filters may name", "可查询属性"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/schema", READERS, OGC_READER, layer_params,
     ww_handle_ogc_schema, NULL, NULL, 0, 0, "layers", "Schema of its features", "要素结构"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/items", READERS, OGC_READER, layer_params,
     ww_handle_ogc_items, NULL, NULL, 0, 0, "layers", "Its features; /ogc/api has the parameters",
     "要素（参数见 /ogc/api）"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/tiles", READERS, OGC_READER, layer_params,
     ww_handle_ogc_tilesets, NULL, NULL, 0, 0, "layers", "Its sets of vector tiles", "矢量瓦片集列表"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}", READERS, OGC_READER,
     tileset_params, ww_handle_ogc_tileset, NULL, NULL, 0, 0, "layers", "One set of vector tiles",
     "矢量瓦片集"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
     READERS, OGC_READER, ogc_tile_params, ww_handle_table_tile, NULL, NULL, 0, 0, "layers",
     "A vector tile; filters as of items", "矢量瓦片（可带与要素相同的过滤参数）"},
    {WW_HTTP_POST, "/ogc/collections/{collectionId}/items", READERS, OGC_READER, layer_params,
     ww_handle_ogc_search, NULL, NULL, (size_t)1 << 20, 0, "layers",
     "Search its features with a CQL2 filter as the body", "以 CQL2 JSON 查询要素"},
    {WW_HTTP_GET, "/ogc/collections/{collectionId}/items/{featureId}", READERS, OGC_READER, feature_params,
     ww_handle_ogc_feature, NULL, NULL, 0, 0, "layers", "One feature", "要素详情"},
};

const struct ww_route *ww_route_table(size_t *count) {
    *count = sizeof routes / sizeof routes[0];
    return routes;
}

/* ---- Parameters that flags bring ---- */

static const struct ww_param limit_param =
    QUERY("limit", WW_PARAM_ID, "At most so many items; default 100", "最多返回条数，默认 100");
static const struct ww_param after_param =
    QUERY("after", WW_PARAM_TEXT, "Continue after this key, from `next`", "续页标记");
static const struct ww_param format_param =
    WORD("format", "json|geojson", "A list, or one FeatureCollection", "返回格式");
static const struct ww_param order_param =
    WORD("order", "asc|desc", "Oldest (default) or newest first", "排序");

const struct ww_param *ww_route_param(const struct ww_route *route, size_t n) {
    const struct ww_param *param = route->params;
    while (param->name) {
        if (n-- == 0)
            return param;
        param++;
    }
    const struct ww_param *extra[4];
    size_t n_extra = 0;
    if (route->flags & WW_ROUTE_LIST) {
        extra[n_extra++] = &limit_param;
        extra[n_extra++] = &after_param;
    }
    if (route->flags & WW_ROUTE_GEOJSON)
        extra[n_extra++] = &format_param;
    if (route->query_desc)
        extra[n_extra++] = &order_param;
    return n < n_extra ? extra[n] : NULL;
}

static bool word_is_listed(const char *words, struct ww_str value) {
    while (*words) {
        size_t len = strcspn(words, "|");
        if (ww_str_eq(value, (struct ww_str){words, len}))
            return true;
        words += len + (words[len] == '|');
    }
    return false;
}

/* "PT15M", "P1D": one unit, from 1 to 9,999 of it; no longer than a bucket of 1,000 years. */
static bool is_width(struct ww_str value) {
    size_t at = 1;
    bool of_day = value.len > 1 && value.ptr[1] == 'T';
    if (value.len < 3 || value.ptr[0] != 'P')
        return false;
    at += of_day;
    const size_t digits = at;
    while (at < value.len && value.ptr[at] >= '0' && value.ptr[at] <= '9')
        at++;
    if (at == digits || at - digits > 4 || value.ptr[digits] == '0' || at + 1 != value.len)
        return false;
    return strchr(of_day ? "HMS" : "DWMY", value.ptr[at]) && (value.ptr[at] != 'Y' || at - digits < 4);
}

/* By name only: of "+08:00" PostgreSQL has the other sign in mind. */
static bool is_zone(struct ww_str value) {
    struct ww_zone *zone;
    if (value.len == 0 || !isalpha((unsigned char)value.ptr[0]) || ww_zone_open(value, &zone, NULL) != WW_OK)
        return false;
    ww_zone_close(zone);
    return true;
}

enum ww_status ww_param_check(const struct ww_param *param, struct ww_str value, struct ww_error *err) {
    uint64_t number;
    int64_t instant;
    enum ww_status st = WW_OK;
    if (value.len > 256 && param->type != WW_PARAM_FILTER)
        st = ww_error_set(err, WW_BAD_INPUT, "%s is longer than 256 bytes", param->name);
    else if (value.len && memchr(value.ptr, '\0', value.len))
        st = ww_error_set(err, WW_BAD_INPUT, "%s holds a NUL", param->name);
    else if (param->type == WW_PARAM_ID && !(ww_str_to_u64(value, &number) && number <= INT64_MAX))
        st = ww_error_set(err, WW_BAD_INPUT, "%s must be a whole number", param->name);
    else if (param->type == WW_PARAM_INSTANT && ww_instant_parse(value, NULL, &instant, NULL) != WW_OK)
        st = ww_error_set(err, WW_BAD_INPUT, "%s must be a time such as 2026-11-23T01:02:03Z", param->name);
    else if (param->type == WW_PARAM_WIDTH && !is_width(value))
        st =
            ww_error_set(err, WW_BAD_INPUT,
                         "%s must be a duration of one unit such as PT15M, PT1H, P1D, P1W, P1M", param->name);
    else if (param->type == WW_PARAM_ZONE && !is_zone(value))
        st = ww_error_set(err, WW_BAD_INPUT, "%s must be a zone such as Asia/Shanghai", param->name);
    else if (param->type == WW_PARAM_WORD && !word_is_listed(param->words, value))
        st = ww_error_set(err, WW_BAD_INPUT, "%s must be one of %s", param->name, param->words);
    if (st != WW_OK)
        ww_error_at_field(err, ww_str_of(param->name), value);
    return st;
}

/* ---- Finding a row ---- */

/* "/a/{x}/b" against "/a/7/b": a {name} takes one segment, not empty. */
static bool path_fits(const char *pattern, struct ww_str path, struct ww_str arg[WW_PATH_ARGS]) {
    size_t at = 0;
    int n_arg = 0;
    while (*pattern) {
        if (*pattern == '{') {
            size_t begin = at;
            while (at < path.len && path.ptr[at] != '/')
                at++;
            if (at == begin)
                return false;
            arg[n_arg++] = (struct ww_str){path.ptr + begin, at - begin};
            pattern += strcspn(pattern, "}") + 1;
        } else if (at < path.len && path.ptr[at] == *pattern) {
            at++;
            pattern++;
        } else {
            return false;
        }
    }
    return at == path.len;
}

struct ww_route_match ww_route_find(enum ww_http_method method, struct ww_str path) {
    struct ww_route_match match = {0};
    enum ww_http_method wanted = method == WW_HTTP_HEAD ? WW_HTTP_GET : method;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct ww_str arg[WW_PATH_ARGS] = {WW_STR_NONE};
        if (!path_fits(routes[i].path, path, arg))
            continue;
        match.allowed |= 1u << routes[i].method;
        if (routes[i].method == WW_HTTP_GET)
            match.allowed |= 1u << WW_HTTP_HEAD;
        if (routes[i].method == wanted) {
            match.route = &routes[i];
            memcpy(match.path_arg, arg, sizeof arg);
        }
    }
    return match;
}

void ww_route_allow_text(unsigned allowed, char out[64]) {
    size_t len = 0;
    out[0] = '\0';
    for (unsigned m = 0; m <= WW_HTTP_OPTIONS; m++) {
        if (allowed & 1u << m) {
            int wrote = snprintf(out + len, 64 - len, "%s%s", len ? ", " : "",
                                 ww_http_method_name((enum ww_http_method)m));
            len += (size_t)wrote;
        }
    }
}
