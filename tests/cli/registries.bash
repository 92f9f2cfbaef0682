# registries.bash - Debian's docker-registry in several guises, on free ports, for a file's tests:
#
#   setup_file() { registries_start plain htpasswd token tls client; }   teardown_file() { registries_stop; }
# $REG is the folder: $REG/NAME.at is "127.0.0.1:port" of registry NAME, $REG/ca.crt its authority.
# htpasswd and token want tester:secret (token lets anybody pull from public/*); tls shows a certificate of the
# authority; client wants one ($REG/client.cert, $REG/client.key) besides.
# shellcheck shell=bash

registries_need() {
    local command
    for command in docker-registry skopeo openssl python3 htpasswd; do
        command -v $command >/dev/null || { echo "$command is not installed"; return 1; }
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# certificate NAME SUBJECT EXTENSION: a key and a certificate of $REG's authority.
certificate() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$REG/$1.key" -out "$REG/$1.csr" 2>/dev/null
    openssl x509 -req -in "$REG/$1.csr" -CA "$REG/ca.crt" -CAkey "$REG/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo "$3") -out "$REG/$1.cert" 2>/dev/null
}

# Lines for the configuration of registry NAME; $TOKEN is the token server's port.
registry_more() {
    case $1 in
    htpasswd) echo "auth: {htpasswd: {realm: rctr, path: $REG/passwords}}" ;;
    token)
        echo "auth: {token: {realm: \"http://127.0.0.1:$TOKEN/token\", service: tests, issuer: rctr-tests," \
            "rootcertbundle: $REG/issuer.crt}}"
        ;;
    esac
}

registry_http() {
    case $1 in
    tls) echo ", tls: {certificate: $REG/server.cert, key: $REG/server.key}" ;;
    client) echo ", tls: {certificate: $REG/server.cert, key: $REG/server.key, clientcas: [$REG/ca.crt]}" ;;
    esac
}

registry_start() { # NAME
    local port
    port=$(free_port)
    mkdir -p "$REG/$1"
    cat >"$REG/$1.yml" <<END2
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $REG/$1}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"$(registry_http "$1")}
$(registry_more "$1")
END2
    # it takes each variable REGISTRY_... for a line of its configuration
    env -u REGISTRY_AUTH_FILE docker-registry serve "$REG/$1.yml" >"$REG/$1.log" 2>&1 3>&- &
    echo $! >>"$REG/pids"
    echo "127.0.0.1:$port" >"$REG/$1.at"
    wait_for_port "$port"
}

wait_for_port() {
    for _ in $(seq 200); do
        (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nobody answers on port $1" >&2
    tail -n 5 "$REG"/*.log >&2
    return 1
}

registries_start() {
    local name
    export REG=$BATS_FILE_TMPDIR/registries
    mkdir -p "$REG"
    registries_need >/dev/null || return 0 # the tests will skip
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$REG/ca.key" -out "$REG/ca.crt" 2>/dev/null
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=issuer -keyout "$REG/issuer.key" -out "$REG/issuer.crt" 2>/dev/null
    certificate server registry.example "subjectAltName=IP:127.0.0.1,DNS:registry.example"
    certificate client tester "extendedKeyUsage=clientAuth"
    htpasswd -Bbn tester secret >"$REG/passwords"
    TOKEN=$(free_port)
    python3 "$BATS_TEST_DIRNAME/../tools/token-server.py" "$REG" "$TOKEN" >"$REG/token-server.log" 2>&1 3>&- &
    echo $! >>"$REG/pids"
    wait_for_port "$TOKEN"
    for name; do
        registry_start "$name"
    done
}

registries_stop() {
    # shellcheck disable=SC2046 # words are wanted
    [ ! -e "$REG/pids" ] || kill $(cat "$REG/pids")
}

registries_setup() {
    registries_need || skip "$(registries_need)"
    : >"$BATS_TEST_TMPDIR/registries.conf"
    echo '{}' >"$BATS_TEST_TMPDIR/auth.json"
    export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf REGISTRY_AUTH_FILE=$BATS_TEST_TMPDIR/auth.json
}

at() { # NAME: where that registry is
    cat "$REG/$1.at"
}
