/* PyTorch's .pth: since 1.6 a zip of a pickle and one entry a storage, since 0.2 pickles with all storages behind them,
 * before that a tar. Reading executes nothing. */
#ifndef DCLS_NN_PTH_H
#define DCLS_NN_PTH_H

#include "tensors.h"

/* The tensors of a whole file in memory, into a zeroed list; the caller's to release. */
int pth_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
int pth_old_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
int pth_tar_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err);
/* Whether the bytes begin as a file of the older formats does. */
bool pth_is_old(const void *bytes, size_t count);
bool pth_is_tar(const void *bytes, size_t count);
/* As torch.save(model.state_dict(), path) writes it; durable and atomic. Equal weights give equal
 * bytes, wherever and whenever they are written. */
int pth_write(const char *path, const struct net *net, const struct weights *weights, struct err *err);

#endif
