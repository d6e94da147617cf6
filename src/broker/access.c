/* The rules of who is let in: see access.h. */
#include "access.h"

#include <stdlib.h>
#include <string.h>

#include "origin.h"

#define ENTRIES_MAX 64

struct access {
    char *names[ENTRIES_MAX];
    struct origin origins[ENTRIES_MAX];
    int name_count, origin_count;
    bool any_origin, null_origin;
};

struct access *access_new(void)
{
    return calloc(1, sizeof(struct access));
}

void access_free(struct access *access)
{
    if (!access)
        return;
    for (int i = 0; i < access->name_count; i++)
        free(access->names[i]);
    free(access);
}

static int add_name(struct access *access, const char *text, struct err *err)
{
    struct host host;
    if (host_parse(text, &host) || host.port >= 0)
        return err_set(err, "'%.80s' is no host name", text);
    if (access->name_count == ENTRIES_MAX)
        return err_set(err, "more than %d host names", ENTRIES_MAX);
    char *name = strdup(host.name);
    if (!name)
        return err_set(err, "no memory");
    access->names[access->name_count++] = name;
    return 0;
}

static int add_origin(struct access *access, const char *text, struct err *err)
{
    struct origin origin;
    if (!strcmp(text, "*")) {
        access->any_origin = true;
        return 0;
    }
    if (!strcmp(text, "null")) {
        access->null_origin = true;
        return 0;
    }
    if (origin_parse(text, &origin))
        return err_set(err, "'%.80s' is no origin such as https://pages.example:8080, null or *", text);
    if (access->origin_count == ENTRIES_MAX)
        return err_set(err, "more than %d origins", ENTRIES_MAX);
    access->origins[access->origin_count++] = origin;
    return 0;
}

static int add_each(struct access *access, const char *list, int (*add)(struct access *, const char *, struct err *),
                    struct err *err)
{
    char *copy = strdup(list), *rest = copy, *text;
    int failed = copy ? 0 : err_set(err, "no memory");
    while (!failed && (text = strsep(&rest, ",")))
        failed = add(access, text, err);
    free(copy);
    return failed;
}

int access_add_names(struct access *access, const char *names, struct err *err)
{
    return add_each(access, names, add_name, err);
}

int access_add_origins(struct access *access, const char *origins, struct err *err)
{
    return add_each(access, origins, add_origin, err);
}

static bool knows_host(const struct access *access, const struct host *host)
{
    if (host->is_address || host->is_loopback)
        return true;
    for (int i = 0; i < access->name_count; i++)
        if (!strcmp(access->names[i], host->name))
            return true;
    return false;
}

/* `host`: as the request calls us. */
static bool lets_in(const struct access *access, const struct origin *origin, const struct host *host)
{
    if (access->any_origin || origin->host.is_loopback || !strcmp(origin->host.name, host->name))
        return true;
    for (int i = 0; i < access->origin_count; i++)
        if (origin_is_same(&access->origins[i], origin))
            return true;
    return false;
}

static int check_origin(const struct access *access, const char *text, const struct host *host, struct refusal *refusal)
{
    struct origin origin;
    if (access->any_origin || (access->null_origin && !strcmp(text, "null")))
        return 0;
    if (!strcmp(text, "null"))
        return refuse(refusal, 403,
                      "a page that keeps its origin to itself is not let in: the broker's '--allow-origin null' lets "
                      "it in, and every other such page");
    if (origin_parse(text, &origin))
        return refuse(refusal, 403, "the Origin is none of a web page: '--allow-origin' names those that are let in");
    if (lets_in(access, &origin, host))
        return 0;
    return refuse(refusal, 403, "a page of '%s' is not let in: the broker's '--allow-origin %s' lets it in", text,
                  text);
}

static bool is(const char *value, const char *expected)
{
    return value && !strcmp(value, expected);
}

/* Of a request without Origin that a page of another origin caused. */
static int check_site(const struct access_request *request, struct refusal *refusal)
{
    bool same_site = is(request->site, "same-site"); /* another port of this host, or a name beside ours */
    bool link = is(request->mode, "navigate") && is(request->dest, "document"); /* shown by itself, to a person */
    if (!request->writes && (same_site || link))
        return 0;
    return refuse(refusal, 403,
                  "a page of another site is not let in: the broker's '--allow-origin' with its origin lets it in");
}

int access_check(const struct access *access, const struct access_request *request, struct access_grant *grant,
                 struct refusal *refusal)
{
    struct host host = { .port = -1 };
    struct origin referer;
    *grant = (struct access_grant){ .any_origin = access->any_origin };
    if (request->host && host_parse(request->host, &host))
        return refuse(refusal, 400, "the Host header is malformed");
    if (request->host && !request->is_ours && !knows_host(access, &host))
        return refuse(refusal, 403,
                      "this broker does not know itself by the name '%s': its '--public-name %s' lets that name in",
                      host.name, host.name);
    if (request->origin) {
        if (check_origin(access, request->origin, &host, refusal))
            return -1;
        grant->to_origin = true;
        grant->to_others = true;
        return 0;
    }
    grant->to_others = access->any_origin || (request->referer && !origin_of_url(request->referer, &referer) &&
                                              lets_in(access, &referer, &host));
    if (!request->site || is(request->site, "same-origin") || is(request->site, "none") || grant->to_others)
        return 0;
    return check_site(request, refusal);
}
