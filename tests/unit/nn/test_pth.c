/* PyTorch's weight files: read, written, and refused. The fixtures are PyTorch's own (tests/fixtures). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sys/stat.h>
#include <zip.h>

#include "dataset_files.h"
#include "dcls/base/buf.h"
#include "nn/formats/pickle.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "nn/formats/tensors.h"
#include "small_net.h"

static char *read_fixture(const char *name, size_t *count)
{
    char path[256], *bytes;
    struct err err = ERR_INIT;
    snprintf(path, sizeof(path), "tests/fixtures/weights/%s", name);
    if (fs_read(path, 1 << 20, &bytes, count, &err))
        fail_msg("%s", err.text);
    return bytes;
}

/* What make_fixtures.py put into `name`. */
static void expect_every_form(const char *name)
{
    static const char *const names[] = { "plain", "double", "counter", "transposed", "shared", "shared_every_second",
                                         "empty" };
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    size_t count;
    char *bytes = read_fixture(name, &count);
    if (weight_file_tensors(bytes, count, &tensors, &err))
        fail_msg("%s", err.text);
    free(bytes);
    assert_int_equal(tensors.count, 7);
    for (int i = 0; i < 7; i++)
        assert_string_equal(tensors.list[i].name, names[i]);
    const struct tensor *plain = &tensors.list[0], *twice = &tensors.list[1], *counter = &tensors.list[2],
                        *transposed = &tensors.list[3];
    assert_int_equal(plain->rank, 3);
    assert_int_equal(plain->shape[2], 4);
    for (int i = 0; i < 24; i++)
        assert_true(((const float *)plain->bytes)[i] == (float)i);
    assert_int_equal(twice->type, TENSOR_FLOAT64);
    assert_true(((const double *)twice->bytes)[4] == 4.0 / 3);
    assert_int_equal(counter->type, TENSOR_INT64);
    assert_int_equal(counter->rank, 0);
    assert_int_equal(*(const int64_t *)counter->bytes, (int64_t)1 << 40);
    static const float transposed_numbers[6] = { 0, 3, 1, 4, 2, 5 };
    assert_int_equal(transposed->shape[0], 3);
    assert_memory_equal(transposed->bytes, transposed_numbers, sizeof(transposed_numbers));
    for (int i = 0; i < 4; i++)
        assert_true(((const float *)tensors.list[4].bytes)[i] == (float)(4 + i));
    for (int i = 0; i < 12; i++)
        assert_true(((const float *)tensors.list[5].bytes)[i] == (float)(2 * i));
    assert_int_equal(tensors.list[6].count, 0);
    tensors_release(&tensors);
}

static void tensors_of_every_form_are_read(void **state)
{
    (void)state;
    expect_every_form("mixed.pth");
}

static void tensors_of_every_form_are_read_from_files_before_1_6(void **state)
{
    (void)state;
    expect_every_form("old.pth");
}

static void expect_refused(const char *bytes, size_t count, const char *reason)
{
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    assert_int_equal(weight_file_tensors(bytes, count, &tensors, &err), -1);
    if (!strstr(err.text, reason))
        fail_msg("refused with \"%s\" instead of \"%s\"", err.text, reason);
    tensors_release(&tensors);
}

static void files_of_other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "checkpoint.pth", "'epoch' is not a tensor" },
        { "quantised.pth", "tensors of the type 'ByteStorage' are not supported" },
    };
    for (int i = 0; i < 2; i++) {
        size_t count;
        char *bytes = read_fixture(cases[i][0], &count);
        expect_refused(bytes, count, cases[i][1]);
        free(bytes);
    }
}

static void expect_every_cut_refused(const char *name)
{
    size_t count;
    char *bytes = read_fixture(name, &count);
    for (size_t length = 0; length < count; length++) {
        char *cut = malloc(length ? length : 1);
        assert_non_null(cut);
        memcpy(cut, bytes, length);
        expect_refused(cut, length, "");
        free(cut);
    }
    free(bytes);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    expect_every_cut_refused("mixed.pth");
    expect_every_cut_refused("old.pth");
}

