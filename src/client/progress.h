/* How a training's progress reads on one line of a screen. Pure: time and width are passed in. */
#ifndef DCLS_CLIENT_PROGRESS_H
#define DCLS_CLIENT_PROGRESS_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define PROGRESS_LINE_SIZE 512
#define PROGRESS_TIME_SIZE 32

struct progress {
    int epoch, epochs, batch, batches;        /* epochs and batches count from 1; 0: not there yet */
    double images_per_second, loss, accuracy; /* NAN: not told */
    double seconds_left;                      /* of the whole training; NAN: not known */
};

/* Reads a job object; seconds_left is NAN. */
void progress_read(struct progress *progress, const cJSON *job);

/* What part of all epochs is done, 0 to 1. */
double progress_fraction(const struct progress *progress);

/* Time left, from how far the training came since it was first looked at. */
struct eta {
    double first_time, first_fraction;
    int started;
};
/* NAN until it can be told. */
double eta_left(struct eta *eta, double now, double fraction);

/* 0:07, 12:34, 1:02:03, 3 d 04:05 */
void progress_time(char text[PROGRESS_TIME_SIZE], double seconds);

/* "Epoch 1/10 [====>     ]  45%  batch 84/187  312.4 images/s  loss 0.4821  accuracy 82.1%  3:12 left", at most `width`
 * columns: what matters least is left out first, then the bar. */
void progress_line(char text[PROGRESS_LINE_SIZE], const struct progress *progress, int width);

/* The same without a bar, for a log. */
void progress_plain(char text[PROGRESS_LINE_SIZE], const struct progress *progress);

/* "FILE  [====>     ]  45%  20.1 MiB of 44.7 MiB  12.0 MiB/s  0:02 left" */
void progress_bytes_line(char text[PROGRESS_LINE_SIZE], const char *what, double done, double total,
                         double bytes_per_second, int width);

/* "Epoch [1/10], Train Loss: 0.4885, Train Accuracy: 79.57%, …": the training log's wording of one epoch's result. */
void progress_epoch(char text[PROGRESS_LINE_SIZE], const cJSON *result, int epochs);

#endif
