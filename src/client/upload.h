/* A file of the client's becomes a blob of the broker's. */
#ifndef DCLS_CLIENT_UPLOAD_H
#define DCLS_CLIENT_UPLOAD_H

#include "client.h"
#include "dcls/base/sha256.h"

/* Hashes the file and uploads what the broker lacks of it, showing how far a long upload is. `hex` is its SHA-256. */
int upload_file(const struct client *client, const char *path, char hex[SHA256_HEX_SIZE], struct err *err);

#endif
