/* .safetensors: written, read again bit for bit, and every kind of malformed file refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset_files.h"
#include "dcls/nn/models.h"
#include "nn/formats/pth.h"
#include "nn/formats/safetensors.h"
#include "nn/formats/weight_file.h"
#include "small_net.h"

/* A file of this header, with its length in front, and `size` bytes 0, 1, 2, … behind it. */
static char *make_file(const char *header, size_t size, size_t *count)
{
    uint64_t length = strlen(header);
    char *bytes = malloc(8 + length + size);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < size; i++)
        bytes[8 + length + i] = (char)i;
    *count = 8 + length + size;
    return bytes;
}

static void expect_refused(const char *bytes, size_t count, const char *reason)
{
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    assert_int_equal(weight_file_tensors(bytes, count, &tensors, &err), -1);
    if (!strstr(err.text, reason) || strchr(err.text, '\n'))
        fail_msg("refused with \"%s\" instead of \"%s\"", err.text, reason);
    tensors_release(&tensors);
}

static void a_header_is_read_with_its_types_shapes_and_places(void **state)
{
    (void)state;
    static const char header[] =
        "{\"b\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]},\"__metadata__\":{\"x\":\"y\"},"
        "\"a\":{\"shape\":[],\"data_offsets\":[0,8],\"dtype\":\"I64\"},"
        "\"none\":{\"shape\":[0,3],\"data_offsets\":[16,16],\"dtype\":\"F64\"},"
        "\"c\":{\"shape\":[2],\"data_offsets\":[16,20],\"dtype\":\"BF16\"}}   ";
    static const char *const names[] = { "a", "b", "none", "c" };
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    size_t count;
    char *bytes = make_file(header, 20, &count);
    if (safetensors_tensors(bytes, count, &tensors, &err))
        fail_msg("%s", err.text);
    assert_int_equal(tensors.count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(tensors.list[i].name, names[i]);
    assert_int_equal(tensors.list[0].rank, 0);
    assert_int_equal(*(const int64_t *)tensors.list[0].bytes, 0x0706050403020100);
    assert_int_equal(tensors.list[1].rank, 2);
    assert_int_equal(tensors.list[1].shape[0], 2);
    assert_memory_equal(tensors.list[1].bytes, "\10\11\12\13\14\15\16\17", 8);
    assert_int_equal(tensors.list[2].count, 0);
    assert_int_equal(tensors.list[3].type, TENSOR_BFLOAT16);
    tensors_release(&tensors);
    free(bytes);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
#define FLOATS(name, shape, places) "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" places "}"
    static const struct {
        const char *header;
        size_t size;
        const char *reason;
    } cases[] = {
        { "{", 0, "no JSON" },
        { "{]", 0, "no JSON" },
        { "{\"w\":1}", 0, "'w' lacks dtype, shape or data_offsets" },
        { "{\"w\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'w' lacks dtype" },
        { "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'w' lacks dtype, shape" },
        { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'w' lacks dtype, shape or data_offsets" },
        { "{\"w\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "type 'F8_E4M3', which is not" },
        { "{" FLOATS("w", "[1]", "[0]") "}", 4, "'w' lacks dtype" },
        { "{" FLOATS("w", "[1]", "[0,4,8]") "}", 8, "'w' lacks dtype" },
        { "{" FLOATS("w", "[1]", "[0,5]") "}", 4, "do not lie in the file" },
        { "{" FLOATS("w", "[1]", "[4,0]") "}", 4, "do not lie in the file" },
        { "{" FLOATS("w", "[1]", "[-4,0]") "}", 4, "do not lie in the file" },
        { "{" FLOATS("w", "[1]", "[0.5,4.5]") "}", 8, "do not lie in the file" },
        { "{" FLOATS("w", "[1]", "[0,1e300]") "}", 4, "do not lie in the file" },
        { "{" FLOATS("w", "[1]", "[0,\"4\"]") "}", 4, "do not lie in the file" },
        { "{" FLOATS("w", "[2]", "[0,4]") "}", 4, "'w' has 4 bytes, which do not fit" },
        { "{" FLOATS("w", "[-1]", "[0,4]") "}", 4, "impossible shape" },
        { "{" FLOATS("w", "[1.5]", "[0,4]") "}", 4, "impossible shape" },
        { "{" FLOATS("w", "[1152921504606846976]", "[0,4]") "}", 4, "impossible shape" },
        { "{" FLOATS("w", "[1073741824,1073741824,1073741824]", "[0,4]") "}", 4, "do not fit its shape" },
        { "{" FLOATS("w", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "impossible shape" },
        { "{" FLOATS("a", "[2]", "[0,8]") "," FLOATS("b", "[1]", "[4,8]") "}", 8, "'b' overlaps another tensor" },
        { "{" FLOATS("a", "[1]", "[0,4]") "," FLOATS("b", "[1]", "[0,4]") "}", 4, "overlaps another tensor" },
        { "{" FLOATS("a", "[1]", "[0,4]") "," FLOATS("b", "[1]", "[8,12]") "}", 12, "'b' follows bytes of no tensor" },
        { "{" FLOATS("a", "[1]", "[4,8]") "}", 8, "'a' follows bytes of no tensor" },
        { "{" FLOATS("a", "[1]", "[0,4]") "}", 7, "3 bytes of no tensor at its end" },
        { "{}", 4, "4 bytes of no tensor at its end" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count;
        char *bytes = make_file(cases[i].header, cases[i].size, &count);
        expect_refused(bytes, count, cases[i].reason);
        free(bytes);
    }
}

static void a_header_longer_than_the_file_is_refused_unread(void **state)
{
    (void)state;
    static const uint64_t lengths[] = { (uint64_t)1 << 60, UINT64_MAX, 3, SAFETENSORS_HEADER_MAX + 1 };
    size_t size = SAFETENSORS_HEADER_MAX + 64;
    char *bytes = calloc(1, size);
    assert_non_null(bytes);
    for (int i = 0; i < 4; i++) {
        memcpy(bytes, &lengths[i], 8);
        bytes[8] = '{';
        expect_refused(bytes, i == 3 ? size : 10, "the header has ");
    }
    free(bytes);
}

static void other_files_are_no_weights(void **state)
{
    (void)state;
    expect_refused("", 0, "neither a .pth nor a .safetensors");
    expect_refused("\x89PNG\r\n\x1a\n", 8, "neither a .pth nor a .safetensors");
    expect_refused("{\"w\": 1, \"v\": 2}", 16, "neither a .pth nor a .safetensors");
}

static void weights_come_back_bit_for_bit_through_both_formats(void **state)
{
    (void)state;
    char *dir = folder_make(), paths[3][512], *bytes[2];
    size_t counts[2];
    struct err err = ERR_INIT;
    struct weights *written = small_weights(), *read = weights_new(&small_net, NULL);
    uint32_t odd[3] = { 0x7fc00001, 1, 0x80000000 }; /* no number with a payload, a denormal, minus zero */
    assert_non_null(read);
    memcpy(written->params, odd, sizeof(odd));
    static const char *const names[] = { "a.safetensors", "b.pth", "c.safetensors" };
    for (int i = 0; i < 3; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", dir, names[i]);
    if (safetensors_write(paths[0], &small_net, written, &err) ||
        weight_file_read(paths[0], &small_net, read, false, NULL, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(read->params, written->params, 15 * sizeof(float));
    assert_memory_equal(read->running_stats, written->running_stats, 2 * sizeof(float));
    assert_int_equal(read->tracked[0], 70000);
    if (pth_write(paths[1], &small_net, read, &err) ||
        weight_file_read(paths[1], &small_net, written, false, NULL, &err) ||
        safetensors_write(paths[2], &small_net, written, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fs_read(paths[2 * i], 1 << 20, &bytes[i], &counts[i], NULL), 0);
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(bytes[0], bytes[1], counts[0]);

    for (size_t length = 0; length < counts[0]; length++) {
        char *cut = malloc(length ? length : 1);
        assert_non_null(cut);
        memcpy(cut, bytes[0], length);
        expect_refused(cut, length, "");
        free(cut);
    }
    for (size_t i = 0; i < counts[0]; i++) {
        struct tensors tensors = { 0 };
        bytes[0][i] ^= (char)0xff;
        (void)weight_file_tensors(bytes[0], counts[0], &tensors, NULL);
        bytes[0][i] ^= (char)0xff;
        tensors_release(&tensors);
    }
    free(bytes[0]);
    free(bytes[1]);
    weights_free(written);
    weights_free(read);
    folder_remove(dir);
}

static void a_real_networks_file_is_refused_cut_at_every_kilobyte(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512], *bytes;
    size_t count;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet", 3, &err);
    struct weights *weights = net ? weights_new(net, &err) : NULL;
    static int (*const write[])(const char *, const struct net *, const struct weights *,
                                struct err *) = { safetensors_write, pth_write };
    assert_non_null(weights);
    snprintf(path, sizeof(path), "%s/m", dir);
    for (int i = 0; i < 2; i++) {
        if (write[i](path, net, weights, &err) || fs_read(path, 1 << 26, &bytes, &count, &err))
            fail_msg("%s", err.text);
        for (size_t length = 0; length < count; length += 1024)
            expect_refused(bytes, length, "");
        free(bytes);
    }
    weights_free(weights);
    net_free(net);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_with_its_types_shapes_and_places),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_header_longer_than_the_file_is_refused_unread),
        cmocka_unit_test(other_files_are_no_weights),
        cmocka_unit_test(weights_come_back_bit_for_bit_through_both_formats),
        cmocka_unit_test(a_real_networks_file_is_refused_cut_at_every_kilobyte),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