/* Every byte in turn, in memory of just the file's size, so that ASan sees a read beyond it. */
static void change_every_byte(const char *name, size_t least)
{
    size_t count, refused = 0;
    char *bytes = read_fixture(name, &count), *copy = malloc(count);
    assert_non_null(copy);
    memcpy(copy, bytes, count);
    for (size_t i = 0; i < count; i++) {
        struct tensors tensors = { 0 };
        struct err err = ERR_INIT;
        copy[i] ^= (char)0xff;
        int status = weight_file_tensors(copy, count, &tensors, &err);
        copy[i] ^= (char)0xff;
        assert_true(!status == !err.text[0]); /* a refusal says why */
        refused += status != 0;
        tensors_release(&tensors);
    }
    assert_in_range(refused, least, count);
    free(copy);
    free(bytes);
}

static void a_file_with_any_byte_changed_does_no_harm(void **state)
{
    (void)state;
    change_every_byte("mixed.pth", 500);
    change_every_byte("old.pth", 500);
}

/* The fixture with `from` turned into `to`, of the same length. */
static void expect_changed_refused(const char *from, const char *to, size_t length, const char *reason)
{
    size_t count;
    char *bytes = read_fixture("old.pth", &count);
    char *at = memmem(bytes, count, from, length);
    assert_non_null(at);
    memcpy(at, to, length);
    expect_refused(bytes, count, reason);
    free(bytes);
}

static void malformed_files_of_the_old_form_are_refused(void **state)
{
    (void)state;
    size_t count;
    expect_changed_refused("endianq\2\x88", "endianq\2\x89", 9, "another byte order");
    expect_changed_refused("little_endian", "little_indian", 13, "another byte order");
    expect_changed_refused("ccollections\nOrderedDict", "cbuiltins...\nexec.......", 24, "which is refused");
    expect_changed_refused("K\x18Ntq", "K\x19Ntq", 5, "has 24 numbers instead of 25");
    expect_changed_refused("]q\0(", "}q\0(", 4, "appends to no list");
    /* 'plain' and 'shared' take each other's keys or one that is not there. */
    expect_changed_refused("648580992", "648572208", 9, "a storage '648580992' of no tensor");
    expect_changed_refused("648580992", "000000000", 9, "a storage '648580992' of no tensor");
    char *bytes = read_fixture("old.pth", &count), *more = realloc(bytes, count + 1);
    assert_non_null(more);
    more[count] = 0;
    expect_refused(more, count + 1, "goes on behind its last storage");
    /* The key list's first key becomes its second: a storage that is there twice, of other numbers. */
    char *keys = memmem(more, count, "]q\0(", 4);
    assert_non_null(keys);
    memcpy(keys + 4 + 5, "648568368", 9);
    expect_refused(more, count, "has 1 numbers instead of 5");
    free(more);
}

