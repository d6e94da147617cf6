/* How a dataset is opened. */
#ifndef DCLS_NN_DATASET_OPTIONS_H
#define DCLS_NN_DATASET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: it is to be trained on; what is tested on has to be there, and nobody is told or asked. */
struct dataset_options {
    bool as_it_is;           /* to look at: nothing is held out, and what makes it unfit to train on is no error */
    double validation_split; /* the share of the images that is held out to test on where none are there for that */
    void *arg;
    /* How far opening is: "checked", then "compared" so many of so many images. */
    void (*progress)(void *arg, const char *what, size_t done, size_t total);
    bool (*cancelled)(void *arg); /* asked now and then; opening fails where it says so */
};

#endif
