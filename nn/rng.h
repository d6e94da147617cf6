/* Random numbers as a counter function: no state, so the order of threads does not matter. */
#ifndef DCLS_NN_RNG_H
#define DCLS_NN_RNG_H

#include <math.h>
#include <stdint.h>

/* What random numbers are for, so that nothing shares its numbers with something else of the same seed. */
enum rng_use { RNG_ORDER = 1, RNG_AUGMENT = 2 };

/* The stream of one use in one epoch. */
static inline uint64_t rng_stream(enum rng_use use, int epoch)
{
    return (uint64_t)use << 56 | (uint32_t)epoch;
}

/* 64 well-mixed bits of (seed, stream, index): SplitMix64's finaliser over their combination. */
static inline uint64_t rng_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + stream;
    for (int round = 0; round < 2; round++) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z = (z ^ (z >> 31)) + (round ? 0 : index * 0x9e3779b97f4a7c15u);
    }
    return z;
}

/* Uniform in [0, 1). */
static inline double rng_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    return (double)(rng_bits(seed, stream, index) >> 11) * 0x1p-53;
}

/* Normal with mean 0 and deviation 1 (Box-Muller); takes the indices 2i and 2i + 1 of the stream. */
static inline double rng_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(seed, stream, 2 * index))); /* 1 - u is in (0, 1] */
    return radius * cos(2 * M_PI * rng_uniform(seed, stream, 2 * index + 1));
}

#endif
