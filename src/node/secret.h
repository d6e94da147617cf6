/* What tells a node from others that might take its name: 64 random hexadecimal digits, made once and kept in its
 * folder, where no other user can read them. Never logged, never shown. */
#ifndef DCLS_NODE_SECRET_H
#define DCLS_NODE_SECRET_H

#include "dcls/base/err.h"

#define SECRET_SIZE 65 /* and the NUL */

/* Reads DIR/secret, or makes it where there is none. One that is damaged is replaced, and one that cannot be written is
 * of this process alone: the log warns of both. -1 where it is there and cannot be read, since with another the node
 * would be taken for another; and where there are no random numbers. */
int secret_load(const char *dir, char secret[SECRET_SIZE], struct err *err);

#endif
