/* See progress.h. */
#include "progress.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "text.h"

#define BAR_MIN 10
#define BAR_MAX 40
#define PARTS_MAX 5
/* Less than this much is too little to tell time from. */
#define ETA_MIN_SECONDS 1.0
#define ETA_MIN_FRACTION 0.0005

static int whole(const cJSON *object, const char *name)
{
    double value = json_number(object, name, 0);
    return value >= 0 && value <= 1e9 ? (int)value : 0;
}

void progress_read(struct progress *progress, const cJSON *job)
{
    *progress = (struct progress){
        .epoch = whole(job, "epoch"),
        .epochs = whole(job, "epochs"),
        .batch = whole(job, "batch"),
        .batches = whole(job, "batches"),
        .images_per_second = json_number(job, "imagesPerSecond", NAN),
        .loss = json_number(job, "loss", NAN),
        .accuracy = json_number(job, "accuracy", NAN),
        .seconds_left = NAN,
    };
}

/* Of this epoch, 0 to 1. */
static double epoch_fraction(const struct progress *progress)
{
    if (progress->batches <= 0)
        return 0;
    return progress->batch < progress->batches ? (double)progress->batch / progress->batches : 1;
}

double progress_fraction(const struct progress *progress)
{
    if (progress->epochs <= 0 || progress->epoch <= 0)
        return 0;
    return fmin(1, (progress->epoch - 1 + epoch_fraction(progress)) / progress->epochs);
}

double eta_left(struct eta *eta, double now, double fraction)
{
    /* A training that began anew (its node was lost, another took over) is timed anew. */
    if (!eta->started || fraction < eta->first_fraction)
        *eta = (struct eta){ now, fraction, 1 };
    double time = now - eta->first_time, done = fraction - eta->first_fraction;
    if (time < ETA_MIN_SECONDS || done < ETA_MIN_FRACTION)
        return NAN;
    return time / done * (1 - fraction);
}

void progress_time(char text[PROGRESS_TIME_SIZE], double seconds)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(text, PROGRESS_TIME_SIZE, "?");
        return;
    }
    long all = lround(seconds), days = all / 86400, hours = all / 3600 % 24, minutes = all / 60 % 60;
    if (days > 0)
        snprintf(text, PROGRESS_TIME_SIZE, "%ld d %02ld:%02ld", days, hours, minutes);
    else if (hours > 0)
        snprintf(text, PROGRESS_TIME_SIZE, "%ld:%02ld:%02ld", hours, minutes, all % 60);
    else
        snprintf(text, PROGRESS_TIME_SIZE, "%ld:%02ld", minutes, all % 60);
}

/* Text behind the bar, two blanks in front of each. `rank`: the higher, the sooner it goes where room lacks. */
struct part {
    char text[80];
    int rank;
};

__attribute__((format(printf, 4, 5))) static void add_part(struct part *parts, size_t *count, int rank,
                                                           const char *format, ...)
{
    va_list list;
    assert(*count < PARTS_MAX);
    struct part *part = &parts[(*count)++];
    *part = (struct part){ "  ", rank };
    va_start(list, format);
    vsnprintf(part->text + 2, sizeof part->text - 2, format, list);
    va_end(list);
}

static size_t parts_size(const struct part *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(parts[i].text);
    return size;
}

static void drop_least(struct part *parts, size_t *count)
{
    size_t worst = 0;
    for (size_t i = 1; i < *count; i++)
        if (parts[i].rank > parts[worst].rank)
            worst = i;
    memmove(&parts[worst], &parts[worst + 1], (*count - worst - 1) * sizeof *parts);
    (*count)--;
}

