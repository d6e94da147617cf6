/* See store_schema.h. */
#include "store_schema.h"

#include "store_db.h"

#define SCHEMA_VERSION 4
#define TEXT_OF(number) #number
#define SET_VERSION(number) "PRAGMA user_version = " TEXT_OF(number) ";"

const char store_schema_touch[] = SET_VERSION(SCHEMA_VERSION);

/* What may be long comes last: the list of all is read without it. */
#define JOBS                                                                                                           \
    "CREATE TABLE jobs ("                                                                                              \
    " id INTEGER PRIMARY KEY, state TEXT NOT NULL, model_name TEXT NOT NULL, model_type TEXT NOT NULL,"                \
    " wanted TEXT NOT NULL, node TEXT NOT NULL, train_key TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,"          \
    " epoch INTEGER NOT NULL, created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"             \
    " cancelling INTEGER NOT NULL, given_up INTEGER NOT NULL, error TEXT, reason TEXT, notices TEXT,"                  \
    " assignments TEXT, options TEXT NOT NULL, data TEXT, report TEXT, log TEXT);"                                     \
    "CREATE INDEX jobs_by_model ON jobs (model_name, ended);"
/* An epoch's result lies beside the job's others. */
#define RESULTS                                                                                                        \
    "CREATE TABLE results ("                                                                                           \
    " job INTEGER NOT NULL, epoch INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (job, epoch)) WITHOUT ROWID;"
#define REMOVALS                                                                                                       \
    "CREATE TABLE removals ("                                                                                          \
    " node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL, job TEXT NOT NULL,"                               \
    " since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"

static const char schema[] = JOBS RESULTS REMOVALS
    "CREATE TABLE models ("
    " name TEXT NOT NULL, sha256 TEXT NOT NULL, info TEXT, job TEXT NOT NULL,"
    " completed INTEGER NOT NULL, holders TEXT, PRIMARY KEY (name, sha256));" SET_VERSION(SCHEMA_VERSION);

/* From each version to the next. Who holds a model was not kept before 3: the node that made it does. Before 4 the
 * results of all epochs stood in the job's row. */
static const char *const upgrades[SCHEMA_VERSION] = {
    [1] = "ALTER TABLE jobs ADD COLUMN notices TEXT; PRAGMA user_version = 2;",
    [2] =
        "ALTER TABLE models ADD COLUMN holders TEXT;"
        "UPDATE models SET holders = (SELECT json_array(node) FROM jobs WHERE id = models.job AND node <> '');" REMOVALS
        "PRAGMA user_version = 3;",
    [3] = "DROP INDEX jobs_by_model; ALTER TABLE jobs RENAME TO jobs_3;" JOBS RESULTS
          "INSERT OR REPLACE INTO results (job, epoch, result)"
          " SELECT jobs_3.id, coalesce(CAST(json_extract(value, '$.epoch') AS INTEGER), key + 1), value"
          " FROM jobs_3, json_each(CASE WHEN json_valid(results) THEN results ELSE '[]' END)"
          " WHERE type = 'object';" /* a node's report may have held anything */
          "INSERT INTO jobs (id, state, model_name, model_type, wanted, node, train_key, generation, epoch, created,"
          " started, ended, cancelling, given_up, error, notices, options, data, report, log)"
          " SELECT id, state, model_name, model_type, wanted, node, train_key, generation,"
          " coalesce((SELECT max(epoch) FROM results WHERE job = jobs_3.id), 0), created,"
          " started, ended, 0, 0, error, notices, options, data, report, log FROM jobs_3;"
          "DROP TABLE jobs_3; PRAGMA user_version = 4;",
};

static int read_version(sqlite3 *db, int *version, struct err *err)
{
    sqlite3_stmt *statement = store_db_prepare(db, "PRAGMA user_version", NULL, err);
    int found = statement ? store_db_step(db, statement, err) : -1;
    *version = found > 0 ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return found < 0 ? -1 : 0;
}

int store_schema_prepare(sqlite3 *db, struct err *err)
{
    int version;
    if (read_version(db, &version, err))
        return -1;
    if (version == SCHEMA_VERSION)
        return 0;
    if (version < 0 || version > SCHEMA_VERSION)
        return err_set(err, "the state's database is of version %d, this program knows %d", version, SCHEMA_VERSION);
    if (store_db_run(db, "BEGIN IMMEDIATE", err))
        return -1;
    int failed = version ? 0 : store_db_run(db, schema, err);
    for (int from = version; !failed && from && from < SCHEMA_VERSION; from++)
        failed = store_db_run(db, upgrades[from], err);
    if (!failed && !store_db_run(db, "COMMIT", err))
        return 0;
    if (!sqlite3_get_autocommit(db))
        store_db_run(db, "ROLLBACK", NULL);
    return -1;
}
