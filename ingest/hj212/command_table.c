/* The commands (CN) of the editions 2005, 2017 (Table 9) and 2025, as a device sends them. */
#include "ingest/hj212/hj212.h"

enum { MINUTE = 600, HOUR = 3600, DAY = 86400 };

/* In ascending order of CN. The minute interval of 2051 is the station's; 600 is the usual one. */
static const struct ww_hj212_command commands[] = {
    {1000, WW_HJ212_REQUEST, 0, "设置超时时间及重发次数", "set time-out and repeats"},
    {1001, WW_HJ212_UPLOAD, 0, "上传设备唯一标识", "hardware serial number"},
    {1002, WW_HJ212_REQUEST, 0, "设置设备编码", "set the device identity (MN)"},
    {1011, WW_HJ212_REPLY, 0, "现场机时间", "time of the device"},
    {1012, WW_HJ212_REQUEST, 0, "设置现场机时间", "set the time"},
    {1013, WW_HJ212_NOTIFY, 0, "现场机时间校准请求", "asks for time calibration"},
    {1014, WW_HJ212_NOTIFY, 0, "获取新密钥", "asks for a new SM4 key"},
    {1021, WW_HJ212_REPLY, 0, "污染物报警门限值", "alarm limits (2005)"},
    {1022, WW_HJ212_REQUEST, 0, "设置污染物报警门限值", "set alarm limits (2005)"},
    {1031, WW_HJ212_REPLY, 0, "上位机地址", "alarm target (2005)"},
    {1032, WW_HJ212_REQUEST, 0, "设置上位机地址", "set the alarm target (2005)"},
    {1041, WW_HJ212_REPLY, 0, "数据上报时间", "report time (2005)"},
    {1042, WW_HJ212_REQUEST, 0, "设置数据上报时间", "set the report time (2005)"},
    {1061, WW_HJ212_REPLY, 0, "实时数据间隔", "real-time interval"},
    {1062, WW_HJ212_REQUEST, 0, "设置实时数据间隔", "set the real-time interval"},
    {1063, WW_HJ212_REPLY, 0, "分钟数据间隔", "minute interval"},
    {1064, WW_HJ212_REQUEST, 0, "设置分钟数据间隔", "set the minute interval"},
    {1072, WW_HJ212_REQUEST, 0, "设置现场机访问密码", "set the password"},
    {2011, WW_HJ212_UPLOAD, 0, "污染物实时数据", "real-time data"},
    {2012, WW_HJ212_REQUEST, 0, "停止察看污染物实时数据", "stop real-time data"},
    {2013, WW_HJ212_UPLOAD, 0, "污染物周期原始数据", "raw data of a measuring cycle"},
    {2021, WW_HJ212_UPLOAD, 0, "设备运行状态数据", "state of facilities"},
    {2022, WW_HJ212_REQUEST, 0, "停止察看设备运行状态", "stop the state of facilities"},
    {2031, WW_HJ212_UPLOAD, DAY, "污染物日历史数据", "day data"},
    {2041, WW_HJ212_UPLOAD, DAY, "设备运行时间日历史数据", "running hours of facilities by day"},
    {2051, WW_HJ212_UPLOAD, MINUTE, "污染物分钟数据", "minute data"},
    {2052, WW_HJ212_UPLOAD, 0, "单次噪声事件数据", "single noise event"},
    {2061, WW_HJ212_UPLOAD, HOUR, "污染物小时数据", "hour data"},
    {2062, WW_HJ212_UPLOAD, 0, "自动标样核查数据", "automatic check with a standard"},
    {2071, WW_HJ212_UPLOAD, 0, "污染物报警事件", "alarm event (2005)"},
    {2081, WW_HJ212_UPLOAD, 0, "数采仪开机时间", "start of the data logger"},
    {2111, WW_HJ212_UPLOAD, 300, "焚烧炉五分钟数据", "furnace data of five minutes"},
    {3011, WW_HJ212_REQUEST, 0, "零点校准量程校准", "zero and span calibration"},
    {3012, WW_HJ212_REQUEST, 0, "即时采样", "sample at once"},
    {3013, WW_HJ212_REQUEST, 0, "启动清洗/反吹", "clean or blow back"},
    {3014, WW_HJ212_REQUEST, 0, "比对采样", "comparison sample"},
    {3015, WW_HJ212_UPLOAD, 0, "超标留样信息", "over-limit sample kept"},
    {3016, WW_HJ212_REQUEST, 0, "设置采样时间周期", "set the sampling cycle"},
    {3017, WW_HJ212_REPLY, 0, "采样时间周期", "sampling cycle"},
    {3018, WW_HJ212_REPLY, 0, "出样时间", "time to result"},
    {3019, WW_HJ212_UPLOAD, 0, "设备唯一标识", "identity of an instrument"},
    {3020, WW_HJ212_UPLOAD, 0, "现场机信息", "information and log of an instrument"},
    {3021, WW_HJ212_REQUEST, 0, "设置现场机参数", "set a parameter"},
    {3022, WW_HJ212_UPLOAD, 0, "即时留样", "keep a sample now"},
    {3024, WW_HJ212_REQUEST, 0, "启动核查", "start a check"},
    {9011, WW_HJ212_REPLY, 0, "请求应答", "answer to a request"},
    {9012, WW_HJ212_REPLY, 0, "操作执行结果", "result of execution"},
    {9013, WW_HJ212_REPLY, 0, "通知应答", "answer to a notification"},
    {9014, WW_HJ212_REPLY, 0, "数据应答", "answer to data"},
    {9015, WW_HJ212_NOTIFY, 0, "心跳", "heartbeat"},
    {9021, WW_HJ212_NOTIFY, 0, "登录", "login (2005)"},
    {9022, WW_HJ212_REPLY, 0, "登录应答", "answer to a login (2005)"},
};

const struct ww_hj212_command *ww_hj212_command(int cn) {
    size_t low = 0, high = sizeof commands / sizeof *commands;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (commands[middle].cn < cn)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof commands / sizeof *commands && commands[low].cn == cn ? &commands[low] : NULL;
}

static bool is_what_a_host_asks(const struct ww_hj212_item *item) {
    static const char *const names[] = {"PolId", "InfoId", "BeginTime", "EndTime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (item->suffix.len == 0 && ww_str_eq_nocase(item->key, ww_str_of(names[i])))
            return true;
    return false;
}

enum ww_hj212_kind ww_hj212_kind_of(const struct ww_hj212_message *m) {
    const struct ww_hj212_command *command = ww_hj212_command(m->command);
    if (!command)
        return WW_HJ212_UNKNOWN;
    if (command->kind != WW_HJ212_UPLOAD || m->n_items == 0)
        return command->kind;
    for (uint32_t i = 0; i < m->n_items; i++)
        if (!is_what_a_host_asks(&m->items[i]))
            return command->kind;
    return WW_HJ212_REQUEST;
}
