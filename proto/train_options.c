/* The options of a training, in one table, and the three ways a value gets in or out: a command line's text, a JSON
 * object's member, and back into a JSON object. Every way checks the same bounds. A number is a JSON number, but that
 * the legacy options may be decimal numbers as texts. */
#include "dcls/proto/train_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/name.h"

#define OPTION(wire, dashed, kind, member, value)                                                                      \
    .name = wire, .flag = dashed, .type = kind, .offset = offsetof(struct train_options, member),                      \
    .size = sizeof((struct train_options *)0)->member, .fallback = value
#define WHOLE(wire, dashed, member, low, high, value)                                                                  \
    OPTION(wire, dashed, OPTION_INT, member, value), .min = low, .max = high
#define NUMBER(wire, dashed, member, low, high, value)                                                                 \
    OPTION(wire, dashed, OPTION_NUMBER, member, value), .min = low, .max = high
#define CHOICE(wire, dashed, member, list, value) OPTION(wire, dashed, OPTION_CHOICE, member, value), .choices = list
#define TEXT(wire, dashed, member, shown, text) OPTION(wire, dashed, OPTION_TEXT, member, text), .value = shown
#define SWITCH(wire, dashed, member) OPTION(wire, dashed, OPTION_SWITCH, member, "off")

const struct train_option train_option_table[] = {
    { WHOLE("epochs", "epochs", epochs, 1, 100000, "10"), .group = TRAIN_GROUP_FIRST, .legacy = true, .resumes = true,
      .help = "passes over the training images" },
    { WHOLE("batchSize", "batch-size", batch_size, 1, 4096, "32"), .group = TRAIN_GROUP_OPTIMISER, .legacy = true,
      .help = "images a step" },
    { NUMBER("learningRate", "learning-rate", learning_rate, 0, 10, "0.001"), .group = TRAIN_GROUP_OPTIMISER,
      .legacy = true, .help = "how far a step goes" },
    { CHOICE("optimizer", "optimizer", optimizer, "adam|sgd", "adam"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "how weights follow their gradients" },
    { NUMBER("momentum", "momentum", momentum, 0, 1, "0.9"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "share of the last step kept in this one, of sgd" },
    { NUMBER("weightDecay", "weight-decay", weight_decay, 0, 1, "0"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "pull of the weights towards zero" },
    { CHOICE("scheduler", "scheduler", scheduler, "none|cosine|step", "none"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "how the learning rate falls from epoch to epoch" },
    { WHOLE("warmupEpochs", "warmup-epochs", warmup_epochs, 0, 100000, "0"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "epochs in which the learning rate grows to its value" },
    { NUMBER("labelSmoothing", "label-smoothing", label_smoothing, 0, 0.5, "0"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "share of a label's probability that all classes share" },
    { CHOICE("classWeights", "class-weights", class_weights, "none|balanced", "none"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "whether images of rare classes count more in the loss" },
    { NUMBER("validationSplit", "validation-split", validation_split, 0, 0.5, "0"), .group = TRAIN_GROUP_DATA,
      .help = "share of each class held out to test on where no images are there for that; 0: none" },
    { WHOLE("patience", "patience", patience, 0, 100000, "0"), .group = TRAIN_GROUP_OPTIMISER,
      .help = "epochs without a better test accuracy after which training ends; 0: none" },
    { SWITCH("freeze", "freeze", freeze), .group = TRAIN_GROUP_START, .help = "train the last layer alone" },
    { WHOLE("imageSize", "image-size", image_size, 32, 512, "224"), .group = TRAIN_GROUP_DATA,
      .help = "edge of the square that images are resized to, in pixels" },
    { WHOLE("seed", "seed", seed, 0, 9007199254740991.0, "0"), .group = TRAIN_GROUP_START,
      .help = "where the random numbers start: the same seed trains the same model" },
    { CHOICE("augment", "augment", augment, "none|basic|strong", "basic"), .group = TRAIN_GROUP_DATA,
      .help = "how training images are varied" },
    { SWITCH("fastDecode", "fast-decode", fast_decode), .group = TRAIN_GROUP_DATA,
      .help = "reduce large training JPEGs while they are decoded: quicker, near the same pixels" },
    { WHOLE("cache", "cache", cache, 0, 1048576, "1024"), .group = TRAIN_GROUP_DATA, .resumes = true,
      .help = "most memory to keep decoded images in, in MiB; 0: none are kept" },
    { CHOICE("backend", "backend", backend, "onednn|reference", "onednn"), .group = TRAIN_GROUP_START,
      .help = "which implementation of the operations computes" },
    { TEXT("weights", "weights", weights, "imagenet|none|FILE|URL", "imagenet"), .group = TRAIN_GROUP_START,
      .help = "where training starts: imagenet (torchvision's weights), none (at random), or a .pth or .safetensors "
              "file or its https URL" },
    { TEXT("resume", "resume", resume, "MODEL", ""), .group = TRAIN_GROUP_START, .resumes = true,
      .help = "go on with the training of this model, as it was begun, up to --epochs" },
    { SWITCH("noCheckpoint", "no-checkpoint", no_checkpoint), .group = TRAIN_GROUP_START, .resumes = true,
      .help = "keep nothing to resume from" },
};
const size_t train_option_count = sizeof train_option_table / sizeof train_option_table[0];
_Static_assert(sizeof train_option_table / sizeof train_option_table[0] <= TRAIN_OPTIONS_MAX, "is_set has 32 bits");

static uint32_t bit_of(const struct train_option *option)
{
    return 1u << (unsigned)(option - train_option_table);
}

static void *member_of(struct train_options *options, const struct train_option *option)
{
    return (char *)options + option->offset;
}

static const void *value_of(const struct train_options *options, const struct train_option *option)
{
    return (const char *)options + option->offset;
}

/* In what follows `as` is how the option is called where it came from: "--batch-size" or "batchSize". */

static void set_number(struct train_options *options, const struct train_option *option, double number)
{
    if (option->type == OPTION_INT)
        *(int64_t *)member_of(options, option) = (int64_t)number;
    else
        *(double *)member_of(options, option) = number;
    options->is_set |= bit_of(option);
}

static int set_text(struct train_options *options, const struct train_option *option, const char *as, const char *text,
                    struct err *err)
{
    if (option->type == OPTION_CHOICE && !option_is_choice(option->choices, text))
        return err_set(err, "'%s' is '%s': it must be one of %s", as, text, option->choices);
    size_t len = strlen(text);
    if (!len)
        return err_set(err, "'%s' is empty", as);
    if (len >= option->size)
        return err_set(err, "'%s' is too long", as);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return err_set(err, "'%s' has a control character", as);
    memcpy(member_of(options, option), text, len + 1);
    options->is_set |= bit_of(option);
    return 0;
}

static int set_switch(struct train_options *options, const struct train_option *option, bool on)
{
    *(bool *)member_of(options, option) = on;
    options->is_set |= bit_of(option);
    return 0;
}

int train_option_parse(struct train_options *options, const struct train_option *option, const char *text,
                       struct err *err)
{
    char as[64];
    double number;
    snprintf(as, sizeof as, "--%s", option->flag);
    if (option->type == OPTION_SWITCH)
        return set_switch(options, option, !text || strcmp(text, "off"));
    if (option->type == OPTION_CHOICE || option->type == OPTION_TEXT)
        return set_text(options, option, as, text, err);
    if (option_number(as, text, option->type, option->min, option->max, &number, err))
        return -1;
    set_number(options, option, number);
    return 0;
}

void train_options_init(struct train_options *options)
{
    *options = (struct train_options){ 0 };
    for (size_t i = 0; i < train_option_count; i++)
        (void)train_option_parse(options, &train_option_table[i], train_option_table[i].fallback, NULL);
    options->is_set = 0;
}

int train_options_check(const struct train_options *options, struct err *err)
{
    if (!*options->resume)
        return 0;
    if (!name_is_valid(options->resume))
        return err_set(err, "'%s' is no name of a model to resume", options->resume);
    for (size_t i = 0; i < train_option_count; i++)
        if (train_option_is_set(options, &train_option_table[i]) && !train_option_table[i].resumes)
            return err_set(err, "'%s' cannot be given with a training to resume, which goes on as it was begun",
                           train_option_table[i].flag);
    return 0;
}

const struct train_option *train_option_by_name(const char *name)
{
    for (size_t i = 0; i < train_option_count; i++)
        if (!strcmp(train_option_table[i].name, name))
            return &train_option_table[i];
    return NULL;
}

const struct train_option *train_option_by_flag(const char *flag)
{
    for (size_t i = 0; i < train_option_count; i++)
        if (!strcmp(train_option_table[i].flag, flag))
            return &train_option_table[i];
    return NULL;
}

/* The existing page sends what a person has typed as the text that it is, and the existing broker passes that on. */
static int set_typed(struct train_options *options, const struct train_option *option, const char *text,
                     struct err *err)
{
    static const char spaces[] = " \t\n\v\f\r";
    char typed[64];
    double number;
    text += strspn(text, spaces);
    size_t size = strlen(text);
    while (size && strchr(spaces, text[size - 1]))
        size--;
    if (size >= sizeof typed)
        return err_set(err, "'%s' is too long", option->name);
    memcpy(typed, text, size);
    typed[size] = '\0';
    if (option_number(option->name, typed, option->type, option->min, option->max, &number, err))
        return -1;
    set_number(options, option, number);
    return 0;
}

static int set_json(struct train_options *options, const struct train_option *option, const cJSON *value,
                    struct err *err)
{
    const char *as = option->name;
    double number = value->valuedouble;
    switch (option->type) {
    case OPTION_SWITCH:
        return cJSON_IsBool(value) ? set_switch(options, option, cJSON_IsTrue(value))
                                   : err_set(err, "'%s' must be true or false", as);
    case OPTION_CHOICE:
    case OPTION_TEXT:
        return cJSON_IsString(value) ? set_text(options, option, as, value->valuestring, err)
                                     : err_set(err, "'%s' must be a string", as);
    case OPTION_INT:
    case OPTION_NUMBER: break;
    }
    if (cJSON_IsString(value) && option->legacy)
        return set_typed(options, option, value->valuestring, err);
    if (!cJSON_IsNumber(value))
        return err_set(err, "'%s' must be a number", as);
    if (option_check_number(as, number, option->type, option->min, option->max, err))
        return -1;
    set_number(options, option, number);
    return 0;
}

int train_options_from_json(struct train_options *options, const cJSON *object, struct err *err)
{
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, option->name);
        if (!value)
            continue;
        if (set_json(options, option, value, err))
            return -1;
    }
    return 0;
}

int train_options_to_json(const struct train_options *options, cJSON *object)
{
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        bool always = option->legacy && !*options->resume;
        if (!always && !train_option_is_set(options, option))
            continue;
        const void *value = value_of(options, option);
        const cJSON *added = NULL;
        switch (option->type) {
        case OPTION_INT: added = cJSON_AddNumberToObject(object, option->name, (double)*(const int64_t *)value); break;
        case OPTION_NUMBER: added = cJSON_AddNumberToObject(object, option->name, *(const double *)value); break;
        case OPTION_CHOICE:
        case OPTION_TEXT: added = cJSON_AddStringToObject(object, option->name, value); break;
        case OPTION_SWITCH: added = cJSON_AddBoolToObject(object, option->name, *(const bool *)value); break;
        }
        if (!added)
            return -1;
    }
    return 0;
}

bool train_option_is_set(const struct train_options *options, const struct train_option *option)
{
    return options->is_set & bit_of(option);
}
