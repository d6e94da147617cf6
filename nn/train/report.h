/* What a training leaves beside its weights: the log's lines and the report, as the existing Python system writes
 * them. */
#ifndef DCLS_NN_REPORT_H
#define DCLS_NN_REPORT_H

#include "dcls/base/buf.h"
#include "dcls/base/notices.h"
#include "confusion.h"
#include "dcls/nn/train_config.h"

#define LOG_MAX (4 * 1024 * 1024)
#define REPORT_MAX (16 * 1024 * 1024)

/* Appends "Epoch [1/10], Train Loss: …" and a newline. */
int report_log_epoch(struct buf *log, const struct epoch_result *result, int epochs);
/* Appends the three closing lines. */
int report_log_end(struct buf *log, const char *model_name, double seconds);

/* What a report tells of; `model_save_path` is the one real path in it. */
struct train_report {
    const struct train_config *config;
    const struct epoch_result *results;
    int count;
    const char *model_save_path;
    const char *const *classes; /* names */
    const struct notices *notices;
    const struct confusion *confusion; /* on the test images, of the weights that are saved */
    double seconds, images_per_second; /* the latter while training, over all epochs */
};

/* As JSON text. */
int report_write(struct buf *out, const struct train_report *report, struct err *err);

#endif
