/* The names that travel. They become file names, parts of URLs and log lines, hence the small alphabet. */
#include "dcls/proto/name.h"

#include <stddef.h>
#include <string.h>

static const char letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool fits(const char *text, const char *others)
{
    if (!text || !*text || !strchr(letters_and_digits, *text))
        return false;
    size_t len = 0;
    for (; text[len]; len++)
        if (len >= NAME_SIZE - 1 || !(strchr(letters_and_digits, text[len]) || strchr(others, text[len])))
            return false;
    return true;
}

bool name_is_key(const char *text)
{
    return fits(text, "._-:");
}

bool name_is_valid(const char *text)
{
    return fits(text, "._-");
}

int name_take(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    if (!name_is_valid(text))
        return err_set(err, "'%s' is '%.80s': it must be letters, digits, '.', '_' and '-', at most %d", as, text,
                       NAME_SIZE - 1);
    *(const char **)option->to = text;
    return 0;
}
