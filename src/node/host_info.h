/* What this machine is: told to the broker when the node registers. */
#ifndef DCLS_NODE_HOST_INFO_H
#define DCLS_NODE_HOST_INFO_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/proto/msg.h"

int host_info_cores(void);                    /* that this process may use */
void host_info_cpu(char *out, size_t size);   /* the CPU's name; empty where unknown */
int64_t host_info_memory(void);               /* bytes */
int host_info_addresses(struct strings *out); /* "192.168.1.5/24", without loopback; -1 where memory lacks */
/* {"images", "classes"} of an image folder or IDX files, without decoding any; what is unknown is left out. NULL where
 * `dir` holds neither. */
cJSON *host_info_dataset(const char *dir);

#endif
