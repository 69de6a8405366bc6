/* HJ 212 frames: the data protocol of Chinese pollution monitors, editions 2005, 2017 and 2025.
 *
 * Pure: bytes in, structs out; no clock, no socket, no SQL. Three layers, each usable alone:
 *
 *   ww_hj212_next      cuts one frame off the front of a connection's buffer: length driven, and after a
 *                      failure it scans for the next "##dddd". Says what was wrong with what it cut.
 *   ww_hj212_parse     reads a frame's segment: header fields in any order, data area as items in their
 * order. ww_hj212_write     builds a frame (requests, 9011–9014, and all that a simulated station sends).
 *
 *   ##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80\r\n
 *     └ length of the segment, decimal            segment CRC ┘
 *
 * CRC: register 0xFFFF; for each byte: register = (register >> 8) XOR byte, then eight times: shift right,
 * XOR 0xA001 when the bit that fell out was 1 (HJ 212-2017 Appendix A). It is not CRC-16/MODBUS, which a
 * fourth of the frames seen in the field carry: hence the crc mode of a station. Text is UTF-8, times are
 * local (UTC+8 unless the station says otherwise).
 *
 * 2025: the data area between "CP=&&" and the closing "&&" of commands 2000–2999, 1014 and 3020 may be
 * SM4-ECB without padding (a tail below 16 bytes stays plain); length and CRC are of the plain segment. Both
 * wire forms are read: raw bytes, and the text "{0xE4,0x3E,…}".
 */
#ifndef WW_HJ212_HJ212_H
#define WW_HJ212_HJ212_H

#include "geo/base/arena.h"
#include "geo/base/buf.h"
#include "geo/base/status.h"

enum {
    WW_HJ212_MAX_SEGMENT = 9999,                           /* all that four digits can announce */
    WW_HJ212_MAX_FRAME = 6 + WW_HJ212_MAX_SEGMENT + 4 + 2, /* a connection's buffer needs no more */
    WW_HJ212_STANDARD_SEGMENT = 1024
};

uint16_t ww_hj212_crc(struct ww_str bytes);        /* the standard's */
uint16_t ww_hj212_crc_modbus(struct ww_str bytes); /* CRC-16/MODBUS */

enum ww_hj212_crc_mode {
    WW_HJ212_CRC_STANDARD, /* the standard's CRC only */
    WW_HJ212_CRC_MODBUS,   /* CRC-16/MODBUS, or the standard's */
    WW_HJ212_CRC_IGNORE    /* any; the result is still reported */
};

/* ---- What deviates from the standard: bits, counted per station ---- */

enum ww_hj212_deviation {
    WW_HJ212_DEV_LENGTH = 1 << 0,     /* the length field is wrong; CR LF gave the frame */
    WW_HJ212_DEV_OVERSIZE = 1 << 1,   /* segment over 1,024 bytes */
    WW_HJ212_DEV_CRC = 1 << 2,        /* neither CRC fits */
    WW_HJ212_DEV_CRC_MODBUS = 1 << 3, /* the CRC is plain MODBUS */
    WW_HJ212_DEV_CRC_CASE = 1 << 4,   /* CRC in lower case */
    WW_HJ212_DEV_NO_CRLF = 1 << 5,    /* the frame does not end in CR LF */
    WW_HJ212_DEV_QN = 1 << 6,         /* QN missing, or not 17 digits */
    WW_HJ212_DEV_KEY_CASE = 1 << 7,   /* FLAG, DATATIME, A34001-RTD */
    WW_HJ212_DEV_KEY_ORDER = 1 << 8,  /* header fields in another order than the standard's */
    WW_HJ212_DEV_STRAY_SEPARATOR = 1 << 9,
    WW_HJ212_DEV_DATA_TIME = 1 << 10,     /* 15 or 17 digits: the first 14 are used */
    WW_HJ212_DEV_FLAG_MISSING = 1 << 11,  /* read as 2005, no answer wanted */
    WW_HJ212_DEV_PACKET_FIELDS = 1 << 12, /* bit D without PNUM and PNO, or the other way round */
    WW_HJ212_DEV_REPEATED_FACTOR = 1 << 13,
    WW_HJ212_DEV_EMPTY_VALUE = 1 << 14,
    WW_HJ212_DEV_MN = 1 << 15, /* not the 24 (2005: 14) characters of the standard */
    WW_HJ212_DEV_ASSUMED_UNIT =
        1 << 16, /* a factor's usual unit was taken; neither the station's record nor the feed names one */
    WW_HJ212_DEV_MISSPELT = 1 << 17, /* "LA-td", "01018-Rtd", "Flag=5CP=": read as what was meant */
    WW_HJ212_DEV_CHARSET = 1 << 18,  /* the data area is not UTF-8 */
    WW_HJ212_N_DEVIATIONS = 19
};
const char *ww_hj212_deviation_name(int bit); /* "length", "oversize", "crc" …; SQL: hj212_deviations() */

