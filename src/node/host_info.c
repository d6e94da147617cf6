/* See host_info.h. */
#include "host_info.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/cgroup.h"

#define ADDRESSES_MAX 16

void host_info_cpu(char *out, size_t size)
{
    *out = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (!value || (strncmp(line, "model name", 10) && strncmp(line, "Model", 5)))
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(out, size, "%s", value);
        break;
    }
    if (file)
        fclose(file);
}

int64_t host_info_memory(void)
{
    struct cgroup_limits limits;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    int64_t bytes = pages > 0 && size > 0 ? (int64_t)pages * size : 0;
    cgroup_read("", &limits);
    return limits.memory < (uint64_t)bytes ? (int64_t)limits.memory : bytes;
}

static int prefix_length(const struct sockaddr *mask)
{
    const unsigned char *bytes;
    int count, bits = 0;
    if (!mask)
        return 0;
    if (mask->sa_family == AF_INET) {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
        count = 4;
    } else {
        bytes = (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
        count = 16;
    }
    for (int i = 0; i < count; i++)
        bits += __builtin_popcount(bytes[i]);
    return bits;
}

int host_info_addresses(struct strings *out)
{
    struct ifaddrs *list;
    int result = 0;
    if (getifaddrs(&list))
        return 0;
    for (struct ifaddrs *at = list; at && !result && out->count < ADDRESSES_MAX; at = at->ifa_next) {
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK))
            continue;
        const void *address;
        if (at->ifa_addr->sa_family == AF_INET)
            address = &((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
        else if (at->ifa_addr->sa_family == AF_INET6 &&
                 !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_addr))
            address = &((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_addr;
        else
            continue;
        char text[INET6_ADDRSTRLEN], shown[INET6_ADDRSTRLEN + 16];
        if (!inet_ntop(at->ifa_addr->sa_family, address, text, sizeof text))
            continue;
        snprintf(shown, sizeof shown, "%s/%d", text, prefix_length(at->ifa_netmask));
        result = strings_add(out, shown);
    }
    freeifaddrs(list);
    return result;
}
