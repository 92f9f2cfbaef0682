/* build_args - words of rctr build's command line that take more than a line to read. */
#ifndef RCTR_BUILD_ARGS_H
#define RCTR_BUILD_ARGS_H

#include "core/base/opt.h"
#include "core/build/build_ask.h"

/* --secret and --ssh into `ret`, which the caller frees. */
int build_args_secrets(const struct opt_list *secret, const struct opt_list *ssh,
                       struct build_secrets *ret, struct err *e);
/* --allow; --network host allows it too. */
int build_args_allow(const struct opt_list *allow, const char *network, bool *ret_host,
                     struct err *e);

#endif
