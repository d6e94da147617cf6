/* Hosts and origins, as they stand in a request's headers. Pure.
 *
 * A host is a name or an address, with a port or without. What browsers do not write (user names, spaces, other bytes
 * than those of host names) is refused, so that nothing is compared which others read differently. An address that is
 * not spelled as browsers do (127.1, 0x7f.0.0.1) is a name, and no machine's. */
#ifndef DCLS_BROKER_ORIGIN_H
#define DCLS_BROKER_ORIGIN_H

#include <stdbool.h>

#define HOST_NAME_MAX_LENGTH 253 /* RFC 1035 */

struct host {
    char name[HOST_NAME_MAX_LENGTH + 1]; /* in lower case, without a dot at its end; an IPv6 address without brackets */
    int port;                            /* -1: none is told */
    bool is_address;
    bool is_loopback; /* this machine, whoever reads it: "localhost", 127.0.0.0/8, ::1 */
};

struct origin {
    bool is_secure; /* https */
    struct host host;
};

/* "localhost:8001", "[::1]": 0, or -1 where it is malformed. */
int host_parse(const char *text, struct host *host);

/* "http://localhost:3000": likewise, also of any other scheme and of "null". */
int origin_parse(const char *text, struct origin *origin);
/* The origin of an address such as a Referer's, which goes on behind it. */
int origin_of_url(const char *url, struct origin *origin);

/* Also where one of them has the scheme's own port and the other none. */
bool origin_is_same(const struct origin *a, const struct origin *b);

#endif
