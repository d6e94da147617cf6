/* Random numbers of a simulation: a counter-based generator, so that a seed names one course of events whatever the
 * machine. Each part draws from a stream of its own: what one draws more or less does not change what others draw. */
#ifndef DCLS_SIM_RNG_H
#define DCLS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t key, counter;
};

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *rng);
/* low <= result <= high. */
int64_t rng_range(struct rng *rng, int64_t low, int64_t high);
/* True once in `n` times; never for n 0. */
bool rng_one_in(struct rng *rng, int64_t n);
/* As rng_range, but small ones are as likely as large: its order of magnitude is uniform. low > 0. */
int64_t rng_scale(struct rng *rng, int64_t low, int64_t high);

#endif
