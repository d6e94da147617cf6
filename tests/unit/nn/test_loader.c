/* The loader: order, augmentation and batches do not depend on the number of threads, and nothing hangs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "dataset_files.h"
#include "nn/data/cache.h"
#include "nn/data/image.h"
#include "nn/data/loader.h"

/* What one epoch handed out: at each position the sample, told from pixels that were not augmented, and all of them. */
struct epoch {
    int count, samples[64];
    uint8_t images[64][3 * IDX_SIDE * IDX_SIDE];
};

static struct dataset *open_or_fail(const char *dir)
{
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    return dataset;
}

static struct loader *start_or_fail(struct dataset *dataset, const struct loader_spec *spec, int epoch)
{
    struct err err = ERR_INIT;
    struct loader *loader = loader_new(dataset, spec, &err);
    if (!loader)
        fail_msg("%s", err.text);
    loader_start(loader, epoch);
    return loader;
}

/* The grey level of a red sample of the batch. */
static int level_at(const struct batch *batch, int image, int column)
{
    return batch->planes[(size_t)image * 3 * IDX_SIDE * IDX_SIDE + (size_t)column];
}

static void take_epoch(struct loader *loader, const struct loader_spec *spec, struct epoch *epoch)
{
    int left = spec->split == SPLIT_TRAIN ? IDX_TRAIN : IDX_TEST, base = spec->split == SPLIT_TRAIN ? 0 : 200;
    epoch->count = 0;
    assert_int_equal(loader_batches(loader), (left + spec->batch_size - 1) / spec->batch_size);
    for (int b = 0; b < loader_batches(loader); b++) {
        struct err err = ERR_INIT;
        const struct batch *batch = loader_next(loader, &err);
        if (!batch)
            fail_msg("%s", err.text);
        assert_int_equal(batch->count, left < spec->batch_size ? left : spec->batch_size);
        left -= batch->count;
        for (int i = 0; i < batch->count; i++) {
            int sample = (level_at(batch, i, 0) - base) / 10;
            memcpy(epoch->images[epoch->count], batch->planes + (size_t)i * 3 * IDX_SIDE * IDX_SIDE,
                   sizeof(epoch->images[0]));
            if (spec->augment == AUGMENT_NONE)
                assert_int_equal(batch->labels[i], sample % 3);
            epoch->samples[epoch->count++] = sample;
        }
    }
    assert_int_equal(left, 0);
}

static bool same_epoch(const struct epoch *a, const struct epoch *b)
{
    return a->count == b->count && !memcmp(a->images, b->images, (size_t)a->count * sizeof(a->images[0]));
}

static const struct loader_spec train_spec = {
    .split = SPLIT_TRAIN,
    .batch_size = 4,
    .image_size = IDX_SIDE,
    .threads = 2,
    .prefetch = 3,
    .shuffle = true,
    .seed = 7,
};

static void the_number_of_threads_changes_nothing(void **state)
{
    static const int threads[] = { 0, 1, 2, 5, 300 }, prefetch[] = { 1, 2, 9 };
    struct dataset *dataset = *state;
    static struct epoch first[3];
    for (size_t t = 0; t < 5; t++)
        for (size_t a = 0; a < 3; a++) {
            struct loader_spec spec = train_spec;
            spec.threads = threads[t];
            spec.prefetch = prefetch[a];
            spec.augment = AUGMENT_STRONG;
            struct loader *loader = start_or_fail(dataset, &spec, 1);
            for (int e = 0; e < 3; e++) {
                struct epoch epoch;
                loader_start(loader, e + 1);
                take_epoch(loader, &spec, &epoch);
                if (t == 0 && a == 0)
                    first[e] = epoch;
                assert_true(same_epoch(&epoch, &first[e]));
            }
            loader_free(loader);
        }
}

static void an_epoch_holds_each_sample_once_in_its_own_order(void **state)
{
    struct loader *loader = start_or_fail(*state, &train_spec, 1);
    struct epoch epochs[2];
    for (int e = 0; e < 2; e++) {
        int seen[IDX_TRAIN] = { 0 };
        loader_start(loader, e + 1);
        take_epoch(loader, &train_spec, &epochs[e]);
        assert_int_equal(epochs[e].count, IDX_TRAIN);
        for (int i = 0; i < IDX_TRAIN; i++)
            seen[epochs[e].samples[i]]++;
        for (int i = 0; i < IDX_TRAIN; i++)
            assert_int_equal(seen[i], 1);
    }
    assert_false(same_epoch(&epochs[0], &epochs[1]));
    loader_free(loader);
}

