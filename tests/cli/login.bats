#!/usr/bin/env bats
# rctr login and logout: against Debian's docker-registry with htpasswd, and tests/tools/fake-registry.py.
# also: single-uid
bats_require_minimum_version 1.5.0
load common
load fake
load pty

setup_file() {
    fake_start
}

teardown_file() {
    fake_stop
}

setup() {
    common_setup
    : >"$BATS_TEST_TMPDIR/registries.conf"
    export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
    export HOME=$BATS_TEST_TMPDIR/home XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR" "$BATS_TEST_TMPDIR/bin"
    unset REGISTRY_AUTH_FILE XDG_CONFIG_HOME DOCKER_CONFIG
    AUTH=$XDG_RUNTIME_DIR/containers/auth.json
    # fake-registry: one port wants a login for all of it
    LOGIN=127.0.0.1:$(cat "$FAKE/login-port")
    BASIC=127.0.0.1:$(cat "$FAKE/basic-port")
}

need_guarded() {
    [ -n "${RCTR_TEST_REGISTRY_AUTH:-}" ] || skip "no registry with passwords: RCTR_TEST_REGISTRY_AUTH is not set (tests/run.sh sets it)"
}

entry() { # FILE KEY: user:password
    python3 -c 'import base64,json,sys
print(base64.b64decode(json.load(open(sys.argv[1]))["auths"][sys.argv[2]]["auth"]).decode())' "$1" "$2"
}

log_in() { # HOST [OPTION...]
    local host=$1
    shift
    printf 'secret\n' | rctr login -u tester --password-stdin "$@" "$host"
}

