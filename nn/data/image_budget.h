/* Memory for images that have to lie whole, shared by the threads that decode: of large ones as many at a time as fit,
 * or one that does not fit, alone. Who takes waits until others give back, and each holds one image at a time, so that
 * nobody waits for ever. */
#ifndef DCLS_NN_IMAGE_BUDGET_H
#define DCLS_NN_IMAGE_BUDGET_H

#include <pthread.h>
#include <stddef.h>

struct image_budget {
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    size_t max, used;
};

void image_budget_init(struct image_budget *budget, size_t max);
void image_budget_release(struct image_budget *budget);

void image_budget_take(struct image_budget *budget, size_t bytes);
void image_budget_give_back(struct image_budget *budget, size_t bytes);

#endif
