/* What a run of seeds has exercised, counted. A simulation in which nothing happens finds nothing: each count has a
 * least value for a thousand seeds, and a run that stays below it has failed. */
#ifndef DCLS_SIM_COVERAGE_H
#define DCLS_SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* name, what it counts, the least for 1,000 seeds */
#define COVERAGE(X)                                                                                                    \
    X(SECONDS, "seconds of virtual time", 100000)                                                                      \
    X(DELIVERED, "messages delivered", 20000)                                                                          \
    X(LOST, "messages lost", 200)                                                                                      \
    X(SUBMITTED, "submissions accepted", 2000)                                                                         \
    X(REFUSED, "submissions refused", 200)                                                                             \
    X(COMPLETED, "jobs completed", 500)                                                                                \
    X(FAILED, "jobs failed", 500)                                                                                      \
    X(CANCELLED, "jobs cancelled", 200)                                                                                \
    X(BACK_IN_QUEUE, "jobs shown as starting, then as queued", 200)                                                    \
    X(TAKEN_UP, "failed jobs that went on", 1)                                                                         \
    X(LATE_OUTCOMES, "failed jobs that ended otherwise", 4)                                                            \
    X(OF_LOST, "ends: its node was lost", 8)                                                                           \
    X(OF_MISSING, "ends: its node no longer has it", 50)                                                               \
    X(OF_NOT_BEGUN, "ends: its node did not begin it", 5)                                                              \
    X(OF_SILENT, "ends: its node told nothing of it", 1)                                                               \
    X(OF_NOT_TAKEN, "ends: three starts were lost", 8)                                                                 \
    X(OF_FORGOTTEN, "ends: its node was forgotten", 20)                                                                \
    X(OF_NOT_CANCELLED, "ends: its node did not cancel it", 10)                                                        \
    X(OF_LEGACY_CANCEL, "ends: cancelled at a node that may train on", 50)                                             \
    X(TRAINS_SENT, "SERVER TRAIN sent", 1000)                                                                          \
    X(TRAININGS, "trainings begun", 1000)                                                                              \
    X(CANCELS_ASKED, "cancels asked for", 300)                                                                         \
    X(CANCELS_200, "cancels answered 200", 50)                                                                         \
    X(CANCELS_202, "cancels answered 202", 50)                                                                         \
    X(CANCELS_SENT, "SERVER CANCEL sent", 50)                                                                          \
    X(STALE, "SERVER CANCEL of what must not run", 10)                                                                 \
    X(OUTCOMES_TAKEN, "outcomes that ended a job", 500)                                                                \
    X(OUTCOMES_DROPPED, "outcomes that nobody needs", 50)                                                              \
    X(OUTCOMES_ACKNOWLEDGED, "outcomes dropped from a node's disk", 300)                                               \
    X(PROGRESS_IGNORED, "progress that does not count", 50)                                                            \
    X(ERRORS, "ERRORs of nodes", 10)                                                                                   \
    X(ERRORS_TAKEN, "ERRORs that ended a job", 1)                                                                      \
    X(COMMITS, "writes to the store", 5000)                                                                            \
    X(STORE_FAILURES, "writes that failed", 200)                                                                       \
    X(DISK_FAILURES, "outcomes that could not be kept", 50)                                                            \
    X(PUBLISHED, "events of jobs", 5000)                                                                               \
    X(NODE_CHANGES, "events of nodes", 2000)                                                                           \
    X(REGISTRATIONS, "registrations of nodes", 2000)                                                                   \
    X(NAMES_REFUSED, "names refused", 50)                                                                              \
    X(PROBES, "nodes asked whether they live", 5)                                                                      \
    X(GOODBYES_REFUSED, "goodbyes for another refused", 10)                                                            \
    X(FORGOTTEN, "nodes forgotten", 5)                                                                                 \
    X(BROKER_CRASHES, "crashes and stops of the broker", 300)                                                          \
    X(NODE_CRASHES, "crashes of nodes", 300)                                                                           \
    X(NODE_STOPS, "stops of nodes", 100)                                                                               \
    X(PAUSES, "processes that stood still", 100)                                                                       \
    X(ISOLATIONS, "nodes that reached nobody", 100)                                                                    \
    X(CUTS, "connections cut", 500)                                                                                    \
    X(HOLDS, "connections that stood still", 300)                                                                      \
    X(WORKERS_FAILED, "workers that failed", 50)                                                                       \
    X(WORKERS_CRASHED, "workers that crashed", 50)                                                                     \
    X(WORKERS_HUNG, "workers that hung", 50)                                                                           \
    X(LIES, "words about others' trainings", 50)                                                                       \
    X(IMPOSTORS, "claims to another's name", 50)                                                                       \
    X(TRAINS_IGNORED, "SERVER TRAIN ignored", 20)                                                                      \
    X(CANCELS_IGNORED, "SERVER CANCEL ignored", 10)

enum coverage_count {
#define COVERAGE_ENUM(name, text, least) COVER_##name,
    COVERAGE(COVERAGE_ENUM)
#undef COVERAGE_ENUM
        COVERAGE_COUNTS
};

struct coverage {
    uint64_t counts[COVERAGE_COUNTS];
};

void coverage_add(struct coverage *to, const struct coverage *from);
/* A line each. False where one is below its least, which its line says; a run of under 1,000 seeds has none. */
bool coverage_report(const struct coverage *coverage, uint64_t seeds);

#endif
