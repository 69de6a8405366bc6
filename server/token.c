/* Makes tokens and their hashes: "ww_" and 256 random bits in base64url; SHA-256 of the whole text. */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "server/accounts.h"
#include "server/base64url.h"

/* Every request hashes its token. SHA256() looks the algorithm up by name each time, which takes as long as
 * the hash of a token itself. */
void ww_token_hash(struct ww_str text, unsigned char hash[32]) {
    static EVP_MD *sha256;
    if (!sha256)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    const int done = EVP_Digest(text.ptr ? text.ptr : "", text.len, hash, NULL, sha256, NULL);
    assert(done == 1); /* no hash is no answer to who asks */
}

void ww_token_make(char text[WW_TOKEN_TEXT], unsigned char hash[32]) {
    _Static_assert(3 + WW_BASE64URL_ROOM(32) <= WW_TOKEN_TEXT, "a token must fit");
    unsigned char bits[32];
    int made = RAND_bytes(bits, sizeof bits);
    assert(made == 1); /* without randomness there is no safe way on */
    memcpy(text, "ww_", 3);
    size_t len = 3 + ww_base64url_write(bits, sizeof bits, text + 3);
    ww_token_hash((struct ww_str){text, len}, hash);
}
