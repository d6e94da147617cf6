/* The loss at the end of a classifier. */
#ifndef DCLS_NN_LOSS_H
#define DCLS_NN_LOSS_H

/* The mean over n of the cross-entropy of softmax(logits (n, classes)) with the label, of whose probability `smoothing`
 * is spread over all classes (Szegedy et al. 2015, torch's label_smoothing; 0: none). dlogits (n, classes; may be NULL)
 * gets its gradient, *correct (may be NULL) how often the label is the first highest logit. */
double softmax_cross_entropy(const float *logits, int n, int classes, const int *labels, double smoothing,
                             float *dlogits, int *correct);

#endif
