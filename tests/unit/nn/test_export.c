/* Exporting weights: what is refused, and the wire format that ONNX is written in. That the models compute the same is
 * shown by ONNX Runtime in tests/shared. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataset_files.h"
#include "dcls/nn/export.h"
#include "dcls/nn/models.h"
#include "nn/formats/protobuf.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"

static void fields_are_written_as_the_specification_shows_them(void **state)
{
    (void)state;
    /* The examples of protobuf.dev's "Encoding", but for the floats and the largest numbers. */
    static const char expected[] = "\x08\x96\x01"                                 /* 1: 150 */
                                   "\x12\x07testing"                              /* 2: "testing" */
                                   "\x1a\x03\x08\x96\x01"                         /* 3: {1: 150} */
                                   "\x10\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* 2: -2 */
                                   "\x25\x00\x00\x80\x3f"                         /* 4: 1.0 */
                                   "\x82\x01\x00"                                 /* 16: "" */
                                   "\x08\x00"                                     /* 1: 0 */
                                   "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f";    /* 1: 2^63 - 1 */
    struct buf out, inner;
    buf_init(&out, 1000);
    buf_init(&inner, 1000);
    assert_int_equal(protobuf_int(&out, 1, 150), 0);
    assert_int_equal(protobuf_text(&out, 2, "testing"), 0);
    assert_int_equal(protobuf_int(&inner, 1, 150), 0);
    assert_int_equal(protobuf_message(&out, 3, &inner), 0);
    assert_int_equal(inner.len, 0);
    assert_int_equal(protobuf_int(&out, 2, -2), 0);
    assert_int_equal(protobuf_float(&out, 4, 1), 0);
    assert_int_equal(protobuf_message(&out, 16, &inner), 0);
    assert_int_equal(protobuf_int(&out, 1, 0), 0);
    assert_int_equal(protobuf_int(&out, 1, INT64_MAX), 0);
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, sizeof(expected) - 1);
    buf_release(&out);
    buf_release(&inner);
}

static void a_message_beyond_its_limit_fails(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    assert_int_equal(protobuf_text(&out, 1, "testing"), -1);
    buf_release(&out);
}

/* A .pth of that network with numbers of its initialisation, at `path`. */
static void write_model(const char *path, const char *type, int classes)
{
    struct err err = ERR_INIT;
    struct net *net = network_new(type, classes, &err);
    struct weights *weights = net ? weights_new(net, &err) : NULL;
    if (!weights)
        fail_msg("%s", err.text);
    weights_init(net, weights, 1);
    if (pth_write(path, net, weights, &err))
        fail_msg("%s", err.text);
    weights_free(weights);
    net_free(net);
}

/* Is the same as the file `to`, but a .pth, which is refused. */
static void into_an_open_file(const char *from, const char *to, const struct export_spec *spec)
{
    char *bytes[2] = { NULL }, path[64];
    size_t counts[2] = { 0 };
    int fd = memfd_create("out", MFD_CLOEXEC), status = export_into(from, fd, spec, NULL, NULL);
    assert_int_equal(status, spec->format == EXPORT_PTH ? -1 : 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!status) {
        assert_int_equal(fs_read(to, 1 << 28, &bytes[0], &counts[0], NULL), 0);
        assert_int_equal(fs_read(path, 1 << 28, &bytes[1], &counts[1], NULL), 0);
        assert_int_equal(counts[0], counts[1]);
        assert_memory_equal(bytes[0], bytes[1], counts[0]);
    }
    free(bytes[0]);
    free(bytes[1]);
    close(fd);
}

static void every_network_is_written_in_every_format(void **state)
{
    (void)state;
    char *dir = folder_make(), from[512], to[512];
    struct err err = ERR_INIT;
    snprintf(from, sizeof(from), "%s/m.pth", dir);
    snprintf(to, sizeof(to), "%s/out", dir);
    for (int t = 0; network_at(t); t++) {
        const char *type = network_at(t)->name;
        write_model(from, type, 5);
        for (int format = EXPORT_PTH; format <= EXPORT_ONNX; format++)
            for (int fold = 0; fold < 2; fold++) {
                struct export_spec spec = {
                    .format = (enum export_format)format, .type = type, .image_size = 64, .fold = fold
                };
                int classes = 0;
                if (export_run(from, to, &spec, &classes, &err))
                    fail_msg("%s", err.text);
                assert_int_equal(classes, 5);
                assert_true(fs_size(to) > fs_size(from) * 9 / 10);
                into_an_open_file(from, to, &spec);
            }
    }
    folder_remove(dir);
}

static void weights_that_are_not_the_network_are_refused(void **state)
{
    (void)state;
    char *dir = folder_make(), from[512], to[512], *bytes;
    size_t count;
    static const char *const names[] = { "a", "b" };
    snprintf(from, sizeof(from), "%s/m.pth", dir);
    snprintf(to, sizeof(to), "%s/out", dir);
    write_model(from, "resnet", 3);
    const struct {
        struct export_spec spec;
        const char *reason;
    } cases[] = {
        { { .format = EXPORT_ONNX, .type = "mobilenet", .image_size = 224 }, "'classifier.1.bias' is missing" },
        { { .format = EXPORT_PTH, .type = "alexnet", .image_size = 224 }, "'alexnet'" },
        { { .format = EXPORT_ONNX, .type = "resnet", .image_size = 224, .classes = names, .class_count = 2 },
          "the weights are of 3 classes, but 2 are named" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        assert_int_equal(export_run(from, to, &cases[i].spec, NULL, &err), -1);
        if (!strstr(err.text, cases[i].reason))
            fail_msg("refused with \"%s\" instead of \"%s\"", err.text, cases[i].reason);
    }
    assert_int_equal(fs_read(from, 1 << 26, &bytes, &count, NULL), 0);
    file_put(dir, "m.pth", bytes, count / 2);
    free(bytes);
    struct err err = ERR_INIT;
    assert_int_equal(export_run(from, to, &cases[0].spec, NULL, &err), -1);
    assert_non_null(strstr(err.text, "zip archive"));
    assert_false(fs_is_file(to));
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written_as_the_specification_shows_them),
        cmocka_unit_test(a_message_beyond_its_limit_fails),
        cmocka_unit_test(every_network_is_written_in_every_format),
        cmocka_unit_test(weights_that_are_not_the_network_are_refused),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
