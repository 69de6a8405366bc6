/* SM4 (GB/T 32907) in ECB mode as HJ 212-2025 uses it: whole blocks of 16 bytes, the tail stays plain. */
#include <assert.h>
#include <openssl/evp.h>

#include "ingest/hj212/hj212_internal.h"

enum { BLOCK = 16 };

bool ww_hj212_sm4(const unsigned char key[16], bool encrypt, struct ww_str in, char *out) {
    assert(in.len <= WW_HJ212_MAX_FRAME);
    size_t whole = in.len / BLOCK * BLOCK;
    int len = 0;
    bool ok = true;
    if (whole > 0) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        ok = ctx && EVP_CipherInit_ex(ctx, EVP_sm4_ecb(), NULL, key, NULL, encrypt) == 1 &&
             EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
             EVP_CipherUpdate(ctx, (unsigned char *)out, &len, (const unsigned char *)in.ptr, (int)whole) ==
                 1 &&
             (size_t)len == whole;
        EVP_CIPHER_CTX_free(ctx);
    }
    if (ok && in.len > whole)
        memcpy(out + whole, in.ptr + whole, in.len - whole);
    return ok;
}

static enum ww_status crypt_into_arena(const unsigned char key[16], bool encrypt, struct ww_str in,
                                       struct ww_arena *arena, struct ww_str *out, struct ww_error *err) {
    if (in.len > WW_HJ212_MAX_FRAME)
        return ww_error_set(err, WW_TOO_LARGE, "more than a frame can hold");
    char *text = ww_arena_alloc(arena, in.len + 1);
    if (!text || !ww_hj212_sm4(key, encrypt, in, text))
        return ww_error_set(err, WW_NO_MEMORY, "no memory for SM4");
    text[in.len] = '\0';
    *out = (struct ww_str){text, in.len};
    return WW_OK;
}

enum ww_status ww_hj212_sm4_encrypt(const unsigned char key[16], struct ww_str in, struct ww_arena *arena,
                                    struct ww_str *out, struct ww_error *err) {
    return crypt_into_arena(key, true, in, arena, out, err);
}

enum ww_status ww_hj212_sm4_decrypt(const unsigned char key[16], struct ww_str in, struct ww_arena *arena,
                                    struct ww_str *out, struct ww_error *err) {
    return crypt_into_arena(key, false, in, arena, out, err);
}
