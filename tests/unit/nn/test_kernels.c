/* Which loops run here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/cpu/kernels/kernels.h"

static void no_instruction_set_is_taken_above_what_is_asked_for_or_what_the_cpu_has(void **state)
{
    (void)state;
    for (enum isa isa = ISA_PLAIN; isa <= ISA_BEST; isa++) {
        assert_true(cpu_isa(isa) <= isa);
        assert_true(cpu_isa(isa) <= cpu_isa(ISA_BEST));
        assert_true(kernels_up_to(isa)->isa <= cpu_isa(isa));
    }
    assert_ptr_equal(kernels_up_to(ISA_PLAIN), &kernels_plain);
}

static void every_operation_has_loops_or_none(void **state)
{
    (void)state;
    for (enum isa isa = ISA_PLAIN; isa <= ISA_BEST; isa++) {
        const struct kernels *kernels = kernels_up_to(isa);
        bool has_vectors = kernels->isa != ISA_PLAIN;
        assert_non_null(kernels->batch_norm);
        assert_int_equal(!kernels->gemv, !has_vectors);
        assert_int_equal(!kernels->conv_1x1, !has_vectors);
        assert_int_equal(!kernels->depthwise, !has_vectors);
        assert_int_equal(!kernels->winograd, !has_vectors);
    }
}

static void a_block_finds_the_loops_that_are_made_for_it(void **state)
{
    (void)state;
    for (enum isa isa = ISA_PLAIN + 1; isa <= ISA_BEST; isa++) {
        const struct kernels *kernels = kernels_up_to(isa);
        if (kernels->isa != ISA_PLAIN)
            assert_ptr_equal(kernels_for_block(kernels->block), kernels);
    }
    for (size_t block = 0; block < 20; block++)
        assert_true(kernels_for_block(block)->block == block || kernels_for_block(block) == &kernels_plain);
    assert_ptr_equal(kernels_for_block(1), &kernels_plain);
    assert_ptr_equal(kernels_for_block(4), &kernels_plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_instruction_set_is_taken_above_what_is_asked_for_or_what_the_cpu_has),
        cmocka_unit_test(every_operation_has_loops_or_none),
        cmocka_unit_test(a_block_finds_the_loops_that_are_made_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