static void another_seed_gives_another_order(void **state)
{
    struct loader_spec spec = train_spec;
    struct epoch epochs[2];
    for (int i = 0; i < 2; i++) {
        spec.seed = (uint64_t)i;
        struct loader *loader = start_or_fail(*state, &spec, 1);
        take_epoch(loader, &spec, &epochs[i]);
        loader_free(loader);
    }
    assert_false(same_epoch(&epochs[0], &epochs[1]));
}

/* What the loader hands out is what augment.h says of that image. */
static void images_are_augmented_by_seed_epoch_and_sample(void **state)
{
    struct loader_spec spec = train_spec;
    spec.shuffle = false;
    spec.augment = AUGMENT_BASIC;
    struct loader *loader = start_or_fail(*state, &spec, 2);
    struct augmenter *augmenter = augmenter_new(IDX_SIDE, ISA_PLAIN);
    static struct epoch epoch;
    take_epoch(loader, &spec, &epoch);
    assert_non_null(augmenter);
    for (int i = 0; i < IDX_TRAIN; i++) {
        uint8_t rgb[IDX_SIDE * IDX_SIDE * 3];
        struct augment_params augment_params;
        for (int k = 0; k < IDX_SIDE * IDX_SIDE; k++)
            memset(rgb + 3 * k, 10 * i + k % IDX_SIDE, 3);
        augment_choose(&augment_params, AUGMENT_BASIC, IDX_SIDE, spec.seed, 2, (uint64_t)i);
        const struct planes *expected = augmenter_run(augmenter, &augment_params, rgb, IDX_SIDE, NULL);
        for (size_t c = 0; c < 3; c++)
            assert_memory_equal(epoch.images[i] + c * expected->pixels, expected->bytes + c * expected->stride,
                                expected->pixels);
    }
    augmenter_free(augmenter);
    loader_free(loader);
}

static void a_batch_is_normalised_image_by_image(void **state)
{
    struct loader_spec spec = { .split = SPLIT_TEST, .batch_size = 3, .image_size = IDX_SIDE, .prefetch = 1 };
    struct loader *loader = start_or_fail(*state, &spec, 1);
    const struct batch *batch = loader_next(loader, NULL);
    float images[3 * 3 * IDX_SIDE * IDX_SIDE];
    assert_non_null(batch);
    batch_normalise(batch, images);
    static const double mean[3] = { 0.485, 0.456, 0.406 }, deviation[3] = { 0.229, 0.224, 0.225 };
    const int plane = IDX_SIDE * IDX_SIDE;
    for (int i = 0; i < 9 * plane; i++) {
        int image = i / (3 * plane), c = i / plane % 3, level = 200 + 10 * image + i % IDX_SIDE;
        assert_true(fabs(images[i] - (level / 255.0 - mean[c]) / deviation[c]) < 1e-5);
    }
    loader_free(loader);
}

static void the_test_split_comes_in_order_and_not_augmented(void **state)
{
    struct loader_spec spec = {
        .split = SPLIT_TEST, .batch_size = 2, .image_size = IDX_SIDE, .threads = 2, .prefetch = 2
    };
    struct loader *loader = start_or_fail(*state, &spec, 1);
    struct epoch epoch;
    take_epoch(loader, &spec, &epoch);
    assert_int_equal(epoch.count, IDX_TEST);
    for (int i = 0; i < IDX_TEST; i++)
        assert_int_equal(epoch.samples[i], i);
    loader_free(loader);
}

static void a_batch_may_be_larger_than_the_split(void **state)
{
    struct loader_spec spec = {
        .split = SPLIT_TEST, .batch_size = 64, .image_size = IDX_SIDE, .threads = 1, .prefetch = 2
    };
    struct loader *loader = start_or_fail(*state, &spec, 1);
    struct epoch epoch;
    take_epoch(loader, &spec, &epoch);
    assert_int_equal(epoch.count, IDX_TEST);
    loader_free(loader);
}

