/* Plans by batch size, made on demand. */
#include "plan_cache.h"

void plan_cache_init(struct plan_cache *cache, const struct net *net, struct weights *weights, float *grad,
                     const struct plan_spec *spec, struct arena *arena)
{
    *cache = (struct plan_cache){ .net = net, .weights = weights, .grad = grad, .spec = *spec, .arena = arena };
}

void plan_cache_release(struct plan_cache *cache)
{
    for (int i = 0; i < PLAN_CACHE_SIZE; i++)
        plan_free(cache->plans[i]);
    *cache = (struct plan_cache){ 0 };
}

struct plan *plan_cache_get(struct plan_cache *cache, int batch, struct err *err)
{
    for (int i = 0; i < PLAN_CACHE_SIZE; i++)
        if (cache->plans[i] && cache->batches[i] == batch)
            return cache->plans[i];
    struct plan_spec spec = cache->spec;
    spec.batch = batch;
    struct plan *plan = plan_new(cache->net, cache->weights, cache->grad, &spec, cache->arena, err);
    if (!plan)
        return NULL;
    int slot = cache->next;
    cache->next = (slot + 1) % PLAN_CACHE_SIZE;
    plan_free(cache->plans[slot]);
    cache->plans[slot] = plan;
    cache->batches[slot] = batch;
    return plan;
}

void plan_cache_weights_changed(struct plan_cache *cache)
{
    for (int i = 0; i < PLAN_CACHE_SIZE; i++)
        if (cache->plans[i])
            plan_weights_changed(cache->plans[i]);
}
