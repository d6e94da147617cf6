/* See store_db.h. */
#include "store_db.h"

int store_db_fail(sqlite3 *db, struct err *err)
{
    return err_set(err, "the state's database: %s", sqlite3_errmsg(db));
}

int store_db_run(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_db_fail(db, err);
}

sqlite3_stmt *store_db_prepare(sqlite3 *db, const char *sql, const char **rest, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, rest) != SQLITE_OK)
        store_db_fail(db, err);
    return statement;
}

int store_db_step(sqlite3 *db, sqlite3_stmt *rows, struct err *err)
{
    int status = sqlite3_step(rows);
    if (status == SQLITE_ROW)
        return 1;
    return status == SQLITE_DONE ? 0 : store_db_fail(db, err);
}

int store_db_check_row(sqlite3 *db, struct err *err)
{
    return sqlite3_errcode(db) == SQLITE_NOMEM ? store_db_fail(db, err) : 0;
}

const char *store_db_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}
