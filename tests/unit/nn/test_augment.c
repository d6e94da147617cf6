/* Augmentation of training images: torchvision's pixels for given parameters (tests/fixtures/make_fixtures.py), and
 * parameters that depend on (seed, epoch, sample) alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "nn/data/augment.h"
#include "ppm.h"

#define FOLDER "tests/fixtures/augmented/"

static const enum isa isas[] = { ISA_PLAIN, ISA_AVX2, ISA_AVX512 };

static int read_case(FILE *file, struct augment_params *augment_params)
{
    int flip, order[JITTERS];
    double *amounts = augment_params->amounts;
    *augment_params = (struct augment_params){ 0 };
    int got = fscanf(file, "%d %lf %lf %lf %lf %lf %d %d %d %d", &flip, &augment_params->angle, &amounts[0],
                     &amounts[1], &amounts[2], &amounts[3], &order[0], &order[1], &order[2], &order[3]);
    if (got == EOF)
        return 0;
    assert_int_equal(got, 10);
    augment_params->flip = flip;
    for (int i = 0; i < JITTERS; i++)
        augment_params->order[i] = (enum jitter)order[i];
    return 1;
}

static void expect_torchvisions(enum isa isa)
{
    struct ppm source, expected;
    ppm_read(&source, FOLDER "source.ppm");
    struct augmenter *augmenter = augmenter_new(source.width, isa);
    assert_non_null(augmenter);
    FILE *file = fopen(FOLDER "cases.txt", "r");
    assert_non_null(file);
    struct augment_params augment_params;
    int cases = 0;
    for (; read_case(file, &augment_params); cases++) {
        char path[256];
        struct err err = ERR_INIT;
        snprintf(path, sizeof(path), FOLDER "%d.ppm", cases);
        ppm_read(&expected, path);
        const struct planes *planes = augmenter_run(augmenter, &augment_params, source.rgb, source.width, &err);
        if (!planes)
            fail_msg("%s", err.text);
        for (size_t i = 0; i < planes->pixels; i++)
            for (size_t c = 0; c < 3; c++)
                if (planes->bytes[c * planes->stride + i] != expected.rgb[3 * i + c])
                    fail_msg("%s, %s: channel %zu of pixel %zu is %d, torchvision's is %d", path,
                             colour_table(isa)->name, c, i, planes->bytes[c * planes->stride + i],
                             expected.rgb[3 * i + c]);
        ppm_release(&expected);
    }
    assert_int_equal(cases, 8);
    fclose(file);
    augmenter_free(augmenter);
    ppm_release(&source);
}

static void augmentation_gives_torchvisions_pixels(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        expect_torchvisions(isas[i]);
}

static void choices_depend_on_seed_epoch_and_sample_alone(void **state)
{
    (void)state;
    struct augment_params first, again, other;
    augment_choose(&first, AUGMENT_STRONG, 224, 5, 3, 17);
    augment_choose(&again, AUGMENT_STRONG, 224, 5, 3, 17);
    assert_memory_equal(&first, &again, sizeof(first));
    augment_choose(&other, AUGMENT_STRONG, 224, 6, 3, 17);
    assert_true(first.angle != other.angle);
    augment_choose(&other, AUGMENT_STRONG, 224, 5, 4, 17);
    assert_true(first.angle != other.angle);
    augment_choose(&other, AUGMENT_STRONG, 224, 5, 3, 18);
    assert_true(first.angle != other.angle);
}

#define SAMPLES 20000

/* Every mean within four standard errors of what it should be. */
static void choices_are_spread_over_their_ranges(void **state)
{
    (void)state;
    int flipped = 0, erased = 0, first[JITTERS] = { 0 };
    double angles = 0, brightness = 0, hue = 0;
    for (uint64_t sample = 0; sample < SAMPLES; sample++) {
        struct augment_params augment_params;
        augment_choose(&augment_params, AUGMENT_STRONG, 224, 1, 1, sample);
        assert_true(fabs(augment_params.angle) <= 10);
        int seen = 0;
        for (int i = 0; i < JITTERS; i++) {
            assert_true(fabs(augment_params.amounts[i] - (i == JITTER_HUE ? 0 : 1)) <= 0.2 + 1e-12);
            seen |= 1 << augment_params.order[i];
        }
        assert_int_equal(seen, 15);
        const struct box *boxes[] = { &augment_params.crop, &augment_params.erase };
        for (int i = 0; i < 2; i++) {
            int side = i ? 224 : 336;
            assert_in_range(boxes[i]->left, 0, side - boxes[i]->width);
            assert_in_range(boxes[i]->top, 0, side - boxes[i]->height);
        }
        double area = augment_params.crop.width * augment_params.crop.height / (336.0 * 336);
        assert_true(!augment_params.crop.width || (area > 0.24 && area <= 1));
        flipped += augment_params.flip;
        erased += augment_params.erase.width > 0;
        first[augment_params.order[0]]++;
        angles += augment_params.angle;
        brightness += augment_params.amounts[JITTER_BRIGHTNESS];
        hue += augment_params.amounts[JITTER_HUE];
    }
    double error = 4 / sqrt(SAMPLES);
    assert_true(fabs((double)flipped / SAMPLES - 0.5) < error * 0.5);
    assert_true(fabs((double)erased / SAMPLES - 0.25) < error * 0.433);
    for (int i = 0; i < JITTERS; i++)
        assert_true(fabs((double)first[i] / SAMPLES - 0.25) < error * 0.433);
    assert_true(fabs(angles / SAMPLES) < error * 10 / sqrt(3));
    assert_true(fabs(brightness / SAMPLES - 1) < error * 0.2 / sqrt(3));
    assert_true(fabs(hue / SAMPLES) < error * 0.2 / sqrt(3));
}

