/* The queue of writes and the transaction that a group of them is. The queue is the loop's alone: a group is taken from
 * it when the one before is done, so that the thread and the loop share nothing. SQLite undoes a single statement that
 * fails by itself, but a write may be several: each has a savepoint. */
#include "store_writer.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/base/log.h"
#include "lanes.h"
#include "store_db.h"
#include "store_statement.h"

#define GROUP_MAX 1000 /* so that what is read meanwhile waits for some ten milliseconds at most */
#define DEPTH_MAX 65536

struct write {
    STAILQ_ENTRY(write) queued;
    struct statement *statement;
    bool failed;
    store_written *done; /* NULL: nobody asks */
    void *arg;
};
STAILQ_HEAD(write_queue, write);

struct store_writer {
    struct broker *broker;
    sqlite3 *db;
    struct write_queue waiting;
    size_t depth; /* of those that wait and of the group */
    bool running;
    /* of the group; the thread's while it runs */
    struct write_queue group;
    struct err why; /* the first that failed; empty: none did */
    /* of the last group */
    struct err failing;
    int64_t failing_since;
};

struct store_writer *store_writer_new(struct broker *broker, sqlite3 *db)
{
    struct store_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->broker = broker;
    writer->db = db;
    STAILQ_INIT(&writer->waiting);
    STAILQ_INIT(&writer->group);
    return writer;
}

void store_writer_free(struct store_writer *writer)
{
    assert(!writer || !writer->depth);
    free(writer);
}

/* True where the transaction goes on, be it without this one. */
static bool write_one(struct store_writer *writer, struct write *write)
{
    sqlite3 *db = writer->db;
    struct err err = ERR_INIT;
    if (store_db_run(db, "SAVEPOINT one", &writer->why))
        return false;
    write->failed = statement_run(write->statement, db, &err) || store_db_run(db, "RELEASE one", &err);
    if (!write->failed)
        return true;
    log_error("%s", err.text);
    if (!*writer->why.text)
        writer->why = err;
    /* A full disk and the like end the whole transaction. */
    return !sqlite3_get_autocommit(db) && !store_db_run(db, "ROLLBACK TO one; RELEASE one", NULL);
}

static int write_group(void *arg, const atomic_bool *stop, struct err *err)
{
    struct store_writer *writer = arg;
    (void)stop;
    writer->why.text[0] = '\0';
    bool ok = !store_db_run(writer->db, "BEGIN IMMEDIATE", &writer->why);
    for (struct write *write = STAILQ_FIRST(&writer->group); write && ok; write = STAILQ_NEXT(write, queued))
        ok = write_one(writer, write);
    if (ok && !store_db_run(writer->db, "COMMIT", &writer->why))
        return 0;
    if (!sqlite3_get_autocommit(writer->db))
        store_db_run(writer->db, "ROLLBACK", NULL);
    return err_set(err, "%s", writer->why.text);
}

static void take_health(struct store_writer *writer)
{
    if (!*writer->why.text)
        writer->failing_since = 0;
    else if (!writer->failing_since)
        writer->failing_since = clock_wall_ms();
    writer->failing = writer->why;
}

static void group_done(void *arg, int result, const struct err *err);

/* False where it cannot be: what waits stays. */
static bool start_group(struct store_writer *writer)
{
    struct thread_pool *pool = writer->broker->pool;
    assert(!writer->running && STAILQ_EMPTY(&writer->group));
    for (int i = 0; i < GROUP_MAX && !STAILQ_EMPTY(&writer->waiting); i++) {
        struct write *write = STAILQ_FIRST(&writer->waiting);
        STAILQ_REMOVE_HEAD(&writer->waiting, queued);
        STAILQ_INSERT_TAIL(&writer->group, write, queued);
    }
    writer->running = pool && thread_pool_submit(pool, LANE_STORE, write_group, group_done, writer);
    if (writer->running)
        return true;
    STAILQ_CONCAT(&writer->group, &writer->waiting);
    STAILQ_CONCAT(&writer->waiting, &writer->group);
    return false;
}

/* Calls back for all of a queue, in order. */
static void tell(struct store_writer *writer, struct write_queue *queue, bool ok)
{
    for (struct write *write; (write = STAILQ_FIRST(queue));) {
        STAILQ_REMOVE_HEAD(queue, queued);
        writer->depth--;
        if (write->done)
            write->done(write->arg, ok && !write->failed);
        statement_free(write->statement);
        free(write);
    }
}

static void group_done(void *arg, int result, const struct err *err)
{
    struct store_writer *writer = arg;
    struct write_queue group = STAILQ_HEAD_INITIALIZER(group);
    STAILQ_CONCAT(&group, &writer->group);
    writer->running = false;
    if (result)
        log_error("nothing is stored: %s", err->text);
    if (result && !*writer->why.text)
        writer->why = *err; /* it was not run at all */
    take_health(writer);
    /* The next group is written while this one is told. */
    if (!STAILQ_EMPTY(&writer->waiting))
        start_group(writer);
    tell(writer, &group, !result);
    if (writer->running || STAILQ_EMPTY(&writer->waiting) || start_group(writer))
        return;
    log_error("no room for what the state's database is asked");
    STAILQ_CONCAT(&group, &writer->waiting);
    tell(writer, &group, false);
}

int store_writer_add(struct store_writer *writer, struct statement *statement, store_written *done, void *arg)
{
    struct write *write = NULL;
    if (statement_is_whole(statement) && writer->depth < DEPTH_MAX)
        write = calloc(1, sizeof *write);
    if (!write)
        goto fail;
    *write = (struct write){ .statement = statement, .done = done, .arg = arg };
    STAILQ_INSERT_TAIL(&writer->waiting, write, queued);
    writer->depth++;
    if (writer->running || start_group(writer))
        return 0;
    /* Others wait only while a group runs, or while its end is told, which tries again. */
    if (STAILQ_FIRST(&writer->waiting) != write)
        return 0;
    STAILQ_REMOVE_HEAD(&writer->waiting, queued);
    writer->depth--;
fail:
    log_error("no room for what the state's database is asked");
    statement_free(statement);
    free(write);
    return -1;
}

size_t store_writer_depth(const struct store_writer *writer)
{
    return writer->depth;
}

const char *store_writer_failing(const struct store_writer *writer, int64_t *since_ms)
{
    if (!*writer->failing.text)
        return NULL;
    *since_ms = writer->failing_since;
    return writer->failing.text;
}
