/* Answers WORKER INFERENCE with the models it keeps warm. */
#ifndef DCLS_WORKER_SERVING_H
#define DCLS_WORKER_SERVING_H

#include "channel.h"

struct serving;

struct serving *serving_new(void); /* NULL where memory lacks */
void serving_free(struct serving *serving);

/* Sends a JSON_RESPONSE with the report, or an ERROR with the key. -1 only where the line fails. */
int serving_answer(struct serving *serving, struct channel *channel, const struct msg *request, struct err *err);

#endif
