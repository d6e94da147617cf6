/* How many files this process may have open at once. */
#ifndef DCLS_BROKER_FILE_LIMIT_H
#define DCLS_BROKER_FILE_LIMIT_H

/* Raises the limit to `wanted` where it is lower, as far as the system lets it: how many there may be now. */
int file_limit_raise(int wanted);

#endif
