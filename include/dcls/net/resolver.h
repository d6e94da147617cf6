/* The addresses of a host, looked up on the crew's threads: the system's resolver blocks. */
#ifndef DCLS_NODE_LOOKUP_H
#define DCLS_NODE_LOOKUP_H

#include <netdb.h>

#include "dcls/net/thread_pool.h"
#include "dcls/base/err.h"

/* `addresses` are the receiver's to free; NULL where there are none, and err says why. */
typedef void (*lookup_done)(void *arg, struct addrinfo *addresses, const struct err *err);

/* `done` is called on the loop's thread, once. -1 where memory lacks: then it is not. */
int lookup_start(struct crew *crew, const char *host, int port, lookup_done done, void *arg);

#endif