static void an_epoch_can_be_left_and_the_loader_freed_at_any_batch(void **state)
{
    for (int taken = 0; taken <= 6; taken++) {
        struct loader *loader = start_or_fail(*state, &train_spec, 1);
        for (int i = 0; i < taken; i++)
            assert_non_null(loader_next(loader, NULL));
        struct epoch whole;
        if (taken % 2) { /* another epoch, whole, after one that was left */
            loader_start(loader, 2);
            take_epoch(loader, &train_spec, &whole);
        }
        loader_free(loader);
    }
}

static void more_batches_than_an_epoch_has_are_refused(void **state)
{
    struct err err = ERR_INIT;
    struct loader *loader = loader_new(*state, &train_spec, &err);
    assert_non_null(loader);
    assert_null(loader_next(loader, &err));
    assert_string_equal(err.text, "no epoch was started");
    loader_start(loader, 1);
    struct epoch epoch;
    take_epoch(loader, &train_spec, &epoch);
    assert_null(loader_next(loader, &err));
    assert_string_equal(err.text, "the epoch has no further batch");
    loader_free(loader);
}

static void an_image_that_cannot_be_read_fails_its_batch(void **state)
{
    (void)state;
    static const int threads[] = { 0, 1, 3 };
    char *dir = folder_make(), expected[512];
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof(name), "train/cow/%02d.png", i);
        image_put(dir, name, "rgb.png");
    }
    image_put(dir, "test/cow/0.png", "rgb.png");
    struct dataset *dataset = open_or_fail(dir);
    file_put(dir, "train/cow/06.png", "damaged", 7); /* meanwhile */
    file_put(dir, "train/cow/07.png", "damaged", 7);
    for (int t = 0; t < 3; t++) {
        struct loader_spec spec = {
            .split = SPLIT_TRAIN,
            .batch_size = 3,
            .image_size = 8,
            .threads = threads[t],
            .prefetch = 4,
        };
        struct err err = ERR_INIT;
        struct loader *loader = start_or_fail(dataset, &spec, 1);
        assert_non_null(loader_next(loader, &err));
        assert_non_null(loader_next(loader, &err));
        assert_null(loader_next(loader, &err));
        snprintf(expected, sizeof(expected), "'%s/train/cow/06.png': not a JPEG, PNG, ", dir);
        assert_ptr_equal(strstr(err.text, expected), err.text);
        assert_null(loader_next(loader, &err));
        loader_start(loader, 2);
        assert_non_null(loader_next(loader, &err));
        loader_free(loader);
    }
    dataset_close(dataset);
    folder_remove(dir);
}

#define PHOTOS 12

/* A folder with one of the fixtures for each training image. */
static char *photos_make(void)
{
    static const char *const fixtures[] = { "420.jpg", "rgb.png", "422.jpg", "palette.bmp" };
    char *dir = folder_make(), name[64];
    for (int i = 0; i < PHOTOS; i++) {
        snprintf(name, sizeof(name), "train/cow/%02d%s", i, strrchr(fixtures[i % 4], '.'));
        image_put(dir, name, fixtures[i % 4]);
    }
    image_put(dir, "test/cow/0.png", "rgb.png");
    return dir;
}

#define PHOTO_SIDE 8
#define PHOTO_BYTES (PHOTO_SIDE * PHOTO_SIDE * 3)

/* How many images of the epoch came before one that could not be read. */
static int take_photos(struct loader *loader, int epoch, uint8_t *images)
{
    const struct batch *batch;
    int count = 0;
    loader_start(loader, epoch);
    for (int i = 0; i < loader_batches(loader) && (batch = loader_next(loader, NULL)); i++) {
        memcpy(images + (size_t)count * PHOTO_BYTES, batch->planes, (size_t)batch->count * PHOTO_BYTES);
        count += batch->count;
    }
    return count;
}

