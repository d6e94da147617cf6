/* Fetches the dataset and the weights of a training. */
#include "preparation.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "fetch.h"
#include "daemon.h"
#include "local_dataset.h"
#include "pretrained.h"

#define WEIGHTS_KEPT ((int64_t)8 << 30) /* bytes of fetched weights */
#define WEIGHTS_PREFIX "sha256:"

/* Others are not told where they lie, which may be in a person's cache. */
static void hide_folder(struct preparation *preparation, struct err *why)
{
    char *slash = strrchr(preparation->weights_file, '/');
    *slash = '\0';
    err_rename(why, preparation->weights_file, "weights");
    *slash = '/';
}

/* A failure where they were asked for, and not only the default. */
static int lack_pretrained(struct preparation *preparation, const char *why, struct err *err)
{
    if (preparation->asked_for)
        return err_set(err, "ImageNet weights cannot be had: %s", why);
    notices_add(&preparation->notices, "ImageNet weights cannot be had, so training starts at random: %s", why);
    free(preparation->weights_file);
    preparation->weights_file = NULL;
    preparation->pretrained = NULL;
    return 0;
}

static int plan_pretrained(struct preparation *preparation, const char *type, struct err *err)
{
    preparation->pretrained = network_find(type);
    if (!preparation->pretrained)
        return 0; /* of a type that only the worker can refuse */
    preparation->weights_file = pretrained_path(preparation->pretrained, preparation->daemon->weights_dir, err);
    if (!preparation->weights_file)
        return -1;
    if (asprintf(&preparation->part, "%s.part", preparation->weights_file) < 0) {
        preparation->part = NULL;
        return err_set(err, "no memory to start a training");
    }
    preparation->file = preparation->pretrained->weights_file;
    return 0;
}

int preparation_init(struct preparation *preparation, const struct daemon *daemon, const char *type,
                     const struct train_options *options, struct err *err)
{
    const char *api = uplink_api(daemon->link), *root = local_dataset_root(daemon), *weights = options->weights;
    /* Only a dataset that was fetched is kept like the broker's; a person's own is left alone. */
    bool was_fetched = root == daemon->images_dir && fs_is_file(daemon->manifest_path);
    *preparation = (struct preparation){ .daemon = daemon, .fetches_dataset = !root || was_fetched };
    preparation->asked_for = train_option_is_set(options, train_option_by_name("weights"));
    preparation->data_dir = strdup(root ? root : daemon->images_dir);
    preparation->api = api ? strdup(api) : NULL;
    if (!preparation->data_dir || (api && !preparation->api))
        return err_set(err, "no memory to start a training");
    if (!*weights || !strcmp(weights, "none") || *options->resume)
        return 0;
    if (!strcmp(weights, "imagenet"))
        return plan_pretrained(preparation, type, err);
    const char *sha256 = weights + strlen(WEIGHTS_PREFIX);
    if (strncmp(weights, WEIGHTS_PREFIX, strlen(WEIGHTS_PREFIX)) || !sha256_is_hex(sha256))
        return err_set(err, "weights '%s' are none of 'imagenet', 'none' and a blob 'sha256:HEX'", weights);
    if (!api)
        return err_set(err, "this broker offers no weights");
    preparation->weights_file = fs_join(daemon->weights_dir, sha256);
    return preparation->weights_file ? 0 : err_set(err, "no memory to start a training");
}

void preparation_release(struct preparation *preparation)
{
    free(preparation->data_dir);
    free(preparation->weights_file);
    free(preparation->part);
    free(preparation->api);
    notices_release(&preparation->notices);
    *preparation = (struct preparation){ 0 };
}

static int get_dataset(struct preparation *preparation, const atomic_bool *stop, struct err *err)
{
    const struct daemon *daemon = preparation->daemon;
    struct err why = ERR_INIT;
    int failed = preparation->api
                     ? fetch_dataset(preparation->api, daemon->images_dir, daemon->manifest_path, stop, &why)
                     : err_set(&why, "this broker offers none");
    /* What was fetched before serves while the broker's is out of reach. */
    if (failed && (*stop || !fs_is_dir(daemon->images_dir)))
        return err_set(err, "no dataset: %s", why.text);
    if (failed)
        log_warn("the dataset is used as it was fetched last: %s", why.text);
    fetch_dataset_notice(daemon->manifest_path, &preparation->notices);
    return 0;
}

static int prepare(struct preparation *preparation, const atomic_bool *stop, struct err *err)
{
    if (preparation->fetches_dataset && get_dataset(preparation, stop, err))
        return -1;
    if (!preparation->weights_file)
        return 0;
    if (preparation->pretrained) {
        struct err why = ERR_INIT;
        if (pretrained_fetch(preparation->pretrained, preparation->weights_file, stop, &why)) {
            if (!*stop)
                log_warn("ImageNet weights cannot be had: %s", why.text);
            hide_folder(preparation, &why);
            if (*stop)
                return err_set(err, "%s", why.text);
            return lack_pretrained(preparation, why.text, err);
        }
        return 0;
    }
    const char *dir = preparation->daemon->weights_dir, *sha256 = strrchr(preparation->weights_file, '/') + 1;
    if (fetch_cached_blob(preparation->api, dir, sha256, FETCH_WEIGHTS_MAX, WEIGHTS_KEPT, stop, err))
        return err_prefix(err, "weights");
    return 0;
}

int preparation_run(struct preparation *preparation, const atomic_bool *stop, struct err *err)
{
    int status = prepare(preparation, stop, err);
    if (status) { /* others are told by virtual paths */
        err_rename(err, preparation->daemon->images_dir, "images");
        err_rename(err, preparation->daemon->weights_dir, "weights");
    }
    return status;
}
