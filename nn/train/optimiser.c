/* SGD with momentum (Sutskever et al. 2013, PyTorch's form) and Adam (Kingma and Ba 2014). */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "nn/graph/huge_pages.h"
#include "nn/graph/value_type.h"
#include "optimiser.h"

#define BETA1 0.9
#define BETA2 0.999
#define EPS 1e-8

int optimiser_init(struct optimiser *optimiser, const struct optimiser_spec *spec, size_t offset, size_t count,
                   struct err *err)
{
    *optimiser = (struct optimiser){ .spec = *spec, .offset = offset, .count = count };
    bool adam = !strcmp(spec->kind, "adam");
    if (!adam && strcmp(spec->kind, "sgd"))
        return err_set(err, "unknown optimizer '%s'", spec->kind);
    optimiser->spec.kind = adam ? "adam" : "sgd"; /* the caller's string may go */
    optimiser->first = huge_pages_alloc(floats_bytes(count));
    optimiser->second = adam ? huge_pages_alloc(floats_bytes(count)) : NULL;
    if (!optimiser->first || (adam && !optimiser->second)) {
        optimiser_release(optimiser);
        return err_set(err, "out of memory for the moments of %zu weights", count);
    }
    return 0;
}

void optimiser_release(struct optimiser *optimiser)
{
    huge_pages_free(optimiser->first, floats_bytes(optimiser->count));
    huge_pages_free(optimiser->second, floats_bytes(optimiser->count));
    *optimiser = (struct optimiser){ 0 };
}

static void sgd_step(struct optimiser *optimiser, float *restrict value, const float *restrict grad)
{
    float *restrict velocity = optimiser->first;
    float rate = (float)optimiser->spec.learning_rate, momentum = (float)optimiser->spec.momentum;
    float decay = (float)optimiser->spec.weight_decay;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < optimiser->count; i++) {
        velocity[i] = momentum * velocity[i] + (grad[i] + decay * value[i]);
        value[i] -= rate * velocity[i];
    }
}

static void adam_step(struct optimiser *optimiser, float *restrict value, const float *restrict grad)
{
    float *restrict first = optimiser->first, *restrict second = optimiser->second;
    double correction1 = 1 - pow(BETA1, (double)optimiser->step), correction2 = 1 - pow(BETA2, (double)optimiser->step);
    float rate = (float)(optimiser->spec.learning_rate / correction1), scale = (float)(1 / sqrt(correction2));
    float decay = (float)optimiser->spec.weight_decay;
    const float keep1 = BETA1, take1 = 1 - BETA1, keep2 = BETA2, take2 = 1 - BETA2, eps = EPS;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < optimiser->count; i++) {
        float gradient = grad[i] + decay * value[i];
        first[i] = keep1 * first[i] + take1 * gradient;
        second[i] = keep2 * second[i] + take2 * gradient * gradient;
        value[i] -= rate * first[i] / (sqrtf(second[i]) * scale + eps);
    }
}

void optimiser_step(struct optimiser *optimiser, float *value, const float *grad)
{
    optimiser->step++;
    value += optimiser->offset;
    grad += optimiser->offset;
    if (optimiser->second)
        adam_step(optimiser, value, grad);
    else
        sgd_step(optimiser, value, grad);
}
