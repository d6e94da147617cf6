/* See image_budget.h. */
#include "image_budget.h"

#include <assert.h>

void image_budget_init(struct image_budget *budget, size_t max)
{
    *budget = (struct image_budget){ .max = max };
    pthread_mutex_init(&budget->lock, NULL);
    pthread_cond_init(&budget->given_back, NULL);
}

void image_budget_release(struct image_budget *budget)
{
    assert(!budget->used);
    pthread_mutex_destroy(&budget->lock);
    pthread_cond_destroy(&budget->given_back);
}

void image_budget_take(struct image_budget *budget, size_t bytes)
{
    pthread_mutex_lock(&budget->lock);
    while (budget->used && budget->used + bytes > budget->max)
        pthread_cond_wait(&budget->given_back, &budget->lock);
    budget->used += bytes;
    pthread_mutex_unlock(&budget->lock);
}

void image_budget_give_back(struct image_budget *budget, size_t bytes)
{
    pthread_mutex_lock(&budget->lock);
    assert(bytes <= budget->used);
    budget->used -= bytes;
    pthread_cond_broadcast(&budget->given_back);
    pthread_mutex_unlock(&budget->lock);
}
