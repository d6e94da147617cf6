/* The loops of each instruction set in turn. For tests alone. */
#ifndef TESTS_EACH_KERNELS_H
#define TESTS_EACH_KERNELS_H

#include "nn/cpu/kernels/kernels.h"

/* Calls with all that this CPU has. */
static inline void each_kernels(void (*check)(const struct kernels *kernels))
{
    for (enum isa isa = ISA_PLAIN; isa <= ISA_BEST; isa++) {
        const struct kernels *kernels = kernels_up_to(isa);
        if (kernels->isa == isa)
            check(kernels);
        else
            print_message("NOT TESTED: loops of an instruction set that this CPU lacks\n");
    }
}

#endif
