/* The page's files, which are a part of the program: src/embed makes the table of src/broker/page/ and of Chart.js when
 * the program is built. */
#ifndef DCLS_BROKER_PAGE_FILES_H
#define DCLS_BROKER_PAGE_FILES_H

#include <stddef.h>

struct page_file {
    const char *name; /* "index.html" */
    const char *type; /* of content */
    const char *etag; /* of both forms: weak, with its quotes */
    const char *bytes, *gzip;
    size_t size, gzip_size;
};

extern const struct page_file page_files[];
extern const size_t page_file_count;

#endif
