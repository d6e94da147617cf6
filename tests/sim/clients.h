/* Clients of the broker: they submit, cancel, forget, and look at what they are shown. */
#ifndef DCLS_SIM_CLIENTS_H
#define DCLS_SIM_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "rng.h"
#include "src/broker/job.h"

struct world;

struct clients {
    struct rng rng;
    int submissions;
};

void clients_start(struct world *world, uint64_t seed);
/* Answers of the broker. A submission's: 202 with the job, 500, or a refusal (`job` NULL). */
void clients_submitted(struct world *world, const struct job *job, int status, const char *why);
void clients_cancelled(struct world *world, const char *id, int status);
/* While all heals: gives up what no deadline ends, as its node owes no word. */
void clients_heal(struct world *world);

#endif
