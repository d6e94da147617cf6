/* See step.h. */
#include "step.h"

#include <math.h>
#include <string.h>

#include "nn/graph/op.h"

int step_forward(struct plan *plan, const float *images, struct err *err)
{
    if (images)
        memcpy(plan_input(plan), images, plan->values[plan->input].bytes);
    return plan_forward(plan, err);
}

int step_train(struct plan *plan, const float *images, const int *labels, struct optimiser *optimiser,
               struct weights *weights, const float *grad, struct step_result *result, struct err *err)
{
    if (step_forward(plan, images, err))
        return -1;
    result->loss = plan_loss(plan, labels, &result->correct);
    if (!isfinite(result->loss))
        return err_set(err, "the loss is not finite");
    if (plan_backward(plan, err))
        return -1;
    optimiser_step(optimiser, weights->params, grad);
    return 0;
}
