/* What one core can do at most, measured. */
#ifndef DCLS_BENCH_PEAK_H
#define DCLS_BENCH_PEAK_H

/* Multiplications and additions of floats a second of one thread, by fused multiply-adds on as many independent
 * registers as hide their latency; takes some 50 ms. *isa names the instruction set: the widest this CPU has. */
double peak_flops(const char **isa);

#endif
