#!/usr/bin/env bats
# rctr build: rights of files arrive where the image arrives; what overlays leave in files does not.
load common

setup() {
    common_setup
    need_registry
    has_range || skip "the owners of files need a range of users"
    repo=$RCTR_TEST_REGISTRY/build-rights$RANDOM$RANDOM
    mkdir "$BATS_TEST_TMPDIR/ctx"
    cd "$BATS_TEST_TMPDIR/ctx"
}

# The machine's setcap and getcap with their libraries, for a RUN.
tools() {
    local tool library
    for tool in setcap getcap; do
        PATH=$PATH:/sbin:/usr/sbin need_command $tool
        tool=$(PATH=$PATH:/sbin:/usr/sbin command -v $tool)
        for library in "$tool" $(ldd "$tool" | grep -o '/[^ ]*'); do
            cp -L --parents "$library" .
        done
    done
    cat >Dockerfile <<'END'
FROM localhost/busybox AS made
COPY . /
RUN PATH=$PATH:/usr/sbin:/sbin && cp /bin/busybox /bin/own && cp /bin/busybox /bin/net \
    && chown 33:5 /bin/own && chmod 6751 /bin/own && setcap cap_net_raw,cap_chown+ep /bin/net
RUN mkdir -p /m/below && touch /m/below/f && chown -R 7:8 /m && chmod 1770 /m && chmod 2750 /m/below
RUN mv /m /moved && rm -r /var/www && mkdir /var/www && rm /etc/group && touch -c /bin/net && chmod 6755 /bin/own
FROM made
COPY --from=made /bin/own /bin/net /copied/
COPY --from=made /moved /copied/moved
END
}

look='stat -c "%n %a %u:%g" /bin/own /bin/net /copied/own /copied/net /moved /moved/below /copied/moved/below /var/www
    PATH=$PATH:/usr/sbin:/sbin getcap /bin/net /copied/net'

rights() {
    rctr build -q -t "$repo:1" . >/dev/null
    rctr run --rm --network none "$repo:1" sh -c "$look" >before
    has "$(cat before)" "/bin/own 6755 33:5"
    has "$(cat before)" "/copied/own 6755 33:5"
    has "$(cat before)" "/moved 1770 7:8"
    has "$(cat before)" "/copied/moved/below 2750 7:8"
    has "$(cat before)" "/bin/net cap_chown,cap_net_raw=ep"
    has "$(cat before)" "/copied/net cap_chown,cap_net_raw=ep"
    rctr save -q -o made.tar "$repo:1"
    # The second form of capabilities, which names no root of a user namespace: it holds for whoever pulls.
    is "$("$TOP/tests/tools/build-table.py" attributes made.tar)" \
        "$(printf '/bin/net security.capability=0100000201200000000000000000000000000000\n/copied/net security.capability=0100000201200000000000000000000000000000')"
    rctr push -q "$repo:1"
    rctr rmi -f "$repo:1" >/dev/null
    rctr pull -q "$repo:1" >/dev/null
    is "$(rctr run --rm --network none "$repo:1" sh -c "$look")" "$(cat before)"
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$repo:1" "docker-archive:pushed.tar:localhost/pushed:1"
    is "$("$TOP/tests/tools/build-table.py" attributes pushed.tar)" "$("$TOP/tests/tools/build-table.py" attributes made.tar)"
    rctr rmi -f "$repo:1" >/dev/null
    rm made.tar pushed.tar before
}

@test "setuid bits, owners and file capabilities survive push and pull; no attribute of an overlay is in a layer" {
    tools
    each_driver rights
}