/* ---- Cutting frames off a stream ---- */

enum ww_hj212_cut {
    WW_HJ212_CUT_MORE,   /* nothing whole yet: read on */
    WW_HJ212_CUT_FRAME,  /* `frame` is filled */
    WW_HJ212_CUT_GARBAGE /* `consumed` bytes that are no frame: keep them as a dead letter */
};

struct ww_hj212_frame {
    struct ww_str whole;   /* from "##" to CR LF, as received */
    struct ww_str segment; /* as received: an encrypted data area is still encrypted */
    unsigned announced;    /* the length field */
    uint16_t stated_crc;
    bool crc_is_hex;     /* false: the four characters were no hex digits */
    unsigned deviations; /* LENGTH, OVERSIZE, CRC_CASE, NO_CRLF */
};

/* `bytes`: all that is buffered. `at_end`: the stream has ended, what is there is all; say so too when a
 * begun frame is not completed in time, then what is whole behind it is found. Views `bytes`; `frame->whole`
 * is set for garbage as well. Blanks before a frame (16 at most) count into `consumed` and are no garbage;
 * after MORE nothing is consumed, and fewer than WW_HJ212_MAX_FRAME bytes are there. Frames come out the same
 * however the stream is cut, in time that grows as the stream does. */
enum ww_hj212_cut ww_hj212_next(struct ww_str bytes, bool at_end, size_t *consumed,
                                struct ww_hj212_frame *frame);

/* ---- Reading a frame ---- */

/* "w01018-Rtd=2.2": key "w01018", suffix "Rtd"; "DataTime=…": key "DataTime", suffix "". */
struct ww_hj212_item {
    struct ww_str key, suffix, value;
    uint16_t group; /* items between two ";" share it */
};

struct ww_hj212_message {
    struct ww_str qn, st, cn, pw, mn;
    int flag;    /* -1 = missing */
    int version; /* 2005, 2017, 2025; by Flag, for ST 21 by what only 2025 has, or as the station's record
                    says */
    bool wants_answer;
    unsigned pnum, pno; /* 0 = one packet */
    bool rf;            /* late data */
    int command;        /* CN as a number, -1 when it is none */
    struct ww_hj212_item *items;
    uint32_t n_items;
    struct ww_str data_area; /* plain */
    bool encrypted;
    uint16_t computed_crc, computed_modbus; /* over the plain segment */
    bool crc_ok;                            /* as the crc mode has it */
    unsigned deviations;                    /* with the frame's */
};

/* How a station's frames are to be read; NULL members and zeros are the standard's. */
struct ww_hj212_reading {
    enum ww_hj212_crc_mode crc_mode;
    bool strict;                       /* every deviation but a QN of another form is a refusal */
    int version;                       /* 0 = by the frame */
    const unsigned char *sm4_key;      /* 16 bytes, or NULL */
    const unsigned char *sm4_previous; /* tried second, after a rotation */
};

/* Views the frame's bytes; what is decrypted and the items live in `arena`. WW_BAD_INPUT with the reason and,
 * where it fits, field and value: CRC, no MN, no CN, broken data area, strict mode's deviation. Even then
 * `out` holds all that could be read, so that the sender can be told (9011, QnRtn) and counted. */
enum ww_status ww_hj212_parse(const struct ww_hj212_frame *frame, const struct ww_hj212_reading *how,
                              struct ww_arena *arena, struct ww_hj212_message *out,
                              struct ww_error *err) WW_MUST_CHECK;
/* First item of that key and suffix, any case; NULL when there is none. */
const struct ww_hj212_item *ww_hj212_find(const struct ww_hj212_message *message, const char *key,
                                          const char *suffix);
/* "20160801085857" (14 digits; more are cut off) in local time of `zone` → microseconds since 1970. */
struct ww_zone;
enum ww_status ww_hj212_time(struct ww_str text, const struct ww_zone *zone, int64_t *out,
                             struct ww_error *err) WW_MUST_CHECK;
