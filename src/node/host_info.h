/* What this machine is: told to the broker when the node registers. */
#ifndef DCLS_NODE_HOST_INFO_H
#define DCLS_NODE_HOST_INFO_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/proto/msg.h"

void host_info_cpu(char *out, size_t size);   /* the CPU's name; empty where unknown */
int64_t host_info_memory(void);               /* bytes */
int host_info_addresses(struct strings *out); /* "192.168.1.5/24", without loopback; -1 where memory lacks */

#endif
