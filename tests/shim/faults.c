/* Faults of a file system for a whole process and those that it starts: LD_PRELOAD=faults.so, with the faults in
 * DCLS_FAULTS, words as "exchange=22 sync_dir=22 lock=37 lower=/models/m crash=7 from_exchange=1 with_parent=1". */
#include "faults.h"

__attribute__((constructor)) static void read_faults(void)
{
    const char *wanted = getenv("DCLS_FAULTS");
    char *words = strdup(wanted ? wanted : ""), *rest = words, *word;
    struct stat info;
    while ((word = strsep(&rest, " "))) {
        char *value = strchr(word, '=');
        if (!value)
            continue;
        *value++ = '\0';
        int number = (int)strtol(value, NULL, 10);
        if (!strcmp(word, "exchange"))
            faults.exchange = number;
        else if (!strcmp(word, "sync_file"))
            faults.sync_file = number;
        else if (!strcmp(word, "sync_dir"))
            faults.sync_dir = number;
        else if (!strcmp(word, "sync_all"))
            faults.sync_all = number;
        else if (!strcmp(word, "lock"))
            faults.lock = number;
        else if (!strcmp(word, "lower") && !stat(value, &info))
            faults.lower = info.st_ino;
        else if (!strcmp(word, "sync_only") && !stat(value, &info))
            faults.sync_only = info.st_ino;
        else if (!strcmp(word, "crash"))
            faults.crash = number;
        else if (!strcmp(word, "from_exchange"))
            faults.from_exchange = number;
        else if (!strcmp(word, "with_parent"))
            faults.with_parent = number;
    }
    free(words);
}
