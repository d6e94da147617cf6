/* The name of a model that nobody gave one: TYPE-N, with the lowest N that is free. */
#ifndef DCLS_BROKER_DEFAULT_NAME_H
#define DCLS_BROKER_DEFAULT_NAME_H

#include "dcls/proto/name.h"

struct broker;

/* No model has it, be it of a node that is away, and no training that is not over makes it. -1 where memory lacks. */
int default_name(const struct broker *broker, const char *type, char name[NAME_SIZE]);

#endif
