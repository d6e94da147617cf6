/* GET /jobs, GET and DELETE /jobs/ID. */
#include "src/broker/broker.h"
#include "src/broker/jobs.h"
#include "routes.h"

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

static void on_cancelled(void *arg, int status, const char *error)
{
    struct exchange *exchange = arg;
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    if (status >= 400 || !job)
        exchange_error(exchange, status >= 400 ? status : 404, "%s", error ? error : "the job cannot be cancelled");
    else
        exchange_json(exchange, status, job_json(job));
}

void handle_job_cancel(struct exchange *exchange)
{
    jobs_cancel(exchange->broker->jobs, exchange->args[0], on_cancelled, exchange);
}
