/* GET /models/NAME/NAME.safetensors and NAME.onnx: a model's weights turned into these formats by a helper process
 * (dcls/net/helper.h). The result is a file without a name that lasts as long as its download. */
#ifndef DCLS_BROKER_MODEL_EXPORTS_H
#define DCLS_BROKER_MODEL_EXPORTS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "dcls/base/sha256.h"

struct broker;
struct exchange;
struct model_exports;

/* One export, a part of the exchange's context. Zeroed it is none. */
struct model_export {
    struct model_exports *exports; /* NULL: none was begun */
    struct exchange *exchange;
    const char *format;
    char sha256[SHA256_HEX_SIZE]; /* of the weights */
    cJSON *request;
    int weights, out; /* files */
    int64_t memory;   /* bytes that `out` takes of it, about; 0: it lies on a disk */
};

/* NULL where memory lacks. Reads broker->base, pool, models and state. */
struct model_exports *model_exports_new(struct broker *broker);
/* Ends the helper process; who waits is answered. Before the pool is drained. */
void model_exports_stop(struct model_exports *exports);
/* After it was. */
void model_exports_free(struct model_exports *exports); /* NULL is fine */

/* "safetensors" or "onnx" where `file` is the name of such a file of the model; NULL otherwise. */
const char *model_export_format(const char *model, const char *file);

/* Takes `weights`, the open file of the model of that name and digest, and answers the exchange. */
void model_export_start(struct model_exports *exports, struct model_export *export, struct exchange *exchange,
                        const char *format, const char *model, const char *sha256, int weights);
/* When the exchange ends. */
void model_export_release(struct model_export *export);

#endif
