/* Following a job to its end through the broker's event stream. */
#ifndef DCLS_CLIENT_WATCH_H
#define DCLS_CLIENT_WATCH_H

#include "client.h"

/* Shows the job until it ends, then its outcome; gives the exit code: 0 completed, 1 failed, cancelled or out of reach,
 * EXIT_INTERRUPTED on Ctrl-C, which leaves the job running and says how to go on. */
int watch_job(const struct client *client, const char *job);

#endif
