/* Filling in a refusal. */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct refusal *refusal, int status, const char *format, ...)
{
    char text[sizeof refusal->err.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    refusal->status = status;
    return err_set(&refusal->err, "%s", text);
}
