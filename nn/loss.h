/* The loss at the end of a classifier. */
#ifndef DCLS_NN_LOSS_H
#define DCLS_NN_LOSS_H

/* The mean over n of -log softmax(logits (n, classes))[label]. dlogits (n, classes; may be NULL) gets its gradient,
 * *correct (may be NULL) how often the label is the first highest logit. */
double softmax_cross_entropy(const float *logits, int n, int classes, const int *labels, float *dlogits,
                             int *correct);

#endif
