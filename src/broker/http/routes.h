/* The handlers of the endpoints, and the table that http.c matches requests against. */
#ifndef DCLS_BROKER_ROUTES_H
#define DCLS_BROKER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"

struct route {
    const char *method; /* "GET" (which HEAD takes too), "POST", "PUT", "DELETE" */
    const char *path;   /* a "*" between slashes is an argument */
    void (*handle)(struct exchange *exchange);
    size_t max_body;
    bool shared; /* one of the existing page's six: CORS, preflights */
};

extern const struct route route_table[];
extern const size_t route_count;

enum match { MATCH_NONE, MATCH_PATH, MATCH_ROUTE };

/* Compares a percent-encoded path; on MATCH_ROUTE and MATCH_PATH (the method is another) *args holds copies of the
 * decoded arguments, the caller's to free, where it is not NULL. Pure. */
enum match route_match(const struct route *route, const char *method, const char *path, char *args[EXCHANGE_ARGS]);

/* http_train.c */
void handle_train(struct exchange *exchange);
/* http_inference.c */
void handle_inference(struct exchange *exchange);
void handle_get_json(struct exchange *exchange);
/* http_jobs.c */
void handle_jobs(struct exchange *exchange);
void handle_job(struct exchange *exchange);
void handle_job_cancel(struct exchange *exchange);
/* http_events.c */
void handle_events(struct exchange *exchange);
void handle_job_events(struct exchange *exchange);
/* http_models.c */
void handle_models(struct exchange *exchange);
void handle_model_remove(struct exchange *exchange);
void handle_model_file(struct exchange *exchange);
/* http_nodes.c */
void handle_nodes(struct exchange *exchange);
void handle_healthz(struct exchange *exchange);
/* http_files.c */
void handle_images(struct exchange *exchange);
void handle_image(struct exchange *exchange);
void handle_dataset(struct exchange *exchange);
void handle_blob_get(struct exchange *exchange);
void handle_blob_put(struct exchange *exchange);

#endif
