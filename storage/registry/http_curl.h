/* http_curl - libcurl's functions, loaded when the first request is made; for http alone. */
#ifndef RCTR_HTTP_CURL_H
#define RCTR_HTTP_CURL_H

#define CURL_DISABLE_TYPECHECK 1 /* the functions are called through pointers */
#include <curl/curl.h>

#include "core/base/err.h"

struct http_curl {
    __typeof__(curl_global_init) *curl_global_init;
    __typeof__(curl_easy_init) *curl_easy_init;
    __typeof__(curl_easy_cleanup) *curl_easy_cleanup;
    __typeof__(curl_easy_reset) *curl_easy_reset;
    __typeof__(curl_easy_setopt) *curl_easy_setopt;
    __typeof__(curl_easy_getinfo) *curl_easy_getinfo;
    __typeof__(curl_easy_pause) *curl_easy_pause;
    __typeof__(curl_easy_strerror) *curl_easy_strerror;
    __typeof__(curl_multi_init) *curl_multi_init;
    __typeof__(curl_multi_cleanup) *curl_multi_cleanup;
    __typeof__(curl_multi_add_handle) *curl_multi_add_handle;
    __typeof__(curl_multi_remove_handle) *curl_multi_remove_handle;
    __typeof__(curl_multi_perform) *curl_multi_perform;
    __typeof__(curl_multi_poll) *curl_multi_poll;
    __typeof__(curl_multi_info_read) *curl_multi_info_read;
    __typeof__(curl_multi_strerror) *curl_multi_strerror;
    __typeof__(curl_slist_append) *curl_slist_append;
    __typeof__(curl_slist_free_all) *curl_slist_free_all;
};
extern struct http_curl http_curl_table;

int http_curl_load(struct err *e);

#endif
