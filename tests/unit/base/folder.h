/* folder - an empty folder of its own for each test, removed afterwards. */
#ifndef RCTR_TEST_FOLDER_H
#define RCTR_TEST_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/path.h"
#include "tests/unit/unit.h"

static char folder_path[64];
static int folder = -1; /* open */

static inline int folder_setup(void **state)
{
    (void)state;
    umask(022);
    /* In memory where that is possible: these tests make and remove thousands of files. */
    snprintf(folder_path, sizeof folder_path, "/dev/shm/rctr-unit.XXXXXX");
    if (!mkdtemp(folder_path)) {
        snprintf(folder_path, sizeof folder_path, "/tmp/rctr-unit.XXXXXX");
        if (!mkdtemp(folder_path))
            return -1;
    }
    folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? -1 : 0;
}

static inline int folder_teardown(void **state)
{
    (void)state;
    close(folder);
    folder = -1;
    return path_remove_tree(AT_FDCWD, folder_path, NULL);
}

/* A file below the folder. */
static inline void folder_put(const char *name, const char *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
}

/* How many names are in the folder `fd`. */
static inline unsigned folder_count(int fd)
{
    DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* How many descriptors this process has open. */
static inline unsigned folder_open_fds(void)
{
    int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned n = folder_count(fd);

    close(fd);
    return n;
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

#endif