static void numbers_of_16_bits_are_widened(void **state)
{
    (void)state;
    static const float expected[8] = { 0, -0.0f, 1, -2.5f, 65504, 0x1p-24f, INFINITY, 0.333251953125f };
    struct param params[2] = {
        { "half", PARAM_LINEAR_BIAS, 1, { 8 }, 8, 0 },
        { "bfloat", PARAM_LINEAR_BIAS, 1, { 8 }, 8, 8 },
    };
    struct net net = {
        .type = "sixteen", .params = params, .param_count = 2, .trainable_count = 16, .last_weight = -1, .last_bias = -1
    };
    struct weights *weights = weights_new(&net, NULL);
    struct err err = ERR_INIT;
    assert_non_null(weights);
    if (weight_file_read("tests/fixtures/weights/half.pth", &net, weights, false, NULL, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(weights->params, expected, sizeof(expected));
    for (int i = 0; i < 8; i++) /* as PyTorch rounds them to 8 bits of mantissa */
        if (isfinite(expected[i]))
            assert_true(fabsf(weights->params[8 + i] - expected[i]) <= fabsf(expected[i]) / 256);
    assert_true(weights->params[8 + 2] == 1 && weights->params[8 + 3] == -2.5f && isinf(weights->params[8 + 6]));
    weights_free(weights);
}

/* Pickles, by hand. */
#define PICKLE(text) text, sizeof(text) - 1
#define HEAD "\x80\2ccollections\nOrderedDict\n)R("
#define NAMED "X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
#define STORED                                                                                                         \
    "X\1\0\0\0"                                                                                                        \
    "0X\3\0\0\0cpuK\x0ctQ" /* 12 numbers */
#define BOMB_STORED                                                                                                    \
    "X\1\0\0\0"                                                                                                        \
    "0X\3\0\0\0cpuJ\0\0\x20\0tQ" /* 2097152 numbers */
#define TAIL "\x89}tRu."

static void a_well_formed_pickle_is_read(void **state)
{
    (void)state;
    struct pickled pickled = { 0 };
    struct err err = ERR_INIT;
    if (pickle_read(PICKLE(HEAD NAMED STORED "K\2(K\2K\3t(K\3K\1t" TAIL), &pickled, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pickled.count, 1);
    assert_string_equal(pickled.list[0].name, "w");
    assert_string_equal(pickled.list[0].key, "0");
    assert_int_equal(pickled.list[0].offset, 2);
    assert_int_equal(pickled.list[0].storage_count, 12);
    assert_int_equal(pickled.list[0].shape[1], 3);
    assert_int_equal(pickled.list[0].stride[0], 3);
    pickled_release(&pickled);
}

static void what_a_pickle_may_not_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        const char *reason;
    } cases[] = {
        { PICKLE(""), "ends early" },
        { PICKLE("\x80\3}."), "not of protocol 2" },
        { PICKLE("\x80\2."), "wrong value" },
        { PICKLE("\x80\2}}."), "leaves values behind" },
        { PICKLE("\x80\2}"), "ends early" },
        /* What would run a command. */
        { PICKLE("\x80\2cos\nsystem\nX\x10\0\0\0touch /tmp/owned\x85R."), "asks for 'os system', which is refused" },
        { PICKLE("\x80\2c__builtin__\neval\n)R."), "asks for '__builtin__ eval', which is refused" },
        { PICKLE("\x80\2(ios\nsystem\n."), "opcode 0x69, which is refused" },
        { PICKLE("\x80\2}\x81."), "opcode 0x81, which is refused" },
        { PICKLE("\x80\2cos\nsystem"), "ends early" },
        { PICKLE("\x80\2ctorch\nFloatStorage\n)R."), "calls 'torch FloatStorage', which is refused" },
        { PICKLE("\x80\2ccollections\nOrderedDict\n}\x85R."), "calls 'collections OrderedDict', which is refused" },
        { PICKLE("\x80\2ctorch\nByteStorage\n."), "type 'ByteStorage' are not supported" },
        /* The machine's own bounds. */
        { PICKLE("\x80\2h\0."), "never remembered" },
        { PICKLE("\x80\2q\0."), "remembers nothing" },
        { PICKLE("\x80\2}r\xff\xff\xff\xff."), "too large" },
        { PICKLE("\x80\2t."), "lacks a mark" },
        { PICKLE("\x80\2\x87."), "lacks values" },
        { PICKLE("\x80\2(\x85."), "lacks values" },
        { PICKLE("\x80\2K\1K\2s."), "no dictionary" },
        { PICKLE("\x80\2}(K\1u."), "no dictionary" },
        { PICKLE("\x80\2}K\1K\2s."), "keys are no texts" },
        { PICKLE("\x80\2}}b}b"), "ends early" },
        { PICKLE("\x80\2]a."), "appends to no list" },
        { PICKLE("\x80\2}K\1a."), "appends to no list" },
        { PICKLE("\x80\2(K\1e."), "appends to no list" },
        { PICKLE("\x80\2]K\1e."), "lacks a mark" },
        { PICKLE("\x80\2](a."), "lacks values" },
        { PICKLE("\x80\2]]K\1aaK\1a"), "lists in each other" },
        { PICKLE("\x80\2]K\1a."), "wrong value" },
        { PICKLE("\x80\2U\xffw."), "ends early" },
        { PICKLE("\x80\2X\xff\xff\xff\xffw."), "text of 4294967295 bytes" },
        { PICKLE("\x80\2X\1\0\0\0\0."), "zero byte" },
        { PICKLE("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\0."), "more than 64 bits" },
        { PICKLE("\x80\2}X\1\0\0\0wK\1s."), "'w' is not a tensor" },
        /* Storages. */
        { PICKLE("\x80\2)Q."), "storage of an unknown form" },
        { PICKLE(HEAD NAMED "X\2\0\0\0..X\3\0\0\0cpuK\1tQ"), "impossible key" },
        { PICKLE(HEAD NAMED "X\0\0\0\0X\3\0\0\0cpuK\1tQ"), "key of 0 bytes" },
        { PICKLE(HEAD NAMED "X\1\0\0\0"
                            "0X\3\0\0\0cpuJ\xff\xff\xff\xfftQ"),
          "storage of -1 numbers" },
        { PICKLE(HEAD NAMED "X\1\0\0\0"
                            "0X\3\0\0\0cpu\x8a\6\0\0\0\0\0\1tQ"),
          "storage of 1099511627776 numbers" },
        /* Windows on 12 numbers. */
        { PICKLE(HEAD NAMED STORED "K\1(K\x0ct(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "J\xff\xff\xff\xff(K\2t(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\x0d(K\0t(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(K\3K\4t(K\5K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(K\2K\2t(J\0\0\0\x7fK\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(K\3K\5t(K\0K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(J\xff\xff\xff\xfft(K\1t" TAIL), "impossible shape" },
        { PICKLE(HEAD NAMED STORED "K\0(K\2t(J\xff\xff\xff\xfft" TAIL), "impossible shape" },
        { PICKLE(HEAD NAMED STORED "K\0(J\0\0\0\x7fJ\0\0\0\x7ft(K\0K\0t" TAIL), "too large" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1t(t" TAIL), "1 dimensions" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t" TAIL),
          "9 dimensions" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1t}" TAIL), "tensor of an unknown form" },
        { PICKLE(HEAD NAMED STORED "K\0tRu."), "tensor of an unknown form" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pickled pickled = { 0 };
        struct err err = ERR_INIT;
        if (!pickle_read(cases[i].bytes, cases[i].count, &pickled, &err))
            fail_msg("case %zu (%s) was read", i, cases[i].reason);
        if (!strstr(err.text, cases[i].reason))
            fail_msg("case %zu: refused with \"%s\" instead of \"%s\"", i, err.text, cases[i].reason);
        pickled_release(&pickled);
    }
    assert_false(fs_is_file("/tmp/owned"));
}

static void a_pickle_that_only_pushes_is_stopped(void **state)
{
    (void)state;
    static const char *const fillers[] = { "(", "}", "N", ")" };
    size_t count = 200000;
    char *bytes = malloc(count);
    assert_non_null(bytes);
    for (int i = 0; i < 4; i++) {
        struct pickled pickled = { 0 };
        struct err err = ERR_INIT;
        memset(bytes, fillers[i][0], count);
        memcpy(bytes, "\x80\2", 2);
        assert_int_equal(pickle_read(bytes, count, &pickled, &err), -1);
        assert_string_equal(err.text, "the pickle is too large");
        pickled_release(&pickled);
    }
    free(bytes);
}

struct entry {
    const char *name;
    const void *bytes;
    size_t count;
};

/* An archive of these entries (the last has no name), in memory. */
static char *make_zip(const struct entry *entries, size_t *count)
{
    char *dir = folder_make(), path[512], *bytes;
    snprintf(path, sizeof(path), "%s/x.zip", dir);
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(zip);
    for (; entries->name; entries++) {
        zip_source_t *source = zip_source_buffer(zip, entries->bytes, entries->count, 0);
        assert_true(zip_file_add(zip, entries->name, source, 0) >= 0);
    }
    assert_int_equal(zip_close(zip), 0);
    assert_int_equal(fs_read(path, 1 << 24, &bytes, count, NULL), 0);
    folder_remove(dir);
    return bytes;
}

/* A pickle that shows one storage of 12 numbers under 30000 names, which a memo keeps short. */
static char *many_windows(size_t *length)
{
    static const char first[] = HEAD NAMED STORED "K\0(K\x0ct(K\1t\x89}tRq\0", next[] = "X\1\0\0\0wh\0";
    struct buf out;
    buf_init(&out, PICKLE_BYTES_MAX);
    assert_int_equal(buf_append(&out, first, sizeof(first) - 1), 0);
    for (int i = 0; i < 30000; i++)
        assert_int_equal(buf_append(&out, next, sizeof(next) - 1), 0);
    assert_int_equal(buf_puts(&out, "u."), 0);
    *length = out.len;
    return buf_detach(&out);
}

static void an_archive_that_does_not_fit_its_pickle_is_refused(void **state)
{
    (void)state;
    static const char pickle[] = HEAD NAMED STORED "K\0(K\x0ct(K\1t" TAIL;
    size_t many_length;
    char *many = many_windows(&many_length);
    static char numbers[12 * 4 + 1], bomb[8 << 20];
    size_t length = sizeof(pickle) - 1;
    const struct {
        struct entry entries[5];
        const char *reason;
    } cases[] = {
        { { { "a/data.pkl", pickle, length } }, "lacks 'data/0' for 'w'" },
        { { { "a/data.pkl", pickle, length }, { "b/data/0", numbers, 48 } }, "lacks 'data/0' for 'w'" },
        { { { "a/data.pkl", pickle, length }, { "a/data/0", numbers, 47 } },
          "needs 48 bytes, but the archive's 'data/0' has 47" },
        { { { "a/data.pkl", pickle, length }, { "a/data/0", numbers, 49 } }, "has 49" },
        { { { "a/data.pkl", pickle, length }, { "a/data/0", bomb, sizeof(bomb) } }, "has 8388608" },
        { { { "a/data.pkl", bomb, sizeof(bomb) } }, "missing or too large" },
        /* 8 MiB of zeros, as the pickle says, in a file of 8 KiB; and one storage shown 30000 times. */
        { { { "a/data.pkl", PICKLE(HEAD NAMED BOMB_STORED "K\0(K\x0ct(K\1t" TAIL) },
            { "a/data/0", bomb, sizeof(bomb) } },
          "too many for its size" },
        { { { "a/data.pkl", many, many_length }, { "a/data/0", numbers, 48 } }, "too many bytes of them" },
        { { { "a/data.pkl", pickle, length }, { "b/data.pkl", pickle, length } }, "more than one" },
        { { { "data.pkl", pickle, length } }, "has no '/data.pkl'" },
        { { { "/data.pkl", pickle, length } }, "impossible name" },
        { { { "a/data.pkl", pickle, length }, { "a/data/0", numbers, 48 }, { "a/byteorder", "big", 3 } },
          "another byte order" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count;
        char *bytes = make_zip(cases[i].entries, &count);
        expect_refused(bytes, count, cases[i].reason);
        free(bytes);
    }
    free(many);
    const struct entry whole[] = {
        { "a/data.pkl", pickle, length }, { "a/data/0", numbers, 48 }, { "a/byteorder", "little", 6 }, { 0 }
    };
    size_t count;
    char *bytes = make_zip(whole, &count);
    struct tensors tensors = { 0 };
    assert_int_equal(weight_file_tensors(bytes, count, &tensors, NULL), 0);
    tensors_release(&tensors);
    free(bytes);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512];
    struct err err = ERR_INIT;
    struct weights *written = small_weights(), *read = weights_new(&small_net, NULL);
    assert_non_null(read);
    snprintf(path, sizeof(path), "%s/m.pth", dir);
    bool replaced = true;
    if (pth_write(path, &small_net, written, &err) || weight_file_read(path, &small_net, read, true, &replaced, &err))
        fail_msg("%s", err.text);
    assert_false(replaced);
    assert_memory_equal(read->params, written->params, 15 * sizeof(float));
    assert_memory_equal(read->running_stats, written->running_stats, 2 * sizeof(float));
    assert_int_equal(read->tracked[0], 70000);
    weights_free(written);
    weights_free(read);
    folder_remove(dir);
}

static void equal_weights_give_equal_bytes_under_any_name_zone_and_time(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512], *bytes[2];
    size_t counts[2];
    struct weights *weights = small_weights();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(setenv("TZ", i ? "Pacific/Auckland" : "America/New_York", 1), 0);
        snprintf(path, sizeof(path), "%s/%s", dir, i ? "other-name.pth" : "m.pth");
        assert_int_equal(pth_write(path, &small_net, weights, NULL), 0);
        assert_int_equal(pth_write(path, &small_net, weights, NULL), 0); /* replaces */
        assert_int_equal(fs_read(path, 1 << 20, &bytes[i], &counts[i], NULL), 0);
    }
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(bytes[0], bytes[1], counts[0]);
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_files(dir, 100, &list, NULL), 0);
    assert_int_equal(list.count, 2); /* no temporary is left */
    fs_list_release(&list);
    free(bytes[0]);
    free(bytes[1]);
    weights_free(weights);
    folder_remove(dir);
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512];
    struct err err = ERR_INIT;
    struct weights *weights = small_weights();
    snprintf(path, sizeof(path), "%s/missing/m.pth", dir);
    assert_int_equal(pth_write(path, &small_net, weights, &err), -1);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof(path), "%s/m.pth", dir);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder cannot be replaced */
    assert_int_equal(pth_write(path, &small_net, weights, &err), -1);
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_files(dir, 100, &list, NULL), 0);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
    weights_free(weights);
    folder_remove(dir);
}

/* Assigning. */
static void add(struct tensors *tensors, const char *name, enum tensor_type type, int rank, const int64_t *shape,
                int first)
{
    struct tensor *tensor = tensors_add(tensors, name, type, rank, shape, NULL);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++) {
        if (type == TENSOR_FLOAT32)
            ((float *)tensor->bytes)[i] = (float)(first + (int)i);
        else if (type == TENSOR_FLOAT64)
            ((double *)tensor->bytes)[i] = first + (int)i;
        else
            ((int64_t *)tensor->bytes)[i] = first + (int)i;
    }
}

/* The small network's tensors with a last layer of so many outputs. */
static void add_all(struct tensors *tensors, int outputs)
{
    add(tensors, "fc.bias", TENSOR_FLOAT32, 1, (int64_t[]){ outputs }, 50);
    add(tensors, "conv.weight", TENSOR_FLOAT64, 4, (int64_t[]){ 2, 3, 1, 1 }, 10);
    add(tensors, "bn.running_var", TENSOR_FLOAT32, 1, (int64_t[]){ 2 }, 20);
    add(tensors, "fc.weight", TENSOR_FLOAT32, 2, (int64_t[]){ outputs, 2 }, 40);
}

static void tensors_are_assigned_by_name_in_any_order(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    bool replaced = true;
    add_all(&tensors, 3);
    if (tensors_assign(&tensors, &small_net, weights, true, &replaced, &err))
        fail_msg("%s", err.text);
    assert_false(replaced);
    assert_true(weights->params[0] == 10 && weights->params[5] == 15); /* from 64 bits */
    assert_true(weights->params[6] == 40 && weights->params[12] == 50);
    assert_true(weights->running_stats[1] == 21);
    assert_int_equal(weights->tracked[0], 0); /* missing in older files */
    tensors_release(&tensors);
    weights_free(weights);
}

static void a_last_layer_of_another_size_is_replaced_where_asked(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    bool replaced = false;
    add_all(&tensors, 1000);
    if (tensors_assign(&tensors, &small_net, weights, true, &replaced, &err))
        fail_msg("%s", err.text);
    assert_true(replaced);
    assert_true(weights->params[0] == 10);
    assert_true(weights->params[6] == 6.0f / 7 && weights->params[12] == 12.0f / 7); /* as they were */
    assert_int_equal(tensors_assign(&tensors, &small_net, weights, false, NULL, &err), -1);
    assert_string_equal(err.text, "'fc.weight' has the shape 1000x2 instead of 3x2");
    tensors_release(&tensors);
    weights_free(weights);
}

static void names_shapes_and_types_must_fit(void **state)
{
    (void)state;
    static const char *const reasons[] = {
        "'conv.weight' is missing",
        "'extra' is not a parameter of 'small', or is there twice",
        "'fc.bias' is not a parameter of 'small', or is there twice",
        "'conv.weight' has the shape 6 instead of 2x3x1x1",
        "'bn.num_batches_tracked' is not of 64-bit integers",
        "'fc.weight' is not of floating-point numbers",
        "'fc.weight' has the shape 1000x3 instead of 3x2",
        "'bn.num_batches_tracked' has the shape 1 instead of one number",
    };
    for (int i = 0; i < 8; i++) {
        struct tensors tensors = { 0 };
        struct weights *weights = small_weights();
        struct err err = ERR_INIT;
        add_all(&tensors, 3);
        if (i == 0 || i == 3)
            tensors.list[1].name[0] = 'k';
        if (i == 5 || i == 6)
            tensors.list[3].name[0] = 'k';
        if (i == 1)
            add(&tensors, "extra", TENSOR_FLOAT32, 0, NULL, 0);
        if (i == 2)
            add(&tensors, "fc.bias", TENSOR_FLOAT32, 1, (int64_t[]){ 3 }, 0);
        if (i == 3)
            add(&tensors, "conv.weight", TENSOR_FLOAT32, 1, (int64_t[]){ 6 }, 0);
        if (i == 4)
            add(&tensors, "bn.num_batches_tracked", TENSOR_FLOAT32, 0, NULL, 0);
        if (i == 5)
            add(&tensors, "fc.weight", TENSOR_INT64, 2, (int64_t[]){ 3, 2 }, 0);
        if (i == 6)
            add(&tensors, "fc.weight", TENSOR_FLOAT32, 2, (int64_t[]){ 1000, 3 }, 0);
        if (i == 7)
            add(&tensors, "bn.num_batches_tracked", TENSOR_INT64, 1, (int64_t[]){ 1 }, 0);
        assert_int_equal(tensors_assign(&tensors, &small_net, weights, true, NULL, &err), -1);
        assert_string_equal(err.text, reasons[i]);
        tensors_release(&tensors);
        weights_free(weights);
    }
}

static void a_shape_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    static const int64_t shapes[][3] = {
        { -1, 1, 1 }, { 1 << 20, 1 << 20, 1 << 20 }, { INT64_MAX, 2, 2 }, { 1 << 30, 1, 1 }
    };
    for (int i = 0; i < 4; i++) {
        err.text[0] = 0;
        assert_null(tensors_add(&tensors, "w", TENSOR_FLOAT32, 3, shapes[i], &err));
        assert_true(err.text[0]);
    }
    assert_int_equal(tensors.count, 0);
    tensors_release(&tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_form_are_read),
        cmocka_unit_test(tensors_of_every_form_are_read_from_files_before_1_6),
        cmocka_unit_test(numbers_of_16_bits_are_widened),
        cmocka_unit_test(malformed_files_of_the_old_form_are_refused),
        cmocka_unit_test(files_of_other_forms_are_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_file_with_any_byte_changed_does_no_harm),
        cmocka_unit_test(a_well_formed_pickle_is_read),
        cmocka_unit_test(what_a_pickle_may_not_hold_is_refused),
        cmocka_unit_test(a_pickle_that_only_pushes_is_stopped),
        cmocka_unit_test(an_archive_that_does_not_fit_its_pickle_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(equal_weights_give_equal_bytes_under_any_name_zone_and_time),
        cmocka_unit_test(a_file_that_cannot_be_written_leaves_nothing),
        cmocka_unit_test(tensors_are_assigned_by_name_in_any_order),
        cmocka_unit_test(a_last_layer_of_another_size_is_replaced_where_asked),
        cmocka_unit_test(names_shapes_and_types_must_fit),
        cmocka_unit_test(a_shape_beyond_the_limits_is_refused),
    };
    return cmocka_run_group_tests_name("pth", tests, NULL, NULL);
}
