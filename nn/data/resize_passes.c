/* Sums of 8-bit samples times 22-bit weights, exactly as Pillow sums them: in 32 bits, a half added, shifted, cut off
 * at 255.
 *
 * AVX2 has no fast product of 32 bits, but one of 16 bits that adds neighbours. So a weight is split into its upper
 * and lower 11 bits, and the sum of the upper products is shifted before the two are added: the same 32 bits. */
#include "resize_passes.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

static inline uint8_t level(int sum)
{
    int value = sum >> RESIZE_BITS;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void across_plain(const struct taps *taps, const uint8_t *const *rows, int width, uint8_t *out, size_t stride)
{
    for (int r = 0; r < RESIZE_BAND; r++) {
        uint8_t *to = out + (size_t)r * stride;
        for (int x = 0; x < width; x++, to += 3) {
            const uint8_t *from = rows[r] + (size_t)taps->first[x] * 3;
            const int *weights = taps->weights + (size_t)x * taps->width;
            int red = 1 << (RESIZE_BITS - 1), green = red, blue = red;
            for (int k = 0, count = taps->count[x]; k < count; k++, from += 3) {
                red += from[0] * weights[k];
                green += from[1] * weights[k];
                blue += from[2] * weights[k];
            }
            to[0] = level(red);
            to[1] = level(green);
            to[2] = level(blue);
        }
    }
}

static void down_plain(const uint8_t *const *rows, const int *weights, int count, size_t samples, uint8_t *out)
{
    for (size_t i = 0; i < samples; i++) {
        int sum = 1 << (RESIZE_BITS - 1);
        for (int k = 0; k < count; k++)
            sum += rows[k][i] * weights[k];
        out[i] = level(sum);
    }
}

static const struct resize_passes plain = { "plain", false, across_plain, down_plain };

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2")))

/* Four taps of a pixel are 12 bytes; the lower half takes two of them, the upper the other two, each as pairs of 16
 * bits: red with red, green with green, blue with blue, nothing. */
AVX2 static void across_avx2(const struct taps *taps, const uint8_t *const *rows, int width, uint8_t *out,
                             size_t stride)
{
    const __m256i pair_up = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
                                             6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m128i half = _mm_set1_epi32(1 << (RESIZE_BITS - 1));
    const int groups = taps->width / 4;
    for (int x = 0; x < width; x++) {
        const int16_t *pairs = taps->pairs + (size_t)x * groups * 32;
        size_t at = (size_t)taps->first[x] * 3;
        __m256i high[RESIZE_BAND], low[RESIZE_BAND];
#pragma GCC unroll 4
        for (int r = 0; r < RESIZE_BAND; r++)
            high[r] = low[r] = _mm256_setzero_si256();
        for (int left = taps->count[x]; left > 0; left -= 4, pairs += 32, at += 12) {
            __m256i upper = _mm256_load_si256((const __m256i *)pairs);
            __m256i lower = _mm256_load_si256((const __m256i *)(pairs + 16));
#pragma GCC unroll 4
            for (int r = 0; r < RESIZE_BAND; r++) {
                __m128i bytes = _mm_loadu_si128((const __m128i *)(rows[r] + at));
                __m256i samples = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), pair_up);
                high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(samples, upper));
                low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(samples, lower));
            }
        }
        __m128i sums[RESIZE_BAND];
#pragma GCC unroll 4
        for (int r = 0; r < RESIZE_BAND; r++) {
            __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high[r], 11), low[r]);
            __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
            sums[r] = _mm_srai_epi32(_mm_add_epi32(sum, half), RESIZE_BITS);
        }
        __m128i levels = _mm_packus_epi16(_mm_packs_epi32(sums[0], sums[1]), _mm_packs_epi32(sums[2], sums[3]));
        /* The fourth byte is overwritten by the next pixel, or lies in the slack. */
        uint8_t *to = out + (size_t)x * 3;
        int32_t pixel[RESIZE_BAND];
        _mm_storeu_si128((__m128i *)pixel, levels);
#pragma GCC unroll 4
        for (int r = 0; r < RESIZE_BAND; r++)
            memcpy(to + (size_t)r * stride, &pixel[r], 4);
    }
}

AVX2 static __m256i levels_of(__m256i high, __m256i low)
{
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, 11), low);
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (RESIZE_BITS - 1))), RESIZE_BITS);
}

/* 16 samples at a time, two rows as pairs. */
AVX2 static void down_avx2(const uint8_t *const *rows, const int *weights, int count, size_t samples, uint8_t *out)
{
    for (size_t i = 0; i < samples; i += 16) {
        __m256i high[2], low[2];
        high[0] = high[1] = low[0] = low[1] = _mm256_setzero_si256();
        for (int k = 0; k < count; k += 2) {
            bool pair = k + 1 < count;
            int first = weights[k], second = pair ? weights[k + 1] : 0;
            __m256i upper = _mm256_set1_epi32((first >> 11) | (second >> 11) << 16);
            __m256i lower = _mm256_set1_epi32((first & 2047) | (second & 2047) << 16);
            __m128i a = _mm_loadu_si128((const __m128i *)(rows[k] + i));
            __m128i b = _mm_loadu_si128((const __m128i *)(rows[pair ? k + 1 : k] + i));
            __m256i left = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
            __m256i right = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
            high[0] = _mm256_add_epi32(high[0], _mm256_madd_epi16(left, upper));
            low[0] = _mm256_add_epi32(low[0], _mm256_madd_epi16(left, lower));
            high[1] = _mm256_add_epi32(high[1], _mm256_madd_epi16(right, upper));
            low[1] = _mm256_add_epi32(low[1], _mm256_madd_epi16(right, lower));
        }
        /* Packing works in halves of a register, hence the permutation. */
        __m256i words = _mm256_packs_epi32(levels_of(high[0], low[0]), levels_of(high[1], low[1]));
        words = _mm256_permute4x64_epi64(words, 0xd8);
        __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        if (samples - i >= 16) {
            _mm_storeu_si128((__m128i *)(out + i), bytes);
        } else {
            uint8_t last[16];
            _mm_storeu_si128((__m128i *)last, bytes);
            memcpy(out + i, last, samples - i);
        }
    }
}

static const struct resize_passes avx2 = { "avx2", true, across_avx2, down_avx2 };
#endif

const struct resize_passes *resize_passes(enum isa isa)
{
#ifdef __x86_64__
    if (cpu_isa(isa) >= ISA_AVX2)
        return &avx2;
#endif
    (void)isa;
    return &plain;
}
