/* What tests of removed models need: nodes that hold one, a client that deletes it, and what both are told. */
#ifndef TESTS_UNIT_BROKER_REMOVAL_RIG_H
#define TESTS_UNIT_BROKER_REMOVAL_RIG_H

#include "rig.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_DIGEST "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ANSWERS "\"remove\", \"removed\""
#define OLD "\"remove\"" /* by NODE INFO or ERROR */
#define NOT_REMOVED                                                                                                    \
    "{\"type\": \"REMOVE FAILED\", \"model_name\": \"m\", \"modelSha256\": \"" DIGEST "\", \"message\": "
#define REMOVED "{\"type\": \"MODEL REMOVED\", \"model_name\": \"m\", \"modelSha256\": \"" DIGEST "\"}"

struct removed {
    int count, status;
    char text[1024]; /* the answer, without spaces */
};

static inline void on_removed(void *arg, int status, cJSON *answer)
{
    struct removed *removed = arg;
    char *text = cJSON_PrintUnformatted(answer);
    removed->count++;
    removed->status = status;
    snprintf(removed->text, sizeof removed->text, "%s", text);
    free(text);
    cJSON_Delete(answer);
}

static inline void start(struct rig *rig, struct removed *removed, const char *model)
{
    struct refusal refusal;
    *removed = (struct removed){ 0 };
    if (model_remove(&rig->broker, model, on_removed, removed, &refusal))
        fail_msg("%s", refusal.err.text);
    assert_int_equal(removed->count, 0); /* only after the commit */
}

static inline void assert_refused(struct rig *rig, const char *model, int status, const char *text)
{
    struct refusal refusal;
    struct removed removed = { 0 };
    assert_int_equal(model_remove(&rig->broker, model, on_removed, &removed, &refusal), -1);
    assert_int_equal(refusal.status, status);
    assert_string_equal(refusal.err.text, text);
    assert_int_equal(removed.count, 0);
}

static inline void assert_answer(struct rig *rig, const struct removed *removed, int status, const char *text)
{
    RIG_WAIT(rig, removed->count);
    assert_string_equal(removed->text, text);
    assert_int_equal(removed->status, status);
    assert_int_equal(removed->count, 1);
}

static inline void inform(struct peer *peer, const char *name, const char *digest)
{
    peer_inform_model(peer, name, "m", digest);
}

static inline bool is_ready(const struct rig *rig, const char *name)
{
    const struct node *node = registry_find(rig->broker.registry, name);
    return node && node->ready;
}

/* A node that holds the model "m", of that digest. */
static inline void join(struct peer *peer, struct rig *rig, const char *name, const char *features, const char *digest)
{
    peer_greet_as(peer, rig, name, features);
    inform(peer, name, digest);
    RIG_WAIT(rig, is_ready(rig, name));
}

static inline bool node_lists(const struct rig *rig, const char *name)
{
    return node_has_model(registry_find(rig->broker.registry, name), "m");
}

static inline void expect_remove(struct peer *peer, const char *digest)
{
    cJSON *msg = peer_hear(peer, "SERVER REMOVE");
    assert_string_equal(text_of(msg, "model_name"), "m");
    assert_string_equal(text_of(msg, "modelSha256"), digest);
    cJSON_Delete(msg);
}

static inline void assert_promised(const struct rig *rig, int count)
{
    cJSON *list = removals_json(rig->broker.removals);
    assert_int_equal(cJSON_GetArraySize(list), count);
    cJSON_Delete(list);
}

#endif
