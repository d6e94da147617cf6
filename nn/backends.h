/* The backends of this program, the default one first. */
#ifndef DCLS_NN_BACKENDS_H
#define DCLS_NN_BACKENDS_H

#include "dcls/base/err.h"

struct backend;

extern const struct backend *const backends[];                         /* NULL-ended */
const struct backend *backend_find(const char *name, struct err *err); /* NULL with err */

#endif
