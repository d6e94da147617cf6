/* Shows a job as it goes: epochs' results as lines on stdout, and on stderr a bar that is redrawn on a terminal, or a
 * plain line now and then elsewhere. With --json the epochs' lines go to stderr too. */
#ifndef DCLS_CLIENT_DISPLAY_H
#define DCLS_CLIENT_DISPLAY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/notices.h"
#include "progress.h"

#define DISPLAY_SAID_SIZE 640 /* more than an err and a progress line */

struct display {
    bool json, terminal;
    bool preparing;    /* was told last */
    bool drawn;        /* a line stands on the screen that the next one replaces */
    double generation; /* of the job, */
    int printed;       /* and its last epoch whose result was shown */
    struct eta eta;
    double plain_time;            /* when the last plain line was printed */
    char said[DISPLAY_SAID_SIZE]; /* the last state told, so that it is told once */
    struct notices noticed;       /* those that were printed */
};

void display_init(struct display *display, bool json);
void display_release(struct display *display);
void display_job(struct display *display, const cJSON *job);
/* The job is an event's, with the newest epoch's result alone, and epochs before that were not shown yet. */
bool display_lacks(const struct display *display, const cJSON *job);
/* A passing remark in place of the bar ("waiting for the broker"); elsewhere a line, once for each text. */
void display_say(struct display *display, const char *text);
/* Takes the bar off the screen: before anything else is printed, and at the end. */
void display_clear(struct display *display);
/* "uploading 'FILE'": with what part of it is done. */
void display_upload(struct display *display, const char *what, double done, double total);

#endif
