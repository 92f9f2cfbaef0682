/* open_store - a store of its own for each test, open in `store`; removed afterwards. */
#ifndef RCTR_TEST_OPEN_STORE_H
#define RCTR_TEST_OPEN_STORE_H

#include "tests/unit/storage/store_dir.h"

static struct store store;

static int open_store_setup(void **state)
{
    int r = store_dir_setup(state);

    return r < 0 ? r : store_open(&store, NULL);
}

static int open_store_teardown(void **state)
{
    store_close(&store);
    return store_dir_teardown(state);
}

#endif
