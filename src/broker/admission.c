/* See admission.h. */
#include "admission.h"

#include <string.h>

/* The hash of the secret that the newcomer needs; empty: none. */
static const char *bound_by(const struct name_holder *holder)
{
    if (holder->session && *holder->secret_hash)
        return holder->secret_hash;
    return holder->job_hash ? holder->job_hash : "";
}

static bool is_same_process(const struct newcomer *newcomer, const struct name_holder *holder)
{
    return holder->is_newcomer || !holder->instance || !newcomer->instance ||
           !strcmp(holder->instance, newcomer->instance);
}

static bool was_heard(const struct name_holder *holder, const struct probe *probe)
{
    return holder->messages != probe->messages || holder->heard_ms > probe->sent_ms;
}

enum admission admission_decide(const struct newcomer *newcomer, const struct name_holder *holder, struct probe *probe,
                                int64_t now, struct err *why)
{
    const char *bound = bound_by(holder);
    if (*bound && strcmp(bound, newcomer->secret_hash)) {
        err_set(why, "the name '%s' belongs to another node: dcls client forget %s", newcomer->name, newcomer->name);
        return ADMISSION_REFUSE;
    }
    if (!holder->session && holder->is_full) {
        err_set(why, "the broker has as many nodes as it takes: see its --max-nodes");
        return ADMISSION_FULL;
    }
    if (!holder->session || is_same_process(newcomer, holder))
        return ADMISSION_ENTER;
    if (probe->session != holder->session) {
        *probe = (struct probe){ holder->session, holder->messages, now };
        return ADMISSION_PROBE;
    }
    if (!was_heard(holder, probe))
        return ADMISSION_ENTER;
    err_set(why, "another live node is already named '%s'", newcomer->name);
    return ADMISSION_REFUSE;
}

bool admission_may_dismiss(bool by_itself, bool is_legacy, bool same_address)
{
    return by_itself || (is_legacy && same_address);
}
