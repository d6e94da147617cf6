/* Memory by the megabyte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "nn/graph/huge_pages.h"

static void memory_is_zero_and_aligned_whatever_lay_there_before(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 63, 64, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 5 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int again = 0; again < 3; again++) {
            unsigned char *memory = huge_pages_alloc(sizes[i]);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                if (memory[k])
                    fail_msg("byte %zu of %zu is %d", k, sizes[i], memory[k]);
            memset(memory, 0xff, sizes[i]);
            huge_pages_free(memory, sizes[i]);
        }
}

static void memory_that_there_is_not_is_no_memory(void **state)
{
    (void)state;
    assert_null(huge_pages_alloc(SIZE_MAX));
    assert_null(huge_pages_alloc(SIZE_MAX - 100));
    assert_null(huge_pages_alloc(SIZE_MAX / 2));
    huge_pages_free(NULL, 0);
    huge_pages_free(NULL, 5 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_and_aligned_whatever_lay_there_before),
        cmocka_unit_test(memory_that_there_is_not_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