/* HEAD [===>   ]  45%  PARTS, in `width` columns. */
static void compose(char text[PROGRESS_LINE_SIZE], const char *head, double fraction, struct part *parts, size_t count,
                    int width)
{
    const size_t frame = strlen(" [] 100%"), least = strlen(" 100%");
    size_t room = width > 0 && width < PROGRESS_LINE_SIZE - 1 ? (size_t)width : PROGRESS_LINE_SIZE - 1;
    char shown[PROGRESS_LINE_SIZE];
    snprintf(shown, sizeof shown, "%s", head);
    if (room > least)
        text_cut(shown, room - least); /* how far it is tells more */
    size_t fixed = text_columns(shown) + frame;

    while (count > 0 && fixed + BAR_MIN + parts_size(parts, count) > room)
        drop_least(parts, &count);
    size_t used = fixed + parts_size(parts, count);
    int bar = room > used ? (int)(room - used) : 0;
    bar = bar > BAR_MAX ? BAR_MAX : bar;

    char line[2 * PROGRESS_LINE_SIZE], strip[BAR_MAX + 1] = "";
    int full = (int)(fraction * bar), percent = (int)(fraction * 100);
    for (int i = 0; i < bar; i++)
        strip[i] = i < full ? '=' : (i == full ? '>' : ' ');
    if (bar >= BAR_MIN)
        snprintf(line, sizeof line, "%s [%.*s] %3d%%", shown, bar, strip, percent);
    else
        snprintf(line, sizeof line, "%s %3d%%", shown, percent);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(line);
        snprintf(line + length, sizeof line - length, "%s", parts[i].text);
    }
    text_cut(line, room);
    snprintf(text, PROGRESS_LINE_SIZE, "%s", line);
}

/* The parts of a training's line; accuracies are in percent. */
static size_t training_parts(const struct progress *progress, struct part *parts)
{
    char time[PROGRESS_TIME_SIZE];
    size_t count = 0;
    if (progress->batches > 0)
        add_part(parts, &count, 4, "batch %d/%d", progress->batch, progress->batches);
    if (isfinite(progress->images_per_second))
        add_part(parts, &count, 1, "%.1f images/s", progress->images_per_second);
    if (isfinite(progress->loss))
        add_part(parts, &count, 3, "loss %.4f", progress->loss);
    if (isfinite(progress->accuracy))
        add_part(parts, &count, 2, "accuracy %.1f%%", progress->accuracy);
    if (isfinite(progress->seconds_left)) {
        progress_time(time, progress->seconds_left);
        add_part(parts, &count, 0, "%s left", time);
    }
    return count;
}

void progress_line(char text[PROGRESS_LINE_SIZE], const struct progress *progress, int width)
{
    struct part parts[PARTS_MAX];
    char head[64];
    snprintf(head, sizeof head, "Epoch %d/%d", progress->epoch, progress->epochs);
    compose(text, head, epoch_fraction(progress), parts, training_parts(progress, parts), width);
}

void progress_plain(char text[PROGRESS_LINE_SIZE], const struct progress *progress)
{
    struct part parts[PARTS_MAX];
    size_t count = training_parts(progress, parts);
    int used = snprintf(text, PROGRESS_LINE_SIZE, "epoch %d/%d", progress->epoch, progress->epochs);
    for (size_t i = 0; i < count; i++)
        used += snprintf(text + used, (size_t)(PROGRESS_LINE_SIZE - used), ", %s", parts[i].text + 2);
}

void progress_bytes_line(char text[PROGRESS_LINE_SIZE], const char *what, double done, double total,
                         double bytes_per_second, int width)
{
    struct part parts[PARTS_MAX];
    char sizes[3][TEXT_BYTES_SIZE], time[PROGRESS_TIME_SIZE];
    size_t count = 0;
    text_bytes(sizes[0], done);
    text_bytes(sizes[1], total);
    add_part(parts, &count, 2, "%.20s of %.20s", sizes[0], sizes[1]);
    if (isfinite(bytes_per_second) && bytes_per_second > 0) {
        text_bytes(sizes[2], bytes_per_second);
        add_part(parts, &count, 1, "%s/s", sizes[2]);
        progress_time(time, (total - done) / bytes_per_second);
        add_part(parts, &count, 0, "%s left", time);
    }
    compose(text, what, total > 0 ? fmin(1, done / total) : 1, parts, count, width);
}

void progress_epoch(char text[PROGRESS_LINE_SIZE], const cJSON *result, int epochs)
{
    snprintf(text, PROGRESS_LINE_SIZE,
             "Epoch [%.0f/%d], Train Loss: %.4f, Train Accuracy: %.2f%%, Test Loss: %.4f, Test Accuracy: %.2f%%, "
             "Epoch Time: %.2f seconds",
             json_number(result, "epoch", 0), epochs, json_number(result, "train_loss", NAN),
             json_number(result, "train_accuracy", NAN), json_number(result, "test_loss", NAN),
             json_number(result, "test_accuracy", NAN), json_number(result, "epoch_time_seconds", NAN));
}
