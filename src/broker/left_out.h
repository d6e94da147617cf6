/* How the broker tells what of its image folder is not served, though a dataset would hold it. */
#ifndef DCLS_BROKER_LEFT_OUT_H
#define DCLS_BROKER_LEFT_OUT_H

#include <cjson/cJSON.h>

#include "dcls/base/left_out.h"

#define LEFT_OUT_TEXT_SIZE 2048

/* For people, in one line: how many, the first, why, and what would follow the links; empty where nothing is. */
void left_out_describe(const struct left_out *left_out, char text[LEFT_OUT_TEXT_SIZE]);

/* {"count", "first": [{"path", "reason"}...], "notice": as described}; NULL where memory lacks. */
cJSON *left_out_json(const struct left_out *left_out);

#endif
