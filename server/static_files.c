/* Loads the built page into memory and answers from there. */
#include "server/static_files.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "geo/base/alloc.h"
#include "geo/base/arena.h"
#include "geo/base/log.h"
#include "geo/base/map.h"
#include "server/http/body_coding.h"

#define MAX_FILES 2000
#define MAX_BYTES ((size_t)64 << 20)
#define MAX_DEPTH 8
#define PATH_ROOM 512

struct file {
    const char *path; /* "/assets/index-4f2a.js" */
    const char *type;
    char etag[40];
    bool immutable;
    struct ww_str plain;
    struct ww_str packed; /* gzip; len 0 = not worth it */
};

struct ww_static {
    struct ww_arena *arena;
    struct ww_map *by_path;
    struct file *files;
    uint32_t count;
    size_t bytes;
};

/* The map draws with WebGL and needs nothing from elsewhere: its worker comes from a blob, its pictures from
 * data and blobs. 'unsafe-inline' holds for styles only, because it positions markers by
 * style attributes. No script but ours runs. */
static const char csp[] = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                          "worker-src 'self' blob:; img-src 'self' data: blob:; connect-src 'self'; "
                          "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

static const struct {
    const char *suffix, *type;
    bool packs;
} types[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".mjs", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".map", "application/json", true},
    {".webmanifest", "application/manifest+json", true},
    {".svg", "image/svg+xml", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".wasm", "application/wasm", true},
    {".pbf", "application/x-protobuf", true},
    {".png", "image/png", false},
    {".jpg", "image/jpeg", false},
    {".webp", "image/webp", false},
    {".ico", "image/x-icon", true},
    {".woff2", "font/woff2", false},
};

static const char *type_of(const char *path, bool *packs) {
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t n = strlen(types[i].suffix);
        if (len > n && strcmp(path + len - n, types[i].suffix) == 0) {
            *packs = types[i].packs;
            return types[i].type;
        }
    }
    *packs = false;
    return "application/octet-stream";
}

/* ---- Loading ---- */

static bool pack(struct ww_arena *arena, struct ww_str plain, struct ww_str *packed) {
    z_stream z = {0};
    if (plain.len < 256)
        return true;
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&z, plain.len);
    char *out = ww_arena_alloc(arena, room);
    z.next_in = (Bytef *)(uintptr_t)plain.ptr;
    z.avail_in = (uInt)plain.len; /* below MAX_BYTES */
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    bool done = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
    if (done && z.total_out < plain.len)
        *packed = (struct ww_str){out, z.total_out};
    deflateEnd(&z);
    return done;
}

static enum ww_status read_bytes(struct ww_static *web, const char *path, size_t size, struct ww_str *out,
                                 struct ww_error *err) {
    FILE *in = fopen(path, "rbe");
    if (!in)
        return ww_error_set(err, WW_NOT_FOUND, "can't read %.180s: %s", path, strerror(errno));
    char *bytes = ww_arena_alloc(web->arena, size + 1);
    size_t got = bytes ? fread(bytes, 1, size, in) : 0;
    fclose(in);
    if (!bytes)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for %.180s", path);
    if (got != size)
        return ww_error_set(err, WW_UNAVAILABLE, "%.180s changed while it was read", path);
    *out = (struct ww_str){bytes, size};
    return WW_OK;
}

static enum ww_status add_file(struct ww_static *web, const char *path, const char *url, size_t size,
                               struct ww_error *err) {
    bool packs;
    if (web->count == MAX_FILES || size > MAX_BYTES - web->bytes)
        return ww_error_set(err, WW_TOO_LARGE, "the page has more than %d files or %zu MiB", MAX_FILES,
                            MAX_BYTES >> 20);
    struct file *f = &web->files[web->count];
    enum ww_status st = read_bytes(web, path, size, &f->plain, err);
    if (st != WW_OK)
        return st;
    f->path = ww_arena_copy(web->arena, ww_str_of(url)).ptr;
    f->type = type_of(url, &packs);
    f->immutable = strncmp(url, "/assets/", 8) == 0;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)f->plain.ptr, size, hash);
    size_t len = 0;
    f->etag[len++] = '"';
    for (int i = 0; i < 16; i++)
        len += (size_t)snprintf(f->etag + len, sizeof f->etag - len, "%02x", hash[i]);
    f->etag[len++] = '"';
    if (!f->path || (packs && !pack(web->arena, f->plain, &f->packed)) ||
        ww_map_put(web->by_path, ww_str_of(f->path), web->count) != WW_OK)
        return ww_error_set(err, WW_NO_MEMORY, "no memory for the page");
    web->count++;
    web->bytes += size;
    return WW_OK;
}

