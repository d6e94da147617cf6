/* The pickle inside a .pth: what torch.save(state_dict) writes, and nothing else. Not a general unpickler: it knows
 * the few opcodes and globals that describe a dictionary of tensors, calls nothing, and refuses all others by name. */
#ifndef DCLS_NN_PICKLE_H
#define DCLS_NN_PICKLE_H

#include "pickle_torch.h"

#define PICKLE_BYTES_MAX (4 * 1024 * 1024)

/* Runs a pickle up to its STOP; bytes may go on behind it, from machine->at on. */
int pickle_run(struct machine *machine);

/* Fills a zeroed list, in the order of the file. */
int pickle_read(const void *bytes, size_t count, struct pickled *pickled, struct err *err);

#endif
