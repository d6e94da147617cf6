/* See checkpoint.h. The arrays are tensors, flat as they lie in memory; what is not an array is JSON in the file's
 * metadata. */
#include "checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "dcls/base/fs.h"
#include "nn/finite.h"
#include "nn/formats/safetensors.h"

#define FORMAT 1
#define METADATA_KEY "dcls"
#define PIECES_MAX 12
#define ANSWER_WORDS 4 /* of 64 bits, of a struct answer: it is kept as it lies in memory */
#define RESULT_COLUMNS 5
#define WHOLE_MAX 9007199254740991.0 /* what a double holds exactly */

/* An array of the state and its tensor. */
struct piece {
    const char *name;
    enum tensor_type type;
    void *at;
    size_t count;
};

_Static_assert(sizeof(struct answer) == ANSWER_WORDS * sizeof(int64_t), "an answer is so many words");

static char *checkpoint_path(const char *models_dir, const char *model, const char *file, struct err *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/" CHECKPOINTS "/%s%s%s", models_dir, model, file ? "/" : "", file ? file : "") < 0) {
        err_set(err, "no memory for the checkpoint of '%s'", model);
        return NULL;
    }
    return path;
}

/* Every array of the state, but for the results. */
static int list_pieces(const struct train_state *state, struct piece pieces[PIECES_MAX])
{
    const struct net *net = state->net;
    const struct optimiser *optimiser = &state->optimiser;
    const struct confusion *saved = &state->saved;
    const struct weights *best = state->best;
    int count = 0;
    pieces[count++] = (struct piece){ "trained", TENSOR_FLOAT32, state->weights->params, net->trainable_count };
    pieces[count++] =
        (struct piece){ "stats", TENSOR_FLOAT32, state->weights->running_stats, net->running_stats_count };
    pieces[count++] = (struct piece){ "tracked", TENSOR_INT64, state->weights->tracked, net->tracked_count };
    pieces[count++] = (struct piece){ "moments1", TENSOR_FLOAT32, optimiser->first, optimiser->count };
    if (optimiser->second)
        pieces[count++] = (struct piece){ "moments2", TENSOR_FLOAT32, optimiser->second, optimiser->count };
    pieces[count++] = (struct piece){ "confusion", TENSOR_INT64, saved->labelled, confusion_counts(saved) };
    if (best) {
        pieces[count++] = (struct piece){ "best.trained", TENSOR_FLOAT32, best->params, net->trainable_count };
        pieces[count++] = (struct piece){ "best.stats", TENSOR_FLOAT32, best->running_stats, net->running_stats_count };
        pieces[count++] = (struct piece){ "best.tracked", TENSOR_INT64, best->tracked, net->tracked_count };
    }
    return count;
}

int train_state_check(const struct train_state *state, struct err *err)
{
    const struct optimiser *optimiser = &state->optimiser;
    if (weights_check_finite(state->net, state->weights, err) ||
        (state->best && weights_check_finite(state->net, state->best, err)))
        return -1;
    if (!floats_are_finite(optimiser->first, optimiser->count) ||
        (optimiser->second && !floats_are_finite(optimiser->second, optimiser->count)))
        return err_set(err, "a moment of the optimizer is not finite");
    for (int i = 0; i < state->epochs; i++) {
        const struct epoch_result *result = &state->results[i];
        if (!isfinite(result->train_loss + result->train_accuracy + result->test_loss + result->test_accuracy +
                      result->seconds))
            return err_set(err, "the result of epoch %d is not finite", result->epoch);
    }
    return 0;
}

static char *describe(const struct train_config *config, const struct train_state *state, const char *classes_sha256)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "format", FORMAT);
    cJSON_AddItemToObject(object, "configuration", config_json(config, CONFIG_CHECKPOINT));
    cJSON_AddStringToObject(object, "classes_sha256", classes_sha256);
    cJSON_AddStringToObject(object, "fingerprint", state->fingerprint);
    cJSON_AddNumberToObject(object, "best_epoch", state->best_epoch);
    cJSON_AddNumberToObject(object, "step", (double)state->step);
    cJSON_AddNumberToObject(object, "optimizer_step", (double)state->optimiser.step);
    cJSON_AddNumberToObject(object, "trained_images", (double)state->trained_images);
    cJSON_AddNumberToObject(object, "trained_seconds", state->trained_seconds);
    cJSON_AddNumberToObject(object, "seconds", state->seconds);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

