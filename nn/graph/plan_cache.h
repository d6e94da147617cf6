/* The plans of one network, mode and image size by batch size: an epoch needs two (full and remainder), so few are
 * kept. All share one arena. */
#ifndef DCLS_NN_PLAN_CACHE_H
#define DCLS_NN_PLAN_CACHE_H

#include "plan.h"

#define PLAN_CACHE_SIZE 3

struct plan_cache {
    const struct net *net;
    struct weights *weights;
    float *grad;
    struct plan_spec spec; /* but for the batch size */
    struct arena *arena;
    struct plan *plans[PLAN_CACHE_SIZE];
    int batches[PLAN_CACHE_SIZE];
    int next; /* the slot that is given up when all are taken */
};

/* Keeps the pointers, owns only the plans it makes. `grad` is NULL for PLAN_EVAL. */
void plan_cache_init(struct plan_cache *cache, const struct net *net, struct weights *weights, float *grad,
                     const struct plan_spec *spec, struct arena *arena);
void plan_cache_release(struct plan_cache *cache);

/* The plan of that batch size, made when it is first asked for; the cache's. NULL with err. */
struct plan *plan_cache_get(struct plan_cache *cache, int batch, struct err *err);
void plan_cache_weights_changed(struct plan_cache *cache);

#endif
