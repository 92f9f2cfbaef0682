# packages.sh - the Debian packages that rctr wants, in one place; read by try.sh and tests/run.sh.
# shellcheck shell=sh disable=SC2034

packages_build="autoconf automake make gcc pkg-config binutils libc6-dev libfuse3-dev libslirp-dev \
 libglib2.0-dev libyaml-dev libjansson-dev libcmocka-dev libcurl4-openssl-dev libarchive-dev libisal-dev \
 zlib1g-dev libzstd-dev libssl-dev libseccomp-dev libsystemd-dev busybox-static"

packages_run="uidmap fuse-overlayfs"

packages_test="docker-registry debootstrap skopeo podman crun buildah bubblewrap bats clang-format \
 cppcheck strace python3 jq attr libcap2-bin iproute2 slirp4netns apache2-utils util-linux ca-certificates mandoc openssl zstd curl openssh-client git bzip2 xz-utils"

packages_bench="isal runc"

# The words of the arguments that are not installed.
packages_missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        'install ok installed') ;;
        *) echo "$package" ;;
        esac
    done
}

# Run a command as root: directly, or through sudo.
packages_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Install what is missing of the arguments; says so, and does nothing when all is there.
packages_need() {
    # shellcheck disable=SC2046 # words are wanted
    set -- $(packages_missing "$@")
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "These packages are missing, and there is no apt-get to install them: $*" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "These packages are missing; install them as root, then run this again:" >&2
        echo "  apt-get install --no-install-recommends $*" >&2
        return 1
    fi
    echo "Installing: $*"
    packages_as_root apt-get update -q
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# packages_user NAME: an unprivileged user with a home and ranges of subordinate ids. Needs root.
packages_user() {
    id "$1" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$1"
    for file in /etc/subuid /etc/subgid; do
        [ -e $file ] || touch $file
        grep -q "^$1:" $file && continue
        # after the last range of anybody
        start=$(awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' $file)
        echo "$1:$start:65536" >>$file
    done
}

# Let every user open what distributions let every user open; some bare machines do not. Needs root.
packages_devices() {
    for device in /dev/fuse /dev/net/tun; do
        [ ! -c $device ] || [ "$(stat -c %a $device)" = 666 ] || chmod 0666 $device ||
            echo "note: cannot change the mode of $device"
    done
}
