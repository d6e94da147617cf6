/* What this process takes of its machine, as Prometheus' clients call it. */
#ifndef DCLS_BROKER_PROCESS_FIGURES_H
#define DCLS_BROKER_PROCESS_FIGURES_H

#include <stdint.h>

#include "dcls/base/buf.h"

/* The families process_*, in Prometheus' text format; what cannot be read is left out. `started_ms` is the wall clock's
 * when the process began. -1 where `out` has no room. */
int process_figures_write(struct buf *out, int64_t started_ms);

#endif
