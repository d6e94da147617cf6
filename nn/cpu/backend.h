/* The fast backend: oneDNN, and loops of our own where they are faster. */
#ifndef DCLS_NN_CPU_BACKEND_H
#define DCLS_NN_CPU_BACKEND_H

#include "nn/graph/backend.h"

extern const struct backend backend_onednn;

#endif
