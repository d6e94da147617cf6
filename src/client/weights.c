/* See weights.h. */
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "interrupt.h"
#include "upload.h"

#define WEIGHTS_MAX ((int64_t)4 << 30)
#define DIGITS_MIN 8 /* of a digest in a name */

/* "resnet18-f37072fd.pth" -> "f37072fd"; empty where the name says none. */
static void digest_in_name(const char *url, char digits[SHA256_HEX_SIZE])
{
    const char *name = strrchr(url, '/'), *dash = name ? strrchr(name, '-') : NULL;
    size_t count = dash ? strspn(dash + 1, "0123456789abcdef") : 0;
    digits[0] = '\0';
    if (count >= DIGITS_MIN && count < SHA256_HEX_SIZE && dash[1 + count] == '.')
        snprintf(digits, SHA256_HEX_SIZE, "%.*s", (int)count, dash + 1);
}

static int upload_url(const struct client *client, const char *url, char hex[SHA256_HEX_SIZE], struct err *err)
{
    const char *root = getenv("TMPDIR");
    char *dir = NULL, *path = NULL, digits[SHA256_HEX_SIZE];
    int status = -1;
    if (asprintf(&dir, "%s/dcls-XXXXXX", root && *root ? root : "/tmp") < 0)
        dir = NULL;
    if (!dir || !mkdtemp(dir)) {
        err_set(err, "cannot make a folder '%s' for '%s'", dir ? dir : "", url);
        free(dir);
        return -1;
    }
    digest_in_name(url, digits);
    path = fs_join(dir, "weights");
    fprintf(stderr, "fetching '%s'\n", url);
    if (!path)
        err_set(err, "no memory");
    else if (!http_download(url, path, *digits ? digits : NULL, WEIGHTS_MAX, interrupt_flag(), err))
        status = upload_file(client, path, hex, err);
    fs_remove_tree(dir, NULL);
    free(path);
    free(dir);
    return status;
}

int upload_weights(const struct client *client, const char *file, char hex[SHA256_HEX_SIZE], struct err *err)
{
    return strstr(file, "://") ? upload_url(client, file, hex, err) : upload_file(client, file, hex, err);
}
