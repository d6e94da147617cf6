/* The weights that a training starts from, brought to the broker. */
#ifndef DCLS_CLIENT_WEIGHTS_H
#define DCLS_CLIENT_WEIGHTS_H

#include "client.h"
#include "dcls/base/sha256.h"

/* Uploads a file, or what is at an https:// URL, as a blob unless the broker has it; `hex` is its digest. A URL is
 * fetched by this machine, since the broker and its nodes follow nobody's addresses. As in PyTorch's hub the digest
 * must begin as the URL's file name says where that ends in "-HEX.ENDING". */
int upload_weights(const struct client *client, const char *file, char hex[SHA256_HEX_SIZE], struct err *err);

#endif
