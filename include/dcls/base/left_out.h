/* What of a folder is left out, though a dataset would hold it: counted, and the first by name kept. Zeroed there is
 * nothing. */
#ifndef DCLS_BASE_LEFT_OUT_H
#define DCLS_BASE_LEFT_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/buf.h"

#define LEFT_OUT_NAMED 10

struct left_out {
    size_t count; /* a folder is one, whatever it holds */
    size_t named;
    bool has_links; /* of the caller's: some are links that an option would have it follow */
    struct {
        char *path;   /* printable: other bytes are "\xNN" */
        char *reason; /* one line */
    } first[LEFT_OUT_NAMED];
};

/* One more. Where memory lacks it is counted alone. */
void left_out_add(struct left_out *left_out, const char *path, const char *reason);
void left_out_release(struct left_out *left_out);

/* Appends "'a.tif' (why), 'b' (why), ...", for people; nothing where nothing is. -1 where there is no room for all of
 * it: then it ends before. */
int left_out_list(const struct left_out *left_out, struct buf *out);

#endif
