/* The request `export`. */
#ifndef DCLS_HELPER_EXPORT_H
#define DCLS_HELPER_EXPORT_H

#include "request.h"

/* {"request": "export", "format": "safetensors" or "onnx", "type": "resnet", …} with a file of weights and an empty
 * file: the weights in that format are written into the latter. For ONNX also "classes", the names of all of them where
 * they are known, and "imageSize". The answer has "classes", their number. A refusal has a "status" only where the
 * weights are not at fault: see requests.h. */
int request_export(const struct request *request, cJSON *answer, struct err *err);

#endif