int checkpoint_write(const struct train_config *config, const struct train_state *state, const char *classes_sha256,
                     struct err *err)
{
    struct safetensors_piece out[PIECES_MAX];
    struct piece pieces[PIECES_MAX];
    int count = list_pieces(state, pieces), status = -1;
    char *dir = checkpoint_path(config->models_dir, config->model_name, NULL, err);
    char *path = checkpoint_path(config->models_dir, config->model_name, CHECKPOINT_LAST, err);
    char *text = describe(config, state, classes_sha256);
    double *results = calloc((size_t)state->epochs, RESULT_COLUMNS * sizeof *results);
    if (!dir || !path)
        goto out;
    if (!text || !results) {
        err_set(err, "no memory for the checkpoint of '%s'", config->model_name);
        goto out;
    }
    for (int i = 0; i < count; i++)
        out[i] =
            (struct safetensors_piece){ pieces[i].name, pieces[i].type, 1, { (int64_t)pieces[i].count }, pieces[i].at };
    for (int i = 0; i < state->epochs; i++) {
        const struct epoch_result *from = &state->results[i];
        memcpy(
            results + (size_t)i * RESULT_COLUMNS,
            (double[]){ from->train_loss, from->train_accuracy, from->test_loss, from->test_accuracy, from->seconds },
            RESULT_COLUMNS * sizeof *results);
    }
    out[count++] =
        (struct safetensors_piece){ "results", TENSOR_FLOAT64, 2, { state->epochs, RESULT_COLUMNS }, results };
    if (state->answers.count)
        out[count++] = (struct safetensors_piece){
            "answers", TENSOR_INT64, 2, { (int64_t)state->answers.count, ANSWER_WORDS }, state->answers.list
        };
    if (!fs_make_dirs(dir, err))
        status = safetensors_write_pieces(&(struct output){ .path = path }, METADATA_KEY, text, out, count, err);
out:
    free(results);
    free(text);
    free(path);
    free(dir);
    return status;
}

int checkpoint_write_best(const struct train_config *config, const struct train_state *state, struct err *err)
{
    char *dir = checkpoint_path(config->models_dir, config->model_name, NULL, err);
    char *path = checkpoint_path(config->models_dir, config->model_name, "best.safetensors", err);
    int status = -1;
    if (dir && path && !fs_make_dirs(dir, err))
        status = safetensors_write(path, state->net, state->weights, err);
    free(path);
    free(dir);
    return status;
}

static int read_file(struct checkpoint *checkpoint, const char *path, struct err *err)
{
    char *bytes = NULL, *text = NULL;
    size_t count;
    int status = -1;
    if (fs_read(path, TENSORS_BYTES_MAX, &bytes, &count, err))
        return -1;
    if (safetensors_metadata(bytes, count, METADATA_KEY, &text, err) ||
        safetensors_tensors(bytes, count, &checkpoint->tensors, err))
        goto out;
    checkpoint->json = cJSON_Parse(text);
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(checkpoint->json, "format");
    status = cJSON_IsNumber(format) && format->valuedouble == FORMAT
                 ? 0
                 : err_set(err, "it is no checkpoint that this version reads");
out:
    free(text);
    free(bytes);
    return status ? err_prefix(err, "'%s'", path) : 0;
}

int checkpoint_open(struct checkpoint *checkpoint, const struct train_config *config, struct err *err)
{
    *checkpoint = (struct checkpoint){ 0 };
    char *path = checkpoint_path(config->models_dir, config->resume, CHECKPOINT_LAST, err);
    if (!path)
        return -1;
    int status = fs_is_file(path) ? read_file(checkpoint, path, err)
                                  : err_set(err, "there is no checkpoint of '%s' to resume from", config->resume);
    free(path);
    return status;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    cJSON_Delete(checkpoint->json);
    tensors_release(&checkpoint->tensors);
    *checkpoint = (struct checkpoint){ 0 };
}

/* A number of the object; NAN where it lacks or is out of bounds. */
static double number_of(const cJSON *object, const char *name, double min, double max)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble >= min && item->valuedouble <= max ? item->valuedouble : NAN;
}

static double whole_of(const cJSON *object, const char *name, double min, double max)
{
    double value = number_of(object, name, min, max);
    return value == floor(value) ? value : NAN;
}

/* The tensor of that name, type and count, or NULL with err. */
static const struct tensor *find_tensor(const struct checkpoint *checkpoint, const char *name, enum tensor_type type,
                                        size_t count, struct err *err)
{
    for (size_t i = 0; i < checkpoint->tensors.count; i++) {
        const struct tensor *tensor = &checkpoint->tensors.list[i];
        if (!strcmp(tensor->name, name) && tensor->type == type && tensor->count == count)
            return tensor;
    }
    err_set(err, "the checkpoint has no '%s' of %zu numbers", name, count);
    return NULL;
}

