/* The pickle inside a .pth. Every opcode of protocols 0 to 5 is understood, but what it says is no more than noted:
 * nothing is called or built (pickle_calls.h). */
#ifndef DCLS_NN_PICKLE_H
#define DCLS_NN_PICKLE_H

#include "pickle_machine.h"

#define PICKLE_BYTES_MAX (64 * 1024 * 1024)

/* Runs a pickle up to its STOP, which leaves its one value on the stack; bytes may go on behind it, from machine->at
 * on. */
int pickle_run(struct machine *machine);

#endif
