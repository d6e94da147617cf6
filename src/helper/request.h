/* One request to a helper: a JSON object and open files beside it. */
#ifndef DCLS_HELPER_REQUEST_H
#define DCLS_HELPER_REQUEST_H

#include <cjson/cJSON.h>

#include "dcls/base/err.h"
#include "dcls/net/helper.h"

struct dataset_view;

struct request {
    cJSON *json; /* an object; NULL: it was none */
    int files[HELPER_FILES_MAX];
    int file_count;
    struct dataset_view *view; /* the process's one, which stays from request to request */
};

/* Closes its files. */
void request_release(struct request *request);

/* A member that is a whole number from min to max. -1 with err. */
int request_integer(const struct request *request, const char *name, int min, int max, int *value, struct err *err);

#endif
