/* SHA-256 (FIPS 180-4) of bytes and files, by OpenSSL's libcrypto (which uses the CPU's SHA instructions). */
#ifndef DCLS_BASE_SHA256_H
#define DCLS_BASE_SHA256_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/err.h"

#define SHA256_HEX_SIZE 65 /* 64 lower-case hex digits and NUL */

struct sha256;
struct sha256 *sha256_new(void); /* NULL where memory lacks; freed by sha256_finish or sha256_free */
int sha256_update(struct sha256 *sha, const void *bytes, size_t count);
int sha256_finish(struct sha256 *sha, char hex[SHA256_HEX_SIZE]); /* frees it */
void sha256_free(struct sha256 *sha);

int sha256_bytes(const void *bytes, size_t count, char hex[SHA256_HEX_SIZE], struct err *err);
int sha256_file(const char *path, char hex[SHA256_HEX_SIZE], struct err *err);
/* The same, which fails soon after *stop became true; NULL: nothing stops it. */
int sha256_file_until(const char *path, const atomic_bool *stop, char hex[SHA256_HEX_SIZE], struct err *err);
/* Of the rest of an open file, which errors call `path`. */
int sha256_open_file(int fd, const char *path, char hex[SHA256_HEX_SIZE], struct err *err);
/* True for exactly 64 lower-case hex digits. */
bool sha256_is_hex(const char *text);

#endif
