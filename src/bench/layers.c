/* See layers.h. */
#include "layers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KINDS_MAX 32

struct total {
    char name[32];
    double seconds, flop;
};

static void print_row(const struct layers *layers, const char *layer, const char *operation, const char *pass,
                      const struct bench_pass *took)
{
    char rate[16] = "", share[16] = "";
    double flops = took->seconds > 0 ? took->flop / took->seconds : 0;
    if (flops > 0) {
        snprintf(rate, sizeof rate, "%.1f", flops / 1e9);
        snprintf(share, sizeof share, "%.0f%%", 100 * flops / (layers->peak * layers->threads));
    }
    printf("%-24s %-43s %-3s %8.3f %7s %4s %4.1f%%%s%s\n", layer, operation, pass, took->seconds * 1e3, rate, share,
           layers->seconds > 0 ? 100 * took->seconds / layers->seconds : 0, *took->implementation ? "  " : "",
           took->implementation);
}

/* Sums by the operation's first word and pass. */
static void total_add(struct total *totals, int *count, const char *operation, const char *pass,
                      const struct bench_pass *took)
{
    char name[sizeof totals->name];
    size_t word = strcspn(operation, " ");
    if (!strncmp(operation + word, " pool", 5) || !strncmp(operation + word, " rows", 5))
        word += 5;
    bool depthwise = strstr(operation, " dw ");
    snprintf(name, sizeof name, "%.*s%s, %s", (int)word, operation, depthwise ? " dw" : "", pass);
    int i = 0;
    while (i < *count && strcmp(totals[i].name, name))
        i++;
    assert(i < KINDS_MAX);
    if (i == *count)
        snprintf(totals[(*count)++].name, sizeof name, "%s", name);
    totals[i].seconds += took->seconds;
    totals[i].flop += took->flop;
}

void layers_print(const struct layers *layers)
{
    struct total totals[KINDS_MAX] = { 0 };
    struct bench_pass all = { 0 }, rest = { 0 };
    int count = 0;
    printf("\npeak of one thread: %.1f GFLOP/s (%s)\n\n%-24s %-43s %-3s %8s %7s %4s %5s  %s\n", layers->peak / 1e9,
           layers->isa, "layer", "operation", "", "ms", "GFLOP/s", "peak", "step", "implementation");
    for (int i = 0; i < bench_ops(layers->bench); i++) {
        struct bench_op op;
        bench_op(layers->bench, i, &op);
        print_row(layers, op.layer, op.operation, "fwd", &op.forward);
        total_add(totals, &count, op.operation, "fwd", &op.forward);
        if (op.backward.seconds > 0) {
            print_row(layers, "", "", "bwd", &op.backward);
            total_add(totals, &count, op.operation, "bwd", &op.backward);
        }
        all.seconds += op.forward.seconds + op.backward.seconds;
        all.flop += op.forward.flop + op.backward.flop;
    }
    printf("\n");
    for (int i = 0; i < count; i++)
        print_row(layers, "", totals[i].name, "",
                  &(struct bench_pass){ .seconds = totals[i].seconds, .flop = totals[i].flop });
    rest.seconds = layers->seconds > all.seconds ? layers->seconds - all.seconds : 0;
    print_row(layers, "", "input, packing, loss, optimiser", "", &rest);
    all.seconds += rest.seconds;
    print_row(layers, "", "step", "", &all);
}

static bool add_pass(cJSON *to, const char *name, const struct bench_pass *pass)
{
    cJSON *json = cJSON_AddObjectToObject(to, name);
    return json && cJSON_AddNumberToObject(json, "seconds", pass->seconds) &&
           cJSON_AddNumberToObject(json, "flop", pass->flop) &&
           cJSON_AddStringToObject(json, "implementation", pass->implementation);
}

cJSON *layers_json(const struct layers *layers)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array;
    for (int i = 0; ok && i < bench_ops(layers->bench); i++) {
        struct bench_op op;
        bench_op(layers->bench, i, &op);
        cJSON *json = cJSON_CreateObject();
        ok = cJSON_AddItemToArray(array, json) && cJSON_AddStringToObject(json, "layer", op.layer) &&
             cJSON_AddStringToObject(json, "operation", op.operation) && add_pass(json, "forward", &op.forward) &&
             (op.backward.seconds <= 0 || add_pass(json, "backward", &op.backward));
    }
    if (ok)
        return array;
    cJSON_Delete(array);
    return NULL;
}
