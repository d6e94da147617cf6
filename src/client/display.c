/* See display.h. */
#include "display.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "dcls/base/clock.h"
#include "dcls/base/err.h"
#include "dcls/proto/json.h"
#include "text.h"

#define PLAIN_EVERY_S 10.0
#define WIDTH_DEFAULT 80

void display_init(struct display *display, bool json)
{
    const char *terminal = getenv("TERM");
    *display = (struct display){ .json = json };
    display->terminal = isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb");
}

void display_release(struct display *display)
{
    notices_release(&display->noticed);
}

/* Columns left free: some terminals wrap when the last is written, and a Ctrl-C shows as "^C" behind the line. */
#define SPARE 3

static int screen_width(void)
{
    int columns = (int)text_screen(STDERR_FILENO);
    if (columns == 0)
        return WIDTH_DEFAULT - SPARE;
    return columns > SPARE ? columns - SPARE : 1;
}

/* In one write, so that no half line is ever seen. */
static void draw(struct display *display, const char *line)
{
    char text[DISPLAY_SAID_SIZE + 16];
    int size = snprintf(text, sizeof text, "\r%s\033[K", line);
    assert(size > 0 && (size_t)size < sizeof text);
    fwrite(text, 1, (size_t)size, stderr);
    fflush(stderr);
    display->drawn = true;
}

void display_clear(struct display *display)
{
    if (display->drawn)
        fputs("\r\033[K", stderr);
    display->drawn = false;
}

void display_say(struct display *display, const char *text)
{
    char line[DISPLAY_SAID_SIZE];
    snprintf(line, sizeof line, "%s", text);
    err_one_line(line, sizeof line);
    if (display->terminal) {
        char shown[DISPLAY_SAID_SIZE];
        memcpy(shown, line, sizeof shown);
        text_cut(shown, (size_t)screen_width());
        draw(display, shown);
    } else if (strcmp(display->said, line)) {
        fprintf(stderr, "%s\n", line);
    }
    memcpy(display->said, line, sizeof display->said);
}

static int epoch_of(const cJSON *result)
{
    double epoch = json_number(result, "epoch", 0);
    return epoch >= 1 && epoch <= 1e9 ? (int)epoch : 0;
}

/* Of the newest epoch's result: an event has it alone, the whole job has all. */
static const cJSON *newest_result(const cJSON *job)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(job, "results");
    const cJSON *last = cJSON_GetArrayItem(results, cJSON_GetArraySize(results) - 1);
    return last ? last : cJSON_GetObjectItemCaseSensitive(job, "result");
}

static void show_epoch(struct display *display, const cJSON *result, int epochs)
{
    char line[PROGRESS_LINE_SIZE];
    if (epoch_of(result) <= display->printed)
        return;
    display->printed = epoch_of(result);
    progress_epoch(line, result, epochs);
    display_clear(display);
    FILE *out = display->json ? stderr : stdout;
    fprintf(out, "%s\n", line);
    fflush(out);
    display->plain_time = clock_seconds();
}

/* By their number and not by their place: results of a time when the broker was away come late, or only at the end. */
static void show_epochs(struct display *display, const cJSON *job, int epochs)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(job, "results"), *newest = newest_result(job), *result;
    double generation = json_number(job, "generation", 0);
    if (generation > display->generation) {
        display->generation = generation;
        display->printed = 0; /* the job began anew */
    }
    cJSON_ArrayForEach(result, results)
    {
        show_epoch(display, result, epochs);
    }
    if (newest)
        show_epoch(display, newest, epochs);
}

bool display_lacks(const struct display *display, const cJSON *job)
{
    bool anew = json_number(job, "generation", 0) > display->generation;
    int printed = anew ? 0 : display->printed;
    return !cJSON_HasObjectItem(job, "results") && epoch_of(newest_result(job)) > printed + 1;
}

/* What people should know of the job, each once. */
static void show_notices(struct display *display, const cJSON *notices)
{
    const cJSON *notice;
    cJSON_ArrayForEach(notice, notices)
    {
        struct buf clean;
        if (!cJSON_IsString(notice) || !notices_add(&display->noticed, "%s", notice->valuestring))
            continue;
        buf_init(&clean, NOTICE_SIZE);
        text_clean(&clean, notice->valuestring, TEXT_ONE_LINE);
        display_clear(display);
        fprintf(stderr, "dcls: %s\n", buf_text(&clean));
        buf_release(&clean);
    }
}

static void show_running(struct display *display, const cJSON *job, struct progress *progress)
{
    char line[DISPLAY_SAID_SIZE];
    const char *node = cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(job, "nodes"), 0));
    double now = clock_seconds();
    if (progress->epoch <= 0 || progress->batches <= 0) {
        /* How far it is changes often: lines that stay are printed now and then. */
        if (!display->terminal && display->preparing && now - display->plain_time < PLAIN_EVERY_S)
            return;
        display->preparing = true;
        display->plain_time = now;
        const char *reason = api_text(job, "reason");
        snprintf(line, sizeof line, "job %.64s: '%.64s' prepares the training%s%s", api_text(job, "id"),
                 node ? node : "", *reason ? ": " : "", reason);
        display_say(display, line);
        return;
    }
    display->preparing = false;
    progress->seconds_left = eta_left(&display->eta, now, progress_fraction(progress));
    if (display->terminal) {
        progress_line(line, progress, screen_width());
        draw(display, line);
    } else if (now - display->plain_time >= PLAIN_EVERY_S) {
        progress_plain(line, progress);
        fprintf(stderr, "%s\n", line);
        display->plain_time = now;
    }
    display->said[0] = '\0';
}

void display_job(struct display *display, const cJSON *job)
{
    struct progress progress;
    const char *state = api_text(job, "state"), *reason = api_text(job, "reason");
    char line[DISPLAY_SAID_SIZE];
    progress_read(&progress, job);
    if (display->plain_time <= 0)
        display->plain_time = clock_seconds();
    show_notices(display, cJSON_GetObjectItemCaseSensitive(job, "notices"));
    show_epochs(display, job, progress.epochs);
    if (!strcmp(state, "queued") || !strcmp(state, "starting")) {
        display->preparing = false;
        snprintf(line, sizeof line, "job %.64s is %s%s%s", api_text(job, "id"), state, *reason ? ": " : "", reason);
        display_say(display, line);
    } else if (!strcmp(state, "running")) {
        show_running(display, job, &progress);
    }
}

void display_upload(struct display *display, const char *what, double done, double total)
{
    char line[PROGRESS_LINE_SIZE];
    double now = clock_seconds();
    if (!display->eta.started)
        display->eta = (struct eta){ now, done, 1 };
    double seconds = now - display->eta.first_time;
    double rate = seconds >= 0.5 ? (done - display->eta.first_fraction) / seconds : NAN;
    if (display->terminal) {
        progress_bytes_line(line, what, done, total, rate, screen_width());
        draw(display, line);
    } else if (now - display->plain_time >= PLAIN_EVERY_S) {
        char sizes[2][TEXT_BYTES_SIZE];
        text_bytes(sizes[0], done);
        text_bytes(sizes[1], total);
        fprintf(stderr, "%s: %s of %s\n", what, sizes[0], sizes[1]);
        display->plain_time = now;
    }
}
