/* GET / and GET /page/FILE: the page. It is what the program was built with; nothing is read from a disk, so that no
 * path leads anywhere. */
#include <string.h>

#include "handlers.h"
#include "negotiation.h"
#include "page_files.h"

/* All that the page needs comes from here: no script within its text, no other host, no frame around it. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "    \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct page_file *find(const char *name)
{
    for (size_t i = 0; i < page_file_count; i++)
        if (!strcmp(page_files[i].name, name))
            return &page_files[i];
    return NULL;
}

void handle_page(struct exchange *exchange)
{
    const char *name = exchange->args[0] ? exchange->args[0] : "index.html";
    const struct page_file *file = find(name);
    if (!file) {
        exchange_error(exchange, 404, "the page has no file '%.80s'", name);
        return;
    }
    exchange_add_header(exchange, "Content-Security-Policy", POLICY);
    exchange_add_header(exchange, "Referrer-Policy", "no-referrer");
    exchange_add_header(exchange, "ETag", file->etag);
    exchange_add_header(exchange, "Vary", "Accept-Encoding");
    if (negotiation_has(exchange_header(exchange, "If-None-Match"), file->etag)) {
        exchange_empty(exchange, 304);
    } else if (negotiation_takes_gzip(exchange_header(exchange, "Accept-Encoding"))) {
        exchange_add_header(exchange, "Content-Encoding", "gzip");
        exchange_constant(exchange, 200, file->type, file->gzip, file->gzip_size);
    } else {
        exchange_constant(exchange, 200, file->type, file->bytes, file->size);
    }
}
