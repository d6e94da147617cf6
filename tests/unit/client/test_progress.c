/* Progress as text: widths, times, rates, the log's wording. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dcls/base/utf8.h"
#include "src/client/progress.h"
#include "src/client/text.h"

static const struct progress half = { .epoch = 3,
                                      .epochs = 10,
                                      .batch = 94,
                                      .batches = 188,
                                      .images_per_second = 312.44,
                                      .loss = 0.48213,
                                      .accuracy = 82.13,
                                      .seconds_left = 192 };

static void a_wide_line_tells_everything(void **state)
{
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    progress_line(line, &half, 200);
    assert_string_equal(line, "Epoch 3/10 [====================>                   ]  50%  batch 94/188  "
                              "312.4 images/s  loss 0.4821  accuracy 82.1%  3:12 left");
}

static void a_line_fits_every_width(void **state)
{
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    for (int width = 1; width < 300; width++) {
        progress_line(line, &half, width);
        assert_in_range(strlen(line), 1, width);
        progress_bytes_line(line, "uploading 'wäights.pth'", 5e6, 4.5e7, 1e6, width);
        assert_in_range(text_columns(line), 1, width);
        progress_bytes_line(line, "uploading '\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab\xe7\x8c\xab.pth'", 5e6,
                            4.5e7, 1e6, width);
        assert_in_range(text_columns(line), 1, width);
        assert_true(utf8_is_valid(line));
        if (width > 5)
            assert_non_null(strstr(line, "11%"));
    }
}

static void a_narrow_line_keeps_the_rate_and_the_time_left_longest(void **state)
{
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    progress_line(line, &half, 79);
    assert_non_null(strstr(line, "[====="));
    assert_non_null(strstr(line, "images/s"));
    assert_non_null(strstr(line, "3:12 left"));
    assert_null(strstr(line, "batch"));
    progress_line(line, &half, 45);
    assert_string_equal(line, "Epoch 3/10 [========>       ]  50%  3:12 left");
    progress_line(line, &half, 20);
    assert_string_equal(line, "Epoch 3/10  50%");
}

static void what_is_not_known_is_not_shown(void **state)
{
    const struct progress begin = { .epoch = 1,
                                    .epochs = 2,
                                    .batches = 10,
                                    .images_per_second = NAN,
                                    .loss = NAN,
                                    .accuracy = NAN,
                                    .seconds_left = NAN };
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    progress_line(line, &begin, 40);
    assert_string_equal(line, "Epoch 1/2 [>          ]   0%  batch 0/10");
    progress_plain(line, &begin);
    assert_string_equal(line, "epoch 1/2, batch 0/10");
    progress_plain(line, &half);
    assert_string_equal(line, "epoch 3/10, batch 94/188, 312.4 images/s, loss 0.4821, accuracy 82.1%, 3:12 left");
}

static void a_full_bar_is_full(void **state)
{
    struct progress full = half;
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    full.batch = full.batches;
    progress_line(line, &full, 45);
    assert_string_equal(line, "Epoch 3/10 [================] 100%  3:12 left");
    full.batch = full.batches + 5;
    progress_line(line, &full, 45);
    assert_string_equal(line, "Epoch 3/10 [================] 100%  3:12 left");
}

static void the_fraction_counts_epochs_and_batches(void **state)
{
    struct progress progress = { .epoch = 0, .epochs = 4 };
    (void)state;
    assert_float_equal(progress_fraction(&progress), 0, 0);
    progress = (struct progress){ .epoch = 2, .epochs = 4, .batch = 5, .batches = 10 };
    assert_float_equal(progress_fraction(&progress), 0.375, 1e-9);
    progress = (struct progress){ .epoch = 4, .epochs = 4, .batch = 10, .batches = 10 };
    assert_float_equal(progress_fraction(&progress), 1, 0);
    progress.epoch = 9;
    assert_float_equal(progress_fraction(&progress), 1, 0);
}

static void time_left_follows_from_what_was_seen(void **state)
{
    struct eta eta = { 0 };
    (void)state;
    assert_true(isnan(eta_left(&eta, 100, 0.2)));
    assert_true(isnan(eta_left(&eta, 100.5, 0.3)));
    assert_float_equal(eta_left(&eta, 110, 0.4), 30, 1e-6);
    assert_float_equal(eta_left(&eta, 140, 1.0), 0, 1e-6);
    /* Begun anew by another node: what was seen before no longer counts. */
    assert_true(isnan(eta_left(&eta, 141, 0.1)));
    assert_float_equal(eta_left(&eta, 151, 0.2), 80, 1e-6);
}

