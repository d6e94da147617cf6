/* See store_statement.h. */
#include "store_statement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store_db.h"

#define PARAMETERS_MAX 24

struct parameter {
    enum { PARAMETER_TEXT, PARAMETER_NUMBER } kind;
    char *text; /* NULL: SQL's NULL */
    int64_t number;
};

struct statement {
    const char *sql;
    struct parameter parameters[PARAMETERS_MAX];
    int count;
    bool short_of_memory;
    char *answer;
};

struct statement *statement_new(const char *sql)
{
    struct statement *statement = calloc(1, sizeof *statement);
    if (statement)
        statement->sql = sql;
    return statement;
}

void statement_free(struct statement *statement)
{
    if (!statement)
        return;
    for (int i = 0; i < statement->count; i++)
        free(statement->parameters[i].text);
    free(statement->answer);
    free(statement);
}

static void add(struct statement *statement, const struct parameter *parameter)
{
    assert(statement->count < PARAMETERS_MAX);
    statement->parameters[statement->count++] = *parameter;
}

void statement_add_text(struct statement *statement, const char *text)
{
    if (!statement)
        return;
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        statement_spoil(statement);
    add(statement, &(struct parameter){ .kind = PARAMETER_TEXT, .text = copy });
}

void statement_add_json(struct statement *statement, const cJSON *value)
{
    if (!statement)
        return;
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    if (value && !text)
        statement_spoil(statement);
    add(statement, &(struct parameter){ .kind = PARAMETER_TEXT, .text = text });
}

void statement_add_number(struct statement *statement, int64_t number)
{
    if (statement)
        add(statement, &(struct parameter){ .kind = PARAMETER_NUMBER, .number = number });
}

void statement_spoil(struct statement *statement)
{
    if (statement)
        statement->short_of_memory = true;
}

bool statement_is_whole(const struct statement *statement)
{
    return statement && !statement->short_of_memory;
}

/* As many as the statement has; the text has others. */
static int bind(const struct statement *statement, sqlite3_stmt *prepared)
{
    int status = SQLITE_OK, wanted = sqlite3_bind_parameter_count(prepared);
    assert(wanted <= statement->count);
    for (int i = 0; i < wanted && status == SQLITE_OK; i++) {
        const struct parameter *parameter = &statement->parameters[i];
        if (parameter->kind == PARAMETER_NUMBER)
            status = sqlite3_bind_int64(prepared, i + 1, parameter->number);
        else if (parameter->text)
            status = sqlite3_bind_text(prepared, i + 1, parameter->text, -1, SQLITE_STATIC);
    }
    return status;
}

static int run_one(struct statement *statement, sqlite3 *db, sqlite3_stmt *prepared, struct err *err)
{
    int more;
    if (bind(statement, prepared) != SQLITE_OK)
        return store_db_fail(db, err);
    while ((more = store_db_step(db, prepared, err)) > 0) {
        if (statement->answer || sqlite3_column_type(prepared, 0) == SQLITE_NULL)
            continue;
        statement->answer = strdup(store_db_text(prepared, 0));
        if (store_db_check_row(db, err))
            return -1;
        if (!statement->answer)
            return err_set(err, "no memory for what the state's database answers");
    }
    return more;
}

int statement_run(struct statement *statement, sqlite3 *db, struct err *err)
{
    const char *rest = statement->sql;
    int status = 0;
    assert(statement_is_whole(statement) && !statement->answer);
    while (*rest && !status) {
        sqlite3_stmt *prepared = store_db_prepare(db, rest, &rest, err);
        status = prepared ? run_one(statement, db, prepared, err) : -1;
        sqlite3_finalize(prepared);
    }
    return status;
}

const char *statement_answer(const struct statement *statement)
{
    return statement->answer;
}
