/* One step of training, for the training loop and for the benchmark: what is timed is what trains. */
#ifndef DCLS_NN_STEP_H
#define DCLS_NN_STEP_H

#include "optimiser.h"
#include "nn/graph/plan.h"

struct step_result {
    double loss; /* the batch's mean */
    int correct;
};

/* Forward on `images` (N, 3, H, W), or where that is NULL on what was written to plan_input; the plan is then ready for
 * plan_loss. */
int step_forward(struct plan *plan, const float *images, struct err *err);

/* Forward, loss, backward and the optimiser's step, which moves weights->params by grad, both the plan's own. A loss
 * that is not finite is an error, and then in `result` too. The caller then tells every plan on these weights that they
 * changed. */
int step_train(struct plan *plan, const float *images, const int *labels, struct optimiser *optimiser,
               struct weights *weights, const float *grad, struct step_result *result, struct err *err);

#endif