static enum ww_status add_directory(struct ww_static *web, const char *path, const char *url, int depth,
                                    struct ww_error *err) {
    enum ww_status st = WW_OK;
    DIR *dir = depth < MAX_DEPTH ? opendir(path) : NULL;
    if (!dir)
        return ww_error_set(err, WW_NOT_FOUND, "can't open the directory %.180s", path);
    for (const struct dirent *entry; st == WW_OK && (entry = readdir(dir));) {
        char below[PATH_ROOM], below_url[PATH_ROOM];
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        int a = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        int b = snprintf(below_url, sizeof below_url, "%s/%s", url, entry->d_name);
        if (a >= PATH_ROOM || b >= PATH_ROOM || stat(below, &info) != 0)
            st = ww_error_set(err, WW_NOT_FOUND, "can't read %.180s", below);
        else if (S_ISDIR(info.st_mode))
            st = add_directory(web, below, below_url, depth + 1, err);
        else if (S_ISREG(info.st_mode))
            st = add_file(web, below, below_url, (size_t)info.st_size, err);
    }
    closedir(dir);
    return st;
}

enum ww_status ww_static_load(const char *directory, struct ww_static **out, struct ww_error *err) {
    struct ww_static *web = ww_must_calloc(1, sizeof *web);
    uint64_t index;
    web->arena = ww_arena_new(3 * MAX_BYTES);
    web->by_path = ww_map_new(64);
    web->files = web->arena ? ww_arena_calloc(web->arena, MAX_FILES, sizeof *web->files) : NULL;
    enum ww_status st = web->files ? add_directory(web, directory, "", 0, err)
                                   : ww_error_set(err, WW_NO_MEMORY, "no memory for the page");
    if (st == WW_OK && !ww_map_get(web->by_path, WW_STR("/index.html"), &index))
        st = ww_error_set(err, WW_NOT_FOUND, "there is no index.html in %.180s", directory);
    if (st != WW_OK) {
        ww_static_free(web);
        return st;
    }
    ww_log(WW_LOG_INFO, "page=%s files=%u bytes=%zu", directory, web->count, web->bytes);
    *out = web;
    return WW_OK;
}

void ww_static_free(struct ww_static *web) {
    if (!web)
        return;
    ww_map_free(web->by_path);
    ww_arena_free(web->arena);
    ww_free(web);
}

/* ---- Answering ---- */

bool ww_static_respond(const struct ww_static *web, struct ww_http_request *req) {
    struct ww_str path = ww_http_path(req);
    uint64_t index;
    if (ww_str_is(path, "/") || ww_str_is(path, "/login"))
        path = WW_STR("/index.html");
    if (!ww_map_get(web->by_path, path, &index))
        return false;
    const struct file *f = &web->files[index];
    ww_http_add_header(req, "Content-Security-Policy", csp);
    ww_http_add_header(req, "X-Content-Type-Options", "nosniff");
    ww_http_add_header(req, "Referrer-Policy", "no-referrer");
    ww_http_add_header(req, "Cross-Origin-Opener-Policy", "same-origin");
    ww_http_add_header(req, "Cache-Control",
                       f->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    ww_http_add_header(req, "ETag", f->etag);
    if (f->packed.len)
        ww_http_add_header(req, "Vary", "Accept-Encoding");
    if (ww_http_has_etag(req, f->etag)) {
        ww_http_respond(req, 304, f->type, WW_STR_NONE);
        return true;
    }
    bool packed = f->packed.len && ww_http_accepts_gzip(ww_http_header(req, "Accept-Encoding"));
    if (packed)
        ww_http_add_header(req, "Content-Encoding", "gzip");
    ww_http_respond(req, 200, f->type, packed ? f->packed : f->plain);
    return true;
}
