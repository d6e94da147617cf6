/* GET /jobs, GET and DELETE /jobs/ID. */
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/job_table.h"
#include "src/broker/jobs_shell.h"

void handle_jobs(struct exchange *exchange)
{
    const struct jobs *jobs = exchange->broker->jobs;
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "jobs");
    for (const struct job *job = jobs_oldest(jobs); job && list; job = job_newer(jobs, job))
        cJSON_AddItemToArray(list, job_json(job));
    exchange_json(exchange, 200, object);
}

void handle_job(struct exchange *exchange)
{
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    if (!job)
        exchange_error(exchange, 404, "there is no job '%.80s'", exchange->args[0]);
    else
        exchange_json(exchange, 200, job_json(job));
}

static void on_cancelled(void *arg, int status)
{
    struct exchange *exchange = arg;
    if (status == 409)
        exchange_error(exchange, status, "job '%.80s' ended before it was cancelled", exchange->args[0]);
    else if (status >= 400)
        exchange_error(exchange, status, "that it is cancelled could not be stored yet: it is tried again");
    else
        exchange_json(exchange, status, job_json(jobs_find(exchange->broker->jobs, exchange->args[0])));
}

void handle_job_cancel(struct exchange *exchange)
{
    struct refusal refusal;
    if (jobs_shell_cancel(exchange->broker, exchange->args[0], on_cancelled, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}
