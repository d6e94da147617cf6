/* A folder of its own for a test, and files in it. */
#ifndef TESTS_UNIT_BASE_FOLDER_H
#define TESTS_UNIT_BASE_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/fs.h"

static inline int folder_new(void **state)
{
    const char *top = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/dcls-base-XXXXXX", top ? top : "/tmp") < 0 || !mkdtemp(path))
        return -1;
    *state = path;
    return 0;
}

static inline int folder_free(void **state)
{
    int status = fs_remove_tree(*state, NULL);
    free(*state);
    return status;
}

/* "FOLDER/NAME", the caller's to free. */
static inline char *in(void **state, const char *name)
{
    char *path = fs_join(*state, name);
    assert_non_null(path);
    return path;
}

static inline void put(void **state, const char *name, const void *bytes, size_t count)
{
    char *path = in(state, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* How many entries the folder has, whatever their names. */
static inline int entries(void **state)
{
    DIR *dir = opendir(*state);
    int count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

#endif
