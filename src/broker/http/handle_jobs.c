/* GET /jobs, GET and DELETE /jobs/ID. */
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/jobs.h"

void handle_jobs(struct exchange *exchange)
{
    exchange_json(exchange, 200, jobs_json(exchange->broker->jobs));
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
    if (status >= 400)
        exchange_error(exchange, status, "the job's end could not be stored");
    else
        exchange_json(exchange, status, job_json(jobs_find(exchange->broker->jobs, exchange->args[0])));
}

void handle_job_cancel(struct exchange *exchange)
{
    struct refusal refusal;
    if (jobs_cancel(exchange->broker->jobs, exchange->args[0], on_cancelled, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}
