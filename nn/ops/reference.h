/* The reference backend: every operation in plain C, to be read, and the oracle for the fast ones. */
#ifndef DCLS_NN_REFERENCE_H
#define DCLS_NN_REFERENCE_H

#include "nn/graph/backend.h"

extern const struct backend backend_reference;

#endif
