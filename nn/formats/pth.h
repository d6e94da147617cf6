/* PyTorch's .pth: a zip of a pickle and one entry a tensor. Reading executes nothing: a pickle with an opcode or a
 * global other than those that torch.save(state_dict) writes is refused. */
#ifndef DCLS_NN_PTH_H
#define DCLS_NN_PTH_H

#include "../net.h"

/* Loads by name into `weights`. Every parameter must be there with its shape and nothing besides, but that a last layer with
 * another number of outputs is passed over where `replace_last` (then *replaced is true and its numbers untouched). */
int pth_read(const char *path, const struct net *net, struct weights *weights, bool replace_last, bool *replaced,
             struct err *err);
/* As torch.save(model.state_dict(), path) writes it; durable and atomic. */
int pth_write(const char *path, const struct net *net, const struct weights *weights, struct err *err);

#endif
