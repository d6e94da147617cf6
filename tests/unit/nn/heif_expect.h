/* Files made box by box, taken or refused by heif_check. Included behind cmocka. */
#ifndef DCLS_TESTS_UNIT_NN_HEIF_EXPECT_H
#define DCLS_TESTS_UNIT_NN_HEIF_EXPECT_H

#include "heif_file.h"
#include "nn/data/heif_check.h"

/* Of one file, each written in its test. */
static inline struct heif_cost expect_taken(struct made_file *file)
{
    struct err err = ERR_INIT;
    struct heif_cost cost;
    const struct made made = made_all(file);
    if (heif_check(made.bytes, made.count, &cost, &err))
        fail_msg("%s", err.text);
    free(made.bytes);
    return cost;
}

static inline void expect_refused(struct made_file *file, const char *why)
{
    struct err err = ERR_INIT;
    struct heif_cost cost;
    const struct made made = made_all(file);
    assert_int_equal(heif_check(made.bytes, made.count, &cost, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    free(made.bytes);
}

#endif
