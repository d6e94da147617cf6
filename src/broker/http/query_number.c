/* See query_number.h. */
#include "query_number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"

int query_number_read(const char *name, const char *text, int64_t min, int64_t max, int64_t fallback, int64_t *number,
                      struct err *err)
{
    *number = fallback;
    if (!text)
        return 0;
    errno = 0;
    long long found = *text && !text[strspn(text, "0123456789")] ? strtoll(text, NULL, 10) : -1;
    if (errno || found < min || found > max)
        return err_set(err, "'%s' is '%.40s': it must be a whole number from %lld to %lld", name, text, (long long)min,
                       (long long)max);
    *number = found;
    return 0;
}

int query_number(const struct exchange *exchange, const char *name, int64_t min, int64_t max, int64_t fallback,
                 int64_t *number, struct err *err)
{
    return query_number_read(name, exchange_query(exchange, name), min, max, fallback, number, err);
}
