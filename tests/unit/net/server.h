/* A tiny HTTP server on a thread, for the tests of the client: one request a connection, answered by a function. */
#ifndef TESTS_UNIT_BASE_SERVER_H
#define TESTS_UNIT_BASE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    char method[16], path[512];
    char head[8192];
    char *body;
    size_t body_size;
    long long range_from; /* -1: none */
};

struct server {
    int fd, port;
    pthread_t thread;
    void (*answer)(struct server *server, const struct request *request, int fd);
    int requests;
    /* what the tests' answers use */
    const char *bytes;
    size_t size;
    size_t break_after; /* close after so many bytes of a body; 0: never */
    bool ignore_range, wrong_range, refuse;
    char *blob;
    size_t blob_size, blob_total, blob_lies;
    long long last_range;
    char last_if_range[128]; /* empty: none */
};

static inline void send_all(int fd, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t put = send(fd, (const char *)bytes + done, count - done, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        done += (size_t)put;
    }
}

static inline void send_text(int fd, const char *status, const char *text)
{
    char head[1024];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       status, strlen(text), text);
    send_all(fd, head, (size_t)len);
}

static inline bool read_request(int fd, struct request *request)
{
    size_t used = 0;
    char *end = NULL;
    memset(request, 0, sizeof *request);
    request->range_from = -1;
    while (!end) {
        ssize_t got = recv(fd, request->head + used, sizeof request->head - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        request->head[used] = '\0';
        end = strstr(request->head, "\r\n\r\n");
    }
    if (sscanf(request->head, "%15s %511s", request->method, request->path) != 2)
        return false;
    const char *length = strcasestr(request->head, "\r\nContent-Length:");
    const char *range = strcasestr(request->head, "\r\nRange: bytes=");
    if (range)
        request->range_from = strtoll(range + 15, NULL, 10);
    request->body_size = length ? strtoul(length + 17, NULL, 10) : 0;
    request->body = malloc(request->body_size + 1);
    size_t held = used - (size_t)(end + 4 - request->head);
    memcpy(request->body, end + 4, held);
    while (held < request->body_size) {
        ssize_t got = recv(fd, request->body + held, request->body_size - held, 0);
        if (got <= 0)
            return false;
        held += (size_t)got;
    }
    return true;
}

static inline void *serve(void *arg)
{
    struct server *server = arg;
    for (;;) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct request *request = calloc(1, sizeof *request);
        server->requests++;
        if (read_request(fd, request))
            server->answer(server, request, fd);
        free(request->body);
        free(request);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

static inline void server_start(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    server->requests = 0;
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static inline void server_stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    free(server->blob);
    server->blob = NULL;
}

static inline char *url_of(const struct server *server, const char *path)
{
    char *url = NULL;
    assert_true(asprintf(&url, "http://127.0.0.1:%d%s", server->port, path) > 0);
    return url;
}

static inline char *some_bytes(size_t size)
{
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    return bytes;
}

#endif
