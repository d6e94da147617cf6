/* Which names count in a dataset. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/base/dataset_name.h"

static void what_systems_leave_beside_photos_is_hidden(void **state)
{
    static const char *const hidden[] = { ".",         "..",       "._1.jpg",      ".ipynb_checkpoints",
                                          ".DS_Store", "@eaDir",   "#recycle",     "@Recycle",
                                          ".git",      "__MACOSX", "$RECYCLE.BIN", "System Volume Information" };
    static const char *const shown[] = { "1.jpg", "_1.jpg", "cat.", "a.b", "@home", "eaDir", "MACOSX", "lost+found" };
    (void)state;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        assert_true(dataset_name_is_hidden(hidden[i]));
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        assert_false(dataset_name_is_hidden(shown[i]));
}

static void names_that_are_no_line_of_text_have_a_fault(void **state)
{
    (void)state;
    assert_string_equal(dataset_name_fault("a\\b.jpg"), "its name has a backslash");
    assert_string_equal(dataset_name_fault("a\nb"), "its name has a control character");
    assert_string_equal(dataset_name_fault("a\x7f"), "its name has a control character");
    assert_string_equal(dataset_name_fault("caf\xe9"), "its name is not UTF-8");
    assert_string_equal(dataset_name_fault("\xed\xa0\x80"), "its name is not UTF-8");
    assert_null(dataset_name_fault("caf\xc3\xa9 \"1\" 'x' \xe7\x8c\xab.jpg"));
    assert_null(dataset_name_fault(" "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_systems_leave_beside_photos_is_hidden),
        cmocka_unit_test(names_that_are_no_line_of_text_have_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
