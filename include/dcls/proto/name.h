/* The names that travel: of nodes, models and keys. */
#ifndef DCLS_PROTO_NAME_H
#define DCLS_PROTO_NAME_H

#include <stdbool.h>

#include "dcls/base/options.h"

#define NAME_SIZE 65 /* longest name and its NUL */

/* [A-Za-z0-9][A-Za-z0-9._:-]{0,63}: job, train and inference keys. */
bool name_is_key(const char *text);
/* The same without the colon: nodes and models, which become file names. */
bool name_is_valid(const char *text);

/* `take` of an option that is such a name (dcls/base/options.h); its `to` is a const char *. */
int name_take(const struct command_option *option, const char *as, const char *text, struct err *err);

#endif
