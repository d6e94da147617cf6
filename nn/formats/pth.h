/* PyTorch's .pth: a zip of a pickle and one entry a tensor. Reading executes nothing: a pickle with an opcode or a
 * global other than those that torch.save(state_dict) writes is refused. */
#ifndef DCLS_NN_PTH_H
#define DCLS_NN_PTH_H

#include "../net.h"

/* Loads by name into `weights`. Every parameter must be there with its shape and nothing besides, but that a last layer
 * with another number of outputs is passed over where `replace_last` (then *replaced, which may be NULL, is true and
 * its numbers untouched), and that counters of batches may be missing (files of older networks), which makes them 0. */
int pth_read(const char *path, const struct net *net, struct weights *weights, bool replace_last, bool *replaced,
             struct err *err);
/* The tensors of a whole file in memory, into a zeroed list; the caller's to release. */
struct tensors;
int pth_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
/* As torch.save(model.state_dict(), path) writes it; durable and atomic. Equal weights give equal
 * bytes, wherever and whenever they are written. */
int pth_write(const char *path, const struct net *net, const struct weights *weights, struct err *err);

#endif
