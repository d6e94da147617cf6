/* What people should know of a training that goes on all the same: lines, each told once. They are few and short, so
 * that they fit a log, a report and a message; what is beyond that is dropped. Zeroed there are none. */
#ifndef DCLS_BASE_NOTICES_H
#define DCLS_BASE_NOTICES_H

#include <stdbool.h>
#include <stddef.h>

#define NOTICES_MAX 16
#define NOTICE_SIZE 4096 /* of a line, its NUL included */

struct notices {
    char *lines[NOTICES_MAX];
    size_t count;
};

/* Adds a line, cut and cleansed as an err's text. Whether it is new: false where it is there already, or there is no
 * room for it. */
bool notices_add(struct notices *notices, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* None are left. */
void notices_release(struct notices *notices);

#endif
