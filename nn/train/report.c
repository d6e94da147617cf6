/* The report and the log of a training. Field names, order and rounding are the existing Python system's; fields of
 * ours come after them. */
#include "report.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "dcls/base/clock.h"

int report_log_epoch(struct buf *log, const struct epoch_result *result, int epochs)
{
    return buf_printf(log,
                      "Epoch [%d/%d], Train Loss: %.4f, Train Accuracy: %.2f%%, Test Loss: %.4f, "
                      "Test Accuracy: %.2f%%, Epoch Time: %.2f seconds\n",
                      result->epoch, epochs, result->train_loss, result->train_accuracy, result->test_loss,
                      result->test_accuracy, result->seconds);
}

int report_log_end(struct buf *log, const char *model_name, double seconds)
{
    return buf_printf(log,
                      "Model saved as models/%s/%s.pth\n"
                      "Total training time: %.2f seconds\n"
                      "Report saved to models/%s/%s.json\n",
                      model_name, model_name, seconds, model_name, model_name);
}

/* Beyond, the report would not fit a message. */
#define PER_CLASS_MAX 1000

static double four_decimals(double value)
{
    return round(value * 1e4) / 1e4;
}

static cJSON *arguments(const struct train_config *config)
{
    static const struct {
        const char *key, *ending;
    } files[] = { { "model_save_path", "pth" }, { "report", "json" }, { "output_file", "txt" } };
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "data_dir", config->data_dir_shown);
    cJSON_AddStringToObject(object, "base_model", config->type);
    cJSON_AddNumberToObject(object, "epochs", config->epochs);
    cJSON_AddNumberToObject(object, "batch_size", config->batch_size);
    cJSON_AddNumberToObject(object, "learning_rate", config->learning_rate);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, "models/%s/%s.%s", config->model_name, config->model_name, files[i].ending);
        cJSON_AddStringToObject(object, files[i].key, path);
    }
    return object;
}

cJSON *epoch_result_json(const struct epoch_result *result)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "epoch", result->epoch);
    cJSON_AddNumberToObject(object, "train_loss", four_decimals(result->train_loss));
    cJSON_AddNumberToObject(object, "train_accuracy", four_decimals(result->train_accuracy));
    cJSON_AddNumberToObject(object, "test_loss", four_decimals(result->test_loss));
    cJSON_AddNumberToObject(object, "test_accuracy", four_decimals(result->test_accuracy));
    cJSON_AddNumberToObject(object, "epoch_time_seconds", four_decimals(result->seconds));
    return object;
}

static cJSON *per_class(const struct train_report *report)
{
    cJSON *list = cJSON_CreateArray();
    for (int c = 0; c < report->confusion->classes; c++) {
        struct class_scores scores = confusion_scores(report->confusion, c);
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "class", report->classes[c]);
        cJSON_AddNumberToObject(object, "images", (double)report->confusion->labelled[c]);
        cJSON_AddNumberToObject(object, "precision", four_decimals(scores.precision));
        cJSON_AddNumberToObject(object, "recall", four_decimals(scores.recall));
        cJSON_AddNumberToObject(object, "f1", four_decimals(scores.f1));
        cJSON_AddItemToArray(list, object);
    }
    return list;
}

static cJSON *confusion_matrix(const struct confusion *confusion)
{
    cJSON *rows = cJSON_CreateArray();
    for (int label = 0; label < confusion->classes; label++) {
        cJSON *row = cJSON_CreateArray();
        for (int answer = 0; answer < confusion->classes; answer++)
            cJSON_AddItemToArray(row,
                                 cJSON_CreateNumber((double)confusion->pairs[label * confusion->classes + answer]));
        cJSON_AddItemToArray(rows, row);
    }
    return rows;
}

int report_write(struct buf *out, const struct train_report *report, struct err *err)
{
    char now[CLOCK_ISO_SIZE];
    clock_iso(now);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "timestamp", now);
    cJSON_AddItemToObject(json, "arguments", arguments(report->config));
    cJSON_AddNumberToObject(json, "epochs", report->config->epochs);
    cJSON *list = cJSON_AddArrayToObject(json, "results");
    for (int i = 0; i < report->count; i++)
        cJSON_AddItemToArray(list, epoch_result_json(&report->results[i]));
    cJSON_AddStringToObject(json, "model_save_path", report->model_save_path);
    cJSON_AddNumberToObject(json, "total_training_time", four_decimals(report->seconds));
    cJSON_AddNumberToObject(json, "image_size", report->config->image_size);
    cJSON_AddItemToObject(json, "configuration", config_json(report->config, CONFIG_REPORT));
    cJSON_AddNumberToObject(json, "images_per_second", four_decimals(report->images_per_second));
    list = cJSON_AddArrayToObject(json, "notices");
    for (size_t i = 0; i < report->notices->count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(report->notices->lines[i]));
    if (report->confusion->classes <= PER_CLASS_MAX)
        cJSON_AddItemToObject(json, "per_class", per_class(report));
    if (report->confusion->pairs)
        cJSON_AddItemToObject(json, "confusion_matrix", confusion_matrix(report->confusion));
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    int result = text && !buf_puts(out, text) && !buf_puts(out, "\n") ? 0 : err_set(err, "no memory for the report");
    free(text);
    return result;
}
