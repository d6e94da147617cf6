/* What a request's headers say about the form of its answer. Pure. */
#ifndef DCLS_BROKER_NEGOTIATION_H
#define DCLS_BROKER_NEGOTIATION_H

#include <stdbool.h>

/* Whether who sent this Accept-Encoding (NULL: none) takes gzip. */
bool negotiation_takes_gzip(const char *accept_encoding);

/* Whether who sent this If-None-Match (NULL: none) has what bears `etag` already; the comparison is the weak one
 * (RFC 9110, 13.1.2). */
bool negotiation_has(const char *if_none_match, const char *etag);

#endif
