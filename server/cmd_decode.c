/* wardwatch decode: shows what is made of a device's bytes, without a database.
 *
 * A file or standard input is read as the stream that a station's connection would be: the same cutter, the
 * same reader and the same decoder as those behind `serve --hj212`. In a log each line is looked through for
 * frames, and what stands around them is passed over. Which of the two it is shows at its first frame, unless
 * --log or --stream says it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "geo/base/buf.h"
#include "server/commands.h"
#include "server/hj212_lines.h"

static const char help[] =
    "usage: wardwatch decode hj212 [FILE] [--log | --stream] [--crc standard|modbus|ignore] [--sm4-key HEX]\n"
    "                              [--zone ZONE]\n\n"
    "Prints one JSON line for each frame of FILE (- or none: standard input): what it says, what deviates\n"
    "from the standard, and the values that a feed would make of it. No database is needed.\n"
    "  --log       FILE is a log: frames stand in its lines among other text, which is passed over\n"
    "  --stream    FILE is what came over a connection. Neither is said: a log is known by a time of day\n"
    "              before its first frame, or by text behind it on its line; else it is a stream\n"
    "  --crc       the crc_mode of the station's record (default standard)\n"
    "  --sm4-key   32 hex digits: HJ 212-2025 ciphertexts are opened with it\n"
    "  --zone      time zone of DataTime (default Asia/Shanghai)\n"
    "Verdicts: ok; deviating (understood, see \"deviations\"); partly (some values are dead); dead (see\n"
    "\"reason\"); garbage (bytes that are no frame). Exit status: 0 all understood, 1 not all, 2 wrong "
    "use.\n\n"
    "逐帧解读 HJ 212 报文：每帧输出一行 JSON，含帧头、CRC、与标准不符之处、得出的数值；不需要数据库。\n"
    "  --log 输入是日志，帧夹在其他文字之间；--stream "
    "输入是连接上的原始字节流；都不写则按首帧前后有无日志文字判断；\n"
    "  --crc 校验方式；--sm4-key 2025 版密钥；--zone 时区。\n"
    "退出码：0 全部读懂，1 有读不懂的，2 用法错误。\n";

enum { CHUNK = 1 << 16, MAX_LINE = 1 << 20, MAX_OUT = 16 << 20, HEAD = 6 };

enum kind { UNSAID, LOG, STREAM };

struct run {
    int in;
    struct ww_buf buf; /* what was read and is not done with */
    uint64_t offset;   /* of its first byte */
    bool at_end;
    struct ww_hj212_lines *lines;
    struct ww_buf out;
    struct ww_error err;
};

static int fail(struct run *r) {
    return ww_complain("decode", NULL, &r->err);
}

/* What is there, not a whole CHUNK: a pipe from a device's door is shown as it comes. */
static bool read_more(struct run *r) {
    char *room = ww_buf_reserve(&r->buf, CHUNK);
    if (!room) {
        (void)ww_error_set(&r->err, WW_NO_MEMORY, "no memory to read into");
        return false;
    }
    ssize_t n;
    do
        n = read(r->in, room, CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        (void)ww_error_set(&r->err, WW_UNAVAILABLE, "can't read on: %s", strerror(errno));
        return false;
    }
    r->buf.len += (size_t)n;
    r->at_end = n == 0;
    return true;
}

static bool print(struct run *r) {
    bool good = ww_buf_status(&r->out) == WW_OK &&
                fwrite(r->out.data ? r->out.data : "", 1, r->out.len, stdout) == r->out.len;
    ww_buf_reset(&r->out);
    if (!good)
        (void)ww_error_set(&r->err, WW_UNAVAILABLE, "can't write to standard output");
    return good;
}

static bool put_frame(struct run *r, uint64_t offset, uint64_t line, const struct ww_hj212_frame *frame) {
    return ww_hj212_lines_frame(r->lines, offset, line, frame, &r->out, &r->err) == WW_OK && print(r);
}

static bool put_garbage(struct run *r, uint64_t offset, uint64_t line, struct ww_str bytes) {
    ww_hj212_lines_garbage(r->lines, offset, line, bytes, &r->out);
    return print(r);
}

static struct ww_str rest_of(const struct run *r, size_t done) {
    return (struct ww_str){r->buf.data + done, r->buf.len - done};
}

static void drop(struct run *r, size_t done) {
    if (done > 0)
        memmove(r->buf.data, r->buf.data + done, r->buf.len - done);
    r->buf.len -= done;
    r->offset += done;
}

/* ---- A stream ---- */

static bool is_blank(struct ww_str text) {
    return ww_str_trim(text).len == 0;
}

