/* Pickles by hand: each opcode and each of torch's objects read, whatever else refused or passed over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "nn/formats/pickle.h"
#include "nn/formats/pickled.h"
#include "pickles.h"

/* A pickle that is read as one tensor 'w' of 2 x 3 numbers, the third to the eighth of 12 in the storage '0'. */
static void expect_read(const char *bytes, size_t count)
{
    struct pickled pickled = { 0 };
    struct err err = ERR_INIT;
    if (pickle_read(bytes, count, &pickled, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pickled.count, 1);
    assert_string_equal(pickled.list[0].name, "w");
    assert_int_equal(pickled.list[0].type, TENSOR_FLOAT32);
    const struct torch_tensor *window = &pickled.list[0].window;
    assert_string_equal(pickled.storages[window->storage].key, "0");
    assert_int_equal(pickled.storages[window->storage].count, 12);
    assert_int_equal(window->offset, 2);
    assert_int_equal(window->shape[1], 3);
    assert_int_equal(window->stride[0], 3);
    pickled_release(&pickled);
}

#define WINDOW "K\2(K\2K\3t(K\3K\1t"
#define STORAGE "(X\7\0\0\0storagectorch\nFloatStorage\n" STORED
#define REBUILT "ctorch._utils\n_rebuild_tensor\n(" STORAGE WINDOW "tR"
#define W "X\1\0\0\0w"

static void every_form_of_a_tensor_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
    } cases[] = {
        { PICKLE(HEAD NAMED STORED WINDOW TAIL) },
        { PICKLE("\x80\2}" W REBUILT "s.") },
        /* Parameters of PyTorch 1 and 2, of 0.4, of 0.2, and a tensor with attributes. */
        { PICKLE("\x80\2}" W "ctorch._utils\n_rebuild_parameter\n(" REBUILT "\x88}tRs.") },
        { PICKLE("\x80\2}" W "ctorch._utils\n_rebuild_parameter_with_state\n(" REBUILT "\x88}}tRs.") },
        { PICKLE("\x80\2}" W "ctorch.nn.parameter\nParameter\n" REBUILT "\x88\x86Rs.") },
        { PICKLE("\x80\2}" W "ctorch.nn.parameter\nParameter\n" REBUILT "\x85R(\x88\x89}tbs.") },
        { PICKLE("\x80\2}" W "ctorch.autograd.variable\nVariable\n" REBUILT "\x85\x81(\x88\x89}tbs.") },
        { PICKLE("\x80\2}" W "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\n"
                 "ctorch\nTensor\n(" STORAGE WINDOW "\x89}t}tRs.") },
        /* Classes that get their tensor as a state, of PyTorch 0.1; remembered before. */
        { PICKLE("\x80\2}" W "ctorch\nFloatTensor\n)Rq\1(" STORAGE WINDOW "tb0h\1s.") },
        { PICKLE("\x80\2}" W "ctorch.nn.parameter\nParameter\n)R(" REBUILT "N}\x88\x89tbs.") },
        /* A shape as torch.Size. */
        { PICKLE("\x80\2}" W "ctorch._utils\n_rebuild_tensor\n(" STORAGE
                 "K\2ctorch\nSize\n(K\2K\3t\x85R(K\3K\1ttRs.") },
        /* A storage's class in any module, and with a view of numbers 1 to 10. */
        { PICKLE("\x80\2}" W "ctorch._utils\n_rebuild_tensor\n((X\7\0\0\0storagectorch.cuda\nFloatStorage\n"
                 "U\1"
                 "0U\3cpuK\x0cNtQ" WINDOW "tRs.") },
        { PICKLE("\x80\2}" W "ctorch._utils\n_rebuild_tensor\n((X\7\0\0\0storagectorch\nFloatStorage\n"
                 "U\1"
                 "0U\3cpuK\x0c(U\1vK\1K\x09ttQK\1(K\2K\3t(K\3K\1ttRs.") },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_read(cases[i].bytes, cases[i].count);
}

