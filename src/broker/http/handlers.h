/* The handlers of the endpoints, one file a subject (handle_SUBJECT.c), and what they share. A handler ends its
 * exchange exactly once, now or later; what blocks goes through exchange_submit. */
#ifndef DCLS_BROKER_HANDLERS_H
#define DCLS_BROKER_HANDLERS_H

#include <stdint.h>

#include "exchange.h"

/* Of the server, which makes it and ends it. */
struct http {
    int64_t refused_logged_ms; /* of gate.c: when it was logged last that one is not let in; 0: never */
    struct blobs *blobs;       /* written in LANE_BLOBS alone */
    struct manifest *manifest; /* of the image folder: made in LANE_HASHES alone */
    struct uploads *uploads;
    struct sse *sse;
    struct connections *connections;
    struct dataset_scan *scan;       /* of handle_dataset.c: a manifest is being made; NULL: none */
    struct image_lists *image_lists; /* of handle_images.c */
    struct thumbnails *thumbnails;   /* likewise */
    struct model_exports *exports;   /* of handle_models.c */
};

void handle_page(struct exchange *exchange);
void handle_train(struct exchange *exchange);
void handle_options(struct exchange *exchange);
void handle_inference(struct exchange *exchange);
void handle_get_json(struct exchange *exchange);
void handle_jobs(struct exchange *exchange);
void handle_job(struct exchange *exchange);
void handle_job_cancel(struct exchange *exchange);
void handle_events(struct exchange *exchange);
void handle_job_events(struct exchange *exchange);
void handle_models(struct exchange *exchange);
void handle_model_remove(struct exchange *exchange);
void handle_model_file(struct exchange *exchange);
void handle_nodes(struct exchange *exchange);
void handle_node_forget(struct exchange *exchange);
void handle_metrics(struct exchange *exchange);
void handle_node_dataset(struct exchange *exchange);
void handle_node_image(struct exchange *exchange);
void handle_model_answers(struct exchange *exchange);
void handle_healthz(struct exchange *exchange);
void handle_images(struct exchange *exchange);
void handle_image(struct exchange *exchange);
void handle_dataset(struct exchange *exchange);
void handle_blob_get(struct exchange *exchange);
void handle_blob_put(struct exchange *exchange);

#endif