static void times_read_as_clocks_do(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = { { 0, "0:00" },          { 7.4, "0:07" }, { 59.6, "1:00" }, { 754, "12:34" }, { 3723, "1:02:03" },
                  { 90000, "1 d 01:00" }, { -1, "?" },     { NAN, "?" },     { INFINITY, "?" } };
    char text[PROGRESS_TIME_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        progress_time(text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_job_object_is_read_with_what_it_lacks(void **state)
{
    struct progress progress;
    cJSON *job = cJSON_Parse("{\"epoch\": 2, \"epochs\": 5, \"batch\": -3, \"batches\": 1e99, \"loss\": \"x\","
                             " \"imagesPerSecond\": 12.5}");
    (void)state;
    assert_non_null(job);
    progress_read(&progress, job);
    assert_int_equal(progress.epoch, 2);
    assert_int_equal(progress.epochs, 5);
    assert_int_equal(progress.batch, 0);
    assert_int_equal(progress.batches, 0);
    assert_float_equal(progress.images_per_second, 12.5, 0);
    assert_true(isnan(progress.loss) && isnan(progress.accuracy) && isnan(progress.seconds_left));
    cJSON_Delete(job);
}

static void an_epochs_line_has_the_logs_wording(void **state)
{
    cJSON *result = cJSON_Parse("{\"epoch\": 1, \"train_loss\": 0.48851, \"train_accuracy\": 79.568, \"test_loss\":"
                                " 0.8907, \"test_accuracy\": 68.75, \"epoch_time_seconds\": 18.4751}");
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    assert_non_null(result);
    progress_epoch(line, result, 10);
    assert_string_equal(line, "Epoch [1/10], Train Loss: 0.4885, Train Accuracy: 79.57%, Test Loss: 0.8907, "
                              "Test Accuracy: 68.75%, Epoch Time: 18.48 seconds");
    cJSON_Delete(result);
}

static void an_uploads_line_tells_bytes_and_rate(void **state)
{
    char line[PROGRESS_LINE_SIZE];
    (void)state;
    progress_bytes_line(line, "uploading 'w.pth'", 11 * 1048576.0, 44 * 1048576.0, 11 * 1048576.0, 100);
    assert_string_equal(line, "uploading 'w.pth' [=======>                      ]  25%  11.0 MiB of 44.0 MiB"
                              "  11.0 MiB/s  0:03 left");
    progress_bytes_line(line, "uploading 'w.pth'", 0, 0, NAN, 60);
    assert_non_null(strstr(line, "100%"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_line_tells_everything),
        cmocka_unit_test(a_line_fits_every_width),
        cmocka_unit_test(a_narrow_line_keeps_the_rate_and_the_time_left_longest),
        cmocka_unit_test(what_is_not_known_is_not_shown),
        cmocka_unit_test(a_full_bar_is_full),
        cmocka_unit_test(the_fraction_counts_epochs_and_batches),
        cmocka_unit_test(time_left_follows_from_what_was_seen),
        cmocka_unit_test(times_read_as_clocks_do),
        cmocka_unit_test(a_job_object_is_read_with_what_it_lacks),
        cmocka_unit_test(an_epochs_line_has_the_logs_wording),
        cmocka_unit_test(an_uploads_line_tells_bytes_and_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
