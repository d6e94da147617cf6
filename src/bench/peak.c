/* See peak.h. A loop for each width of register, since the program is compiled for the oldest CPU and chooses when it
 * runs. */
#include "peak.h"

#include "dcls/base/clock.h"
#include "dcls/nn/cpu_isa.h"

#define ROUNDS 200000 /* of a measurement: a few milliseconds */
#define ATTEMPTS 12   /* the fastest counts: the others were disturbed, or the clock had not risen yet */
#define REGISTERS 12  /* latency 4 to 5 cycles, two units: at least 10 */

/* x = x * a + b stays finite, and no compiler knows a and b. */
#define MEASURE(NAME, WIDTH, TARGET)                                                                                   \
    TARGET static double NAME(float a, float b)                                                                        \
    {                                                                                                                  \
        typedef float vector __attribute__((vector_size(4 * (WIDTH))));                                                \
        vector x[REGISTERS], factor = { 0 }, term = { 0 }, sum;                                                        \
        for (int lane = 0; lane < (WIDTH); lane++) {                                                                   \
            factor[lane] = a;                                                                                          \
            term[lane] = b;                                                                                            \
        }                                                                                                              \
        for (int i = 0; i < REGISTERS; i++)                                                                            \
            x[i] = term * (float)i;                                                                                    \
        for (int round = 0; round < ROUNDS; round++)                                                                   \
            _Pragma("GCC unroll 12") for (int i = 0; i < REGISTERS; i++) x[i] = x[i] * factor + term;                  \
        sum = x[0];                                                                                                    \
        for (int i = 1; i < REGISTERS; i++)                                                                            \
            sum += x[i];                                                                                               \
        return (double)sum[0];                                                                                         \
    }

#ifdef __x86_64__
MEASURE(run_avx512, 16, __attribute__((target("avx512f"), optimize("O3"))))
MEASURE(run_avx2, 8, __attribute__((target("avx2,fma"), optimize("O3"))))
#endif
MEASURE(run_plain, 4, __attribute__((optimize("O3"))))

struct loop {
    const char *isa;
    double (*run)(float a, float b);
    int width;
};

static struct loop choose(void)
{
    switch (cpu_isa(ISA_BEST)) {
#ifdef __x86_64__
    case ISA_AVX512: return (struct loop){ "AVX-512", run_avx512, 16 };
    case ISA_AVX2: return (struct loop){ "AVX2", run_avx2, 8 };
#endif
    default: return (struct loop){ "128-bit vectors", run_plain, 4 };
    }
}

double peak_flops(const char **isa)
{
    struct loop loop = choose();
    volatile float a = 0.5f, b = 0.25f;
    volatile double sink; /* so that the sums are wanted */
    double best = 0;
    *isa = loop.isa;
    for (int i = 0; i < ATTEMPTS; i++) {
        double start = clock_seconds();
        sink = loop.run(a, b);
        double flops = 2.0 * ROUNDS * REGISTERS * loop.width / (clock_seconds() - start);
        best = flops > best ? flops : best;
    }
    (void)sink;
    return best;
}
