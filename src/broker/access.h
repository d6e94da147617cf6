/* Who is let in: which host names a request may call this broker, and which pages may ask it for something. Pure.
 *
 * A browser sends requests for whatever page it shows, of whomever. Two things keep pages of others out:
 *
 *   Host     names us by an address, "localhost", this machine's own name or a --public-name. A page whose name its
 *            owner lets lead to this machine (DNS rebinding) is of the same origin as we are to a browser, but the name
 *            in Host is its own.
 *   Origin   is of this machine (loopback), or of the host that Host names, whatever its port; or an --allow-origin.
 *
 * Both hold for every endpoint, also for what only reads. Who is no browser (curl) sends no Origin. A browser leaves it
 * out where a page shows an image, loads a script or follows a link: then it tells by Sec-Fetch-Site, where it thinks
 * the connection safe (this machine, https), that the page is of another site, and by Referer of which. It tells
 * nothing over plain http from another machine: there the answer's Cross-Origin-Resource-Policy (http/gate.h) has the
 * browser keep it from that page. So what is missing never lets in more than a link may do.
 *
 * Our own nodes and clients may know this machine by a name that it does not have itself. They send Sec-Dcls: a browser
 * lets no script set a header whose name begins so (Fetch, "forbidden request-header"), and so Host need not be looked
 * at. */
#ifndef DCLS_BROKER_ACCESS_H
#define DCLS_BROKER_ACCESS_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "refusal.h"

struct access;

/* NULL where memory lacks. */
struct access *access_new(void);
void access_free(struct access *access);

/* Both take one or several between commas: names by which this broker is known; and origins ("https://host:port",
 * "null", or "*" for all there are). -1 with err. */
int access_add_names(struct access *access, const char *names, struct err *err);
int access_add_origins(struct access *access, const char *origins, struct err *err);

/* Of a request's headers; NULL where there is none. */
struct access_request {
    const char *host, *origin, *referer;
    const char *site, *mode, *dest; /* Sec-Fetch-Site, ... */
    bool is_ours;                   /* it has Sec-Dcls */
    bool writes;                    /* its method is none of those that only read */
};

/* What the answer may tell the browser. */
struct access_grant {
    bool any_origin; /* all are let in */
    bool to_origin;  /* the page of this Origin may read it */
    bool to_others;  /* a page of another site may show it */
};

/* 0 with the grant, or -1 with the refusal, which names the option that would let it in. */
int access_check(const struct access *access, const struct access_request *request, struct access_grant *grant,
                 struct refusal *refusal);

#endif