static void a_crop_is_resized_to_the_whole_and_a_box_wiped_out(void **state)
{
    (void)state;
    enum { SIDE = 12, SIZE = 8 };
    uint8_t rgb[SIDE * SIDE * 3];
    for (int i = 0; i < SIDE * SIDE; i++) /* the left half dark, the right one light */
        memset(rgb + 3 * i, i % SIDE < SIDE / 2 ? 40 : 200, 3);
    struct augment_params augment_params = { .crop = { SIDE / 2, 1, SIDE / 2, 5 },
                                             .amounts = { 1, 1, 1, 0 },
                                             .order = { JITTER_BRIGHTNESS, JITTER_CONTRAST, JITTER_SATURATION,
                                                        JITTER_HUE },
                                             .erase = { 2, 3, 4, 1 } };
    struct augmenter *augmenter = augmenter_new(SIZE, ISA_AVX512);
    assert_non_null(augmenter);
    const struct planes *planes = augmenter_run(augmenter, &augment_params, rgb, SIDE, NULL);
    assert_non_null(planes);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < SIZE * SIZE; i++) {
            bool wiped = i / SIZE == 3 && i % SIZE >= 2 && i % SIZE < 6;
            static const int mean[3] = { 124, 116, 104 };
            assert_int_equal(planes->bytes[(size_t)c * planes->stride + (size_t)i], wiped ? mean[c] : 200);
        }
    augmenter_free(augmenter);
}

static void names_are_told_from_others(void **state)
{
    (void)state;
    enum augment augment = AUGMENT_NONE;
    struct err err = ERR_INIT;
    assert_int_equal(augment_parse("strong", &augment, &err), 0);
    assert_int_equal(augment, AUGMENT_STRONG);
    assert_int_equal(augment_parse("Basic", &augment, &err), -1);
    assert_string_equal(err.text, "'Basic' is no way to vary images: none, basic and strong are");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(augmentation_gives_torchvisions_pixels),
        cmocka_unit_test(choices_depend_on_seed_epoch_and_sample_alone),
        cmocka_unit_test(choices_are_spread_over_their_ranges),
        cmocka_unit_test(a_crop_is_resized_to_the_whole_and_a_box_wiped_out),
        cmocka_unit_test(names_are_told_from_others),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
