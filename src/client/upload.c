/* See upload.h. The upload blocks; a second thread asks the broker now and then how much it holds, and draws that. */
#include "upload.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/proto/json.h"
#include "display.h"
#include "interrupt.h"
#include "text.h"

#define NAME_COLUMNS 64
#define SHOW_AFTER_S 0.5 /* a short upload shows nothing */

struct blob_upload {
    const struct client *client;
    const char *path;
    char hex[SHA256_HEX_SIZE];
    double size;
    atomic_bool done;
};

static void *show(void *arg)
{
    struct blob_upload *upload = arg;
    struct display display;
    struct err err = ERR_INIT;
    char what[NAME_MAX + 16], name[NAME_MAX + 1];
    const char *slash = strrchr(upload->path, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : upload->path);
    err_one_line(name, sizeof name);
    text_cut(name, NAME_COLUMNS);
    snprintf(what, sizeof what, "uploading '%s'", name);
    err_one_line(what, sizeof what);
    display_init(&display, upload->client->json);
    for (double next = clock_seconds() + SHOW_AFTER_S; !upload->done && !*interrupt_flag();) {
        interrupt_sleep(0.1);
        if (clock_seconds() < next)
            continue;
        cJSON *answer = api_call_named(upload->client, "GET", "/blobs/", upload->hex, "?stat=1", &err);
        if (answer)
            display_upload(&display, what, json_number(answer, "size", 0), upload->size);
        cJSON_Delete(answer);
        next = clock_seconds() + SHOW_AFTER_S;
    }
    display_clear(&display);
    return NULL;
}

int upload_file(const struct client *client, const char *path, char hex[SHA256_HEX_SIZE], struct err *err)
{
    struct blob_upload upload = { .client = client, .path = path };
    pthread_t thread;
    if (sha256_file(path, upload.hex, err))
        return -1;
    upload.size = (double)fs_size(path);
    if (pthread_create(&thread, NULL, show, &upload))
        return err_set(err, "no memory");
    int status = http_upload_blob(client->api, path, upload.hex, interrupt_flag(), err);
    upload.done = true;
    pthread_join(thread, NULL);
    memcpy(hex, upload.hex, SHA256_HEX_SIZE);
    return status;
}
