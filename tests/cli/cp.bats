# also: single-uid
load common

host_tree() {
    rm -rf h
    mkdir -p h/dir/sub
    echo file >h/f
    echo in-dir >h/dir/g
    ln -s g h/dir/link
    ln -s f h/l
    chmod 751 h/dir/sub
    touch -d '2001-02-03 04:05:06.789' h/f
}

# both NAME: the same asked of a container that was never started and of one that runs
both() {
    host_tree
    rctr create --name s --network none localhost/busybox sleep 1000 >/dev/null
    rctr run -d --name r --network none localhost/busybox sleep 1000 >/dev/null
    "$1" s
    "$1" r
}

round_trip() {
    rctr cp h/f "$1:/tmp"
    rctr cp h/f "$1:tmp/new"
    rctr cp h/dir "$1:/tmp"
    rctr cp h/dir "$1:/tmp/copy"
    rctr cp h/dir/. "$1:/tmp/copy"
    rctr cp h/l "$1:/tmp/"
    rm -rf out
    rctr cp "$1:/tmp" out
    is "$(cd out && find . | LC_ALL=C sort | tr '\n' ' ')" ". ./copy ./copy/g ./copy/link ./copy/sub ./dir ./dir/g ./dir/link ./dir/sub ./f ./l ./new "
    cmp out/f h/f
    cmp out/l h/f
    is "$(readlink out/dir/link)" g
    is "$(stat -c %a out/dir/sub)" 751
    is "$(stat -c %y out/new)" "$(stat -c %y h/f)"
    is "$(stat -c %u out/dir/g)" "$(id -u)"
    is "$(rctr cp "$1:/tmp/dir" - | tar t | LC_ALL=C sort | tr '\n' ' ')" "dir/ dir/g dir/link dir/sub/ "
    tar -C h -cz dir | rctr cp - "$1:/var"
    rctr cp "$1:/var/dir/g" got
    is "$(cat got)" in-dir
    rctr cp s:/tmp/dir r:/var/from
    rctr cp r:/var/from/g got
}

@test "files, trees and streams go in and out, stopped and running, with each driver" {
    each_driver both round_trip
}

refusals() {
    rctr cp h/f "$1:/tmp/f"
    fails_with 125 "\"nosuch\" could not be found on the host: no such file or directory" rctr cp nosuch "$1:/tmp"
    fails_with 125 "\"/nosuch\" could not be found on container $1: no such file or directory" rctr cp "$1:/nosuch" .
    fails_with 125 "\"/no/such\" could not be found on container $1" rctr cp h/f "$1:/no/such"
    fails_with 125 "\"/nosuch/\" could not be found on container $1" rctr cp h/f "$1:/nosuch/"
    fails_with 125 "\"/tmp/f/\" exists but is not a directory" rctr cp h/f "$1:/tmp/f/"
    fails_with 125 'destination must be a directory when copying a directory' rctr cp h/dir "$1:/tmp/f"
    fails_with 125 'destination must be a directory when copying a directory' rctr cp "$1:/tmp" h/f
    fails_with 125 "\"./no/x\" could not be found on the host" rctr cp "$1:/tmp/f" ./no/x
    fails_with 125 'destination must be a directory when copying from stdin' rctr cp - "$1:/tmp/f" </dev/null
    fails_with 125 'source must be a (compressed) tar archive when copying from stdin' rctr cp - "$1:/tmp" </dev/null
    fails_with 125 'source must be a (compressed) tar archive when copying from stdin' rctr cp - "$1:/tmp" <h/f
    mkdir -p h/other/f h/third
    echo file >h/third/dir
    fails_with 125 "'f': something that is no folder is in its place" rctr cp h/other/. "$1:/tmp"
    rctr cp --overwrite h/other/. "$1:/tmp"
    rctr cp h/dir "$1:/tmp"
    fails_with 125 "'dir': a folder is in its place" rctr cp h/third/. "$1:/tmp"
    rctr cp --overwrite h/third/. "$1:/tmp"
    rctr cp "$1:/tmp/dir" got
    is "$(cat got)" file
}

@test "what is not there, or in the way, is told in podman's words" {
    each_driver both refusals
}

@test "words that name no container or no path are refused" {
    rctr create --name s --network none localhost/busybox true >/dev/null
    fails_with 125 'one of them must be in a container' rctr cp a b
    fails_with 125 'no container with name or ID "nosuch" found: no such container' rctr cp a nosuch:/b
    fails_with 125 'a path is missing' rctr cp s: b
    fails_with 125 "container's name is missing" rctr cp a :/b
    echo x >./a:b
    rctr cp ./a:b s:/tmp
    rctr cp s:/tmp/a:b got
}

