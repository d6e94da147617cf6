/* A short list of lines. No notice is worth a failure: what cannot be kept is left out. */
#include "dcls/base/notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/err.h"

bool notices_add(struct notices *notices, const char *format, ...)
{
    char line[NOTICE_SIZE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length <= 0 || notices->count == NOTICES_MAX)
        return false;
    err_one_line(line, sizeof line);
    for (size_t i = 0; i < notices->count; i++)
        if (!strcmp(notices->lines[i], line))
            return false;
    char *copy = strdup(line);
    if (!copy)
        return false;
    notices->lines[notices->count++] = copy;
    return true;
}

void notices_release(struct notices *notices)
{
    for (size_t i = 0; i < notices->count; i++)
        free(notices->lines[i]);
    *notices = (struct notices){ 0 };
}
