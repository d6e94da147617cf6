/* See dataset_name.h. */
#include "dcls/base/dataset_name.h"

#include <stddef.h>
#include <string.h>

#include "dcls/base/utf8.h"

bool dataset_name_is_hidden(const char *name)
{
    /* Synology's and QNAP's thumbnails and bins, macOS' archives, Windows' bins and volumes. */
    static const char *const hidden[] = { "@eaDir",   "#recycle",     "@Recycle",
                                          "__MACOSX", "$RECYCLE.BIN", "System Volume Information" };
    if (*name == '.')
        return true;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strcmp(name, hidden[i]))
            return true;
    return false;
}

const char *dataset_name_fault(const char *name)
{
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            return "its name has a control character";
        if (*c == '\\')
            return "its name has a backslash";
    }
    return utf8_is_valid(name) ? NULL : "its name is not UTF-8";
}
