/* What is read of a request, and its end. */
#include "request.h"

#include <unistd.h>

#include "dcls/proto/json.h"

void request_release(struct request *request)
{
    while (request->file_count)
        close(request->files[--request->file_count]);
    cJSON_Delete(request->json);
    request->json = NULL;
}

int request_integer(const struct request *request, const char *name, int min, int max, int *value, struct err *err)
{
    double number = json_number(request->json, name, min - 1.0);
    if (!(number >= min && number <= max) || number != (int)number)
        return err_set(err, "'%s' is to be a whole number from %d to %d", name, min, max);
    *value = (int)number;
    return 0;
}
