/* A network compiled for one mode, batch size, image size and backend: shapes, fusions, memory formats, and one arena
 * of activations reused by liveness. Running a step allocates nothing.
 *
 * Call order: plan_new; fill plan_input; plan_forward; then plan_logits; to train plan_loss and plan_backward, after
 * which plan_new's `grad` holds the mean gradient over the batch (of PLAN_TRAIN_LAST in the last layer's part alone).
 * Whoever changes the weights (an optimiser step, a load) calls plan_weights_changed on each plan that shares them
 * before its next forward; PLAN_TRAIN_LAST takes it that those below the last layer stay as they were at first.
 *
 * A plan is used on the thread that made it: that thread's OpenMP team gets spec.threads threads (below 1: one a
 * processor), which flush denormals to zero from then on. */
#ifndef DCLS_NN_PLAN_H
#define DCLS_NN_PLAN_H

#include "arena.h"
#include "dcls/base/err.h"
#include "net.h"
#include "plan_spec.h"

struct plan;
/* `arena` is shared by the plans of one trainer that never run at the same time (NULL: a private one). `grad` is flat
 * like weights->params (the caller's, one for all plans that train; NULL in PLAN_EVAL). Net and weights must outlive
 * the plan. */
struct plan *plan_new(const struct net *net, struct weights *weights, float *grad, const struct plan_spec *spec,
                      struct arena *arena, struct err *err);
void plan_free(struct plan *plan);

float *plan_input(struct plan *plan); /* (N, 3, H, W), canonical, to be filled */
/* Before a forward that trains: below 2^32; 0 at first. */
void plan_set_step(struct plan *plan, uint64_t step);
int plan_forward(struct plan *plan, struct err *err);
const float *plan_logits(struct plan *plan); /* (N, classes), canonical, valid until the next forward */
/* Mean softmax cross-entropy of the logits against labels (N), smoothed and weighted as spec says, the gradient kept
 * for plan_backward. Counts into *correct (may be NULL) how many have their label as the first highest logit. */
double plan_loss(struct plan *plan, const int *labels, int *correct);
int plan_backward(struct plan *plan, struct err *err);
void plan_weights_changed(struct plan *plan);

#endif
