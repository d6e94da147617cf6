/* Cores, CPU, memory, addresses and a summary of the dataset. */
#include "host_info.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/fs.h"

#define ADDRESSES_MAX 16
#define FILES_MAX 10000000
#define CLASSES_MAX 100000
#define CLASSES_FILE_MAX (1024 * 1024)

int host_info_cores(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus))
        return 1;
    int count = CPU_COUNT(&cpus);
    return count > 0 ? count : 1;
}

void host_info_cpu(char *out, size_t size)
{
    *out = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (!value || (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0))
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
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
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

/* Labels in an IDX file: its size less a header of 8 bytes; a gzip file ends with its uncompressed size. */
static int64_t count_labels(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fs_is_file(path))
        return fs_size(path) - 8;
    snprintf(path, sizeof path, "%s/%s.gz", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    unsigned char end[4];
    off_t at = lseek(fd, -4, SEEK_END);
    ssize_t got = at < 0 ? -1 : read(fd, end, sizeof end);
    close(fd);
    if (got != (ssize_t)sizeof end)
        return -1;
    return ((int64_t)end[0] | (int64_t)end[1] << 8 | (int64_t)end[2] << 16 | (int64_t)end[3] << 24) - 8;
}

static int count_lines(const char *dir, const char *name)
{
    char *path = fs_join(dir, name), *text = NULL;
    size_t count;
    int lines = -1;
    if (path && !fs_read(path, CLASSES_FILE_MAX, &text, &count, NULL)) {
        lines = 0;
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n")))
            lines += *line != 0;
    }
    free(text);
    free(path);
    return lines;
}

static cJSON *summary(int64_t images, int64_t classes)
{
    cJSON *object = cJSON_CreateObject();
    if (object && images >= 0)
        cJSON_AddNumberToObject(object, "images", (double)images);
    if (object && classes >= 0)
        cJSON_AddNumberToObject(object, "classes", (double)classes);
    return object;
}

cJSON *host_info_dataset(const char *dir)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".pgm", ".ppm", NULL };
    char *train = fs_join(dir, "train");
    cJSON *object = NULL;
    if (train && fs_is_dir(train)) {
        struct fs_list classes = { 0 }, files = { 0 };
        int64_t class_count = fs_list_dirs(train, CLASSES_MAX, &classes, NULL) ? -1 : (int64_t)classes.count;
        int64_t file_count = fs_list_tree(dir, endings, FILES_MAX, &files, NULL) ? -1 : (int64_t)files.count;
        object = summary(file_count, class_count);
        fs_list_release(&classes);
        fs_list_release(&files);
    } else {
        int64_t labels = count_labels(dir, "train-labels-idx1-ubyte");
        int64_t tests = count_labels(dir, "t10k-labels-idx1-ubyte");
        if (labels >= 0 && tests >= 0)
            object = summary(labels + tests, count_lines(dir, "classes.txt"));
    }
    free(train);
    return object;
}