owners() {
    is "$(rctr cp "$1:/tmp/x/f" - | tar tv --numeric-owner | awk '{print $2}')" "$2"
}

@test "what comes into a container belongs to its user, or keeps its owner" {
    host_tree
    [ "$(rctr unshare cat /proc/self/uid_map | wc -l)" -gt 1 ] || skip "one user only: nobody else can own a file"
    rctr create --name u -u 33:34 --network none localhost/busybox true >/dev/null
    mkdir x && cp h/f x
    rctr cp x u:/tmp
    owners u 33/34
    rctr cp --archive=false x u:/tmp
    owners u 0/0
    rctr unshare chown 7:8 x/f
    rctr cp --archive=false x u:/tmp
    owners u 7/8
    rctr create --name k --userns keep-id --network none localhost/busybox true >/dev/null
    rctr cp x k:/tmp
    owners k "$(id -u)/$(id -g)"
    rctr unshare chown 0:0 x/f
}

@test "set-user-id bits and owners of a container do not come to the host" {
    rctr run --name c --network none localhost/busybox sh -c 'mkdir /x; echo >/x/s; chmod 6755 /x/s; chown 3:3 /x/s 2>/dev/null; mkfifo /x/p'
    rctr cp c:/x .
    is "$(stat -c '%a %u' x/s)" "755 $(id -u)"
    [ -p x/p ]
}

volumes() {
    mkdir -p bind
    chmod 777 bind
    rctr create --name c --network none -v "$PWD/bind:/b" -v "vol-$RCTR_STORAGE_DRIVER:/v" localhost/busybox cat /v/f /b/f >/dev/null
    echo volume >f && rctr cp f c:/v
    echo bind >f && rctr cp f c:/b
    is "$(cat bind/f)" bind
    is "$(rctr start -a c)" "volume
bind"
}

@test "volumes and binds of a stopped container are at their places" {
    each_driver volumes
}

@test "a container that runs, stops and starts again keeps what was copied" {
    rctr run -d --name c --network none localhost/busybox sleep 1000 >/dev/null
    echo one >f && rctr cp f c:/etc/one
    rctr stop -t 0 c >/dev/null
    echo two >f && rctr cp f c:/etc/two
    rctr start c >/dev/null
    is "$(rctr exec c cat /etc/one /etc/two | tr '\n' ' ')" "one two "
    has "$(rctr diff c)" "A /etc/two"
}

@test "copies into a stopped container and its start at once do not meet" {
    rctr create --name c --network none localhost/busybox sh -c 'cat /f* | wc -l' >/dev/null
    for i in 1 2 3 4 5 6 7 8; do
        echo "$i" >"f$i"
        rctr cp "f$i" c:/ &
    done
    rctr start -a c || true
    wait
    is "$(rctr start -a c)" 8
}

# A container that swaps folders and files for links to the host's places, as fast as it can.
swapper() {
    mkdir -p host/in
    echo secret-of-the-host >host/secret
    touch -d '2001-01-01' host/in host
    before=$(find host | sort | xargs stat -c '%n %i %Y %s')
    rctr run -d --name c --network none localhost/busybox sh -c "mkdir -p /x; cd /x; while :; do
        mkdir d; echo plain >d/f; rm -rf d; ln -s $PWD/host/in d; rm d; ln -s ../../../../../..$PWD/host d; rm d
        echo plain >f; rm f; ln -s $PWD/host/secret f; rm f; mkfifo f; rm f; done" >/dev/null
}

@test "a container that swaps links gets nothing out and leads nothing astray" {
    swapper
    echo mine >mine
    mkdir tree && echo mine >tree/f
    for i in $(seq 60); do
        timeout 10 rctr cp mine c:/x/d/ 2>/dev/null || [ $? -ne 124 ]
        timeout 10 rctr cp mine c:/x/f 2>/dev/null || [ $? -ne 124 ]
        timeout 10 rctr cp tree/. c:/x/d 2>/dev/null || [ $? -ne 124 ]
        rm -rf out && mkdir out
        timeout 10 rctr cp c:/x/f out/ 2>/dev/null || [ $? -ne 124 ]
        timeout 10 rctr cp c:/x out/x 2>/dev/null || [ $? -ne 124 ]
        is "$(grep -rs secret-of-the-host out | wc -l)" 0
    done
    is "$(find host | sort | xargs stat -c '%n %i %Y %s')" "$before"
}

