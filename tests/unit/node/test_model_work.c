/* What changes the folder of models beside the loop, and what the store knows of it then. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "src/node/daemon.h"

#define PATIENCE_S 20

static void on_told(struct daemon *daemon)
{
    event_base_loopbreak(daemon->base);
}

static void put(const char *dir, const char *name, const char *file)
{
    char *folder = fs_join(dir, name), *path = fs_join(folder, file);
    assert_int_equal(fs_make_dirs(folder, NULL), 0);
    assert_int_equal(fs_write(path, "weights", strlen("weights"), NULL), 0);
    free(path);
    free(folder);
}

static void what_is_put_back_after_a_worker_that_died_is_told(void **state)
{
    char dir[] = "/tmp/dcls-models.XXXXXX";
    struct err err = ERR_INIT;
    (void)state;
    assert_non_null(mkdtemp(dir));
    struct daemon daemon = { .base = event_base_new(), .models_dir = dir };
    daemon.model_store = model_store_open(dir, &err);
    daemon.pool = thread_pool_new(daemon.base, 2, 16, &err);
    daemon.model_work = model_work_new(&daemon, on_told, &err);
    assert_non_null(daemon.model_work);
    put(dir, ".m1.dcls-old", "m1.pth");
    model_work_recover(daemon.model_work, "m1");
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    event_base_loopexit(daemon.base, &patience);
    event_base_dispatch(daemon.base);
    assert_non_null(model_store_sha256(daemon.model_store, "m1"));
    daemon.stopping = true;
    assert_int_equal(thread_pool_free(daemon.pool), 0);
    model_work_free(daemon.model_work);
    model_store_close(daemon.model_store);
    event_base_free(daemon.base);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_back_after_a_worker_that_died_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
