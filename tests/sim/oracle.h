/* The rules that a cluster keeps whatever fails: checked after each step in which something happened to the broker. A
 * rule that is broken ends the simulation (world_broken). */
#ifndef DCLS_SIM_ORACLE_H
#define DCLS_SIM_ORACLE_H

#include <stdbool.h>

struct world;

void oracle_check(struct world *world);
/* When all has healed, and time enough has passed. */
void oracle_check_healed(struct world *world);
/* Whether nothing is left to be done. */
bool oracle_is_quiet(const struct world *world);

#endif
