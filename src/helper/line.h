/* The helper's end of its line to whoever asks: requests with open files come, one at a time, and answers go. Blocks.
 *
 * Order of calls: line_init; then line_next, and one line_answer for each request or refusal of it; line_release. */
#ifndef DCLS_HELPER_LINE_H
#define DCLS_HELPER_LINE_H

#include <cjson/cJSON.h>

#include "dcls/base/err.h"
#include "dcls/net/helper.h"
#include "dcls/proto/frame.h"
#include "request.h"

struct line {
    int fd;
    struct frame frame;
    int files[HELPER_FILES_MAX]; /* that came and belong to no request yet */
    int file_count;
    int lost; /* files beyond these, which were closed */
};

void line_init(struct line *line, int fd);
void line_release(struct line *line);

/* Waits for a request, which request_release ends whatever comes of it. LINE_BAD: with err, what came is none. */
enum line_event { LINE_REQUEST, LINE_BAD, LINE_ENDED };
enum line_event line_next(struct line *line, struct request *request, struct err *err);

/* Takes `answer`, an object. Where it does not fit, or is NULL (no memory), an error is answered instead; -1: nothing
 * can be, and the line is of no more use. */
int line_answer(struct line *line, cJSON *answer);

#endif
