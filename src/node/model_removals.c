/* See model_removals.h. The broker asks for all that is open again at each NODE INFO: one after each removal would have
 * it ask as often as there are removals, for all of them. */
#include "model_removals.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon.h"
#include "dcls/base/log.h"
#include "model_folder.h"

struct model_removal {
    struct model_removals *removals;
    struct msg request;
    struct local_model *known; /* NULL: none of that name */
    struct model_left left;
    TAILQ_ENTRY(model_removal) listed;
};

struct model_removals {
    struct daemon *daemon;
    void (*tell)(struct daemon *daemon);
    TAILQ_HEAD(removal_list, model_removal) under_way;
    int count;
    bool is_untold; /* something may be other than the broker was told */
};

struct model_removals *model_removals_new(struct daemon *daemon, void (*tell)(struct daemon *daemon), struct err *err)
{
    struct model_removals *removals = calloc(1, sizeof *removals);
    if (!removals) {
        err_set(err, "no memory for removals of models");
        return NULL;
    }
    removals->daemon = daemon;
    removals->tell = tell;
    TAILQ_INIT(&removals->under_way);
    return removals;
}

void model_removals_free(struct model_removals *removals)
{
    assert(!removals || TAILQ_EMPTY(&removals->under_way));
    free(removals);
}

static bool is_under_way(const struct model_removals *removals, const struct msg *request)
{
    const char *sha256 = request->model_sha256 ? request->model_sha256 : "";
    const struct model_removal *removal = TAILQ_FIRST(&removals->under_way);
    for (; removal; removal = TAILQ_NEXT(removal, listed)) {
        const char *its = removal->request.model_sha256 ? removal->request.model_sha256 : "";
        if (!strcmp(removal->request.model_name, request->model_name) && !strcmp(its, sha256))
            return true;
    }
    return false;
}

/* With what the broker takes: an answer to this request, or one of the kinds that older ones know. */
static void answer_removal(struct daemon *daemon, const struct msg *request, const struct err *err)
{
    struct msg answer;
    bool failed = *err->text, answers = uplink_takes_removed(daemon->link);
    msg_init(&answer, failed ? MSG_REMOVE_FAILED : MSG_MODEL_REMOVED);
    if (failed && !answers)
        uplink_send_error(daemon->link, NULL, request->model_name, err->text);
    else if (answers && (msg_set(&answer.model_name, request->model_name) ||
                         msg_set(&answer.model_sha256, request->model_sha256) ||
                         msg_set(&answer.message, failed ? err->text : NULL)))
        log_error("no memory to answer a removal"); /* the broker asks again */
    else if (answers)
        uplink_send(daemon->link, &answer, NULL);
    msg_release(&answer);
}

static void end_removal(struct daemon *daemon, const struct msg *request, const struct err *err)
{
    struct err why = *err;
    if (*err->text)
        log_warn("model '%s' is not removed: %s", request->model_name, err->text);
    else
        log_info("model '%s' was removed", request->model_name);
    err_rename(&why, daemon->models_dir, "models"); /* others are told by virtual paths */
    answer_removal(daemon, request, &why);
}

static int removal_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct model_removal *removal = arg;
    const struct msg *request = &removal->request;
    return model_folder_remove(removal->removals->daemon->models_dir, request->model_name, request->model_sha256,
                               removal->known, stop, &removal->left, err);
}

static void removal_done(void *arg, int result, const struct err *err)
{
    struct model_removal *removal = arg;
    struct model_removals *removals = removal->removals;
    struct daemon *daemon = removals->daemon;
    const struct msg *request = &removal->request;
    const struct model_left *left = &removal->left;
    bool changed = left->is_known && model_store_take(daemon->model_store, request->model_name, left->model);
    TAILQ_REMOVE(&removals->under_way, removal, listed);
    removals->count--;
    end_removal(daemon, request, err);
    local_model_drop(removal->known);
    msg_release(&removal->request);
    free(removal);
    removals->is_untold |= !result || changed;
    if (removals->is_untold && TAILQ_EMPTY(&removals->under_way)) {
        removals->is_untold = false;
        removals->tell(daemon);
    }
}

static int begin(struct model_removals *removals, struct msg *msg, struct err *err)
{
    struct daemon *daemon = removals->daemon;
    if (trainings_use(daemon->trainings, msg->model_name))
        return err_set(err, "model '%s' is being trained", msg->model_name);
    if (removals->count >= MODEL_REMOVALS_MAX)
        return err_set(err, "the node is busy: %d removals wait", removals->count);
    struct model_removal *removal = calloc(1, sizeof *removal);
    if (!removal)
        return err_set(err, "no memory to remove model '%s'", msg->model_name);
    struct local_model *known = model_store_find(daemon->model_store, msg->model_name);
    *removal = (struct model_removal){ .removals = removals,
                                       .request = *msg,
                                       .known = known ? local_model_hold(known) : NULL };
    if (!thread_pool_submit(daemon->pool, LANE_MODELS, removal_run, removal_done, removal)) {
        local_model_drop(removal->known);
        free(removal);
        return err_set(err, "no memory to remove model '%s'", msg->model_name);
    }
    msg_init(msg, MSG_SERVER_REMOVE); /* what it pointed to is the removal's now */
    TAILQ_INSERT_TAIL(&removals->under_way, removal, listed);
    removals->count++;
    return 0;
}

void model_removals_request(struct model_removals *removals, struct msg *msg)
{
    struct err err = ERR_INIT;
    assert(msg->type == MSG_SERVER_REMOVE && msg->model_name);
    if (!is_under_way(removals, msg) && begin(removals, msg, &err))
        end_removal(removals->daemon, msg, &err);
}
