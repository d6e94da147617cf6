/* A folder of its own for a test that needs files, removed with all in it. */
#ifndef DCLS_TESTS_BROKER_FOLDER_H
#define DCLS_TESTS_BROKER_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"

#define FOLDER_SIZE 64

static inline void folder_make(char folder[FOLDER_SIZE])
{
    snprintf(folder, FOLDER_SIZE, "/tmp/dcls-unit-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static inline void folder_remove(const char *folder)
{
    assert_int_equal(fs_remove_tree(folder, NULL), 0);
}

/* Writes FOLDER/NAME, whose own folders are made. */
static inline void folder_put(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_make_dirs(path, NULL), 0);
    *slash = '/';
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

/* Reads what is open and closes it. */
static inline void folder_assert_open(int fd, int64_t size, const char *text)
{
    char bytes[256] = "";
    assert_true(fd >= 0);
    assert_int_equal(size, strlen(text));
    assert_int_equal(read(fd, bytes, sizeof bytes - 1), strlen(text));
    assert_string_equal(bytes, text);
    assert_int_equal(close(fd), 0);
}

#endif
