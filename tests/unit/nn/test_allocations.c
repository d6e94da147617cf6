/* That a step of training takes no memory: every allocation of the program passes through this file and is counted. Of
 * oneDNN's, which lists arguments and packs blocks of matrix products in memory of its own, all is given back within
 * the step, and none is of the size of activations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string.h>

#include "dcls/nn/models.h"
#include "nn/train/step.h"
#include "rig.h"

enum { CLASSES = 5, BATCH = 2, SIDE = 33, LIBRARY_MAX = 128 << 10 };

static long taken, given_back; /* of all threads */
static size_t largest;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void *counted(void *memory, size_t size)
{
    __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    size_t before = __atomic_load_n(&largest, __ATOMIC_RELAXED);
    while (size > before &&
           !__atomic_compare_exchange_n(&largest, &before, size, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return memory;
}

void *malloc(size_t size)
{
    return counted(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
    return counted(__libc_calloc(count, size), count * size);
}

void *realloc(void *memory, size_t size)
{
    given_back += memory ? 1 : 0;
    return counted(__libc_realloc(memory, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size), size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = counted(__libc_memalign(alignment, size), size);
    return *memory ? 0 : 12;
}

/* Memory by the megabyte comes this way; none of it is given back within a step. */
void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    return counted((void *)syscall(SYS_mmap, address, size, protection, flags, file, offset), size);
}

void free(void *memory)
{
    if (memory)
        __atomic_fetch_add(&given_back, 1, __ATOMIC_RELAXED);
    __libc_free(memory);
}

static void step(struct plan *plan, struct optimiser *optimiser, const struct rig *rig, const float *images)
{
    struct err err = ERR_INIT;
    struct step_result result;
    if (step_train(plan, images, (int[BATCH]){ 1, 3 }, optimiser, rig->weights, rig->grad, &result, &err))
        fail_msg("%s", err.text);
    plan_weights_changed(plan);
}

static void check(const char *type, const char *backend)
{
    struct err err = ERR_INIT;
    struct optimiser optimiser;
    struct rig rig;
    static float images[BATCH * 3 * SIDE * SIDE];
    rig_init(&rig, network_new(type, CLASSES, &err), 20);
    rig_fill(images, sizeof images / sizeof *images, 21);
    struct plan *plan = rig_plan(&rig, backend, PLAN_TRAIN, BATCH, SIDE, NULL);
    struct optimiser_spec adam = { .kind = "adam", .learning_rate = 1e-4 };
    assert_int_equal(optimiser_init(&optimiser, &adam, 0, rig.net->trainable_count, &err), 0);
    step(plan, &optimiser, &rig, images); /* binds, and starts the threads */
    step(plan, &optimiser, &rig, images);
    assert_true(largest > rig.net->trainable_count * sizeof(float) / 2); /* they do come through here */

    long taken_before = taken, given_before = given_back;
    largest = 0;
    step(plan, &optimiser, &rig, images);
    step(plan, &optimiser, &rig, images);
    long now = taken - taken_before, back = given_back - given_before;
    print_message("%s, %s: %ld, the largest of %zu bytes\n", type, backend, now, largest);
    assert_int_equal(now, back);
    if (!strcmp(backend, "reference"))
        assert_int_equal(now, 0);
    assert_true(largest <= LIBRARY_MAX);
    plan_free(plan);
    optimiser_release(&optimiser);
    rig_release(&rig);
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++)
        for (int b = 0; backends[b]; b++)
            check(network_at(t)->name, backends[b]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_step_allocates_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