static void every_form_of_a_dictionary_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
    } cases[] = {
        { PICKLE("\x80\2}(" W REBUILT "u.") },
        { PICKLE("\x80\2(" W REBUILT "d.") },
        { PICKLE("\x80\2ccollections\nOrderedDict\n]]" W "a" REBUILT "aa\x85R.") },
        { PICKLE("\x80\2ccollections\nOrderedDict\n(" W REBUILT "l\x85\x85R"
                 "0ccollections\nOrderedDict\n((" W REBUILT "ll\x85R.") },
        { PICKLE("\x80\2ccollections\nOrderedDict\n]" W REBUILT "\x86"
                 "a\x85R}X\x09\0\0\0_metadata}sb.") },
        { PICKLE("\x80\2ccollections\nOrderedDict\n}" W REBUILT "s\x85R.") },
        { PICKLE("\x80\2ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R" W REBUILT "s.") },
        /* Inside another one. */
        { PICKLE("\x80\2}(U\5epochK\3U\3ema}U\1xNsU\3net}" W REBUILT "sU\5modelK\1u.") },
        { PICKLE("\x80\2}U\5model}U\x0astate_dict}" W REBUILT "sss.") },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_read(cases[i].bytes, cases[i].count);
}

static void every_opcode_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
    } before[] = {
        /* Numbers and texts of protocols 0 and 1. */
        { PICKLE("I12\n0I01\n0I99999999999999999999\n0L12L\n0L99999999999999999999L\n0F0.5\n0") },
        { PICKLE("S'a'\n0S\"b\"\n0Va\\u0041\n0(lp1\n0g1\n0(dp2\n0(K\1t0(K\1"
                 "1") },
        { PICKLE("(I1\nI2\nt0(iargparse\nNamespace\n}b0(cargparse\nNamespace\nK\1o}b0") },
        /* Of protocol 2. */
        { PICKLE("N0\x88"
                 "0\x89"
                 "0K\1"
                 "0M\1\1"
                 "0J\1\1\1\1"
                 "0\x8a\1\1"
                 "0\x8a\0"
                 "0") },
        { PICKLE("\x8a\x0a"
                 "0123456789"
                 "0\x8b\1\0\0\0\1"
                 "0G12345678"
                 "0T\1\0\0\0a0)0K\1\x85"
                 "0") },
        { PICKLE("K\1K\2\x86"
                 "0K\1K\2K\3\x87"
                 "0]q\1(K\1e0h\1r\2\0\0\0"
                 "0j\2\0\0\0"
                 "0") },
        { PICKLE("cdatetime\ndatetime\nC\4abcd\x85R0cx\ny\n)\x81}U\1aK\1sb(K\1K\2uK\3a0") },
        { PICKLE("cx\ny\n)R)R0") }, /* what a call makes is called */
        /* Of protocols 3 to 5. */
        { PICKLE("\x80\3B\2\0\0\0\0\n0C\1\0"
                 "0") },
        { PICKLE("\x80\4\x95\1\0\0\0\0\0\0\0N0\x8c\1a\x94"
                 "0\x8d\1\0\0\0\0\0\0\0a0") },
        { PICKLE("\x8e\1\0\0\0\0\0\0\0a0\x8f(K\1\x90"
                 "0(K\1\x91"
                 "0\x8c\1x\x8c\1y\x93)}\x92"
                 "0") },
        { PICKLE("\x80\5\x96\1\0\0\0\0\0\0\0a0") },
    };
    static const char after[] = "}" W REBUILT "s.";
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        size_t count = before[i].count + sizeof(after) - 1;
        char *bytes = malloc(count);
        assert_non_null(bytes);
        memcpy(bytes, before[i].bytes, before[i].count);
        memcpy(bytes + before[i].count, after, sizeof(after) - 1);
        expect_read(bytes, count);
        free(bytes);
    }
}

