/* Threads that share memory for large images. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "nn/data/image_budget.h"

struct taker {
    struct image_budget *budget;
    atomic_size_t *held;
    size_t bytes;
    bool exceeded;
};

static void *take_and_give_back(void *arg)
{
    struct taker *taker = arg;
    for (int i = 0; i < 2000; i++) {
        image_budget_take(taker->budget, taker->bytes);
        size_t held = atomic_fetch_add(taker->held, taker->bytes) + taker->bytes;
        sched_yield();
        taker->exceeded |= held > taker->budget->max && held != taker->bytes;
        atomic_fetch_sub(taker->held, taker->bytes);
        image_budget_give_back(taker->budget, taker->bytes);
    }
    return NULL;
}

static void large_images_take_what_fits_at_a_time_or_one_that_does_not_alone(void **state)
{
    (void)state;
    struct image_budget budget;
    atomic_size_t held = 0;
    pthread_t threads[4];
    struct taker takers[4];
    image_budget_init(&budget, 100);
    for (int i = 0; i < 4; i++) {
        takers[i] = (struct taker){ &budget, &held, 30 + 40 * (size_t)i, false }; /* the last: 150 */
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give_back, &takers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(takers[i].exceeded);
    }
    image_budget_release(&budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_images_take_what_fits_at_a_time_or_one_that_does_not_alone),
    };
    return cmocka_run_group_tests_name("image_budget", tests, NULL, NULL);
}
