/* What a file's name says of its format. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/base/image_formats.h"

static void an_ending_counts_in_any_case_and_from_its_last_dot(void **state)
{
    (void)state;
    assert_true(image_ending_known("a/b.jpg"));
    assert_true(image_ending_known("a.png.JPEG"));
    assert_true(image_ending_known("a.JfIf"));
    assert_true(image_ending_known(".jpe"));
    assert_false(image_ending_known("a.jpg.txt"));
    assert_false(image_ending_known("a.jpg/b"));
    assert_false(image_ending_known("jpg"));
    assert_false(image_ending_known(""));
}

static void every_ending_that_is_read_has_a_content_type_and_no_other_has_one(void **state)
{
    (void)state;
    for (size_t i = 0; image_endings[i]; i++) {
        assert_non_null(image_content_type(image_endings[i]));
        assert_false(image_ending_unread(image_endings[i]));
        assert_false(image_ending_video(image_endings[i]));
    }
    assert_string_equal(image_content_type("a.JFIF"), "image/jpeg");
    assert_string_equal(image_content_type("a.gif"), "image/gif");
    assert_null(image_content_type("a.tiff"));
    assert_null(image_content_type("a.txt"));
}

static void images_that_are_not_read_and_videos_are_told_apart(void **state)
{
    (void)state;
    assert_true(image_ending_unread("a/b.TIF"));
    assert_true(image_ending_unread("b.cr2"));
    assert_false(image_ending_unread("b.mov"));
    assert_true(image_ending_video("b.MOV"));
    assert_false(image_ending_video("b.cr2"));
    assert_false(image_ending_unread("b.txt"));
    assert_false(image_ending_video("mov"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ending_counts_in_any_case_and_from_its_last_dot),
        cmocka_unit_test(every_ending_that_is_read_has_a_content_type_and_no_other_has_one),
        cmocka_unit_test(images_that_are_not_read_and_videos_are_told_apart),
    };
    return cmocka_run_group_tests_name("image_formats", tests, NULL, NULL);
}