static void what_is_no_tensor_is_noted(void **state)
{
    (void)state;
    struct pickled pickled = { 0 };
    struct err err = ERR_INIT;
    static const char pickle[] = "\x80\2}(" W REBUILT "U\5epochK\3U\4argscargparse\nNamespace\n)\x81}bK\7K\1u.";
    if (pickle_read(PICKLE(pickle), &pickled, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pickled.count, 1);
    assert_int_equal(pickled.other_count, 2); /* a number is no name */
    assert_string_equal(pickled.others[0].name, "epoch");
    assert_string_equal(pickled.others[0].what, "a number");
    assert_string_equal(pickled.others[1].what, "of 'argparse.Namespace'");
    pickled_release(&pickled);
}

/* The member that is taken of a dictionary. */
static void expect_member(const char *bytes, size_t count, const char *member)
{
    struct pickled pickled = { 0 };
    struct err err = ERR_INIT;
    if (pickle_read(bytes, count, &pickled, &err))
        fail_msg("%s", err.text);
    assert_string_equal(pickled.member, member);
    assert_int_equal(pickled.count, 1);
    pickled_release(&pickled);
}

static void the_first_member_of_the_order_with_tensors_is_taken(void **state)
{
    (void)state;
#define T "}" W REBUILT "s"
    expect_member(PICKLE("\x80\2" T "."), "");
    expect_member(PICKLE("\x80\2}(U\3ema" T "U\3net" T "u."), "net");
    expect_member(PICKLE("\x80\2}(U\3ema" T "U\5model" T "U\x0astate_dict" T "u."), "state_dict");
    expect_member(PICKLE("\x80\2}(U\3ema" T "U\5model}u."), "ema");       /* without tensors */
    expect_member(PICKLE("\x80\2}(U\3ema" T "U\1w" REBUILT "u."), "ema"); /* a tensor beside it */
    expect_member(PICKLE("\x80\2}U\5model}(U\3net" T "U\1w" REBUILT "us."), "model.net");
    expect_member(PICKLE("\x80\2}q\1(U\5modelh\1U\1w" REBUILT "u."), "model.model"); /* of itself: twice at most */
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
        { PICKLE("\x80\6}."), "protocol 6" },
        { PICKLE("\x80\2."), "no value" },
        { PICKLE("\x80\2(."), "lacks a value" },
        { PICKLE("\x80\2}}."), "leaves values behind" },
        { PICKLE("\x80\2}"), "ends early" },
        /* What would run a command is not run. */
        { PICKLE("\x80\2cos\nsystem\nX\x10\0\0\0touch /tmp/owned\x85R."), "is an object of 'os.system' instead" },
        { PICKLE("\x80\2c__builtin__\neval\n)R."), "is an object of '__builtin__.eval'" },
        { PICKLE("\x80\2(S'touch /tmp/owned'\nios\nsystem\n."), "is an object of 'os.system'" },
        { PICKLE("\x80\2cos\nsystem"), "ends early" },
        { PICKLE("\x80\2ctorch\nFloatStorage\n)R."), "is an object of 'torch.FloatStorage'" },
        { PICKLE("\x80\2ctorch\nByteStorage\n."), "the file is of 'torch.ByteStorage'" },
        { PICKLE("\x80\2K\1)R."), "calls what is no function" },
        { PICKLE("\x80\2cx\ny\nK\1R."), "wrong value" },
        { PICKLE("\x80\2}\x81."), "wrong value" },
        { PICKLE("\x80\2\x82\1."), "opcode 0x82, which is refused" },
        { PICKLE("\x80\5\x97."), "opcode 0x97, which is refused" },
        /* No dictionary of tensors. */
        { PICKLE("\x80\2]."), "the file is a list instead" },
        { PICKLE("\x80\2" REBUILT "."), "the file is a tensor instead" },
        { PICKLE("\x80\2}."), "the file has no tensors" },
        { PICKLE("\x80\2ccollections\nOrderedDict\n}\x85R."), "the file has no tensors" },
        { PICKLE("\x80\2}(U\5epochK\3U\1a]u."), "no tensors: 'epoch' is a number, 'a' is a list" },
        { PICKLE("\x80\2}U\5modelcx\nNet\n)\x81s."), "'model' is an object of 'x.Net' instead" },
        { PICKLE("\x80\2}K\1" REBUILT "s."), "a tensor whose name is no text" },
        { PICKLE("\x80\2}U\2a\0" REBUILT "s."), "a zero byte" },
        { PICKLE("\x80\2ccollections\nOrderedDict\n]K\1a\x85R."), "are no pairs" },
        { PICKLE("\x80\2ccollections\nOrderedDict\n]]K\1aa\x85R."), "are no pairs" },
        { PICKLE("\x80\2(K\1d."), "are no pairs" },
        /* The machine's own bounds. */
        { PICKLE("\x80\2h\0."), "never remembered" },
        { PICKLE("\x80\2q\0."), "remembers nothing" },
        { PICKLE("\x80\2(q\0."), "remembers nothing" },
        { PICKLE("\x80\4\x94."), "remembers nothing" },
        { PICKLE("\x80\2}r\xff\xff\xff\xff."), "too large" },
        { PICKLE("}p-1\n."), "no number where one is due" },
        { PICKLE("}g\n."), "no number where one is due" },
        { PICKLE("\x80\2t."), "lacks a mark" },
        { PICKLE("\x80\2"
                 "1."),
          "lacks a mark" },
        { PICKLE("\x80\2(o."), "lacks a value" },
        { PICKLE("\x80\2"
                 "0."),
          "lacks values" },
        { PICKLE("\x80\2(0."), "lacks values" },
        { PICKLE("\x80\2\x87."), "lacks values" },
        { PICKLE("\x80\2(\x85."), "lacks values" },
        { PICKLE("\x80\2K\1K\2s."), "no dictionary" },
        { PICKLE("\x80\2}(K\1u."), "no dictionary" },
        { PICKLE("\x80\2b."), "lacks a value" },
        { PICKLE("\x80\2}b."), "lacks a value" },
        { PICKLE("\x80\2]a."), "appends to no list" },
        { PICKLE("\x80\2}K\1a."), "appends to no list" },
        { PICKLE("\x80\2(K\1e."), "appends to no list" },
        { PICKLE("\x80\2]K\1e."), "lacks a mark" },
        { PICKLE("\x80\2](a."), "lacks values" },
        { PICKLE("\x80\2U\xffw."), "ends early" },
        { PICKLE("\x80\2X\xff\xff\xff\xffw."), "ends early" },
        { PICKLE("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xffw."), "ends early" },
        { PICKLE("\x80\2\x8b\xff\xff\xff\xffw."), "ends early" },
        { PICKLE("Sa\n."), "without quotes" },
        { PICKLE("\x80\4K\1\x8c\1y\x93."), "wrong value" },
        /* Storages. */
        { PICKLE("\x80\2)Q."), "storage of an unknown form" },
        { PICKLE("\x80\2U\0017Q."), "a persistent id that the file does not explain" },
        { PICKLE("P7\n."), "a persistent id that the file does not explain" },
        { PICKLE("\x80\2K\7Q."), "storage of an unknown form" },
        { PICKLE("\x80\2(U\7storagecx\nFooStorage\nU\1"
                 "0U\3cpuK\1tQ."),
          "unknown type 'FooStorage'" },
        { PICKLE("\x80\2(U\7storagectorch\nFloatStorage\nU\1"
                 "0U\3cpuK\1(U\1vK\1K\1ttQ."),
          "leaves its storage" },
        { PICKLE("\x80\2(U\7storagectorch\nFloatStorage\nU\1"
                 "0U\3cpuK\1(U\1vK\1ttQ."),
          "leaves its storage" },
        { PICKLE(HEAD NAMED "X\2\0\0\0..X\3\0\0\0cpuK\1tQ"), "impossible key" },
        { PICKLE(HEAD NAMED "X\0\0\0\0X\3\0\0\0cpuK\1tQ"), "key of 0 bytes" },
        { PICKLE(HEAD NAMED "X\1\0\0\0"
                            "0X\3\0\0\0cpuJ\xff\xff\xff\xfftQ"),
          "storage of -1 numbers" },
        { PICKLE(HEAD NAMED "X\1\0\0\0"
                            "0X\3\0\0\0cpu\x8a\6\0\0\0\0\0\1tQ"),
          "storage of 1099511627776 numbers" },
        { PICKLE("\x80\2}(" W REBUILT "U\1vctorch._utils\n_rebuild_tensor\n((U\7storagectorch\nHalfStorage\nU\1"
                 "0U\3cpuK\x0ctQ" WINDOW "tRu."),
          "of two types or sizes" },
        /* Windows on 12 numbers. */
        { PICKLE(HEAD NAMED STORED "K\1(K\x0ct(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "J\xff\xff\xff\xff(K\2t(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\x0d(K\0t(K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(K\3K\4t(K\5K\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(K\2K\2t(J\0\0\0\x7fK\1t" TAIL), "leaves its storage" },
        { PICKLE(HEAD NAMED STORED "K\0(J\xff\xff\xff\xfft(K\1t" TAIL), "impossible shape" },
        { PICKLE(HEAD NAMED STORED "K\0(K\2t(J\xff\xff\xff\xfft" TAIL), "impossible shape" },
        { PICKLE(HEAD NAMED STORED "K\0(J\0\0\0\x7fJ\0\0\0\x7ft(K\0K\0t" TAIL), "too large" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1t(t" TAIL), "1 dimensions" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t" TAIL),
          "9 dimensions" },
        { PICKLE(HEAD NAMED STORED "K\0(K\1t}" TAIL), "tensor of an unknown form" },
        { PICKLE("\x80\2ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nTensor\nN}tR."), "tensor of an unknown form" },
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
    size_t count = 2000000;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_tensor_is_read),
        cmocka_unit_test(every_form_of_a_dictionary_is_read),
        cmocka_unit_test(every_opcode_is_understood),
        cmocka_unit_test(what_is_no_tensor_is_noted),
        cmocka_unit_test(the_first_member_of_the_order_with_tensors_is_taken),
        cmocka_unit_test(what_a_pickle_may_not_hold_is_refused),
        cmocka_unit_test(a_pickle_that_only_pushes_is_stopped),
    };
    return cmocka_run_group_tests_name("pickle", tests, NULL, NULL);
}
