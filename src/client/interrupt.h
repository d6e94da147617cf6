/* Ctrl-C as a flag that waits look at. */
#ifndef DCLS_CLIENT_INTERRUPT_H
#define DCLS_CLIENT_INTERRUPT_H

#include <stdatomic.h>

/* From now on the first SIGINT or SIGTERM sets the flag; the second ends the process as ever. */
void interrupt_catch(void);
const atomic_bool *interrupt_flag(void);

/* Sleeps so many seconds, or until the flag is set. */
void interrupt_sleep(double seconds);

#endif
