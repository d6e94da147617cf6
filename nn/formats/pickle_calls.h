/* What a pickle names and calls. Of the few classes and functions that a dictionary of tensors is made with, the result
 * is told from the arguments; nothing else is called: what it would make is an OBJECT. */
#ifndef DCLS_NN_PICKLE_CALLS_H
#define DCLS_NN_PICKLE_CALLS_H

#include "pickle_machine.h"

/* Pushes the GLOBAL of that module and name. */
int pickle_push_global(struct machine *machine, struct pickle_text module, struct pickle_text name);
/* Pushes what `function` makes of a tuple of arguments. */
int pickle_call(struct machine *machine, struct pickle_value function, struct pickle_value arguments);
/* Gives the top value its state (BUILD), which only tensors of PyTorch before 0.4 need. */
int pickle_build(struct machine *machine, struct pickle_value state);

#endif