/* None where the checkpoint has none, as of older versions, or its answers are those on other images. */
static void restore_answers(const struct checkpoint *checkpoint, struct train_state *state)
{
    struct answers *answers = &state->answers;
    const char *fingerprint = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(checkpoint->json, "fingerprint"));
    answers_clear(answers);
    if (!fingerprint || strcmp(fingerprint, state->fingerprint))
        return;
    const struct tensor *tensor = find_tensor(checkpoint, "answers", TENSOR_INT64, answers->max * ANSWER_WORDS, NULL);
    if (!tensor)
        return;
    memcpy(answers->list, tensor->bytes, answers->max * sizeof *answers->list);
    answers->count = answers->max;
    if (!answers_are_valid(answers))
        answers_clear(answers);
}

/* The epochs that were finished; 0 where none are told of. */
static int finished(const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->tensors.count; i++) {
        const struct tensor *tensor = &checkpoint->tensors.list[i];
        if (!strcmp(tensor->name, "results") && tensor->type == TENSOR_FLOAT64 && tensor->rank == 2 &&
            tensor->shape[1] == RESULT_COLUMNS && tensor->shape[0] <= 100000)
            return (int)tensor->shape[0];
    }
    return 0;
}

int checkpoint_configure(const struct checkpoint *checkpoint, struct train_config *config, struct err *err)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(checkpoint->json, "configuration");
    struct train_config begun = *config;
    if (config_read(&begun, object, err))
        return -1;
    int done = finished(checkpoint);
    if (!done)
        return err_set(err, "the checkpoint of '%s' is incomplete", config->resume);
    if (strcmp(begun.type, config->type))
        return err_set(err, "'%s' is a %.40s, not a %s", config->resume, begun.type, config->type);
    begun.epochs = config->epochs ? config->epochs : begun.epochs;
    if (done >= begun.epochs)
        return err_set(err, "'%s' has been trained for %d epochs: to go on it needs more than that", config->resume,
                       done);
    *config = begun;
    return 0;
}

int checkpoint_restore(const struct checkpoint *checkpoint, struct train_state *state, const char *classes_sha256,
                       struct err *err)
{
    struct piece pieces[PIECES_MAX];
    const struct tensor *tensor;
    const cJSON *json = checkpoint->json;
    int count = list_pieces(state, pieces), epochs = finished(checkpoint);
    const char *classes = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "classes_sha256"));
    if (!classes || strcmp(classes, classes_sha256))
        return err_set(err, "the images have other classes than those that the training was begun with");
    for (int i = 0; i < count; i++) {
        const struct piece *piece = &pieces[i];
        if (!(tensor = find_tensor(checkpoint, piece->name, piece->type, piece->count, err)))
            return -1;
        memcpy(piece->at, tensor->bytes, piece->count * tensor_type_size(piece->type));
    }
    if (!(tensor = find_tensor(checkpoint, "results", TENSOR_FLOAT64, (size_t)epochs * RESULT_COLUMNS, err)))
        return -1;
    const double *results = tensor->bytes;
    for (int i = 0; i < epochs; i++, results += RESULT_COLUMNS)
        state->results[i] = (struct epoch_result){ i + 1, results[0], results[1], results[2], results[3], results[4] };
    double best_epoch = whole_of(json, "best_epoch", 0, epochs), step = whole_of(json, "step", 0, UINT32_MAX);
    double optimizer_step = whole_of(json, "optimizer_step", 0, WHOLE_MAX);
    double images = whole_of(json, "trained_images", 0, WHOLE_MAX);
    double trained = number_of(json, "trained_seconds", 0, 1e12), seconds = number_of(json, "seconds", 0, 1e12);
    if (isnan(best_epoch + step + optimizer_step + images + trained + seconds))
        return err_set(err, "the checkpoint is incomplete");
    restore_answers(checkpoint, state);
    state->epochs = epochs;
    state->best_epoch = (int)best_epoch;
    state->step = (uint64_t)step;
    state->optimiser.step = (int64_t)optimizer_step;
    state->trained_images = (int64_t)images;
    state->trained_seconds = trained;
    state->seconds = seconds;
    return train_state_check(state, err) ? err_prefix(err, "the training diverged") : 0;
}
