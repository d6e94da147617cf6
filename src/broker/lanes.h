/* The lanes of the broker's thread pool: what may block, by what must keep its order among itself. */
#ifndef DCLS_BROKER_LANES_H
#define DCLS_BROKER_LANES_H

#include "dcls/net/thread_pool.h"

/* What shares a lane is ordered, and lanes run beside each other: nobody's scan holds up a commit. What needs no order
 * (files that are opened for reading) goes without one. */
enum broker_lane {
    LANE_STORE,      /* SQLite: a job's states. It has a thread of its own and never waits for the others */
    LANE_BLOBS,      /* blobs written, and what has to know whether one is whole */
    LANE_SCANS,      /* lists of the image folder */
    LANE_HASHES,     /* the manifest of the image folder */
    LANE_THUMBNAILS, /* small pictures that are kept */
    BROKER_LANES
};

/* "store", ...: for those who read how much waits (thread_pool_depth). */
extern const char *const broker_lane_names[BROKER_LANES];

/* The pool with these lanes, each with its own bound on what waits. NULL with err where it cannot be had. */
struct thread_pool *lanes_new(struct event_base *base, struct err *err);

#endif
