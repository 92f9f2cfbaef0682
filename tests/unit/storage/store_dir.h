/* store_dir - a state folder of its own for each test, removed afterwards. */
#ifndef RCTR_TEST_STORE_DIR_H
#define RCTR_TEST_STORE_DIR_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/store.h"

static char store_dir_path[64];

static int store_dir_setup(void **state)
{
    (void)state;
    snprintf(store_dir_path, sizeof store_dir_path, "/tmp/rctr-test.XXXXXX");
    return mkdtemp(store_dir_path) ? setenv("RCTR_STATE", store_dir_path, 1) : -1;
}

static int store_dir_teardown(void **state)
{
    (void)state;
    return store_remove_tree(AT_FDCWD, store_dir_path, NULL);
}

#endif
