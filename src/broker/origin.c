/* Reading hosts and origins: see origin.h. */
#include "origin.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define PORT_DIGITS 5
#define ORIGIN_MAX_LENGTH (sizeof "https://[]:65535" + HOST_NAME_MAX_LENGTH)
#define ADDRESS6_MAX_LENGTH 64 /* with its zone */

/* What follows a host: nothing, or ":" and a number, or ":" alone. */
static int parse_port(const char *text, int *port)
{
    *port = -1;
    if (!*text)
        return 0;
    if (*text++ != ':' || strlen(text) > PORT_DIGITS || text[strspn(text, "0123456789")])
        return -1;
    if (!*text)
        return 0;
    *port = 0;
    for (; *text; text++)
        *port = *port * 10 + (*text - '0');
    return *port <= 65535 ? 0 : -1;
}

/* What is between the brackets. A zone tells which interface of the asking machine leads there: nothing to us. */
static int parse_address6(const char *text, size_t count, struct host *host)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    char address[ADDRESS6_MAX_LENGTH];
    struct in6_addr bytes;
    if (count >= sizeof address)
        return -1;
    memcpy(address, text, count);
    address[count] = '\0';
    address[strcspn(address, "%")] = '\0';
    if (inet_pton(AF_INET6, address, &bytes) != 1 || !inet_ntop(AF_INET6, &bytes, host->name, sizeof host->name))
        return -1;
    host->is_address = true;
    host->is_loopback = !memcmp(&bytes, &loopback, sizeof bytes);
    return 0;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static int parse_name(const char *text, size_t count, struct host *host)
{
    struct in_addr bytes;
    if (count > 0 && text[count - 1] == '.')
        count--;
    if (!count || text[count - 1] == '.' || count >= sizeof host->name)
        return -1;
    for (size_t i = 0; i < count; i++) {
        host->name[i] = lower(text[i]);
        bool is_empty_label = host->name[i] == '.' && (!i || host->name[i - 1] == '.');
        if (!is_of_name(host->name[i]) || is_empty_label)
            return -1;
    }
    host->name[count] = '\0';
    host->is_address = inet_pton(AF_INET, host->name, &bytes) == 1;
    host->is_loopback = host->is_address ? ntohl(bytes.s_addr) >> 24 == 127 : !strcmp(host->name, "localhost");
    return 0;
}

int host_parse(const char *text, struct host *host)
{
    *host = (struct host){ .port = -1 };
    if (*text == '[') {
        size_t count = strcspn(++text, "]");
        if (!text[count] || parse_address6(text, count, host))
            return -1;
        text += count + 1;
    } else {
        size_t count = strcspn(text, ":");
        if (parse_name(text, count, host))
            return -1;
        text += count;
    }
    return parse_port(text, &host->port);
}

/* The scheme; what follows it, or NULL where it is none of those that pages have. */
static const char *parse_scheme(const char *text, struct origin *origin)
{
    origin->is_secure = !strncasecmp(text, "https://", 8);
    if (origin->is_secure)
        return text + 8;
    return strncasecmp(text, "http://", 7) ? NULL : text + 7;
}

int origin_parse(const char *text, struct origin *origin)
{
    const char *host = parse_scheme(text, origin);
    return host ? host_parse(host, &origin->host) : -1;
}

int origin_of_url(const char *url, struct origin *origin)
{
    char text[ORIGIN_MAX_LENGTH + 1];
    const char *host = parse_scheme(url, origin);
    size_t count = host ? (size_t)(host - url) + strcspn(host, "/?#") : sizeof text;
    if (count >= sizeof text)
        return -1;
    memcpy(text, url, count);
    text[count] = '\0';
    return origin_parse(text, origin);
}

static int port_of(const struct origin *origin)
{
    if (origin->host.port >= 0)
        return origin->host.port;
    return origin->is_secure ? 443 : 80;
}

bool origin_is_same(const struct origin *a, const struct origin *b)
{
    return a->is_secure == b->is_secure && !strcmp(a->host.name, b->host.name) && port_of(a) == port_of(b);
}
