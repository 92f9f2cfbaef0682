# also: single-uid
load common

changes() {
    rctr run --name c --network none localhost/busybox sh -c 'echo hi >/etc/new; rm /etc/passwd
        mkdir -p /d/e; ln -s x /d/l; echo 1 >/d/e/f; ln /d/e/f /d/g; mkfifo /d/p
        chmod 700 /home; rm -r /var; mkdir /var; echo >/var/x; echo >>/etc/group'
    is "$(rctr diff c | tr '\n' ' ')" "A /d A /d/e A /d/e/f A /d/g A /d/l A /d/p C /etc C /etc/group A /etc/new D /etc/passwd C /home C /var $(removed_var)A /var/x "
    is "$(rctr diff --format json c | jq -r '.changed | join(" ")')" "/etc /etc/group /home /var"
    has "$(rctr container diff c)" "D /etc/passwd"
}

removed_var() { # what the image had in /var
    rctr run --rm --network none localhost/busybox ls /var | sed 's,.*,D /var/&,' | tr '\n' ' '
}

@test "diff tells what was added, changed and removed, with each driver" {
    each_driver changes
}

nothing() {
    rctr run --name c --network none localhost/busybox true
    is "$(rctr diff c)" ""
}

@test "what a start puts there to mount on is no change" {
    each_driver nothing
}

running() {
    rctr run -d --name c --network none localhost/busybox sh -c 'echo >/etc/new; echo >/dev/shm/x; sleep 1000' >/dev/null
    for i in 1 2 3 4 5 6 7 8 9 10; do rctr diff c | grep -q new && break; sleep 0.1; done
    is "$(rctr diff c | tr '\n' ' ')" "C /etc A /etc/new "
    rctr export c >c.tar
    tar tf c.tar >names
    grep -qx etc/new names
    grep -qx proc/ names
    is "$(grep -cE '^(proc|sys|dev)/.' names)" 0
}

@test "a running container has changes and files too, but not what is mounted" {
    each_driver running
}

whole() {
    rctr run --name c --network none localhost/busybox sh -c 'mkdir -p /d; echo 1 >/d/f; ln /d/f /d/g; ln -s /etc/passwd /d/l; mkfifo /d/p; chmod 4750 /d/f
        d=/d/e; for i in 1 2 3 4 5 6 7 8 9; do d=$d/a-rather-long-name-of-a-folder; done; mkdir -p $d; echo >$d/f'
    rctr export -o c.tar c
    rctr export c | cmp - c.tar
    is "$(tar xOf c.tar d/f)" 1
    has "$(tar tvf c.tar)" "d/g link to d/f"
    has "$(tar tvf c.tar)" "d/l -> /etc/passwd"
    has "$(tar tvf c.tar d/f)" "-rwsr-x---"
    is "$(tar tf c.tar | grep -c a-rather-long)" 10
    is "$(tar tf c.tar | LC_ALL=C sort -c 2>&1 | grep -c ' .*/.*/')" 0
}

@test "export writes all files, the same bytes each time" {
    each_driver whole
}

@test "what cannot be compared or exported is told" {
    rctr create --name c --network none localhost/busybox true >/dev/null
    fails_with 125 'nosuch not found: no such container or image' rctr diff nosuch
    fails_with 125 "only supported value for '--format' is 'json'" rctr diff --format table c
    fails_with 125 'no such container' rctr export nosuch
    fails_with 125 'name one container or image' rctr diff c c
    fails_with 125 "cannot create '/nosuch/x'" rctr export -o /nosuch/x c
    mkdir root
    rctr create --name r --network none --rootfs "$PWD/root" true >/dev/null
    fails_with 125 'there is no image that it could differ from' rctr diff r
    rctr export r | tar t
    [ "$(id -u)" = 0 ] || fails_with 125 'o space left' rctr export -o /dev/full c
}

@test "a reader of the export that goes away is named" {
    rctr create --name c --network none localhost/busybox true >/dev/null
    rctr export c 2>err | head -c 5 >/dev/null
    is "$(cat err)" "Error: cannot write: nobody reads the output any more"
}

@test "export does not write to a terminal" {
    need_command script
    rctr create --name c --network none localhost/busybox true >/dev/null
    has "$(script -qec 'rctr export c' /dev/null </dev/null)" "refusing to export to terminal"
}

@test "an image's last layer can be looked at" {
    rctr create --network none localhost/busybox true
    has "$(rctr diff localhost/busybox)" "A /bin/sh"
}

@test "a container that swaps links while it is exported shows nothing of the host" {
    echo secret-of-the-host >"$BATS_TEST_TMPDIR/secret"
    rctr run -d --name c --network none localhost/busybox sh -c "mkdir /x; while :; do
        echo plain >/x/f; rm /x/f; ln -s $BATS_TEST_TMPDIR/secret /x/f; rm /x/f; mkfifo /x/f; rm /x/f
        mkdir /x/f; rmdir /x/f; done" >/dev/null
    for i in $(seq 20); do
        timeout 20 rctr export c >c.tar
        tar tf c.tar >/dev/null
        is "$(grep -ca secret-of-the-host c.tar)" 0
    done
}

@test "a file name can neither steer the terminal nor forge a line" {
    rctr run --network none --name c localhost/busybox sh -c "touch \"/tmp/\$(printf 'a\\033[31m\\nC .etc\\302\\233x')\""
    is "$(rctr diff c | tail -n 1)" 'A /tmp/a?[31m?C .etc?x'
    is "$(rctr diff c | wc -l)" 2
}