# A helper that keeps one secret per server in a folder.
make_helper() { # NAME
    cat >"$BATS_TEST_TMPDIR/bin/docker-credential-$1" <<'END'
#!/usr/bin/env python3
import json, os, sys
where = os.path.join(os.environ["HOME"], "vault")
os.makedirs(where, exist_ok=True)
said = sys.stdin.read()
with open(where + ".log", "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
name = lambda server: os.path.join(where, server.replace("/", "_"))
if sys.argv[1] == "store":
    open(name(json.loads(said)["ServerURL"]), "w").write(said)
elif not os.path.exists(name(said)):
    print("credentials not found in native keychain")
    sys.exit(1)
elif sys.argv[1] == "get":
    print(open(name(said)).read())
else:
    os.unlink(name(said))
END
    chmod 755 "$BATS_TEST_TMPDIR/bin/docker-credential-$1"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "a registry with htpasswd: log in, pull, log out" {
    need_guarded
    local host=$RCTR_TEST_REGISTRY_AUTH
    is "$(log_in "$host")" "Login Succeeded!"
    is "$(stat -c %a "$AUTH")" 600
    is "$(stat -c %a "$(dirname "$AUTH")")" 700
    is "$(entry "$AUTH" "$host")" tester:secret
    is "$(rctr login --get-login "$host")" tester
    fails_with 125 "manifest unknown" rctr pull -q "$host/no/such" # let in, and nothing there
    is "$(rctr login "$host")" "Authenticating with existing credentials for $host
Existing credentials are valid. Already logged in to $host"
    is "$(rctr logout "$host")" "Removed login credentials for $host"
    fails_with 125 "Not logged into $host" rctr logout "$host"
    fails_with 125 "not logged into $host" rctr login --get-login "$host"
    fails_with 125 "unauthorized" rctr pull -q "$host/no/such"
}

@test "podman and skopeo use what rctr has kept, and rctr what podman has" {
    need_guarded
    need_command skopeo
    local host=$RCTR_TEST_REGISTRY_AUTH
    log_in "$host" --authfile one.json
    skopeo login --get-login --authfile one.json "$host" | grep -x tester
    skopeo login --authfile two.json --tls-verify=false -u tester -p secret "$host"
    is "$(rctr login --get-login --authfile two.json "$host")" tester
    is "$(rctr logout --authfile two.json "$host")" "Removed login credentials for $host"
    run -1 skopeo login --get-login --authfile two.json "$host"
}

@test "a wrong password is not kept, nor told" {
    local host
    for host in "$BASIC" "$LOGIN" ${RCTR_TEST_REGISTRY_AUTH:-}; do
        fails_with 125 "logging into \"$host\": invalid username/password" rctr login -u tester -p "wr0ng,really" "$host"
        run ! grep -q "wr0ng" stderr stdout
        grep -q "insecure. Use --password-stdin" stderr
    done
    [ ! -e "$AUTH" ]
}

@test "a token server: the password goes there only, and no scope is asked for" {
    is "$(log_in "$LOGIN")" "Login Succeeded!"
    is "$(entry "$AUTH" "$LOGIN")" tester:secret
    grep -q "^login GET /token?service=fake auth" "$FAKE/log"
    run ! grep -q "scope=.*repository::" "$FAKE/log"
}

@test "basic, with the answer on standard input in several forms" {
    local form
    for form in 'secret' 'secret\n' 'secret\r\n'; do
        rm -rf "$(dirname "$AUTH")"
        # shellcheck disable=SC2059 # the form is the point
        is "$(printf "$form" | rctr login -u tester --password-stdin "$BASIC")" "Login Succeeded!"
        is "$(entry "$AUTH" "$BASIC")" tester:secret
    done
}

@test "the password is asked for on a terminal and not shown" {
    run -0 in_pty 'tester\n|secret\n' rctr login "$BASIC"
    has "$output" "Username: "
    has "$output" "Password: "
    has "$output" "Login Succeeded!"
    [[ $output != *secret* ]]
    is "$(entry "$AUTH" "$BASIC")" tester:secret
}

@test "interrupted at the password: nothing is kept and the terminal shows again what is typed" {
    run -0 in_pty '\x03|echo shown; exit\n' sh -c "rctr login -u tester $BASIC; stty -a | grep -w -o -e '-echo' -e echo; exit 7"
    has "$output" "nothing was entered"
    [[ $output != *-echo* ]]
    [ ! -e "$AUTH" ]
}

@test "a path of the registry has credentials of its own" {
    log_in "$BASIC"
    printf 'hush' | rctr login -u other --password-stdin "$BASIC/team"
    is "$(entry "$AUTH" "$BASIC/team")" other:hush
    is "$(rctr login --get-login "$BASIC/team")" other
    is "$(rctr login --get-login "$BASIC/team/tool")" other
    is "$(rctr login --get-login "$BASIC/teams")" tester
    rctr logout "$BASIC/team"
    is "$(rctr login --get-login "$BASIC/team")" tester
    has "$(rctr logout "$BASIC/team")" "Not logged into $BASIC/team with current tool"
}

@test "what else the file holds stays, and docker's old keys are known" {
    printf '{"auths": {"other.example": {"auth": "YTpi", "email": "x@y"}, "https://%s/v1/": {"auth": "YTpi", "note": 1}}, "HttpHeaders": {"A": "b"}}' "$BASIC" >docker.json
    chmod 644 docker.json
    is "$(log_in "$BASIC" --authfile docker.json -v)" "Used: docker.json
Login Succeeded!"
    is "$(stat -c %a docker.json)" 600
    python3 - "$BASIC" <<'END'
import json, sys
doc = json.load(open("docker.json"))
assert doc["HttpHeaders"] == {"A": "b"} and doc["auths"]["other.example"] == {"auth": "YTpi", "email": "x@y"}
assert doc["auths"] ["https://%s/v1/" % sys.argv[1]] == {"auth": "dGVzdGVyOnNlY3JldA==", "note": 1}, doc
assert len(doc["auths"]) == 2
END
    rctr logout --authfile docker.json "$BASIC"
    is "$(python3 -c 'import json; print(*json.load(open("docker.json"))["auths"])')" other.example
}

@test "logout --all" {
    log_in "$BASIC"
    printf 'hush' | rctr login -u other --password-stdin "$BASIC/team"
    is "$(rctr logout --all)" "Removed login credentials for all registries"
    is "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1])))' "$AUTH")" "{'auths': {}}"
    fails_with 125 "--all takes no registry" rctr logout --all "$BASIC"
}

@test "the file's place: --authfile, REGISTRY_AUTH_FILE, the session's, the user's" {
    log_in "$BASIC"
    [ -e "$AUTH" ]
    XDG_RUNTIME_DIR='' log_in "$BASIC"
    is "$(stat -c %a "$HOME/.config/containers/auth.json")" 600
    REGISTRY_AUTH_FILE=$PWD/env.json log_in "$BASIC"
    [ -e env.json ]
    REGISTRY_AUTH_FILE=$PWD/env2.json log_in "$BASIC" --authfile "$PWD/new/folder/given.json"
    [ ! -e env2.json ]
    is "$(stat -c %a new/folder)" 700
    fails_with 125 "no place for credentials" env -u HOME XDG_RUNTIME_DIR= rctr logout --all
}

@test "eight logins at once lose none of the others" {
    local i pids=()
    for i in 1 2 3 4 5 6 7 8; do
        log_in "$BASIC/path$i" >"out$i" 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    for i in 1 2 3 4 5 6 7 8; do is "$(entry "$AUTH" "$BASIC/path$i")" tester:secret; done
    is "$(ls -A "$(dirname "$AUTH")")" auth.json
}

@test "a file that cannot be understood is left as it is" {
    local text
    mkdir -m 700 "$(dirname "$AUTH")"
    for text in '{' '[]' '{"auths": []}' '{"auths": {}, "auths": {}}'; do
        echo "$text" >"$AUTH"
        fails_with 125 "authentication file '$AUTH'" log_in "$BASIC"
        is "$(cat "$AUTH")" "$text"
    done
}

@test "own links are followed; folders that others can write to are refused" {
    mkdir -m 700 dotfiles
    echo '{}' >dotfiles/real.json
    ln -s dotfiles/real.json link.json
    log_in "$BASIC" --authfile link.json
    [ -L link.json ]
    is "$(entry dotfiles/real.json "$BASIC")" tester:secret
    mkdir open
    chmod 777 open
    fails_with 125 "others can write to the folder" log_in "$BASIC" --authfile open/auth.json
    [ ! -e open/auth.json ]
    mkfifo fifo
    fails_with 125 "not a regular file" timeout 20 bash -c "echo secret | rctr login -u tester --password-stdin --authfile fifo $BASIC"
}

@test "a credential helper keeps the secret, gives it and forgets it" {
    make_helper vault
    mkdir -m 700 "$(dirname "$AUTH")"
    printf '{"credHelpers": {"%s": "vault"}}' "$BASIC" >"$AUTH"
    is "$(log_in "$BASIC" -v)" "Used: docker-credential-vault
Login Succeeded!"
    run ! grep -q -e secret -e "$(printf tester:secret | base64)" "$AUTH"
    is "$(rctr login --get-login "$BASIC")" tester
    has "$(rctr login "$BASIC")" "Existing credentials are valid"
    run ! grep -q secret "$HOME/vault.log" # its arguments
    is "$(rctr logout "$BASIC")" "Removed login credentials for $BASIC"
    is "$(ls -A "$HOME/vault")" ""
    fails_with 125 "Not logged into" rctr logout "$BASIC"
}

@test "credsStore is for all registries, credHelpers before it" {
    make_helper vault
    mkdir -m 700 "$(dirname "$AUTH")"
    echo '{"credsStore": "vault"}' >"$AUTH"
    log_in "$BASIC"
    is "$(ls "$HOME/vault")" "$BASIC"
    rctr pull -q "$BASIC/ok/1"
    rctr logout --all
    printf '{"credsStore": "missing", "credHelpers": {"%s": "vault"}}' "$BASIC" >"$AUTH"
    log_in "$BASIC"
}

@test "a helper that is missing, talks without end, fails, or could be written by others" {
    mkdir -m 700 "$(dirname "$AUTH")"
    printf '{"credHelpers": {"%s": "nothere"}}' "$BASIC" >"$AUTH"
    fails_with 125 "'docker-credential-nothere' is not on PATH" rctr pull -q "$BASIC/ok/1"
    fails_with 125 "'docker-credential-nothere' is not on PATH" log_in "$BASIC"
    printf '{"credHelpers": {"%s": "../../evil"}}' "$BASIC" >"$AUTH"
    fails_with 125 "no name of a credential helper" rctr pull -q "$BASIC/ok/1"
    make_helper open
    chmod 777 "$BATS_TEST_TMPDIR/bin/docker-credential-open"
    printf '{"credHelpers": {"%s": "open"}}' "$BASIC" >"$AUTH"
    fails_with 125 "others may write" rctr pull -q "$BASIC/ok/1"
    printf '#!/bin/sh\nexec cat /dev/zero\n' >"$BATS_TEST_TMPDIR/bin/docker-credential-loud"
    printf '#!/bin/sh\nprintf "it is locked\\033[31m"; exit 3\n' >"$BATS_TEST_TMPDIR/bin/docker-credential-locked"
    chmod 755 "$BATS_TEST_TMPDIR/bin/"*
    printf '{"credHelpers": {"%s": "loud"}}' "$BASIC" >"$AUTH"
    fails_with 125 "more than 1024 KiB" timeout 20 rctr pull -q "$BASIC/ok/1"
    printf '{"credHelpers": {"%s": "locked"}}' "$BASIC" >"$AUTH"
    fails_with 125 "it is locked?[31m (status 3)" rctr pull -q "$BASIC/ok/1"
    # a helper for all that is not installed does not stand in the way of who has never used it
    echo '{"credsStore": "nothere"}' >"$AUTH"
    fails_with 125 "authentication required" rctr pull -q "$BASIC/ok/1"
    printf '{"credsStore": "nothere", "auths": {"%s": {}}}' "$BASIC" >"$AUTH"
    fails_with 125 "is not on PATH" rctr pull -q "$BASIC/ok/1"
}

@test "the password is not among the arguments that ps shows" {
    local pid seen=
    rctr login -u tester -p verysecretword "127.0.0.1:$(cat "$FAKE/slow-port")" 2>/dev/null &
    pid=$!
    for _ in $(seq 100); do
        grep -q "\*\*\*\*\*" "/proc/$pid/cmdline" && seen=1 && break
        sleep 0.05
    done
    is "$seen" 1
    run ! grep -q verysecret "/proc/$pid/cmdline"
    kill "$pid"
    wait "$pid" || true
}

@test "nor are the credentials of a pull" {
    local pid seen=
    rctr pull -q --creds tester:verysecretword "127.0.0.1:$(cat "$FAKE/slow-port")/x" 2>/dev/null &
    pid=$!
    for _ in $(seq 100); do
        grep -q "\*\*\*\*\*" "/proc/$pid/cmdline" && seen=1 && break
        sleep 0.05
    done
    is "$seen" 1
    run ! grep -q verysecret "/proc/$pid/cmdline"
    kill "$pid"
    wait "$pid" || true
}

@test "words that do not go together" {
    fails_with 125 "cannot be used together" rctr login -u a -p b --password-stdin "$BASIC"
    fails_with 125 "needs --username" rctr login --password-stdin "$BASIC" </dev/null
    fails_with 125 "a password are needed" rctr login -u a --password-stdin "$BASIC" </dev/null
    fails_with 125 "standard input is not a terminal" rctr login -u a "$BASIC" </dev/null
    fails_with 125 "holds a colon" rctr login -u a:b -p c "$BASIC"
    fails_with 125 "--authfile" rctr login --compat-auth-file x "$BASIC"
    fails_with 125 "--password-stdin" rctr login --secret x "$BASIC"
    fails_with 125 "neither true nor false" rctr login --tls-verify=maybe "$BASIC"
    fails_with 125 "a tag or a digest" rctr login -u a -p b "$BASIC/x:1"
    fails_with 125 "registry 'UPPER/X'" rctr login -u a -p b UPPER/X
    fails_with 125 "zero byte" bash -c "printf 'a\\0b' | rctr login -u a --password-stdin $BASIC"
    fails_with 125 "larger than" bash -c "head -c 100000 /dev/zero | tr '\\0' x | rctr login -u a --password-stdin $BASIC"
    fails_with 125 "authenticating creds for \"127.0.0.1:1\"" rctr login -u a -p b 127.0.0.1:1
    [ ! -e "$AUTH" ]
}

@test "over TLS: the authority is needed, and without https nothing is sent" {
    local host
    host=127.0.0.1:$(cut -d ' ' -f 3 "$FAKE/ports")
    fails_with 125 "into '$HOME/.config/containers/certs.d/$host/ca.crt'" log_in "$host" --tls-verify
    mkdir certs
    cp "$FAKE/tls.crt" certs/ca.crt
    log_in "$host" --cert-dir certs
    log_in "$host" --tls-verify=false --authfile other.json
}

# --- registries that misbehave ----------------------------------------------------------------------

# not_in FAULT WORDS: the login fails with these words, and nothing is kept.
not_in() {
    local host
    host=127.0.0.1:$(cat "$FAKE/root-$1-port")
    fails_with 125 "$2" log_in "$host"
    [ ! -e "$AUTH" ]
    run ! grep -q secret stderr stdout
}

@test "a registry that never lets in" {
    not_in auth-loop "invalid username/password"
    not_in basic-loop "invalid username/password"
    not_in unknown-scheme "does not say how to log in"
    not_in missing "status 404"
}

@test "a token server that is elsewhere without https, or nowhere, or sends us on" {
    not_in realm-http "credentials do not go there"
    not_in realm-none "does not say where"
    not_in realm-moved "invalid username/password"
    is "$(grep -c "^other GET /token.* auth " "$FAKE/log")" 0
}

@test "a root that redirects to another host: the password does not follow" {
    local before
    before=$(grep -c "^basic GET /v2/ auth" "$FAKE/log" || true)
    not_in basic-moved "invalid username/password"
    is "$(grep -c "^basic GET /v2/ auth" "$FAKE/log" || true)" "$before"
}

@test "answers that break off, never end or make no sense" {
    not_in 500-always "status 500"
    not_in headers "headers"
    not_in redirect-loop "more than 10 times"
    not_in error-endless "not found"
    not_in reset-first "cannot ask registry"
    not_in not-http "cannot ask registry"
    not_in length-two "two lengths"
    not_in slow-headers "too slow"
    not_in 429-odd-date "toomanyrequests"
}

@test "a login that is killed leaves no secret lying beside the file" {
    log_in "$BASIC"
    folder=$(dirname "$AUTH")
    for name in .auth.json.123.tmp .auth.json.4194304.tmp; do
        echo secret >"$folder/$name"
    done
    echo mine >"$folder/.auth.json.mine.tmp"
    for wait in 0.01 0.02 0.03 0.04 0.05 0.06 0.07 0.08; do
        log_in "$BASIC" >/dev/null 2>&1 3>&- &
        sleep $wait
        # shellcheck disable=SC2046 # numbers
        kill -9 $(cat /proc/$!/task/$!/children) $! 2>/dev/null || true
        wait $! || true
    done
    log_in "$BASIC"
    is "$(ls -A "$folder" | tr '\n' ' ')" ".auth.json.mine.tmp auth.json "
    is "$(entry "$AUTH" "$BASIC")" tester:secret
}
