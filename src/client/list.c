/* The lists: nodes, models, images. Each is one GET, printed as a table, or as the broker's very JSON. */
#include "list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/proto/json.h"
#include "text.h"

void list_cell_names(struct table *table, const cJSON *names)
{
    char text[512] = "-";
    size_t used = 0;
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        const char *value = cJSON_GetStringValue(name);
        if (!value || used >= sizeof text)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", value);
    }
    if (used >= sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    table_cell(table, text);
}

static void cell_text(struct table *table, const char *text)
{
    table_cell(table, *text ? text : "-");
}

static void cell_count(struct table *table, double count)
{
    if (isfinite(count))
        table_cellf(table, "%.0f", count);
    else
        table_cell(table, "-");
}

static void cell_bytes(struct table *table, double bytes)
{
    char text[TEXT_BYTES_SIZE] = "-";
    if (isfinite(bytes))
        text_bytes(text, bytes);
    table_cell(table, text);
}

static void node_row(struct table *table, const cJSON *node)
{
    const cJSON *dataset = cJSON_GetObjectItemCaseSensitive(node, "dataset");
    double images = json_number(dataset, "images", NAN), classes = json_number(dataset, "classes", NAN);
    table_cell(table, api_text(node, "name"));
    cell_text(table, api_text(node, "version"));
    cell_count(table, json_number(node, "cores", NAN));
    cell_bytes(table, json_number(node, "memory", NAN));
    if (isfinite(images) && isfinite(classes))
        table_cellf(table, "%.0f images, %.0f classes", images, classes);
    else
        table_cell(table, "-");
    list_cell_names(table, cJSON_GetObjectItemCaseSensitive(node, "running"));
    list_cell_names(table, cJSON_GetObjectItemCaseSensitive(node, "models"));
    cell_text(table, api_text(node, "cpu"));
}

static void model_row(struct table *table, const cJSON *model)
{
    table_cell(table, api_text(model, "name"));
    cell_text(table, api_text(model, "type"));
    cell_count(table, cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(model, "classes")));
    cell_count(table, json_number(model, "imageSize", NAN));
    cell_bytes(table, json_number(model, "bytes", NAN));
    cell_text(table, api_text(model, "job"));
    list_cell_names(table, cJSON_GetObjectItemCaseSensitive(model, "nodes"));
    table_cellf(table, "%.12s", *api_text(model, "sha256") ? api_text(model, "sha256") : "-");
}

static void image_row(struct table *table, const cJSON *image)
{
    const char *path = cJSON_GetStringValue(image);
    table_cell(table, path ? path : "");
}

int list_print(const struct listing *list, const cJSON *items)
{
    struct table table;
    struct err err = ERR_INIT;
    size_t columns = 0;
    const cJSON *item;
    int status = EXIT_DONE;
    if (cJSON_GetArraySize(items) == 0) {
        fprintf(stderr, "no %s\n", list->name);
        return EXIT_DONE;
    }
    while (columns < TABLE_COLUMNS && list->headings[columns])
        columns++;
    table_init(&table, list->headings, columns);
    cJSON_ArrayForEach(item, items)
    {
        list->row(&table, item);
    }
    if (table_print(&table, stdout, text_screen(STDOUT_FILENO))) {
        err_set(&err, "no memory");
        status = client_fail(&err);
    }
    table_release(&table);
    return status;
}

static int show_list(int argc, char **argv, const struct listing *list)
{
    const struct command_line line = { .summary = list->summary };
    struct client client;
    struct err err = ERR_INIT;
    char path[32];
    int first, status;
    if (client_parse(&client, &line, argc, argv, &first, &status))
        return status;
    snprintf(path, sizeof path, "/%s", list->name);
    cJSON *answer = api_get(&client, path, &err);
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(answer, list->name);
    if (!answer)
        status = client_fail(&err);
    else if (client.json)
        status = client_print_json(answer);
    else
        status = list_print(list, items);
    cJSON_Delete(answer);
    return status;
}

int client_nodes(int argc, char **argv)
{
    static const struct listing list = { "nodes",
                                         "Lists the nodes that are connected to the broker.",
                                         { "NODE", "VERSION", ">CORES", ">MEMORY", "DATASET", "JOB", "MODELS", "CPU" },
                                         node_row };
    return show_list(argc, argv, &list);
}

int client_models(int argc, char **argv)
{
    static const struct listing list = { "models",
                                         "Lists the trained models and the nodes that hold them.",
                                         { "MODEL", "TYPE", ">CLASSES", ">IMAGE", ">SIZE", ">JOB", "NODES", "SHA256" },
                                         model_row };
    return show_list(argc, argv, &list);
}

int client_images(int argc, char **argv)
{
    static const struct listing list = {
        "images",
        "Lists the images below the broker's image folder, as 'dcls client infer' takes them.",
        { "" },
        image_row
    };
    return show_list(argc, argv, &list);
}
