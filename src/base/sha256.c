/* SHA-256 by OpenSSL's EVP interface. A file is read in pieces, a regular one only: a FIFO must not hold us up. */
#include "dcls/base/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"

enum { PIECE = 256 * 1024, DIGEST_SIZE = 32 };

struct sha256 {
    EVP_MD_CTX *context;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *sha = calloc(1, sizeof *sha);
    if (!sha)
        return NULL;
    sha->context = EVP_MD_CTX_new();
    if (!sha->context || EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1) {
        sha256_free(sha);
        return NULL;
    }
    return sha;
}

void sha256_free(struct sha256 *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->context);
    free(sha);
}

int sha256_update(struct sha256 *sha, const void *bytes, size_t count)
{
    return EVP_DigestUpdate(sha->context, bytes, count) == 1 ? 0 : -1;
}

int sha256_finish(struct sha256 *sha, char hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int ok = EVP_DigestFinal_ex(sha->context, digest, &size) == 1 && size == DIGEST_SIZE;
    sha256_free(sha);
    hex[0] = '\0';
    if (!ok)
        return -1;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * DIGEST_SIZE] = '\0';
    return 0;
}

int sha256_bytes(const void *bytes, size_t count, char hex[SHA256_HEX_SIZE], struct err *err)
{
    struct sha256 *sha = sha256_new();
    if (!sha)
        return err_set(err, "out of memory");
    if (sha256_update(sha, bytes, count)) {
        sha256_free(sha);
        return err_set(err, "cannot compute a SHA-256");
    }
    return sha256_finish(sha, hex) ? err_set(err, "cannot compute a SHA-256") : 0;
}

static int hash_open_file(int fd, const char *path, const atomic_bool *stop, char hex[SHA256_HEX_SIZE], struct err *err)
{
    int status = -1;
    struct sha256 *sha = sha256_new();
    char *piece = malloc(PIECE);
    if (!sha || !piece) {
        err_set(err, "out of memory");
        goto out;
    }
    for (;;) {
        if (stop && atomic_load(stop)) {
            err_set(err, "stopped");
            goto out;
        }
        ssize_t got = read(fd, piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_set(err, "cannot read '%s': %s", path, strerror(errno));
            goto out;
        }
        if (got == 0)
            break;
        if (sha256_update(sha, piece, (size_t)got)) {
            err_set(err, "cannot compute a SHA-256");
            goto out;
        }
    }
    status = sha256_finish(sha, hex);
    sha = NULL;
    if (status)
        err_set(err, "cannot compute a SHA-256");
out:
    sha256_free(sha);
    free(piece);
    return status;
}

int sha256_open_file(int fd, const char *path, char hex[SHA256_HEX_SIZE], struct err *err)
{
    return hash_open_file(fd, path, NULL, hex, err);
}

int sha256_file_until(const char *path, const atomic_bool *stop, char hex[SHA256_HEX_SIZE], struct err *err)
{
    struct stat info;
    int fd = fs_open(path, &info, err);
    if (fd < 0)
        return -1;
    int status = hash_open_file(fd, path, stop, hex, err);
    close(fd);
    return status;
}

int sha256_file(const char *path, char hex[SHA256_HEX_SIZE], struct err *err)
{
    return sha256_file_until(path, NULL, hex, err);
}

bool sha256_is_hex(const char *text)
{
    return text && strlen(text) == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}
