/* One simulation: a cluster, its clients, its faults, from a seed to the end of its healing. */
#ifndef DCLS_SIM_SIMULATION_H
#define DCLS_SIM_SIMULATION_H

#include <stddef.h>
#include <stdint.h>

#include "coverage.h"

enum trace_mode { TRACE_NONE, TRACE_LAST, TRACE_ALL };

/* -1 where a rule broke: `broken` says which, and how; the trace is printed before. Adds to `coverage`. */
int simulate(uint64_t seed, enum trace_mode mode, struct coverage *coverage, char *broken, size_t size);
/* The last lines of the simulation that is on: for who caught an abort. */
void simulation_print_trace(void);

#endif
