#!/bin/sh
# Each lint must fail on a planted fault: a lint that cannot fail is a defect. The faults are planted
# in copies. (The lint of the option tables carries its own: tables.c.)
set -eu
src=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

fresh() { # a copy of the sources to spoil
    rm -rf "$work/tree" && mkdir "$work/tree"
    cp -R "$src/cmd" "$src/core" "$src/net" "$src/storage" "$src/tests" "$src/.clang-format" "$work/tree"
    chmod -R u+w "$work/tree"
}

must_fail() { # name, words expected in the output, command...
    name=$1 words=$2
    shift 2
    if "$@" >"$work/out" 2>&1; then
        echo "$name: the planted fault was not found"; bad=1
    elif ! grep -q -- "$words" "$work/out"; then
        echo "$name: failed for another reason:"; cat "$work/out"; bad=1
    fi
}

archive() { # an archive of one object, from the C text on standard input
    rm -f "$work/librctr.a"
    ${CC:-cc} -x c -c -o "$work/$1" - && ar cr "$work/librctr.a" "$work/$1"
}

fresh
echo '#include "cmd/command.h"' >>"$work/tree/core/base/err.h"
must_fail 'includes (a look to the right)' 'core/base/err.h must not include cmd/command.h' \
    env srcdir="$work/tree" "$src/tests/lint/includes.sh"

fresh
echo '#include "core/base/opt.h"' >>"$work/tree/core/base/near.h"
must_fail 'includes (a ring)' 'input contains a loop' env srcdir="$work/tree" "$src/tests/lint/includes.sh"

fresh
mkdir "$work/tree/core/attic" && echo '#include "core/base/err.h"' >"$work/tree/core/attic/x.c"
must_fail 'includes (no wing)' 'core/attic/x.c is in no wing' env srcdir="$work/tree" "$src/tests/lint/includes.sh"

cd "$work"
echo 'int other_name; int room_name;' | archive room.o
must_fail names 'room.c exports other_name' "$src/tests/lint/names.sh"

echo 'void *malloc(unsigned long); void *x_child(void) { return malloc(9); }' | archive x_child.o
must_fail child-calls 'x_child.o calls malloc' "$src/tests/lint/child-calls.sh"

fresh
if srcdir="$work/tree" "$src/tests/lint/format.sh" >"$work/out" 2>&1 || [ $? -ne 77 ]; then
    echo 'int  x ;' >>"$work/tree/core/base/err.c"
    must_fail format 'err.c' env srcdir="$work/tree" "$src/tests/lint/format.sh"
fi
exit $bad
