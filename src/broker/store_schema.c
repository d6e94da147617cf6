/* See store_schema.h. */
#include "store_schema.h"

#include "store_db.h"

#define SCHEMA_VERSION 4

static const char schema[] = "CREATE TABLE jobs ("
                             " id INTEGER PRIMARY KEY, state TEXT NOT NULL, model_name TEXT NOT NULL,"
                             " model_type TEXT NOT NULL, wanted TEXT NOT NULL, node TEXT NOT NULL,"
                             " train_key TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, options TEXT NOT NULL,"
                             " results TEXT NOT NULL, data TEXT, report TEXT, log TEXT, error TEXT,"
                             " created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
                             " notices TEXT, assignments TEXT, cancelling INTEGER NOT NULL DEFAULT 0, reason TEXT,"
                             " given_up INTEGER NOT NULL DEFAULT 0);"
                             "CREATE INDEX jobs_by_model ON jobs (model_name, ended);"
                             "CREATE TABLE models ("
                             " name TEXT NOT NULL, sha256 TEXT NOT NULL, info TEXT, job TEXT NOT NULL,"
                             " completed INTEGER NOT NULL, holders TEXT, PRIMARY KEY (name, sha256));"
                             "CREATE TABLE removals ("
                             " node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL, job TEXT NOT NULL,"
                             " since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"
                             "PRAGMA user_version = 4;";
/* From each version to the next. Who holds a model was not kept before 3: the node that made it does. */
static const char *const upgrades[SCHEMA_VERSION] = {
    [1] = "ALTER TABLE jobs ADD COLUMN notices TEXT; PRAGMA user_version = 2;",
    [2] = "ALTER TABLE models ADD COLUMN holders TEXT;"
          "UPDATE models SET holders = (SELECT json_array(node) FROM jobs WHERE id = models.job AND node <> '');"
          "CREATE TABLE removals ("
          " node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL, job TEXT NOT NULL,"
          " since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"
          "PRAGMA user_version = 3;",
    [3] = "ALTER TABLE jobs ADD COLUMN assignments TEXT;"
          "ALTER TABLE jobs ADD COLUMN cancelling INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE jobs ADD COLUMN reason TEXT;"
          "ALTER TABLE jobs ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;"
          "PRAGMA user_version = 4;",
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
