/* See secret.h. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

enum secret_found { SECRET_GOOD, SECRET_MISSING, SECRET_UNREADABLE };

static enum secret_found read_secret(const char *path, char secret[SECRET_SIZE], struct err *err)
{
    char *text = NULL;
    size_t count;
    struct stat info;
    if (stat(path, &info)) {
        if (errno == ENOENT)
            return SECRET_MISSING;
        err_set(err, "cannot read '%s': %s", path, strerror(errno));
        return SECRET_UNREADABLE;
    }
    bool fits = S_ISREG(info.st_mode) && info.st_size <= SECRET_SIZE;
    if (fits && fs_read(path, SECRET_SIZE, &text, &count, err))
        return SECRET_UNREADABLE;
    /* One line, and nothing behind it. */
    bool is_line = fits && (count == SECRET_SIZE - 1 || (count == SECRET_SIZE && text[count - 1] == '\n'));
    if (is_line)
        text[SECRET_SIZE - 1] = '\0';
    bool is_good = is_line && sha256_is_hex(text);
    if (is_good)
        memcpy(secret, text, SECRET_SIZE);
    else
        log_warn("the node's secret is replaced: '%s' holds none", path);
    if (fits)
        explicit_bzero(text, count);
    free(text);
    return is_good ? SECRET_GOOD : SECRET_MISSING;
}

/* Whole or not at all, and at no time for others to read. */
static int write_secret(const char *path, const char *secret, struct err *err)
{
    char *temporary = NULL, line[SECRET_SIZE + 1];
    if (asprintf(&temporary, "%s.new", path) < 0)
        return err_set(err, "no memory for the node's secret");
    int length = snprintf(line, sizeof line, "%s\n", secret);
    unlink(temporary); /* of a process that died; the folder is locked */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int cause = fd < 0 ? errno : fs_put(fd, line, (size_t)length);
    if (fd >= 0 && close(fd) && !cause)
        cause = errno;
    int result = cause ? err_set(err, "cannot write '%s': %s", path, strerror(cause)) : fs_commit(temporary, path, err);
    if (result)
        unlink(temporary);
    explicit_bzero(line, sizeof line);
    free(temporary);
    return result;
}

int secret_load(const char *dir, char secret[SECRET_SIZE], struct err *err)
{
    unsigned char random[(SECRET_SIZE - 1) / 2];
    struct err why = ERR_INIT;
    char *path = fs_join(dir, "secret");
    if (!path)
        return err_set(err, "no memory for the node's secret");
    int result = 0;
    enum secret_found found = read_secret(path, secret, err);
    if (found != SECRET_MISSING) {
        result = found == SECRET_GOOD ? 0 : -1;
        goto out;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        result = err_set(err, "no random numbers: %s", strerror(errno));
        goto out;
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(secret + 2 * i, 3, "%02x", random[i]);
    if (write_secret(path, secret, &why))
        log_warn("the node's secret is not kept, and will be another after the next start: %s", why.text);
out:
    free(path);
    return result;
}
