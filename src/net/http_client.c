/* One HTTP request a call, by libcurl's easy interface.
 *
 * Every transfer is bounded: connecting, silence, its whole time where the caller says so, and the size of what is
 * collected. Redirects are not followed and no other scheme than http and https is spoken: a URL says where we go. */
#include "dcls/net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "dcls/base/clock.h"

enum { CONNECT_SECONDS = 5, STALL_SECONDS = 30 };
static const size_t default_max_response = (size_t)16 << 20;

int http_global_init(struct err *err)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : err_set(err, "cannot start libcurl");
}

void http_global_release(void)
{
    curl_global_cleanup();
}

#define RETRIES 3
#define RETRY_S_MAX 5 /* who is to wait for longer is told so */

struct transfer {
    const struct http_request *request;
    struct http_response *response;
    CURL *curl;
    bool refused_by_sink, too_large;
    long retry_s; /* 0: not told to come again */
};

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    const struct http_request *request = transfer->request;
    long status = 0;
    count *= size;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->response->status = (int)status; /* the sink's owner may look at it */
    if (request->sink && status / 100 == 2) {
        transfer->refused_by_sink = request->sink(request->sink_arg, bytes, count);
        return transfer->refused_by_sink ? 0 : count;
    }
    transfer->too_large = buf_append(&transfer->response->body, bytes, count);
    return transfer->too_large ? 0 : count;
}

/* "Content-Range: bytes 100-199/200": where the first byte of a 206 belongs; "Retry-After: 1": of a 503. */
static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    char text[128];
    count *= size;
    size_t len = count < sizeof text - 1 ? count : sizeof text - 1;
    memcpy(text, line, len);
    text[len] = '\0';
    long long number;
    if (!strncasecmp(text, "content-range:", 14) && sscanf(text + 14, " bytes %18lld-", &number) == 1)
        transfer->response->range_from = number;
    if (!strncasecmp(text, "retry-after:", 12) && sscanf(text + 12, " %9lld", &number) == 1 && number > 0)
        transfer->retry_s = (long)number;
    return count;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    const struct transfer *transfer = arg;
    (void)down_all, (void)down, (void)up_all, (void)up;
    return transfer->request->stop && *transfer->request->stop;
}

/* "http://host:port" of a URL, for messages; and whether that is this machine, which no proxy reaches. */
static void name_host(const char *url, char *host, size_t size, bool *loopback)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *name = NULL, *port = NULL;
    snprintf(host, size, "%s", url);
    *loopback = false;
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &name, 0) == CURLUE_OK) {
        if (curl_url_get(parts, CURLUPART_PORT, &port, 0) != CURLUE_OK)
            port = NULL;
        snprintf(host, size, "%s://%s%s%s", scheme, name, port ? ":" : "", port ? port : "");
        *loopback = !strcasecmp(name, "localhost") || !strncmp(name, "127.", 4) || !strcmp(name, "[::1]");
    }
    curl_free(scheme);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(parts);
}

static int explain(const struct transfer *transfer, CURLcode code, const char *host, const char *detail,
                   struct err *err)
{
    const struct http_request *request = transfer->request;
    long cause = 0;
    if (transfer->too_large)
        return err_set(err, "the answer of '%s' is larger than %zu bytes", host, transfer->response->body.max);
    if (transfer->refused_by_sink)
        return err_set(err, "what '%s' sent cannot be taken", host);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK: return err_set(err, "the transfer with '%s' was stopped", host);
    case CURLE_OPERATION_TIMEDOUT: return err_set(err, "'%s' did not answer in time", host);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return err_set(err, "'%s' is no http:// or https:// URL", request->url);
    case CURLE_COULDNT_RESOLVE_HOST: return err_set(err, "cannot reach '%s': no such host", host);
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(transfer->curl, CURLINFO_OS_ERRNO, &cause);
        return err_set(err, "cannot reach '%s': %s", host,
                       cause == ECONNREFUSED ? "connection refused"
                       : cause               ? strerror((int)cause)
                                             : detail);
    case CURLE_PARTIAL_FILE: return err_set(err, "'%s' closed the connection half-way", host);
    default: return err_set(err, "cannot reach '%s': %s", host, *detail ? detail : curl_easy_strerror(code));
    }
}

static bool has_header(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *header = request->headers; header && *header; header++)
        if (!strncasecmp(*header, name, len) && (*header)[len] == ':')
            return true;
    return false;
}

static int add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (!longer)
        return -1;
    *list = longer;
    return 0;
}

static int set_headers(const struct http_request *request, struct curl_slist **list)
{
    for (const char *const *header = request->headers; header && *header; header++)
        if (add_header(list, *header))
            return -1;
    /* libcurl would call every body a form, and wait a second for "100 Continue". */
    if (!has_header(request, "Content-Type") && add_header(list, "Content-Type:"))
        return -1;
    /* No browser, so a broker need not mind by which of its machine's names we call it. */
    if (add_header(list, "Sec-Dcls: 1"))
        return -1;
    return add_header(list, "Expect:");
}

