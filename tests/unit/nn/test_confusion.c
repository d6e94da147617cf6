/* Precision, recall and F1 by class against numbers worked out by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "nn/train/confusion.h"

static void is_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-12);
}

static void scores_are_shares_of_labels_and_answers(void **state)
{
    (void)state;
    struct confusion confusion;
    struct err err = ERR_INIT;
    /* Labels 0 0 0 1 1 2, answers 0 0 1 1 0 1; class 3 does not occur. Equal logits: the first one counts. */
    static const float logits[] = { 2, 1, 0, 0, 5, 5, 1, 0, 0, 1, 0, 0, 0, 9, 1, 1, 3, 1, 0, 0, -2, -1, -3, -4 };
    static const int labels[] = { 0, 0, 0, 1, 1, 2 };
    assert_int_equal(confusion_init(&confusion, 4, &err), 0);
    confusion_count(&confusion, logits, labels, 6); /* counted anew below */
    confusion_clear(&confusion);
    confusion_count(&confusion, logits, labels, 4);
    confusion_count(&confusion, logits + 16, labels + 4, 2);
    struct class_scores zero = confusion_scores(&confusion, 0), one = confusion_scores(&confusion, 1);
    struct class_scores two = confusion_scores(&confusion, 2), three = confusion_scores(&confusion, 3);
    is_near(zero.precision, 2.0 / 3);
    is_near(zero.recall, 2.0 / 3);
    is_near(zero.f1, 2.0 / 3);
    is_near(one.precision, 1.0 / 3);
    is_near(one.recall, 1.0 / 2);
    is_near(one.f1, 2.0 / 5);
    is_near(two.precision + two.recall + two.f1, 0);
    is_near(three.precision + three.recall + three.f1, 0);
    static const int64_t pairs[] = { 2, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
    assert_memory_equal(confusion.pairs, pairs, sizeof pairs);
    confusion_release(&confusion);
}

static void many_classes_have_no_pairs(void **state)
{
    (void)state;
    struct confusion confusion;
    struct err err = ERR_INIT;
    assert_int_equal(confusion_init(&confusion, CONFUSION_CLASSES_MAX + 1, &err), 0);
    assert_null(confusion.pairs);
    confusion_clear(&confusion);
    confusion_release(&confusion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_shares_of_labels_and_answers),
        cmocka_unit_test(many_classes_have_no_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
