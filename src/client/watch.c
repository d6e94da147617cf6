/* Watching a job, and its outcome in a line: see watch.h. */
#include "watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "commands.h"
#include "dcls/base/clock.h"
#include "dcls/proto/json.h"
#include "display.h"
#include "follow.h"
#include "interrupt.h"
#include "text.h"

#define PATIENCE_S 60
#define WHOLE_PATIENCE_S 10
#define WHOLE_DELAY_S 0.5

struct watch {
    const struct client *client;
    const char *id;
    struct display display;
};

/* With all its results, which events do not carry; NULL where it cannot be had now. */
static cJSON *get_whole(const struct watch *watch, struct err *err)
{
    return api_call_named(watch->client, "GET", "/jobs/", watch->id, "", err);
}

static void on_state(void *arg, const cJSON *job)
{
    struct watch *watch = arg;
    struct err err = ERR_INIT;
    if (!display_lacks(&watch->display, job)) {
        display_job(&watch->display, job);
        return;
    }
    cJSON *whole = get_whole(watch, &err);
    if (whole) /* else the next event tries again */
        display_job(&watch->display, whole);
    cJSON_Delete(whole);
}

static void on_lost(void *arg, const char *why, int seconds_left)
{
    struct display *display = &((struct watch *)arg)->display;
    char line[DISPLAY_SAID_SIZE];
    /* The countdown only where the line is redrawn. */
    if (display->terminal)
        snprintf(line, sizeof line, "%s: trying again for %d s", why, seconds_left);
    else
        snprintf(line, sizeof line, "%s: trying again", why);
    display_say(display, line);
}

/* An ended job as a whole in place of its last event, which is kept where the broker cannot be reached any more. */
static cJSON *complete(struct watch *watch, cJSON *job)
{
    struct err err = ERR_INIT;
    double end = clock_seconds() + WHOLE_PATIENCE_S;
    cJSON *whole = get_whole(watch, &err);
    while (!whole && clock_seconds() < end && !*interrupt_flag()) {
        interrupt_sleep(WHOLE_DELAY_S);
        whole = get_whole(watch, &err);
    }
    if (!whole)
        return job;
    display_job(&watch->display, whole);
    cJSON_Delete(job);
    return whole;
}

static void print_summary(const cJSON *job)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(job, "results");
    int epochs = cJSON_GetArraySize(results);
    double seconds = 0;
    char time[PROGRESS_TIME_SIZE];
    const cJSON *result;
    cJSON_ArrayForEach(result, results)
    {
        seconds += json_number(result, "epoch_time_seconds", 0);
    }
    fputs("model '", stdout);
    text_print(api_text(job, "modelName"), TEXT_ONE_LINE);
    fputs("'", stdout);
    double accuracy = json_number(cJSON_GetArrayItem(results, epochs - 1), "test_accuracy", NAN);
    if (isfinite(accuracy)) {
        progress_time(time, seconds);
        printf(": test accuracy %.2f%% after %d %s in %s", accuracy, epochs, epochs == 1 ? "epoch" : "epochs", time);
    } else {
        fputs(" is trained", stdout); /* by a node that tells no results on its way */
    }
    fputs("\n", stdout);
}

static int outcome(const struct client *client, const char *id, const cJSON *job)
{
    struct err err = ERR_INIT;
    const char *state = api_text(job, "state"), *error = api_text(job, "error");
    int status = client->json ? client_print_json(job) : EXIT_DONE;
    if (!strcmp(state, "completed")) {
        if (!client->json)
            print_summary(job);
        return status;
    }
    if (!strcmp(state, "cancelled"))
        err_set(&err, "job '%s' was cancelled", id);
    else
        err_set(&err, "job '%s' failed: %s", id, *error ? error : "no reason was told");
    return client_fail(&err);
}

int watch_job(const struct client *client, const char *id)
{
    struct watch watch = { .client = client, .id = id };
    struct err err = ERR_INIT;
    cJSON *job = NULL;
    int status;

    display_init(&watch.display, client->json);
    interrupt_catch();
    struct follow_observer observer = { PATIENCE_S, &watch, on_state, on_lost };
    enum follow_end end = follow_job(client, id, &observer, &job, &err);
    if (end == FOLLOW_DONE)
        job = complete(&watch, job);
    display_clear(&watch.display);
    display_release(&watch.display);
    if (end == FOLLOW_DONE) {
        status = outcome(client, id, job);
    } else if (end == FOLLOW_INTERRUPTED) {
        fprintf(stderr, "dcls: job '%s' goes on: 'dcls client watch %s' follows it, 'dcls client cancel %s' ends it\n",
                id, id, id);
        status = EXIT_INTERRUPTED;
    } else {
        status = client_fail(&err);
    }
    cJSON_Delete(job);
    return status;
}

int client_watch(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Follows a training until it ends." };
    struct client client;
    const char *job;
    int status;
    if (client_parse_job(&client, &line, argc, argv, &job, &status))
        return status;
    return watch_job(&client, job);
}
