#!/usr/bin/env bats
# How a registry is reached: certificates and the folders they lie in, registries.conf, proxies.
# Against Debian's docker-registry; tests/tools/proxy.py knows the name registry.example.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load image
load registries

setup_file() {
    registries_start plain tls client
    [ -e "$REG/ca.crt" ] || return 0
    python3 "$BATS_TEST_DIRNAME/../tools/proxy.py" "$REG" "registry.example:443=$(at tls)" "registry.example:5000=$(at plain)" \
        >"$REG/proxy.out" 2>&1 3>&- &
    echo $! >>"$REG/pids"
    for _ in $(seq 100); do
        [ ! -e "$REG/proxy-port" ] || break
        sleep 0.1
    done
    local name
    for name in plain tls client; do
        fill "$name"
    done
}

# fill REGISTRY: an image called one, and on the plain one another called two
fill() {
    export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR CONTAINERS_REGISTRIES_CONF=$BATS_FILE_TMPDIR/none
    : >"$CONTAINERS_REGISTRIES_CONF"
    mkdir -p "$BATS_FILE_TMPDIR/ours"
    cp "$REG/ca.crt" "$REG/client.cert" "$REG/client.key" "$BATS_FILE_TMPDIR/ours"
    (
        common_setup
        image_load localhost/one hello
        rctr push -q --cert-dir ours localhost/one "$(at "$1")/team/one:1"
        [ "$1" != plain ] || rctr push -q localhost/one "$(at "$1")/two:1"
        common_teardown
    )
}

teardown_file() {
    registries_stop
}

setup() {
    common_setup
    registries_setup
    export HOME=$BATS_TEST_TMPDIR/home
    mkdir "$HOME"
    unset XDG_CONFIG_HOME http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY all_proxy ALL_PROXY
    rm -f "$REG/proxy.log" "$REG/proxy-password"
    : >"$REG/proxy.log"
    CERTS=$HOME/.config/containers/certs.d
}

# --- certificates ------------------------------------------------------------------------------------

@test "an unknown authority: the error names the file that would make it known, and there it helps" {
    name=$(at tls)/team/one:1
    fails_with 125 "into '$CERTS/$(at tls)/ca.crt'" rctr pull -q --tls-verify "$name"
    mkdir -p "$CERTS/$(at tls)"
    cp "$REG/ca.crt" "$CERTS/$(at tls)/ca.crt"
    rctr pull -q --tls-verify "$name"
    rctr push -q --tls-verify "$name" "$(at tls)/team/again:1"
    has "$(rctr image list-tags --tls-verify "$(at tls)/team/again")" 1
}

@test "with XDG_CONFIG_HOME the folder is there, and the error says so" {
    export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    fails_with 125 "into '$XDG_CONFIG_HOME/containers/certs.d/$(at tls)/ca.crt'" rctr pull -q --tls-verify "$(at tls)/team/one:1"
    mkdir -p "$XDG_CONFIG_HOME/containers/certs.d/$(at tls)"
    cp "$REG/ca.crt" "$XDG_CONFIG_HOME/containers/certs.d/$(at tls)/any-name.crt"
    rctr pull -q --tls-verify "$(at tls)/team/one:1"
}

@test "docker's folders are read too: the user's, and those of /etc" {
    mkdir -p "$HOME/.config/docker/certs.d/$(at tls)"
    cp "$REG/ca.crt" "$HOME/.config/docker/certs.d/$(at tls)/ca.crt"
    rctr pull -q --tls-verify "$(at tls)/team/one:1"
    rm -r "$HOME/.config"
    local folder
    for folder in /etc/containers /etc/docker; do
        if ! unshare -Urm sh -c "mount -t tmpfs none $folder" 2>/dev/null; then
            echo "# $folder is not there, or cannot be covered: not tried" >&3
            continue
        fi
        # listing needs no user namespace of its own
        run -0 unshare -Urm sh -c "mount -t tmpfs none $folder && mkdir -p $folder/certs.d/$(at tls) &&
            cp $REG/ca.crt $folder/certs.d/$(at tls) && exec rctr image list-tags --tls-verify $(at tls)/team/one"
    done
}

