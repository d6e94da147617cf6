/* See hold_out.h. The different images are gone through in the order of their digests. */
#include "hold_out.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct photo {
    char sha256[SHA256_HEX_SIZE];
    int label;
    size_t index;
};

static int by_content(const void *left, const void *right)
{
    const struct photo *a = left, *b = right;
    int order = memcmp(a->sha256, b->sha256, sizeof a->sha256);
    return order ? order : a->label - b->label;
}

/* How many, from `at` on, have one content. */
static size_t copies(const struct photo *photos, size_t count, size_t at)
{
    size_t end = at + 1;
    while (end < count && !strcmp(photos[end].sha256, photos[at].sha256))
        end++;
    return end - at;
}

static bool is_first_of_label(const struct photo *photos, size_t at, size_t i)
{
    return i == at || photos[i].label != photos[i - 1].label;
}

/* For each class, how many different images are to be held out. */
static void wanted(const struct photo *photos, size_t count, int classes, double share, size_t *wants)
{
    for (size_t at = 0, end; at < count; at = end) {
        end = at + copies(photos, count, at);
        for (size_t i = at; i < end; i++)
            wants[photos[i].label] += is_first_of_label(photos, at, i);
    }
    for (int c = 0; c < classes; c++) {
        size_t different = wants[c], part = (size_t)lround(share * (double)different);
        part = part ? part : 1;
        wants[c] = different < 2 ? 0 : part < different ? part : different - 1;
    }
}

/* Marks those that are held out; how many are. An image of several classes is where each of them wants one. */
static size_t choose(const struct photo *photos, size_t count, size_t *wants, bool *held)
{
    size_t chosen = 0;
    for (size_t at = 0, end; at < count; at = end) {
        end = at + copies(photos, count, at);
        bool is_wanted = true;
        for (size_t i = at; i < end; i++)
            is_wanted = is_wanted && wants[photos[i].label];
        if (!is_wanted)
            continue;
        for (size_t i = at; i < end; i++) {
            held[photos[i].index] = true;
            wants[photos[i].label] -= is_first_of_label(photos, at, i);
        }
        chosen += end - at;
    }
    return chosen;
}

static int digest_all(const struct dataset *dataset, struct photo *photos, struct err *err)
{
    const struct samples *train = &dataset->splits[SPLIT_TRAIN];
    for (size_t i = 0; i < train->count; i++) {
        photos[i].index = i;
        photos[i].label = train->labels[i];
        if (dataset->kind->digest(dataset, train, i, photos[i].sha256, err) ||
            dataset_go_on(dataset, "compared", i + 1, train->count, err))
            return -1;
    }
    return 0;
}

/* Moves what is held out, of which there are `count`, and closes the gaps. */
static int move(struct samples *train, struct samples *test, const bool *held, size_t count, struct err *err)
{
    size_t pixels = (size_t)train->width * train->height, left = 0;
    assert(!test->count && !test->labels && !test->files && !test->pixels);
    test->labels = calloc(count, sizeof *test->labels);
    test->files = train->files ? calloc(count, sizeof *test->files) : NULL;
    test->pixels = train->pixels ? malloc(count * pixels) : NULL;
    test->origins = calloc(count, sizeof *test->origins);
    if (!test->labels || !test->origins || (train->files && !test->files) || (train->pixels && !test->pixels))
        return err_set(err, "no memory to hold %zu images out", count);
    test->folder = train->folder;
    test->width = train->width;
    test->height = train->height;
    for (size_t i = 0; i < train->count; i++) {
        struct samples *to = held[i] ? test : train;
        size_t at = held[i] ? test->count++ : left++;
        to->labels[at] = train->labels[i];
        if (held[i])
            test->origins[at] = (int)i;
        if (train->files)
            to->files[at] = train->files[i];
        if (train->pixels)
            memmove(to->pixels + at * pixels, train->pixels + i * pixels, pixels);
    }
    train->count = left;
    return 0;
}

int hold_out(struct dataset *dataset, double share, struct err *err)
{
    struct samples *train = &dataset->splits[SPLIT_TRAIN], *test = &dataset->splits[SPLIT_TEST];
    int status = -1;
    if (share <= 0)
        return err_set(err, "there are no images to test on: '--validation-split 0.2' holds a fifth of those out that "
                            "are there to train on");
    struct photo *photos = calloc(train->count, sizeof *photos);
    bool *held = calloc(train->count, sizeof *held);
    size_t *wants = calloc((size_t)dataset->class_count, sizeof *wants);
    if (!photos || !held || !wants) {
        err_set(err, "no memory to compare %zu images", train->count);
        goto out;
    }
    if (train->dir && !(test->dir = strdup(train->dir))) {
        err_set(err, "no memory for a dataset");
        goto out;
    }
    if (digest_all(dataset, photos, err))
        goto out;
    qsort(photos, train->count, sizeof *photos, by_content);
    wanted(photos, train->count, dataset->class_count, share, wants);
    size_t count = choose(photos, train->count, wants, held);
    if (!count)
        err_set(err, "no images can be held out to test on: no class has two that differ");
    else
        status = move(train, test, held, count, err);
out:
    free(wants);
    free(held);
    free(photos);
    return status;
}
