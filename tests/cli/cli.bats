#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# The command line itself: no image and no container is needed.
load common

@test "rctr alone lists the commands in groups" {
    run -0 rctr
    has "$output" "Usage: rctr [OPTION...] COMMAND"
    has "$output" "Containers:"
    has "$output" "Run a program in a new container"
}

@test "rctr help says the same" {
    is "$(rctr help)" "$(rctr)"
    is "$(rctr --help)" "$(rctr)"
}

@test "rctr CMD --help, rctr help CMD and rctr container CMD --help say the same" {
    is "$(rctr run --help)" "$(rctr help run)"
    is "$(rctr container run --help)" "$(rctr help run)"
    has "$(rctr run --help)" "--interactive"
}

@test "--help works after other options and wins over missing operands" {
    run -0 rctr run --rm --name x --help
    has "$output" "Usage: rctr run"
}

@test "-h is help where no option has that letter" {
    run -0 rctr version -h
    has "$output" "Usage: rctr version"
}

@test "hidden commands are not listed" {
    run -0 rctr
    [[ $output != *__man* ]]
}

@test "a family alone lists its commands" {
    run -0 rctr container
    has "$output" "Usage: rctr container COMMAND"
    has "$output" "run "
    is "$(rctr container --help)" "$output"
}

@test "--version and version name the version" {
    run -0 rctr --version
    has "$output" "rctr version "
    is "$(rctr version -f '{{.Client.Version}}')" "$(rctr version --format json | jq -r .Server.Version)"
    fails_with 125 'there is no field "Versoin"; did you mean "Version"?' rctr version -f '{{.Client.Versoin}}'
    run -0 rctr version
    has "$output" "Version: "
}

@test "an unknown command names the nearest one" {
    fails_with 125 'unknown command "rnu"; did you mean "run"?' rctr rnu
    fails_with 125 'unknown command "container rnu"; did you mean "container run"?' rctr container rnu
    fails_with 125 'unknown command "frobnicate"' rctr frobnicate
}

@test "an unknown option names the nearest one" {
    fails_with 125 'unknown flag: --nmae; did you mean --name?' rctr run --nmae x image
    fails_with 125 'unknown flag: --roto; did you mean --root?' rctr --roto x version
}

@test "long options must be written in full" {
    fails_with 125 'unknown flag: --interact; did you mean --interactive?' rctr run --interact image
}

@test "an unknown letter is named with its cluster" {
    fails_with 125 "unknown shorthand flag: 'Z' in -itZ" rctr run -itZ image
}

@test "an option without its value says so" {
    fails_with 125 'flag needs an argument: --name' rctr run --name
    fails_with 125 "flag needs an argument: 'e' in -ie" rctr run -ie
}

@test "a flag's value is true or false" {
    fails_with 125 'invalid argument "maybe" for "--rm" flag' rctr run --rm=maybe image
    run -0 rctr --version=true
    run -0 rctr --version=false version
    has "$output" "Compiler:"
}

@test "too few and too many operands are explained with the usage" {
    fails_with 125 'requires at least 1 arg(s), only received 0: rctr run' rctr run
    fails_with 125 'accepts at most 0 arg(s), received 1: rctr version' rctr version x
}

@test "a log level that is none is refused" {
    fails_with 125 "none of error, warn, info, debug" rctr --log-level loud version
}

@test "output that cannot be written is a failure" {
    fails_with 125 "cannot write to standard output: No space left on device" sh -c 'exec rctr version >/dev/full'
}

@test "closed standard files do no harm" {
    run -0 sh -c 'exec rctr version <&- 2>&-'
    run -0 sh -c 'exec rctr version >&-'
}

@test "an empty argv is answered, not followed" {
    need_command python3
    run python3 -c 'import ctypes, os
libc = ctypes.CDLL(None)
path = os.popen("command -v rctr").read().strip().encode()
libc.execv(path, (ctypes.c_char_p * 1)(None))'
    [ "$status" -lt 128 ]
}

@test "each command has a man page, and mandoc finds no error in it" {
    need_command mandoc
    pages=$(dirname "$(command -v rctr)")/../share/man/man1
    [ -d "$pages" ] || pages=$TOP/build/man1
    while IFS=$'\t' read -r page _ aliases; do
        for name in $page $aliases; do
            [ -f "$pages/$name.1" ] || { echo "no $pages/$name.1"; return 1; }
        done
        mandoc -T lint -W error "$pages/$page.1"
        has "$(mandoc -T ascii "$pages/$page.1" | sed "s,.\x08,,g")" "SYNOPSIS"
    done < <(rctr __man)
    mandoc -T lint -W error "$pages/rctr.1"
}

@test "every option of a command is in its man page" {
    need_command mandoc
    pages=$(dirname "$(command -v rctr)")/../share/man/man1
    [ -d "$pages" ] || pages=$TOP/build/man1
    text=$(mandoc -T ascii "$pages/rctr-run.1" | sed "s,.\x08,,g")
    for flag in $(rctr run --help | grep -o -- '^ .* --[a-z-]*' | grep -o -- '--.*'); do
        has "$text" "$flag"
    done
}

complete_bash() { # words...: what bash offers for the last one
    bash -c '
        . "$0"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _rctr
        printf "%s\n" "${COMPREPLY[@]}"' "$(completion_file bash)" "$@"
}

completion_file() {
    local share
    share=$(dirname "$(command -v rctr)")/../share
    case $1 in
    bash) set -- "$share/bash-completion/completions/rctr" "$TOP/build/completion/rctr.bash" ;;
    zsh) set -- "$share/zsh/site-functions/_rctr" "$TOP/build/completion/rctr.zsh" ;;
    fish) set -- "$share/fish/vendor_completions.d/rctr.fish" "$TOP/build/completion/rctr.fish" ;;
    esac
    [ -e "$1" ] && echo "$1" || echo "$2"
}

@test "bash completes commands, families, options and fixed values" {
    is "$(complete_bash rctr ru)" run
    is "$(complete_bash rctr container ru)" run
    has "$(complete_bash rctr run --)" "--interactive"
    is "$(complete_bash rctr run --inter)" "--interactive"
    is "$(complete_bash rctr --log-level de)" debug
    is "$(complete_bash rctr --log-level error ru)" run
    is "$(complete_bash rctr run --name x --inter)" "--interactive"
    is "$(complete_bash rctr help vers)" version
}

@test "bash completes the images of the store" {
    "$TOP/packaging/images/busybox.sh" image.tar
    rctr load -q -i image.tar
    is "$(complete_bash rctr run --rm localhost/b)" localhost/busybox:latest
    is "$(complete_bash rctr image rm localhost/b)" localhost/busybox:latest
    is "$(complete_bash rctr run localhost/busybox : la)" latest
}

@test "the embedded image is the same bytes each time, and skopeo reads it" {
    "$TOP/packaging/images/busybox.sh" one.tar
    "$TOP/packaging/images/busybox.sh" two.tar
    cmp one.tar two.tar
    need_command skopeo
    is "$(skopeo inspect --config oci-archive:one.tar | jq -c .config.Cmd)" '["sh"]'
}

@test "zsh and fish accept their completions" {
    zsh=$(completion_file zsh) fish=$(completion_file fish)
    [ -s "$zsh" ] && [ -s "$fish" ]
    ! command -v zsh >/dev/null || zsh -n "$zsh"
    ! command -v fish >/dev/null || fish -n "$fish"
}

@test "an error does not give a terminal commands" {
    fails_with 125 "'a?[31m?b?c'" rctr pull $'a\e[31m\ab\x7fc'
}
