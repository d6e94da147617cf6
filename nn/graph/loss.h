/* The loss at the end of a classifier. */
#ifndef DCLS_NN_LOSS_H
#define DCLS_NN_LOSS_H

/* The class that logits (classes) answer: the first of the highest. */
int highest_logit(const float *logits, int classes);

struct loss_spec {
    double smoothing; /* so much of a label's probability is spread over all classes (Szegedy et al. 2015); 0: none */
    const float *weights; /* (classes), of the labels; NULL: each 1 */
};

/* The weighted mean over n of the cross-entropy of softmax(logits (n, classes)) with the label, as torch's
 * CrossEntropyLoss of label_smoothing and weight. dlogits (n, classes; may be NULL) gets its gradient, *correct (may be
 * NULL) how often the label is the first highest logit. The weights of the labels that occur must not all be 0. */
double softmax_cross_entropy(const float *logits, int n, int classes, const int *labels, const struct loss_spec *spec,
                             float *dlogits, int *correct);

#endif
