/* How busy this machine is: its CPUs and its memory, as much of either as this process may use. Told to the broker with
 * each sign of life. */
#ifndef DCLS_NODE_HOST_LOAD_H
#define DCLS_NODE_HOST_LOAD_H

#include <stdint.h>

/* Zeroed to begin with. */
struct host_load {
    double cpu;          /* per cent of all CPUs between the last two measurements; NAN: not known yet */
    int64_t memory_used; /* bytes; -1: unknown */
    /* as counted by the last measurement */
    int64_t measured_ms; /* 0: there was none */
    uint64_t busy, total, used_us;
};

/* Measures anew where the last time is at least a second ago. `root` is "", or a folder with a `proc` and control
 * groups for a test; `now` is clock_ms(). */
void host_load_measure(struct host_load *load, const char *root, int64_t now);

#endif