static bool take_stream(struct run *r) {
    size_t done = 0, consumed;
    struct ww_hj212_frame frame;
    for (;;) {
        struct ww_str rest = rest_of(r, done);
        enum ww_hj212_cut cut =
            rest.len > 0 ? ww_hj212_next(rest, r->at_end, &consumed, &frame) : WW_HJ212_CUT_MORE;
        if (cut == WW_HJ212_CUT_MORE)
            break;
        uint64_t offset = r->offset + (uint64_t)(frame.whole.ptr - r->buf.data);
        if (cut == WW_HJ212_CUT_FRAME && !put_frame(r, offset, 0, &frame))
            return false;
        if (cut == WW_HJ212_CUT_GARBAGE && !is_blank(frame.whole) && !put_garbage(r, offset, 0, frame.whole))
            return false;
        done += consumed;
    }
    drop(r, done);
    return true;
}

/* ---- A log ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_crc(struct ww_str line, size_t at) {
    if (at + 4 > line.len)
        return false;
    for (size_t i = at; i < at + 4; i++)
        if (!is_digit(line.ptr[i]) && !((line.ptr[i] | 0x20) >= 'a' && (line.ptr[i] | 0x20) <= 'f'))
            return false;
    return true;
}

static size_t find_start(struct ww_str line, size_t from) {
    for (size_t at = from; at + HEAD <= line.len; at++) {
        const char *p = line.ptr + at;
        if (p[0] == '#' && p[1] == '#' && is_digit(p[2]) && is_digit(p[3]) && is_digit(p[4]) &&
            is_digit(p[5]))
            return at;
    }
    return line.len;
}

/* As announced by the frame that begins at `start`; may lie beyond the line. */
static size_t place_of_crc(struct ww_str line, size_t start) {
    const char *p = line.ptr + start + 2;
    return start + HEAD +
           (size_t)((p[0] - '0') * 1000 + (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0'));
}

static bool is_closed(struct ww_str line, size_t place) {
    return is_crc(line, place) && memcmp(line.ptr + place - 2, "&&", 2) == 0;
}

/* Where the frame that begins at `start` ends, without its line end: behind the CRC at the announced place,
 * else behind the first "&&" and CRC before another frame, else there. */
static size_t find_end(struct ww_str line, size_t start) {
    size_t place = place_of_crc(line, start), next = find_start(line, start + HEAD);
    if (is_closed(line, place))
        return place + 4;
    for (size_t at = start + HEAD; at + 6 <= next; at++)
        if (memcmp(line.ptr + at, "&&", 2) == 0 && is_crc(line, at + 2))
            return at + 6;
    while (next > start && (line.ptr[next - 1] == '\r' || line.ptr[next - 1] == '\n'))
        next--;
    return next;
}

static bool is_text(struct ww_str bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.ptr[i] < ' ' && !strchr("\t\r\n", bytes.ptr[i] ? bytes.ptr[i] : 1))
            return false;
    return true;
}

/* "10:15" stands in it: nothing that a station sends has a colon between digits. */
static bool has_time_of_day(struct ww_str text) {
    for (size_t i = 0; i + 5 <= text.len; i++) {
        const char *p = text.ptr + i;
        if (is_digit(p[0]) && is_digit(p[1]) && p[2] == ':' && is_digit(p[3]) && is_digit(p[4]))
            return true;
    }
    return false;
}

/* By what stands before and behind the first frame. */
static bool looks_like_a_log(struct ww_str bytes) {
    size_t start = find_start(bytes, 0);
    struct ww_str before = {bytes.ptr, start};
    if (start == bytes.len || !is_text(before))
        return false;
    if (has_time_of_day(before))
        return true;
    size_t end = find_end(bytes, start);
    if (end < start + HEAD + 6 || !is_crc(bytes, end - 4) || memcmp(bytes.ptr + end - 6, "&&", 2) != 0)
        return false;
    const char *eol = memchr(bytes.ptr + end, '\n', bytes.len - end);
    struct ww_str behind = {bytes.ptr + end, eol ? (size_t)(eol - (bytes.ptr + end)) : bytes.len - end};
    return is_text(behind) && ww_str_trim(behind).len > 0 && behind.ptr[0] != '#';
}

/* A frame of a log has lost its line end: it gets one, so that this is no deviation. */
static bool take_log_frame(struct run *r, struct ww_str text, uint64_t offset, uint64_t number) {
    struct ww_buf whole;
    struct ww_hj212_frame frame;
    size_t consumed;
    ww_buf_init(&whole, MAX_LINE + 2);
    ww_buf_str_add(&whole, text);
    ww_buf_text(&whole, "\r\n");
    bool good = ww_buf_status(&whole) == WW_OK;
    if (!good)
        (void)ww_error_set(&r->err, WW_NO_MEMORY, "no memory for a line");
    else if (ww_hj212_next(ww_buf_str(&whole), true, &consumed, &frame) == WW_HJ212_CUT_FRAME)
        good = put_frame(r, offset, number, &frame);
    else
        good = put_garbage(r, offset, number, text);
    ww_buf_clear(&whole);
    return good;
}

static bool take_line(struct run *r, struct ww_str line, uint64_t offset, uint64_t number) {
    size_t start = find_start(line, 0);
    while (start < line.len) {
        size_t end = find_end(line, start);
        struct ww_str text = {line.ptr + start, end - start};
        if (!take_log_frame(r, text, offset + start, number))
            return false;
        start = find_start(line, end > start ? end : start + 1);
    }
    return true;
}

/* How long the line is, its line end included; 0 = more must come. A ciphertext may hold line ends: within a
 * frame that is closed at its announced place they are none. */
static size_t length_of_line(struct ww_str rest, bool at_end) {
    size_t from = 0;
    for (;;) {
        const char *p = from < rest.len ? memchr(rest.ptr + from, '\n', rest.len - from) : NULL;
        if (!p)
            return at_end || rest.len >= MAX_LINE ? rest.len : 0;
        struct ww_str line = {rest.ptr, (size_t)(p - rest.ptr) + 1};
        size_t place = 0, start = find_start(line, from);
        for (; start < line.len; start = find_start(line, start + 1)) {
            place = place_of_crc(line, start);
            if (place + 4 > line.len && place + 4 > rest.len && !at_end)
                return 0;
            if (place + 4 > line.len && is_closed(rest, place))
                break;
        }
        if (start >= line.len)
            return line.len;
        from = place + 4;
    }
}

static bool take_log(struct run *r, uint64_t *number) {
    size_t done = 0, len;
    while (done < r->buf.len && (len = length_of_line(rest_of(r, done), r->at_end)) > 0) {
        struct ww_str line = {r->buf.data + done, len};
        if (!take_line(r, line, r->offset + done, *number + 1))
            return false;
        ++*number;
        for (size_t i = 0; i + 1 < len; i++)
            *number += line.ptr[i] == '\n';
        done += len;
    }
    drop(r, done);
    return true;
}

/* ---- The command ---- */

/* Enough to say what the input is: the line of its first frame, or a CHUNK without one. */
static bool first_is_there(const struct run *r) {
    struct ww_str bytes = rest_of(r, 0);
    size_t start = find_start(bytes, 0);
    return r->at_end || bytes.len >= CHUNK || memchr(bytes.ptr + start, '\n', bytes.len - start);
}

static bool read_first(struct run *r, enum kind *kind) {
    do {
        if (!read_more(r))
            return false;
    } while (*kind == UNSAID && !first_is_there(r));
    if (*kind == UNSAID)
        *kind = looks_like_a_log(rest_of(r, 0)) ? LOG : STREAM;
    return true;
}

static bool take_all(struct run *r, enum kind kind) {
    uint64_t number = 0;
    bool good = read_first(r, &kind);
    while (good) {
        good = (kind == LOG ? take_log(r, &number) : take_stream(r)) && fflush(stdout) == 0;
        if (r->at_end)
            break;
        good = good && read_more(r);
    }
    return good;
}

static int hex_value(char c) {
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_key(const char *text, unsigned char key[16]) {
    if (strlen(text) != 32)
        return false;
    for (int i = 0; i < 16; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int decode(struct run *r, const char *path, enum kind kind) {
    r->in = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (r->in < 0) {
        (void)ww_error_set(&r->err, WW_NOT_FOUND, "can't read %s: %s", path, strerror(errno));
        return fail(r);
    }
    ww_buf_init(&r->buf, MAX_LINE + 2 * CHUNK);
    ww_buf_init(&r->out, MAX_OUT);
    int code = take_all(r, kind) ? ww_hj212_lines_not_understood(r->lines) > 0 : fail(r);
    ww_buf_clear(&r->buf);
    ww_buf_clear(&r->out);
    if (r->in != STDIN_FILENO)
        close(r->in);
    return code;
}

int ww_cmd_decode(int argc, char **argv) {
    const char *key_text = NULL;
    unsigned char key[16];
    bool is_log = false, is_stream = false;
    struct ww_hj212_lines_options how = {0};
    const struct ww_option options[] = {{"sm4-key", &key_text, NULL}, {"crc", &how.crc, NULL},
                                        {"zone", &how.zone, NULL},    {"log", NULL, &is_log},
                                        {"stream", NULL, &is_stream}, {NULL, NULL, NULL}};
    int rest, code = ww_options_take(argc, argv, options, help, &rest);
    if (code >= 0)
        return code;
    if (rest < 1 || rest > 2 || strcmp(argv[1], "hj212") != 0 || (is_log && is_stream)) {
        fputs(help, stderr);
        return 2;
    }
    if (key_text && !read_key(key_text, key)) {
        fputs("wardwatch decode: --sm4-key needs 32 hex digits\n", stderr);
        return 2;
    }
    how.sm4_key = (struct ww_str){(const char *)key, key_text ? sizeof key : 0};
    struct run r = {0};
    if (ww_hj212_lines_new(&how, &r.lines, &r.err) != WW_OK) {
        (void)fail(&r);
        return 2;
    }
    code = decode(&r, rest == 2 ? argv[2] : "-", is_log ? LOG : is_stream ? STREAM : UNSAID);
    ww_hj212_lines_free(r.lines);
    return code;
}
