#!/usr/bin/env bats
# Real builds over a Debian that debootstrap made, as an unprivileged user, with packages from Debian's mirror.
load common

setup() {
    common_setup
    need_registry
    base=$RCTR_TEST_REGISTRY/test/debian:12
    mkdir ctx && cd ctx
    printf 'FROM %s\nRUN apt-get update\n' "$base" | rctr build -q -f - . >/dev/null 2>&1 ||
        skip "no mirror of Debian's packages to be reached from a container"
}

@test "apt-get installs nginx, redis, python3 and postgresql, with users and set-id files of their own" {
    has_range || skip "needs a range of ids"
    cat >Dockerfile <<X
FROM $base
RUN apt-get update
RUN DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx redis-server python3 postgresql >/dev/null
RUN nginx -t 2>&1 && redis-server --version && python3 -c 'print(6 * 7)'
USER postgres
RUN /usr/lib/postgresql/15/bin/initdb -D /tmp/db >/dev/null && id -un
X
    rctr build -t servers . >log 2>&1 || { tail -n 30 log; return 1; }
    grep -q '^42$' log
    grep -q '^postgres$' log
    is "$(rctr run --rm --network none -u root servers stat -c '%a %U %G' /usr/bin/passwd /var/lib/postgresql)" "$(printf '4755 root root\n755 postgres postgres')"
    rctr build -t servers . | grep -c 'Using cache' >cached
    is "$(cat cached)" 5
}

@test "a C project with its compiler's cache in a cache mount; one file changed does only what follows" {
    mkdir src
    printf 'int answer(void);\nint answer(void) { return 42; }\n' >src/answer.c
    printf '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%%d\\n", answer()); }\n' >src/main.c
    printf 'prog: answer.o main.o\n\tcc -o $@ $^\n%%.o: %%.c\n\t@echo compiling $<\n\tcc -c -o $@ $<\n' >src/Makefile
    cat >Dockerfile <<X
FROM $base AS tools
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev make >/dev/null
FROM tools AS built
WORKDIR /src
COPY src/ .
RUN --mount=type=cache,target=/objects cp -u *.c Makefile /objects/ && make -C /objects prog && cp /objects/prog /prog
FROM $base
COPY --from=built /prog /usr/local/bin/prog
CMD ["prog"]
X
    rctr build -t c . >first 2>&1 || { tail -n 30 first; return 1; }
    is "$(rctr run --rm --network none c)" 42
    is "$(grep -c '^compiling' first)" 2
    sleep 1
    sed -i 's/42/43/' src/answer.c
    rctr build -t c . >second 2>&1
    is "$(rctr run --rm --network none c)" 43
    is "$(grep '^compiling' second)" "compiling answer.c"
    grep -A1 'RUN apt-get update' second | grep -q 'Using cache'
}
