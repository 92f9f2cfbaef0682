#!/bin/sh
# One look: clang-format would change nothing. The look differs between its versions, so only the
# one that Debian 12 has is believed.
set -eu
cd "${srcdir:-.}"
version=$(clang-format --version 2>/dev/null | sed 's/.*version \([0-9]*\).*/\1/')
[ "$version" = 14 ] || { echo "SKIP: clang-format 14 is wanted, found '${version:-none}'"; exit 77; }
files=$(find cmd core net storage tests -name '*.[ch]')
# shellcheck disable=SC2086
clang-format --dry-run -Werror $files