@test "--cert-dir comes before the folders; one that is wrong is told by its name" {
    mkdir -p "$CERTS/$(at tls)" empty broken keyless
    cp "$REG/ca.crt" "$CERTS/$(at tls)/ca.crt"
    fails_with 125 "into 'empty/ca.crt'" rctr pull -q --tls-verify --cert-dir empty "$(at tls)/team/one:1"
    echo "no certificate" >broken/ca.crt
    fails_with 125 "certificate" rctr pull -q --tls-verify --cert-dir broken "$(at tls)/team/one:1"
    cp "$REG/client.cert" keyless
    fails_with 125 "has no readable key 'keyless/client.key'" rctr pull -q --tls-verify --cert-dir keyless "$(at tls)/team/one:1"
}

@test "a registry that wants a certificate of ours" {
    name=$(at client)/team/one:1
    mkdir -p "$CERTS/$(at client)"
    cp "$REG/ca.crt" "$CERTS/$(at client)/ca.crt"
    # the server's alert is lost now and then, when it closes the connection before we have read it
    for _ in $(seq 30); do
        fails_with 125 "cannot ask registry" rctr pull -q --retry 0 --tls-verify "$name"
        ! grep -q alert stderr || break
    done
    has "$(cat stderr)" "'$CERTS/$(at client)/client.cert'"
    cp "$REG/client.cert" "$REG/client.key" "$CERTS/$(at client)"
    rctr pull -q --tls-verify "$name"
    rctr push -q --tls-verify "$name" "$(at client)/team/again:1"
    skopeo inspect "docker://$(at client)/team/again:1" >/dev/null # it reads the same folder
}

@test "a certificate for another name" {
    mkdir -p "$CERTS/localhost:${REG_PORT:=$(at tls | cut -d: -f2)}"
    cp "$REG/ca.crt" "$CERTS/localhost:$REG_PORT/ca.crt"
    fails_with 125 "localhost" rctr pull -q --retry 0 --tls-verify "localhost:$REG_PORT/team/one:1"
    rctr pull -q --tls-verify=false "localhost:$REG_PORT/team/one:1"
}

# --- registries.conf ---------------------------------------------------------------------------------

conf() { # lines on standard input
    cat >"$CONTAINERS_REGISTRIES_CONF"
}

@test "a mirror that has the image is enough; one that has not is passed over" {
    conf <<END
[[registry]]
prefix = "registry.invalid"
[[registry.mirror]]
location = "127.0.0.1:1"
[[registry.mirror]]
location = "$(at plain)"
END
    rctr pull -q --retry 0 registry.invalid/team/one:1
    is "$(rctr images --format '{{.Repository}}:{{.Tag}}')" registry.invalid/team/one:1
    conf <<END
[[registry]]
prefix = "example.com"
location = "$(at plain)"
[[registry.mirror]]
location = "$(at plain)/nothing/here"
END
    rctr pull example.com/two:1 2>err
    has "$(cat err)" "manifest unknown"
    fails_with 125 "manifest unknown" rctr pull -q example.com/three:1
}

@test "a mirror for digests alone is not asked for tags" {
    conf <<END
[[registry]]
prefix = "registry.invalid"
location = "127.0.0.1:1"
[[registry.mirror]]
location = "$(at plain)"
pull-from-mirror = "digest-only"
END
    fails_with 125 "127.0.0.1:1" rctr pull -q --retry 0 registry.invalid/team/one:1
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$(at plain)/team/one:1")
    rctr pull -q --retry 0 "registry.invalid/team/one@$digest"
}

@test "a push goes to the location, and to no mirror" {
    conf <<END
[[registry]]
prefix = "example.com"
location = "$(at plain)/rewritten"
[[registry.mirror]]
location = "127.0.0.1:1"
END
    rctr pull -q "$(at plain)/team/one:1"
    rctr push -q --retry 0 "$(at plain)/team/one:1" example.com/pushed:1
    rctr pull -q "$(at plain)/rewritten/pushed:1"
}

