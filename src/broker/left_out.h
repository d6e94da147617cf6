/* What of the image folder is not served, though a dataset would hold it: counted, and the first by name kept. */
#ifndef DCLS_BROKER_LEFT_OUT_H
#define DCLS_BROKER_LEFT_OUT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#define LEFT_OUT_NAMED 10
#define LEFT_OUT_TEXT_SIZE 2048

struct left_out {
    size_t count; /* entries: a folder is one, whatever it holds */
    size_t named;
    bool has_links; /* --follow-links would have followed some */
    struct {
        char *path;         /* printable: other bytes are "\xNN" */
        const char *reason; /* static */
    } first[LEFT_OUT_NAMED];
};

/* One entry more. Where memory lacks it is counted alone. */
void left_out_add(struct left_out *left_out, const char *path, const char *reason);
void left_out_release(struct left_out *left_out);

/* For people, in one line: how many, the first, why, and what would follow the links; empty where nothing is. */
void left_out_describe(const struct left_out *left_out, char text[LEFT_OUT_TEXT_SIZE]);

/* {"count", "first": [{"path", "reason"}...], "notice": as described}; NULL where memory lacks. */
cJSON *left_out_json(const struct left_out *left_out);

#endif