static void what_is_kept_is_what_was_decoded_and_needs_no_file(void **state)
{
    (void)state;
    static const int threads[] = { 0, 3 }, kept[] = { 0, 5, PHOTOS, 1000 };
    static uint8_t expected[4][PHOTOS * PHOTO_BYTES], images[PHOTOS * PHOTO_BYTES];
    const size_t image = PHOTO_BYTES;
    for (int t = 0; t < 2; t++)
        for (int k = 0; k < 4; k++) {
            char *dir = photos_make(), path[512];
            struct dataset *dataset = open_or_fail(dir);
            struct loader_spec spec = { .split = SPLIT_TRAIN,
                                        .batch_size = 1,
                                        .image_size = PHOTO_SIDE,
                                        .prefetch = 2,
                                        .threads = threads[t],
                                        .shuffle = true,
                                        .augment = AUGMENT_BASIC,
                                        .seed = 5,
                                        .cache_bytes = (size_t)kept[k] * image + image / 2 };
            struct loader *loader = start_or_fail(dataset, &spec, 1);
            size_t bytes = loader_cache_bytes(loader), room = (size_t)(kept[k] < PHOTOS ? kept[k] : PHOTOS);
            assert_int_equal(bytes, room * image);
            for (int e = 1; e <= 3; e++) {
                assert_int_equal(take_photos(loader, e, images), PHOTOS);
                if (k == 0 && t == 0)
                    memcpy(expected[e], images, sizeof(images));
                assert_memory_equal(images, expected[e], sizeof(images));
            }
            snprintf(path, sizeof(path), "%s/train", dir);
            assert_int_equal(fs_remove_tree(path, NULL), 0);
            int count = take_photos(loader, 3, images);
            if (kept[k] >= PHOTOS)
                assert_int_equal(count, PHOTOS);
            else
                assert_in_range(count, 0, kept[k]);
            assert_memory_equal(images, expected[3], (size_t)count * image);
            loader_free(loader);
            dataset_close(dataset);
            folder_remove(dir);
        }
}

static void images_that_lie_in_memory_are_not_kept_again(void **state)
{
    struct loader_spec spec = train_spec;
    spec.cache_bytes = 1 << 20;
    struct loader *loader = start_or_fail(*state, &spec, 1);
    assert_int_equal(loader_cache_bytes(loader), 0);
    loader_free(loader);
}

static void a_cache_takes_at_most_a_quarter_of_what_is_free(void **state)
{
    (void)state;
    assert_int_equal(cache_limit(0), 0);
    assert_int_equal(cache_limit(4096), 4096);
    size_t most = cache_limit(SIZE_MAX);
    assert_true(most > 4096 && most < (size_t)1 << 50);
}

static void an_impossible_specification_is_refused(void **state)
{
    struct loader_spec specs[4] = { train_spec, train_spec, train_spec, train_spec };
    specs[0].batch_size = 0;
    specs[1].image_size = 100000;
    specs[2].threads = -1;
    specs[3].prefetch = 0;
    for (int i = 0; i < 4; i++) {
        struct err err = ERR_INIT;
        assert_null(loader_new(*state, &specs[i], &err));
        assert_true(err.text[0]);
    }
}

static int open_shared(void **state)
{
    char *dir = folder_make();
    idx_dataset_put(dir, ".gz");
    *state = open_or_fail(dir); /* IDX files are in memory from here on */
    folder_remove(dir);
    return 0;
}

static int close_shared(void **state)
{
    dataset_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(an_epoch_holds_each_sample_once_in_its_own_order),
        cmocka_unit_test(another_seed_gives_another_order),
        cmocka_unit_test(images_are_augmented_by_seed_epoch_and_sample),
        cmocka_unit_test(a_batch_is_normalised_image_by_image),
        cmocka_unit_test(the_test_split_comes_in_order_and_not_augmented),
        cmocka_unit_test(a_batch_may_be_larger_than_the_split),
        cmocka_unit_test(an_epoch_can_be_left_and_the_loader_freed_at_any_batch),
        cmocka_unit_test(more_batches_than_an_epoch_has_are_refused),
        cmocka_unit_test(an_image_that_cannot_be_read_fails_its_batch),
        cmocka_unit_test(what_is_kept_is_what_was_decoded_and_needs_no_file),
        cmocka_unit_test(images_that_lie_in_memory_are_not_kept_again),
        cmocka_unit_test(a_cache_takes_at_most_a_quarter_of_what_is_free),
        cmocka_unit_test(an_impossible_specification_is_refused),
    };
    return cmocka_run_group_tests_name("loader", tests, open_shared, close_shared);
}
