/* See model_work.h. */
#include "model_work.h"

#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "dcls/base/log.h"
#include "model_folder.h"

struct model_work {
    struct daemon *daemon;
    void (*tell)(struct daemon *daemon);
    bool is_scanning, again;          /* again: once the scan that is on is over */
    struct local_models known, found; /* of the scan that is on */
};

struct model_work *model_work_new(struct daemon *daemon, void (*tell)(struct daemon *daemon), struct err *err)
{
    struct model_work *work = calloc(1, sizeof *work);
    if (!work) {
        err_set(err, "no memory for the models in '%s'", daemon->models_dir);
        return NULL;
    }
    work->daemon = daemon;
    work->tell = tell;
    thread_pool_bound_lane(daemon->pool, LANE_MODELS, MODEL_WORK_MAX);
    if (!thread_pool_own_thread(daemon->pool, LANE_MODELS, err))
        return work;
    model_work_free(work);
    return NULL;
}

void model_work_free(struct model_work *work)
{
    free(work);
}

static int scan_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct model_work *work = arg;
    return model_folder_list(work->daemon->models_dir, &work->known, stop, &work->found, err);
}

static void scan_done(void *arg, int result, const struct err *err)
{
    struct model_work *work = arg;
    struct err why = *err;
    bool changed = false, again = work->again;
    work->is_scanning = work->again = false;
    if (!result)
        result = model_store_adopt(work->daemon->model_store, &work->found, &changed, &why);
    local_models_release(&work->known);
    work->found = (struct local_models){ 0 };
    if (work->daemon->stopping)
        return;
    if (result)
        log_error("%s", why.text);
    if (changed)
        work->tell(work->daemon);
    if (again)
        model_work_scan(work);
}

void model_work_scan(struct model_work *work)
{
    struct daemon *daemon = work->daemon;
    if (work->is_scanning) {
        work->again = true;
        return;
    }
    if (!model_store_snapshot(daemon->model_store, &work->known) &&
        thread_pool_submit(daemon->pool, LANE_MODEL_SCANS, scan_run, scan_done, work)) {
        work->is_scanning = true;
        return;
    }
    local_models_release(&work->known);
    log_error("no memory to look through '%s'", daemon->models_dir);
}

struct model_recovery {
    struct model_work *work;
    char *name;
};

static int recover_run(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct model_recovery *recovery = arg;
    (void)stop, (void)err;
    model_folder_recover(recovery->work->daemon->models_dir, recovery->name);
    return 0;
}

static void recover_done(void *arg, int result, const struct err *err)
{
    struct model_recovery *recovery = arg;
    struct model_work *work = recovery->work;
    (void)result, (void)err; /* what is not done comes with the next training of that name, or the next start */
    free(recovery->name);
    free(recovery);
    if (!work->daemon->stopping)
        model_work_scan(work); /* one that is on may have missed what was put back */
}

void model_work_recover(struct model_work *work, const char *name)
{
    struct model_recovery *recovery = calloc(1, sizeof *recovery);
    if (recovery && (recovery->name = strdup(name))) {
        recovery->work = work;
        if (thread_pool_submit(work->daemon->pool, LANE_MODELS, recover_run, recover_done, recovery))
            return;
    }
    if (recovery)
        free(recovery->name);
    free(recovery);
}
