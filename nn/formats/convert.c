/* See convert.h. */
#include "convert.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

/* IEEE 754's 16 bits: 1 sign, 5 exponent, 10 mantissa. */
static float widen_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    if (exponent == 0) /* zero, or a denormal: mantissa times 2^-24 */
        return sign ? -(float)mantissa * 0x1p-24f : (float)mantissa * 0x1p-24f;
    if (exponent == 31) /* infinite, or no number */
        return from_bits(sign | 0x7f800000 | mantissa << 13);
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static float widen_bfloat(uint16_t bfloat)
{
    return from_bits((uint32_t)bfloat << 16);
}

static int64_t integer_at(const struct tensor *tensor, size_t i)
{
    switch (tensor->type) {
    case TENSOR_INT32: return ((const int32_t *)tensor->bytes)[i];
    case TENSOR_INT16: return ((const int16_t *)tensor->bytes)[i];
    case TENSOR_INT8: return ((const int8_t *)tensor->bytes)[i];
    case TENSOR_UINT8: return ((const uint8_t *)tensor->bytes)[i];
    case TENSOR_BOOL: return ((const uint8_t *)tensor->bytes)[i] != 0;
    default: return ((const int64_t *)tensor->bytes)[i];
    }
}

void convert_floats(const struct tensor *tensor, float *to)
{
    const double *doubles = tensor->bytes;
    const uint16_t *halves = tensor->bytes;
    switch (tensor->type) {
    case TENSOR_FLOAT32: memcpy(to, tensor->bytes, tensor->count * tensor_type_size(TENSOR_FLOAT32)); break;
    case TENSOR_FLOAT64:
        for (size_t i = 0; i < tensor->count; i++)
            to[i] = (float)doubles[i];
        break;
    case TENSOR_FLOAT16:
        for (size_t i = 0; i < tensor->count; i++)
            to[i] = widen_half(halves[i]);
        break;
    case TENSOR_BFLOAT16:
        for (size_t i = 0; i < tensor->count; i++)
            to[i] = widen_bfloat(halves[i]);
        break;
    default:
        for (size_t i = 0; i < tensor->count; i++)
            to[i] = (float)integer_at(tensor, i);
    }
}

static int64_t truncate_number(double number)
{
    static const double limit = 9223372036854775808.0; /* 2^63 */
    return number >= -limit && number < limit ? (int64_t)number : INT64_MIN;
}

int64_t convert_integer(const struct tensor *tensor)
{
    const uint16_t *halves = tensor->bytes;
    switch (tensor->type) {
    case TENSOR_FLOAT32: return truncate_number((double)((const float *)tensor->bytes)[0]);
    case TENSOR_FLOAT64: return truncate_number(((const double *)tensor->bytes)[0]);
    case TENSOR_FLOAT16: return truncate_number((double)widen_half(halves[0]));
    case TENSOR_BFLOAT16: return truncate_number((double)widen_bfloat(halves[0]));
    default: return integer_at(tensor, 0);
    }
}