/* The device's clock as the QN shows it; WW_INSTANT_NONE when it is no time. */
int64_t ww_hj212_qn_time(struct ww_str qn, const struct ww_zone *zone);

/* ---- Writing a frame ---- */

struct ww_hj212_out {
    const char *qn, *st, *pw, *mn;
    int cn;
    int flag;           /* written as it is; bit D and packet numbers below must agree */
    unsigned pnum, pno; /* 0 = left out */
    bool rf;
    struct ww_str data;           /* what stands between the "&&" */
    const unsigned char *sm4_key; /* not NULL: encrypts the data area, raw bytes on the wire */
};
/* Appends the whole frame. WW_TOO_LARGE when the segment is over 9,999 bytes. */
enum ww_status ww_hj212_write(struct ww_buf *out, const struct ww_hj212_out *frame) WW_MUST_CHECK;

/* ---- SM4 (GB/T 32907), ECB, no padding: whole blocks, a tail stays as it is ---- */

enum ww_status ww_hj212_sm4_encrypt(const unsigned char key[16], struct ww_str in, struct ww_arena *arena,
                                    struct ww_str *out, struct ww_error *err) WW_MUST_CHECK;
enum ww_status ww_hj212_sm4_decrypt(const unsigned char key[16], struct ww_str in, struct ww_arena *arena,
                                    struct ww_str *out, struct ww_error *err) WW_MUST_CHECK;

/* ---- Tables (command_table.c, factor_table.c, info_table.c) ---- */

enum ww_hj212_kind {
    WW_HJ212_UPLOAD,  /* carries data: becomes observations; answered 9014 */
    WW_HJ212_NOTIFY,  /* carries no data: 1013, 1014, 9015, answered 9013; 9021, answered 9022 */
    WW_HJ212_REPLY,   /* 9011, 9012, 9013, 9014 and parameters that were asked for (1011, 1061 …) */
    WW_HJ212_REQUEST, /* host to device only: from a device it makes no sense */
    WW_HJ212_UNKNOWN
};
struct ww_hj212_command {
    int cn;
    enum ww_hj212_kind kind; /* as sent by a device */
    int32_t interval_s;      /* of uploads: 0 = a moment, 600, 3600, 86400 */
    const char *name_zh, *name_en;
};
const struct ww_hj212_command *ww_hj212_command(int cn); /* NULL = not in the tables */
/* By the table; but an upload's CN with nothing but what a host asks for (PolId, InfoId, BeginTime, EndTime)
 * is a REQUEST. */
enum ww_hj212_kind ww_hj212_kind_of(const struct ww_hj212_message *message);

/* A factor code and what it is in wardwatch. */
struct ww_hj212_factor {
    char code[8];              /* "w01018" */
    char old_code[4];          /* 2005: "011", or "" */
    const char *property;      /* code of the observed property */
    const char *unit;          /* what the field sends, a code of geo/unit.c */
    const char *standard_unit; /* Appendix B's default when it is another one ("ng/m3"), else "" */
    const char *ambient_unit;  /* what air-quality stations (ST 22) send when it is another one, else "" */
    /* Of -Cou, what flowed or was discharged in the interval: "cod_mass", "kg"; "" = nothing is summed up. */
    const char *sum_property, *sum_unit;
};
/* By new or old code, any case; NULL = unknown. Constant time, no allocation. */
const struct ww_hj212_factor *ww_hj212_factor(struct ww_str code);
/* "01018", whose letter a sender left out: w… of water stations (by ST), a… of air stations; NULL = unknown.
 */
const struct ww_hj212_factor *ww_hj212_factor_without_letter(struct ww_str st, struct ww_str code);
const struct ww_hj212_factor *ww_hj212_factors(size_t *count);

/* An information code of 3020 (Table B.10) and what it is in wardwatch. */
enum ww_hj212_info_kind {
    WW_HJ212_INFO_NUMBER,
    WW_HJ212_INFO_TEXT, /* a log */
    WW_HJ212_INFO_TIME  /* YYYYMMDDhhmmss */
};
struct ww_hj212_info {
    char code[8]; /* "i12001"; a trailing "x" stands for any digit, the number of a part */
    const char *property, *unit;
    enum ww_hj212_info_kind kind;
    bool of_logger; /* whatever PolId says: the data logger's own */
};
/* Any case; NULL = unknown. */
const struct ww_hj212_info *ww_hj212_info(struct ww_str code);
const struct ww_hj212_info *ww_hj212_infos(size_t *count);

#endif