@test "links of a copied tree lead nothing out of the destination" {
    mkdir -p evil dest/dir
    rctr run --name c --network none localhost/busybox sh -c "mkdir -p /t/dir; ln -s $PWD/evil /t/dir/out; ln -s /etc/passwd /t/p"
    rctr cp c:/t/. dest
    is "$(readlink dest/dir/out)" "$PWD/evil"
    # The link that came is in the way of a folder of the same name.
    rctr run --name d --network none localhost/busybox sh -c "mkdir -p /t/dir/out; echo x >/t/dir/out/f; echo x >/t/p"
    fails_with 125 'something that is no folder is in its place' rctr cp d:/t/. dest
    is "$(ls evil)" ""
    rctr cp --overwrite d:/t/. dest
    is "$(ls evil)" ""
    [ -d dest/dir/out ] && [ ! -L dest/p ]
}

@test "an archive with hostile names is refused" {
    rctr create --name c --network none localhost/busybox true >/dev/null
    mkdir a && echo x >a/f
    for name in ../out /abs a/../../b; do
        tar -P -cf t.tar --transform "s,a/f,$name," a/f
        fails_with 125 "" rctr cp - c:/tmp <t.tar
    done
    ln -s /etc a/l
    tar cf t.tar a/l
    mkdir b && mkdir b/a b/a/l && echo x >b/a/l/passwd
    tar -C b -rf t.tar a/l/passwd
    fails_with 125 "is not a folder" rctr cp - c:/tmp <t.tar
}

maps() {
    echo x >x
    rctr create --name k --userns keep-id --network none localhost/busybox sh -c 'echo k >/tmp/k' >/dev/null
    rctr create --name n --userns nomap --network none localhost/busybox sh -c 'chown 7:8 /tmp/x; rm /etc/passwd' >/dev/null
    rctr cp x k:/tmp
    rctr cp x n:/tmp
    rctr start -a k
    rctr start -a n
    is "$(rctr diff k | tr '\n' ' ')" "C /tmp A /tmp/k A /tmp/x "
    is "$(rctr diff n | tr '\n' ' ')" "C /etc D /etc/passwd C /tmp A /tmp/x "
    is "$(rctr export n | tar tv --numeric-owner tmp/x | awk '{print $2}')" 7/8
    rctr commit -q k from-k >/dev/null
    rctr commit -q n from-n >/dev/null
    is "$(rctr run --rm --network none from-k stat -c %u:%g /tmp/k /tmp/x /etc | tr '\n' ' ')" "$(id -u):$(id -g) $(id -u):$(id -g) 0:0 "
    is "$(rctr run --rm --network none from-n stat -c %u:%g /tmp/x /etc | tr '\n' ' ')" "7:8 0:0 "
    rctr run -d --name r --userns nomap --init --network none localhost/busybox sleep 1000 >/dev/null
    rctr cp x r:/tmp
    is "$(rctr exec r stat -c %u /tmp/x)" 0
    rctr cp r:/tmp/x y
    cmp x y
}

@test "containers with other user maps, and with --init, are no exception, with each driver" {
    [ "$(rctr unshare cat /proc/self/uid_map | wc -l)" -gt 1 ] || skip "one user only: there is no other map"
    each_driver maps
}

@test "whoever goes into a container cannot be traced there from the first moment" {
    need_command strace
    export RCTR_SINGLE_UID=1
    rctr run -d --name c --network none localhost/busybox sleep 1000 >/dev/null
    strace -f -qq -o log -e trace=setns,prctl rctr cp c:/bin/busybox out
    grep -q 'setns(.*= 0' log
    is "$(grep -e setns -e PR_SET_DUMPABLE log | head -n 1 | grep -c 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE.*= 0')" 1
}

@test "a file without blocks is copied without blocks" {
    rctr run --network none --name c localhost/busybox sh -c 'mkdir /d; dd if=/dev/zero of=/d/hole bs=1 count=0 seek=300000000 2>/dev/null
        printf word | dd of=/d/hole bs=1 seek=200000000 conv=notrunc 2>/dev/null'
    rctr cp c:/d out
    is "$(stat -c %s out/hole)" 300000000
    is "$(tail -c +200000001 out/hole | head -c 4)" word
    [ "$(du -k out/hole | cut -f 1)" -lt 4096 ]
}
