#include "coverage.h"

#include <stdio.h>

static const struct {
    const char *text;
    uint64_t least;
} counts[] = {
#define COVERAGE_ROW(name, text, least) { text, least },
    COVERAGE(COVERAGE_ROW)
#undef COVERAGE_ROW
};

void coverage_add(struct coverage *to, const struct coverage *from)
{
    for (int i = 0; i < COVERAGE_COUNTS; i++)
        to->counts[i] += from->counts[i];
}

bool coverage_report(const struct coverage *coverage, uint64_t seeds)
{
    bool enough = true;
    for (int i = 0; i < COVERAGE_COUNTS; i++) {
        uint64_t least = seeds < 1000 ? 0 : counts[i].least * seeds / 1000;
        bool lacks = coverage->counts[i] < least;
        printf("%12llu  %s", (unsigned long long)coverage->counts[i], counts[i].text);
        printf(lacks ? ": too few, %llu are the least\n" : "\n", (unsigned long long)least);
        enough = enough && !lacks;
    }
    return enough;
}
