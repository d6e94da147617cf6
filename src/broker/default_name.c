/* Each training is looked at once, however many wait. (Looking for one N after the other among them took 33 s of CPU
 * for 3,277 trainings.) */
#include "default_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "job_table.h"
#include "models.h"

/* Of the names that trainings take. */
struct numbers {
    char prefix[48]; /* "TYPE-" */
    bool *taken;     /* by N, to count; NULL: they are counted */
    size_t count;
};

static void look_at(struct numbers *numbers, const char *name)
{
    size_t size = strlen(numbers->prefix);
    if (!numbers->taken) {
        numbers->count++;
        return;
    }
    if (strncmp(name, numbers->prefix, size))
        return;
    const char *digits = name + size;
    size_t length = strspn(digits, "0123456789");
    if (!length || digits[length] || *digits == '0')
        return; /* it is no name that this makes */
    unsigned long long n = strtoull(digits, NULL, 10);
    if (n <= numbers->count)
        numbers->taken[n] = true;
}

static void look_at_all(const struct jobs *jobs, struct numbers *numbers)
{
    for (const struct job *job = jobs_first_live(jobs); job; job = job_next_live(job))
        look_at(numbers, job->model_name);
}

int default_name(const struct broker *broker, const char *type, char name[NAME_SIZE])
{
    struct numbers numbers = { 0 };
    snprintf(numbers.prefix, sizeof numbers.prefix, "%.40s-", type);
    look_at_all(broker->jobs, &numbers);
    numbers.taken = calloc(numbers.count + 1, sizeof *numbers.taken);
    if (!numbers.taken)
        return -1;
    look_at_all(broker->jobs, &numbers);
    bool is_free = false;
    for (size_t n = 1; !is_free; n++) {
        snprintf(name, NAME_SIZE, "%s%zu", numbers.prefix, n);
        is_free = (n > numbers.count || !numbers.taken[n]) && !models_know(broker->models, name);
    }
    free(numbers.taken);
    return 0;
}
