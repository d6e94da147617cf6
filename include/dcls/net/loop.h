/* The event loop of a role. */
#ifndef DCLS_NET_LOOP_H
#define DCLS_NET_LOOP_H

#include <event2/event.h>

/* A loop; what libevent has to say goes to the log: by itself it would write it on stderr and wait for whoever reads
 * that. NULL where memory lacks; event_base_free. */
struct event_base *loop_new(void);

#endif
