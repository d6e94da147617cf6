/* Requests by recvmsg, with the files that stand beside them. */
#include "line.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/proto/json.h"

#define READ_SIZE 65536
#define FILES_READ 64 /* of one recvmsg; what more comes the kernel drops */

void line_init(struct line *line, int fd)
{
    *line = (struct line){ .fd = fd };
    frame_init(&line->frame, HELPER_LINE_MAX);
}

void line_release(struct line *line)
{
    while (line->file_count)
        close(line->files[--line->file_count]);
    frame_release(&line->frame);
    close(line->fd);
}

static void take_files(struct line *line, struct msghdr *message)
{
    if (message->msg_flags & MSG_CTRUNC)
        line->lost++;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int file;
            memcpy(&file, CMSG_DATA(header) + i * sizeof file, sizeof file);
            if (line->file_count < HELPER_FILES_MAX) {
                line->files[line->file_count++] = file;
            } else {
                close(file);
                line->lost++;
            }
        }
    }
}

/* -1: the line has ended, or has to. */
static int read_more(struct line *line)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * FILES_READ)];
    } control;
    char bytes[READ_SIZE];
    struct iovec space = { bytes, sizeof bytes };
    struct msghdr message = {
        .msg_iov = &space, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    ssize_t got;
    do
        got = recvmsg(line->fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return -1;
    take_files(line, &message);
    return frame_feed(&line->frame, bytes, (size_t)got);
}

/* The files that came so far are the request's, for nothing is sent behind a request that is not answered. */
static enum line_event take_request(struct line *line, const char *text, size_t len, struct request *request,
                                    struct err *err)
{
    int lost = line->lost;
    memcpy(request->files, line->files, sizeof line->files);
    request->file_count = line->file_count;
    line->file_count = line->lost = 0;
    if (lost)
        err_set(err, "a request has at most %d files", HELPER_FILES_MAX);
    else if (!text)
        err_set(err, "a request has at most %d bytes", HELPER_LINE_MAX);
    else if ((request->json = json_parse(text, len, err)) && !cJSON_IsObject(request->json))
        err_set(err, "a request is a JSON object");
    return *err->text ? LINE_BAD : LINE_REQUEST;
}

enum line_event line_next(struct line *line, struct request *request, struct err *err)
{
    const char *text = NULL;
    size_t len = 0;
    *request = (struct request){ 0 };
    *err->text = '\0';
    for (;;) {
        switch (frame_next(&line->frame, &text, &len)) {
        case FRAME_TEXT: return take_request(line, text, len, request, err);
        case FRAME_TOO_LONG: return take_request(line, NULL, 0, request, err);
        case FRAME_MORE: break;
        }
        if (read_more(line))
            return LINE_ENDED;
    }
}

int line_answer(struct line *line, cJSON *answer)
{
    struct buf text;
    buf_init(&text, HELPER_LINE_MAX);
    int failed = !answer || json_print_spaced(answer, &text) || buf_puts(&text, "\n");
    if (failed) { /* too long: what asks is told so, rather than nothing */
        buf_clear(&text);
        failed = buf_puts(&text, "{\"error\": \"the answer is too long, or memory lacks for it\"}\n");
    }
    if (!failed && fs_put(line->fd, text.data, text.len))
        failed = -1;
    cJSON_Delete(answer);
    buf_release(&text);
    return failed ? -1 : 0;
}
