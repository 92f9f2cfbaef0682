#include "storage/registry/http_curl.h"

#include <errno.h>
#include <stdbool.h>

#include "core/base/auto.h"
#include "core/base/dl.h"

struct http_curl http_curl_table;

int http_curl_load(struct err *e)
{
    static const struct dl_symbol symbols[] = {
        DL(http_curl_table, curl_global_init),      DL(http_curl_table, curl_easy_init),
        DL(http_curl_table, curl_easy_cleanup),     DL(http_curl_table, curl_easy_reset),
        DL(http_curl_table, curl_easy_setopt),      DL(http_curl_table, curl_easy_getinfo),
        DL(http_curl_table, curl_easy_pause),       DL(http_curl_table, curl_easy_strerror),
        DL(http_curl_table, curl_multi_init),       DL(http_curl_table, curl_multi_cleanup),
        DL(http_curl_table, curl_multi_add_handle), DL(http_curl_table, curl_multi_remove_handle),
        DL(http_curl_table, curl_multi_perform),    DL(http_curl_table, curl_multi_poll),
        DL(http_curl_table, curl_multi_info_read),  DL(http_curl_table, curl_multi_strerror),
        DL(http_curl_table, curl_slist_append),     DL(http_curl_table, curl_slist_free_all),
    };
    static bool loaded;
    int r;

    if (loaded)
        return 0;
    r = dl_open(SONAME_CURL, symbols, ARRAY_SIZE(symbols), e);
    if (r < 0)
        return r;
    if (http_curl_table.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, EIO, "libcurl cannot be started");
    loaded = true;
    return 0;
}
