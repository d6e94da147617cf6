/* PyTorch's weight files: read and refused. The fixtures are PyTorch's own (tests/fixtures). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <zip.h>

#include "dataset_files.h"
#include "dcls/base/buf.h"
#include "nn/formats/pickle.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "nn/formats/tensors.h"
#include "pickles.h"

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

/* Protocols 2, 5 and 1; archives, files before 1.6, of Python 2 and of PyTorch 0.1; nn.Parameter instead of tensors; in
 * a member, beside others, with "module." in front of the names. */
static const char *const forms[] = { "mixed.pth",          "old.pth",      "protocol-5.pth", "parameters.pth",
                                     "old-protocol-1.pth", "python-2.pth", "wrapped.pth",    "tar.pth" };
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static void tensors_of_every_form_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++)
        expect_every_form(forms[i]);
}

static void what_stood_around_the_names_is_told(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    size_t count;
    char *bytes = read_fixture("wrapped.pth", &count);
    assert_int_equal(weight_file_tensors(bytes, count, &tensors, NULL), 0);
    assert_string_equal(tensors.member, "state_dict");
    assert_string_equal(tensors.prefix, "module.");
    tensors_release(&tensors);
    free(bytes);
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
        { "checkpoint.pth", "no tensors: 'epoch' is a number, 'state' is a dictionary" },
        { "quantised.pth", "no tensors: 'scaled' is of 'torch._utils." },
        { "module.pth", "an object of 'torch.nn.modules.container.Sequential' instead of a dictionary of tensors" },
    };
    for (int i = 0; i < 3; i++) {
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
    while (count && !bytes[count - 1]) /* a tar is filled up with zeros, which may be missing */
        count--;
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
    for (size_t i = 0; i < FORMS; i++)
        expect_every_cut_refused(forms[i]);
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
    for (size_t i = 0; i < FORMS; i++)
        change_every_byte(forms[i], 400);
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
    expect_changed_refused("ccollections\nOrderedDict", "cbuiltins...\nexec.......", 24,
                           "an object of 'builtins....exec.......'");
    expect_changed_refused("K\x18Ntq", "K\x19Ntq", 5, "has 24 numbers instead of 25");
    expect_changed_refused("]q\0(", "}q\0(", 4, "appends to no list");
    /* 'plain' and 'shared' take each other's keys or one that is not there. */
    expect_changed_refused("648580992", "648572208", 9, "a storage '648580992' of no tensor");
    expect_changed_refused("648580992", "000000000", 9, "a storage '648580992' of no tensor");
    char *bytes = read_fixture("old.pth", &count), *more = realloc(bytes, count + 1);
    assert_non_null(more);
    more[count] = 0;
    struct tensors tensors = { 0 };
    assert_int_equal(weight_file_tensors(more, count + 1, &tensors, NULL), 0); /* what follows is passed over */
    tensors_release(&tensors);
    /* The key list's first key becomes its second: a storage that is there twice, of other numbers. */
    char *keys = memmem(more, count, "]q\0(", 4);
    assert_non_null(keys);
    memcpy(keys + 4 + 5, "648568368", 9);
    expect_refused(more, count, "has 1 numbers instead of 5");
    free(more);
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

/* A pickle that shows one storage of 2097152 numbers under 30000 names, which a memo keeps short. */
static char *many_windows(size_t *length)
{
    static const char first[] = HEAD NAMED BOMB_STORED "K\0(J\0\0\x20\0t(K\1t\x89}tRq\0", next[] = "X\1\0\0\0wh\0";
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
        { { { "a/data.pkl", bomb, sizeof(bomb) } }, "opcode 0x00, which is refused" },
        { { { "a/data.pkl/x", pickle, length } }, "has no '/data.pkl'" },
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_every_form_are_read),
        cmocka_unit_test(what_stood_around_the_names_is_told),
        cmocka_unit_test(malformed_files_of_the_old_form_are_refused),
        cmocka_unit_test(files_of_other_forms_are_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_file_with_any_byte_changed_does_no_harm),
        cmocka_unit_test(an_archive_that_does_not_fit_its_pickle_is_refused),
    };
    return cmocka_run_group_tests_name("pth", tests, NULL, NULL);
}
