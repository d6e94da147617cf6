/* How many threads and how much may wait: see lanes.h. */
#include "lanes.h"

#define THREADS                                                                                                        \
    5 /* blobs, scans, hashes and thumbnails beside each other, and one for files that are opened meanwhile */
#define OTHERS_WAITING_MAX 1024

const char *const broker_lane_names[BROKER_LANES] = {
    [LANE_STORE] = "store",   [LANE_BLOBS] = "blobs",           [LANE_SCANS] = "scans",
    [LANE_HASHES] = "hashes", [LANE_THUMBNAILS] = "thumbnails",
};

static const size_t waiting_max[BROKER_LANES] = {
    [LANE_STORE] = 16384, /* far more than clients may ask at a time, so that no state is lost */
    [LANE_BLOBS] = 1024,  /* one a connection */
    [LANE_SCANS] = 16,    /* one runs and answers all */
    [LANE_HASHES] = 16,   [LANE_THUMBNAILS] = 256, /* more than wait for the helper process */
};

struct thread_pool *lanes_new(struct event_base *base, struct err *err)
{
    struct thread_pool *pool = thread_pool_new(base, THREADS, OTHERS_WAITING_MAX, err);
    if (!pool)
        return NULL;
    for (int lane = 0; lane < BROKER_LANES; lane++)
        thread_pool_bound_lane(pool, lane, waiting_max[lane]);
    if (!thread_pool_own_thread(pool, LANE_STORE, err))
        return pool;
    thread_pool_free(pool);
    return NULL;
}
