/* Applying access.h's rules: see gate.h. */
#include "gate.h"

#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "handlers.h"
#include "src/broker/access.h"
#include "src/broker/broker.h"

#define LOGGED_MS 60000

/* Not each time: a page may ask as often as it likes. */
static void log_refusal(struct http *http, const struct refusal *refusal)
{
    int64_t now = clock_ms();
    if (http->refused_logged_ms && now - http->refused_logged_ms < LOGGED_MS)
        return;
    http->refused_logged_ms = now;
    log_warn("an HTTP request is refused: %s", refusal->err.text);
}

/* A cache holds an answer for whom it was made alone; a page of another site is kept from what it may not show. */
static void add_headers(struct exchange *exchange, const struct access_grant *grant, bool shared)
{
    const char *policy = "same-origin";
    if (shared)
        policy = grant->to_others ? "cross-origin" : "same-site";
    exchange_add_header(exchange, "Cross-Origin-Resource-Policy", policy);
    if (!shared)
        return;
    exchange_add_header(exchange, "Vary", "Origin, Referer");
    if (grant->any_origin)
        exchange_add_header(exchange, "Access-Control-Allow-Origin", "*");
    else if (grant->to_origin)
        exchange_add_header(exchange, "Access-Control-Allow-Origin", exchange_header(exchange, "Origin"));
}

bool gate_pass(struct exchange *exchange, const char *method, bool shared)
{
    struct access_grant grant;
    struct refusal refusal = { .status = 0 };
    if (exchange_header_count(exchange, "Host") > 1 || exchange_header_count(exchange, "Origin") > 1) {
        exchange_error(exchange, 400, "the request has more than one Host or Origin header");
        return false;
    }
    const struct access_request request = {
        .host = exchange_header(exchange, "Host"),
        .origin = exchange_header(exchange, "Origin"),
        .referer = exchange_header(exchange, "Referer"),
        .site = exchange_header(exchange, "Sec-Fetch-Site"),
        .mode = exchange_header(exchange, "Sec-Fetch-Mode"),
        .dest = exchange_header(exchange, "Sec-Fetch-Dest"),
        .is_ours = exchange_header(exchange, "Sec-Dcls"),
        .writes = strcmp(method, "GET") && strcmp(method, "HEAD"),
    };
    if (access_check(exchange->broker->access, &request, &grant, &refusal)) {
        log_refusal(exchange->http, &refusal);
        exchange_add_header(exchange, "Vary", "Origin, Referer");
        exchange_refuse(exchange, &refusal);
        return false;
    }
    add_headers(exchange, &grant, shared);
    return true;
}
