/* SplitMix64 over a counter (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
#include "rng.h"

#include <assert.h>
#include <math.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
    *rng = (struct rng){ .key = mix(mix(seed) + 0x9e3779b97f4a7c15u * (stream + 1)) };
}

uint64_t rng_next(struct rng *rng)
{
    return mix(rng->key + 0x9e3779b97f4a7c15u * ++rng->counter);
}

int64_t rng_range(struct rng *rng, int64_t low, int64_t high)
{
    assert(low <= high);
    return low + (int64_t)(rng_next(rng) % ((uint64_t)(high - low) + 1));
}

bool rng_one_in(struct rng *rng, int64_t n)
{
    return n > 0 && !(rng_next(rng) % (uint64_t)n);
}

int64_t rng_scale(struct rng *rng, int64_t low, int64_t high)
{
    assert(low > 0 && low <= high);
    double uniform = (double)(rng_next(rng) >> 11) / 9007199254740992.0;
    int64_t value = (int64_t)((double)low * exp(uniform * log((double)high / (double)low)));
    return value < low ? low : value > high ? high : value;
}
