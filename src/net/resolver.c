/* getaddrinfo on a thread of the pool. */
#include "dcls/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct lookup {
    char host[256], port[16];
    resolver_done done;
    void *arg;
    struct addrinfo *addresses;
};

/* It cannot be stopped; the resolver's own time-outs end it. */
static int run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct lookup *lookup = arg;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    (void)stop;
    int code = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->addresses);
    return code ? err_set(err, "%s", gai_strerror(code)) : 0;
}

static void finish(void *arg, int result, const struct err *err)
{
    struct lookup *lookup = arg;
    lookup->done(lookup->arg, result ? NULL : lookup->addresses, err);
    free(lookup);
}

int resolver_lookup(struct thread_pool *pool, const char *host, int port, resolver_done done, void *arg)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return -1;
    lookup->done = done;
    lookup->arg = arg;
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%d", port);
    if (thread_pool_submit(pool, NO_LANE, run, finish, lookup))
        return 0;
    free(lookup);
    return -1;
}
