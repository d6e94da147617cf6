/* The addresses of a host, looked up on the pool's threads: the system's resolver blocks. */
#ifndef DCLS_NET_RESOLVER_H
#define DCLS_NET_RESOLVER_H

#include <netdb.h>

#include "dcls/net/thread_pool.h"
#include "dcls/base/err.h"

/* `addresses` are the receiver's to free; NULL where there are none, and err says why. */
typedef void (*resolver_done)(void *arg, struct addrinfo *addresses, const struct err *err);

/* `done` is called on the loop's thread, once. -1 where memory lacks: then it is not. */
int resolver_lookup(struct thread_pool *pool, const char *host, int port, resolver_done done, void *arg);

#endif
