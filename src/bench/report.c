/* See report.h. */
#include "report.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "dcls/commands.h"

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void report_times(struct bench_report *report, double *seconds, int steps)
{
    assert(steps > 0);
    qsort(seconds, (size_t)steps, sizeof *seconds, by_size);
    report->steps = steps;
    report->min = seconds[0];
    report->mean = 0;
    for (int i = 0; i < steps; i++)
        report->mean += seconds[i] / steps;
    report->median = steps % 2 ? seconds[steps / 2] : (seconds[steps / 2 - 1] + seconds[steps / 2]) / 2;
}

static double images_per_second(const struct bench_report *report)
{
    return report->spec->batch_size / report->median;
}

static const char *mode(const struct bench_report *report)
{
    return report->spec->train ? "train" : "infer";
}

void report_print(const struct bench_report *report)
{
    const struct bench_spec *spec = report->spec;
    printf("%s %s: batch %d, %d x %d, %d classes, %s, %d thread%s, %d step%s\n"
           "step %.2f ms (median; fastest %.2f ms), %.2f images/s, peak memory %.0f MB\n",
           mode(report), spec->type, spec->batch_size, spec->image_size, spec->image_size, spec->classes, spec->backend,
           report->threads, report->threads == 1 ? "" : "s", report->steps, report->steps == 1 ? "" : "s",
           report->median * 1e3, report->min * 1e3, images_per_second(report), (double)report->peak_bytes / 1e6);
    if (report->layers)
        layers_print(report->layers);
}

static bool add_layers(cJSON *json, const struct layers *layers)
{
    cJSON *array = layers_json(layers);
    if (!array || !cJSON_AddItemToObject(json, "layers", array)) {
        cJSON_Delete(array);
        return false;
    }
    return cJSON_AddNumberToObject(json, "peak_flops", layers->peak) &&
           cJSON_AddStringToObject(json, "isa", layers->isa);
}

int report_print_json(const struct bench_report *report, struct err *err)
{
    const struct bench_spec *spec = report->spec;
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    if (cJSON_AddStringToObject(json, "peer", "dcls " DCLS_VERSION) &&
        cJSON_AddStringToObject(json, "mode", mode(report)) && cJSON_AddStringToObject(json, "type", spec->type) &&
        cJSON_AddStringToObject(json, "backend", spec->backend) &&
        cJSON_AddNumberToObject(json, "threads", report->threads) &&
        cJSON_AddNumberToObject(json, "batch", spec->batch_size) &&
        cJSON_AddNumberToObject(json, "image_size", spec->image_size) &&
        cJSON_AddNumberToObject(json, "classes", spec->classes) &&
        cJSON_AddNumberToObject(json, "steps", report->steps) &&
        cJSON_AddNumberToObject(json, "median_s", report->median) &&
        cJSON_AddNumberToObject(json, "min_s", report->min) &&
        cJSON_AddNumberToObject(json, "images_per_second", images_per_second(report)) &&
        cJSON_AddNumberToObject(json, "peak_bytes", (double)report->peak_bytes) &&
        (!report->layers || add_layers(json, report->layers)))
        text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (!text)
        return err_set(err, "no memory");
    puts(text);
    free(text);
    return 0;
}
