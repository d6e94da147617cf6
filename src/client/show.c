/* What is known of one model: its training report and its log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "progress.h"
#include "table.h"
#include "text.h"

#define LOG_MAX ((size_t)16 * 1024 * 1024)

static void print_text_line(const char *label, const char *text)
{
    if (!*text)
        return;
    printf("%-15s", label);
    text_print(text, TEXT_ONE_LINE);
    putchar('\n');
}

static void print_number_line(const char *label, double value)
{
    if (isfinite(value))
        printf("%-15s%g\n", label, value);
}

static void percent_cell(struct table *table, const cJSON *object, const char *name)
{
    table_cellf(table, "%.1f%%", 100 * json_number(object, name, NAN));
}

/* Precision, recall and F1 by class, where the report has them. */
static int print_classes(const cJSON *report)
{
    static const char *const headings[] = { "CLASS", ">IMAGES", ">PRECISION", ">RECALL", ">F1" };
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(report, "per_class"), *class;
    struct table table;
    if (cJSON_GetArraySize(list) == 0)
        return 0;
    table_init(&table, headings, sizeof headings / sizeof *headings);
    cJSON_ArrayForEach(class, list)
    {
        table_cell(&table, api_text(class, "class"));
        table_cellf(&table, "%.0f", json_number(class, "images", NAN));
        percent_cell(&table, class, "precision");
        percent_cell(&table, class, "recall");
        percent_cell(&table, class, "f1");
    }
    putchar('\n');
    int failed = table_print(&table, stdout, text_screen(STDOUT_FILENO));
    table_release(&table);
    return failed;
}

static int print_report(const char *model, const cJSON *report)
{
    static const char *const headings[] = { ">EPOCH",     ">TRAIN LOSS",    ">TRAIN ACCURACY",
                                            ">TEST LOSS", ">TEST ACCURACY", ">SECONDS" };
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(report, "arguments"), *result, *notice;
    double seconds = json_number(report, "total_training_time", NAN);
    char time[PROGRESS_TIME_SIZE];
    struct table table;
    struct err err = ERR_INIT;
    int status = EXIT_DONE;

    print_text_line("model", model);
    print_text_line("type", api_text(arguments, "base_model"));
    print_text_line("trained", api_text(report, "timestamp"));
    print_number_line("batch size", json_number(arguments, "batch_size", NAN));
    print_number_line("learning rate", json_number(arguments, "learning_rate", NAN));
    print_number_line("image size", json_number(report, "image_size", 224));
    if (isfinite(seconds)) {
        progress_time(time, seconds);
        print_text_line("took", time);
    }
    cJSON_ArrayForEach(notice, cJSON_GetObjectItemCaseSensitive(report, "notices"))
    {
        print_text_line("notice", cJSON_IsString(notice) ? notice->valuestring : "");
    }
    putchar('\n');
    table_init(&table, headings, sizeof headings / sizeof *headings);
    cJSON_ArrayForEach(result, cJSON_GetObjectItemCaseSensitive(report, "results"))
    {
        table_cellf(&table, "%.0f", json_number(result, "epoch", NAN));
        table_cellf(&table, "%.4f", json_number(result, "train_loss", NAN));
        table_cellf(&table, "%.2f%%", json_number(result, "train_accuracy", NAN));
        table_cellf(&table, "%.4f", json_number(result, "test_loss", NAN));
        table_cellf(&table, "%.2f%%", json_number(result, "test_accuracy", NAN));
        table_cellf(&table, "%.2f", json_number(result, "epoch_time_seconds", NAN));
    }
    if (table_print(&table, stdout, text_screen(STDOUT_FILENO)) || print_classes(report)) {
        err_set(&err, "no memory");
        status = client_fail(&err);
    }
    table_release(&table);
    return status;
}

int client_report(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Shows how a model was trained, epoch by epoch." };
    struct client client;
    struct err err = ERR_INIT;
    const char *model;
    int status;
    if (client_parse_model(&client, &line, argc, argv, &model, &status))
        return status;
    cJSON *report = api_call_named(&client, "GET", "/models/", model, "/report", &err);
    if (!report)
        return client_fail(&err);
    status = client.json ? client_print_json(report) : print_report(model, report);
    cJSON_Delete(report);
    return status;
}

/* The log as it is, or as {"model", "log"}. */
static int print_log(const struct client *client, const char *model, const char *log)
{
    if (!client->json) {
        size_t size = strlen(log);
        text_print(log, TEXT_KEEP_LINES);
        if (size > 0 && log[size - 1] != '\n')
            putchar('\n');
        return EXIT_DONE;
    }
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "model", model);
    cJSON_AddStringToObject(document, "log", log);
    int status = client_print_json(document);
    cJSON_Delete(document);
    return status;
}

int client_log(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Prints the log of a model's training." };
    struct client client;
    struct err err = ERR_INIT;
    struct buf path, log;
    const char *model;
    int failed, status;
    if (client_parse_model(&client, &line, argc, argv, &model, &status))
        return status;
    buf_init(&path, API_PATH_MAX);
    buf_init(&log, LOG_MAX);
    if (buf_puts(&path, "/models/") || api_add_segment(&path, model) || buf_puts(&path, "/log"))
        failed = err_set(&err, "no memory");
    else
        failed = api_send(&client, &(struct api_request){ .path = buf_text(&path) }, &log, &err);
    status = failed ? client_fail(&err) : print_log(&client, model, buf_text(&log));
    buf_release(&log);
    buf_release(&path);
    return status;
}
