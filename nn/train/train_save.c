/* The files of a finished model. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_replace.h"
#include "nn/formats/pth.h"
#include "report.h"
#include "trainer.h"

#define NAME_SHOWN 64 /* bytes of names, at most */

/* "NAME.ENDING" in the new folder, or `file` itself where ending is NULL. The caller frees it. */
static char *path_in(const struct fs_replacement *model, const char *file, const char *ending)
{
    char *path = NULL;
    int length =
        ending ? asprintf(&path, "%s/%s.%s", model->dir, file, ending) : asprintf(&path, "%s/%s", model->dir, file);
    return length < 0 ? NULL : path;
}

static int write_file(const struct fs_replacement *model, const char *file, const char *ending, const struct buf *text,
                      struct err *err)
{
    char *path = path_in(model, file, ending);
    int result = path ? fs_write(path, buf_text(text), text->len, err) : err_set(err, "no memory for '%s'", file);
    free(path);
    return result;
}

static int write_classes(const struct trainer *trainer, const struct fs_replacement *model, struct err *err)
{
    struct buf text;
    int result = -1;
    buf_init(&text, LOG_MAX);
    for (int i = 0; i < dataset_classes(trainer->dataset); i++)
        if (buf_printf(&text, "%s\n", dataset_class(trainer->dataset, i))) {
            err_set(err, "no memory for the classes of '%s'", model->name);
            goto out;
        }
    result = write_file(model, "classes.txt", NULL, &text, err);
out:
    buf_release(&text);
    return result;
}

/* The model is worth more than what it answered: what cannot be written is told. There is nothing to write where
 * training was resumed on other images, or by an older version, and no epoch since was better. */
static void write_answers(struct trainer *trainer, const struct fs_replacement *model)
{
    struct answers *answers = &trainer->state.answers;
    const char *name = trainer->config.model_name;
    char file[sizeof(ANSWERS_FILE) + NAME_SHOWN];
    struct err err = ERR_INIT;
    struct buf text;
    if (!answers->count)
        return;
    snprintf(file, sizeof file, "%.*s" ANSWERS_FILE, NAME_SHOWN, name);
    buf_init(&text, ANSWERS_FILE_MAX);
    answers_sort(answers);
    if (answers_write(answers, name, trainer->dataset, &text, &err) || write_file(model, file, NULL, &text, &err)) {
        err_prefix(&err, "the answers on the test images are missing");
        trainer_tell(trainer, err.text);
    }
    buf_release(&text);
}

/* The report's model_save_path: absolute, where the model will lie once it is in place. */
static char *save_path(const struct train_config *config)
{
    char *root = realpath(config->models_dir, NULL), *path = NULL;
    if (root && asprintf(&path, "%s/%s/%s.pth", root, config->model_name, config->model_name) < 0)
        path = NULL;
    free(root);
    return path;
}

static int add_notices(struct trainer *trainer)
{
    for (size_t i = 0; i < trainer->notices.count; i++)
        if (buf_printf(&trainer->log, "Notice: %s\n", trainer->notices.lines[i]))
            return -1;
    return 0;
}

int train_save(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    const char *name = config->model_name;
    struct fs_replacement model;
    struct err doubt = ERR_INIT;
    struct buf report;
    char *weights = NULL, *path = NULL;
    const char **classes = calloc((size_t)trainer->net->classes, sizeof *classes);
    double seconds = trainer_seconds(trainer);
    int result = -1;

    buf_init(&report, REPORT_MAX);
    if (fs_replace_init(&model, config->models_dir, name, err))
        goto out;
    weights = path_in(&model, name, "pth");
    path = save_path(config);
    write_answers(trainer, &model);
    /* Behind the epochs, as who reads logs of the existing system expects those first. */
    if (!weights || !path || !classes || add_notices(trainer) || report_log_end(&trainer->log, name, seconds)) {
        err_set(err, "no memory to save '%s'", name);
        goto out;
    }
    const struct weights *saved = trainer->state.best ? trainer->state.best : trainer->state.weights;
    const struct train_report contents = { .config = config,
                                           .results = trainer->state.results,
                                           .count = trainer->state.epochs,
                                           .model_save_path = path,
                                           .classes = classes,
                                           .notices = &trainer->notices,
                                           .confusion = &trainer->state.saved,
                                           .seconds = seconds,
                                           .images_per_second = (double)trainer->state.trained_images /
                                                                fmax(trainer->state.trained_seconds, 1e-9) };
    for (int c = 0; c < trainer->net->classes; c++)
        classes[c] = dataset_class(trainer->dataset, c);
    if (report_write(&report, &contents, err) || pth_write(weights, trainer->net, saved, err) ||
        write_classes(trainer, &model, err) || write_file(&model, name, "txt", &trainer->log, err) ||
        write_file(&model, name, "json", &report, err))
        goto out;
    result = fs_replace_commit(&model, &doubt, err);
    if (*doubt.text)
        trainer_tell(trainer, doubt.text); /* the model is there, and its training worth more than this */
out:
    free(weights);
    free(path);
    free(classes);
    buf_release(&report);
    fs_replace_release(&model);
    return result;
}
