/* Why something failed, in one line.
 *
 * What can fail returns 0 or -1 (or NULL) and fills the struct err that its caller passed:
 *     return err_set(err, "cannot open '%s': %s", path, strerror(errno));
 * A message is lower case, names the offending thing in quotes, has no newline and no full stop. The caller may
 * put words in front of it (err_prefix) on the way up; main prints it once. A NULL err is allowed and ignored. */
#ifndef DCLS_BASE_ERR_H
#define DCLS_BASE_ERR_H

#include <stddef.h>

struct err {
    char text[512]; /* empty until something failed; one line of UTF-8, in which what is none was replaced */
};

#define ERR_INIT                                                                                                       \
    {                                                                                                                  \
        ""                                                                                                             \
    }

/* Sets the text and returns -1, so that it can stand in a return statement. A message too long is cut. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " in front of what is there and returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells of a path by another name: where the text quotes `path`, or something below it, `shown` stands instead. For who
 * may know that something failed, and not where it lies. */
void err_rename(struct err *err, const char *path, const char *shown);

/* Cleanses a text of the same kind that snprintf wrote into `size` bytes: what was cut ends with a whole
 * character. */
void err_one_line(char *text, size_t size);

/* Prints "dcls: TEXT" on stderr: the one line of a command that failed. */
void err_print(const struct err *err);

#endif