static int set_up(struct transfer *transfer, struct curl_slist *headers, char *detail, bool loopback)
{
    const struct http_request *request = transfer->request;
    CURL *curl = transfer->curl;
    const char *method = request->method ? request->method : "GET";
    double stall = request->stall_s > 0 ? request->stall_s : STALL_SECONDS;
    double connect =
        request->timeout_s > 0 && request->timeout_s < CONNECT_SECONDS ? request->timeout_s : CONNECT_SECONDS;
    bool failed = false;
#define SET(option, value) failed |= curl_easy_setopt(curl, option, value) != CURLE_OK
    SET(CURLOPT_ERRORBUFFER, detail);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USERAGENT, "dcls");
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, transfer);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)ceil(connect * 1000));
    SET(CURLOPT_TIMEOUT_MS, (long)ceil(request->timeout_s > 0 ? request->timeout_s * 1000 : 0));
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)ceil(stall));
    if (loopback)
        SET(CURLOPT_PROXY, "");
    /* libcurl itself does not look at what OpenSSL's and curl's own users set for a certificate authority of theirs. */
    if (getenv("SSL_CERT_FILE"))
        SET(CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (request->range_from > 0) {
        char range[32];
        snprintf(range, sizeof range, "%lld-", (long long)request->range_from);
        SET(CURLOPT_RANGE, range);
    }
    if (!strcmp(method, "HEAD")) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (request->body || !strcmp(method, "POST") || !strcmp(method, "PUT")) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_size : 0));
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
        SET(CURLOPT_CUSTOMREQUEST, method);
    } else if (strcmp(method, "GET")) {
        SET(CURLOPT_CUSTOMREQUEST, method);
    }
#undef SET
    return failed ? -1 : 0;
}

/* *retry_s: how soon to come again; 0: this is the answer. */
static int send_once(const struct http_request *request, struct http_response *response, long *retry_s, struct err *err)
{
    *retry_s = 0;
    *response = (struct http_response){ .content_length = -1, .range_from = -1 };
    buf_init(&response->body, request->max_response ? request->max_response : default_max_response);

    int status = -1;
    char host[256], detail[CURL_ERROR_SIZE] = "";
    bool loopback;
    struct curl_slist *headers = NULL;
    struct transfer transfer = { .request = request, .response = response, .curl = curl_easy_init() };
    name_host(request->url, host, sizeof host, &loopback);
    if (!transfer.curl || set_headers(request, &headers)) {
        err_set(err, "out of memory");
        goto out;
    }
    if (set_up(&transfer, headers, detail, loopback)) {
        err_set(err, "cannot send a request to '%s'", host);
        goto out;
    }
    CURLcode code = curl_easy_perform(transfer.curl);
    if (code != CURLE_OK) {
        response->status = 0;
        explain(&transfer, code, host, detail, err);
        goto out;
    }
    long http_status = 0;
    curl_off_t length = -1;
    char *type = NULL;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(transfer.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(transfer.curl, CURLINFO_CONTENT_TYPE, &type);
    response->status = (int)http_status;
    response->content_length = (int64_t)length;
    snprintf(response->content_type, sizeof response->content_type, "%s", type ? type : "");
    if (response->status == 503)
        *retry_s = transfer.retry_s;
    status = 0;
out:
    curl_easy_cleanup(transfer.curl);
    curl_slist_free_all(headers);
    return status;
}

/* False where it is to end before. */
static bool wait_s(long seconds, const atomic_bool *stop)
{
    static const struct timespec piece = { 0, 50 * 1000 * 1000 };
    for (long i = 0; i < 20 * seconds && !(stop && *stop); i++)
        nanosleep(&piece, NULL);
    return !(stop && *stop);
}

int http_send(const struct http_request *request, struct http_response *response, struct err *err)
{
    long retry_s;
    int64_t start = clock_ms();
    int status = send_once(request, response, &retry_s, err);
    for (int i = 0; i < RETRIES && !status && retry_s > 0 && retry_s <= RETRY_S_MAX; i++) {
        double left_s = request->timeout_s - (double)(clock_ms() - start) / 1000 - (double)retry_s;
        if ((request->timeout_s > 0 && left_s <= 0) || !wait_s(retry_s, request->stop))
            break;
        struct http_request again = *request;
        again.timeout_s = request->timeout_s > 0 ? left_s : 0;
        http_response_release(response);
        status = send_once(&again, response, &retry_s, err);
    }
    return status;
}

void http_response_release(struct http_response *response)
{
    buf_release(&response->body);
}

char *http_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *escaped = malloc(3 * strlen(text) + 1), *out = escaped;
    if (!escaped)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (strchr(plain, *c)) {
            *out++ = (char)*c;
        } else {
            *out++ = '%';
            *out++ = digits[*c >> 4];
            *out++ = digits[*c & 15];
        }
    }
    *out = '\0';
    return escaped;
}
