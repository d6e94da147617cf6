/* The members of a training's configuration, in one table: what a report tells of them, and what a checkpoint keeps. */
#ifndef DCLS_NN_CONFIG_H
#define DCLS_NN_CONFIG_H

#include <cjson/cJSON.h>

#include "dcls/base/err.h"
#include "dcls/nn/train_config.h"

/* Where a member is written. */
enum config_use {
    CONFIG_REPORT = 1,    /* of the report: its "configuration", which has what its "arguments" have not */
    CONFIG_CHECKPOINT = 2 /* what a resumed training takes over */
};

/* The members of that use as an object, the caller's to delete. */
cJSON *config_json(const struct train_config *config, enum config_use use);

/* Fills what a checkpoint keeps; texts stay the object's. The error names what lacks or is out of bounds. */
int config_read(struct train_config *config, const cJSON *object, struct err *err);

#endif