@test "blocked means pull, push, login and lists" {
    conf <<END
[[registry]]
prefix = "$(at plain)"
blocked = true
END
    image_load localhost/one hello
    fails_with 125 "is blocked" rctr pull -q "$(at plain)/team/one:1"
    fails_with 125 "is blocked" rctr push -q localhost/one "$(at plain)/team/one:2"
    fails_with 125 "is blocked" rctr login -u a -p b "$(at plain)"
    fails_with 125 "is blocked" rctr image list-tags "$(at plain)/team/one"
}

@test "insecure: any certificate will do, as with --tls-verify=false" {
    conf <<END
[[registry]]
location = "$(at tls)"
insecure = true
END
    rctr pull -q "$(at tls)/team/one:1"
    fails_with 125 "certificate" rctr pull -q --tls-verify "$(at tls)/team/one:1"
}

@test "short names: an alias, and the registries of the list one after the other" {
    conf <<END
unqualified-search-registries = ["127.0.0.1:1", "$(at plain)"]
[aliases]
"tool" = "$(at plain)/team/one"
END
    rctr pull -q tool:1
    rctr pull -q --retry 0 two:1
    fails_with 125 "2 registries tried" rctr pull -q --retry 0 three:1
}

@test "the user's file and the drop-ins beside it" {
    unset CONTAINERS_REGISTRIES_CONF
    mkdir -p "$HOME/.config/containers/registries.conf.d"
    echo "unqualified-search-registries = [\"$(at plain)\"]" >"$HOME/.config/containers/registries.conf"
    printf '[aliases]\n"tool" = "%s/team/one"\n' "$(at plain)" >"$HOME/.config/containers/registries.conf.d/10-tool.conf"
    rctr pull -q two:1
    rctr pull -q tool:1
    echo 'broken' >"$HOME/.config/containers/registries.conf.d/20-broken.conf"
    fails_with 125 "20-broken.conf" rctr pull -q tool:1
}

# --- proxies -----------------------------------------------------------------------------------------

proxy() {
    echo "127.0.0.1:$(cat "$REG/proxy-port")"
}

@test "https_proxy is asked to connect, and sees neither names of images nor credentials" {
    mkdir -p "$CERTS/registry.example"
    cp "$REG/ca.crt" "$CERTS/registry.example/ca.crt"
    fails_with 125 "registry.example" rctr pull -q --retry 0 registry.example/team/one:1
    https_proxy=http://$(proxy) rctr pull -q --creds tester:secret registry.example/team/one:1
    is "$(sort -u "$REG/proxy.log")" "CONNECT registry.example:443 -"
    HTTPS_PROXY=http://$(proxy) rctr push -q registry.example/team/one:1 registry.example/team/proxied:1
}

@test "http_proxy carries what goes without https" {
    export http_proxy=http://$(proxy) https_proxy=http://$(proxy)
    fails_with 125 "registry.example" rctr pull -q --retry 0 registry.example:5000/team/one:1
    rctr pull -q --retry 0 --tls-verify=false registry.example:5000/team/one:1
    has "$(cat "$REG/proxy.log")" "GET http://registry.example:5000/v2/team/one/manifests/1 -"
}

@test "no_proxy leaves a registry out, and a proxy is never asked for loopback" {
    export https_proxy=http://$(proxy) http_proxy=http://$(proxy)
    no_proxy=other.example,registry.example fails_with 125 "registry.example" rctr pull -q --retry 0 registry.example/team/one:1
    rctr pull -q "$(at plain)/team/one:1"
    is "$(cat "$REG/proxy.log")" ""
}

@test "a proxy that wants a password, that knows no way, that is not there" {
    mkdir -p "$CERTS/registry.example"
    cp "$REG/ca.crt" "$CERTS/registry.example/ca.crt"
    echo us:pass >"$REG/proxy-password"
    https_proxy=http://$(proxy) fails_with 125 "407" rctr pull -q --retry 0 registry.example/team/one:1
    https_proxy=http://us:pass@$(proxy) rctr pull -q --retry 0 registry.example/team/one:1
    rm "$REG/proxy-password"
    https_proxy=http://$(proxy) fails_with 125 "502" rctr pull -q --retry 0 elsewhere.example/team/one:1
    https_proxy=http://127.0.0.1:1 fails_with 125 "cannot ask registry" rctr pull -q --retry 0 registry.example/team/one:1
}
