/* Lists of a header's values: see negotiation.h. */
#include "negotiation.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* The next element of a list at *list: where it begins and how long it is, without blanks around it. False at the end.
 * An entity tag may hold a comma, which then looks like two elements: neither is ours. */
static bool next_element(const char **list, const char **element, size_t *count)
{
    *list += strspn(*list, "," BLANKS);
    if (!**list)
        return false;
    *element = *list;
    *count = strcspn(*list, ",");
    *list += *count;
    while (*count && strchr(BLANKS, (*element)[*count - 1]))
        (*count)--;
    return true;
}

/* Of "gzip;q=0": a weight of nothing but zeros. */
static bool is_refused(const char *element, size_t count)
{
    const char *parameter = memchr(element, ';', count);
    if (!parameter)
        return false;
    const char *end = element + count;
    parameter++;
    while (parameter < end && strchr(BLANKS, *parameter))
        parameter++;
    if (end - parameter < 3 || strncasecmp(parameter, "q=0", 3))
        return false;
    parameter += 3;
    while (parameter < end && (*parameter == '.' || *parameter == '0'))
        parameter++;
    return parameter == end;
}

bool negotiation_takes_gzip(const char *accept_encoding)
{
    const char *element;
    size_t count;
    while (accept_encoding && next_element(&accept_encoding, &element, &count)) {
        size_t name = 0;
        while (name < count && !strchr(";" BLANKS, element[name]))
            name++;
        if (name == 4 && !strncasecmp(element, "gzip", 4))
            return !is_refused(element, count);
    }
    return false;
}

static const char *without_weak(const char *etag)
{
    return strncmp(etag, "W/", 2) ? etag : etag + 2;
}

bool negotiation_has(const char *if_none_match, const char *etag)
{
    const char *element;
    size_t count;
    etag = without_weak(etag);
    while (if_none_match && next_element(&if_none_match, &element, &count)) {
        if (count == 1 && *element == '*')
            return true;
        size_t weak = count > 2 && !strncmp(element, "W/", 2) ? 2 : 0;
        if (count - weak == strlen(etag) && !memcmp(element + weak, etag, count - weak))
            return true;
    }
    return false;
}
