/* The options of a training: one table that the command line, POST /train, the wire and the worker all read.
 *
 * A row says an option's name on the wire (lowerCamelCase), its flag ("--" and the name with dashes), type, bounds and
 * default. A new option is one row and one member here, and its use in nn/; nothing else. `is_set` remembers which were
 * given, so that a broker can refuse what a node does not offer, and nothing but what was asked for travels. */
#ifndef DCLS_PROTO_TRAIN_OPTIONS_H
#define DCLS_PROTO_TRAIN_OPTIONS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/base/options.h"

#define OPTION_TEXT_SIZE 1024

struct train_options {
    int64_t epochs;          /* 10 */
    int64_t batch_size;      /* 32 */
    double learning_rate;    /* 0.001 */
    char optimizer[16];      /* adam | sgd */
    double momentum;         /* 0.9, of sgd */
    double weight_decay;     /* 0 */
    char scheduler[16];      /* none | cosine | step */
    int64_t warmup_epochs;   /* 0 */
    double label_smoothing;  /* 0 */
    char class_weights[16];  /* none | balanced */
    double validation_split; /* 0 */
    int64_t patience;        /* 0: never */
    bool freeze;
    int64_t image_size; /* 224 */
    int64_t seed;       /* 0 */
    char augment[16];   /* none | basic | strong */
    bool fast_decode;
    int64_t cache;                  /* 1024, in MiB */
    char backend[16];               /* onednn | reference */
    char weights[OPTION_TEXT_SIZE]; /* imagenet | none | sha256:HEX, a blob of the broker's */
    char resume[65];                /* a model's name; empty: a training of its own */
    bool no_checkpoint;
    uint32_t is_set; /* bit i: row i of train_option_table was given */
};

#define TRAIN_OPTIONS_MAX 32 /* bits of is_set */

/* What of a training an option is about: where a form has its field. */
enum train_option_group {
    TRAIN_GROUP_FIRST = 1, /* decided first */
    TRAIN_GROUP_OPTIMISER, /* how the weights move */
    TRAIN_GROUP_DATA,      /* which images, and how they come */
    TRAIN_GROUP_START,     /* what is begun with, and by what it is computed */
};

struct train_option {
    const char *name; /* "batchSize" on the wire */
    const char *flag; /* "batch-size" */
    enum option_type type;
    size_t offset, size;  /* of the member in struct train_options */
    double min, max;      /* of numbers */
    const char *fallback; /* the default, as text; of a switch "off" */
    const char *choices;  /* of OPTION_CHOICE: "adam|sgd" */
    const char *value;    /* of OPTION_TEXT: its placeholder in the help */
    bool resumes;         /* may stand beside "resume", which takes all else from the training that it goes on with */
    bool legacy;          /* epochs, batchSize, learningRate: known to every peer */
    const char *help;     /* one line for --help */
    enum train_option_group group;
};

extern const struct train_option train_option_table[];
extern const size_t train_option_count;

void train_options_init(struct train_options *options); /* every default, nothing set */
/* Whether what was set goes together. */
int train_options_check(const struct train_options *options, struct err *err);

const struct train_option *train_option_by_name(const char *name);
const struct train_option *train_option_by_flag(const char *flag);

/* From a command line's text; err names the flag, the value and what is allowed. */
int train_option_parse(struct train_options *options, const struct train_option *option, const char *text,
                       struct err *err);

/* Reads every member of `object` that is an option; others are left alone. Wrong type or bounds: -1, err names it. The
 * three legacy options may also be texts: decimal numbers, with or without spaces around them. */
int train_options_from_json(struct train_options *options, const cJSON *object, struct err *err);

/* Adds what is set to `object`, and the three legacy options always. -1 where memory lacks. */
int train_options_to_json(const struct train_options *options, cJSON *object);

bool train_option_is_set(const struct train_options *options, const struct train_option *option);

#endif
