/* See store_reader.h. There is one connection, since only so WAL works without shared memory, which network file
 * systems lack: a read is a turn of the lane of its own, which waits for one group of writes at most. */
#include "store_reader.h"

#include <stdlib.h>

#include "broker.h"
#include "dcls/base/log.h"
#include "lanes.h"
#include "store_statement.h"

struct question {
    sqlite3 *db;
    struct statement *statement;
    void (*done)(void *arg, bool ok, const char *answer);
    void *arg;
};

static int run_question(void *arg, const atomic_bool *stop, struct err *err)
{
    struct question *question = arg;
    (void)stop;
    return statement_run(question->statement, question->db, err);
}

static void question_done(void *arg, int result, const struct err *err)
{
    struct question *question = arg;
    if (result)
        log_error("%s", err->text);
    question->done(question->arg, !result, result ? NULL : statement_answer(question->statement));
    statement_free(question->statement);
    free(question);
}

int store_reader_ask(struct broker *broker, sqlite3 *db, struct statement *statement,
                     void (*done)(void *arg, bool ok, const char *answer), void *arg)
{
    struct question *question = statement_is_whole(statement) && broker->pool ? malloc(sizeof *question) : NULL;
    if (question) {
        *question = (struct question){ db, statement, done, arg };
        if (thread_pool_submit(broker->pool, LANE_STORE, run_question, question_done, question))
            return 0;
    }
    statement_free(statement);
    free(question);
    return -1;
}
