#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# search, image list-tags: what registries have. Against docker-registry, and one that has a search.
# also: single-uid
load common
load image

setup() {
    common_setup
    need_command python3
    "$TOP/tests/tools/search-registry.py" "$BATS_TEST_TMPDIR" 3>&- &
    SERVER=$!
    for _ in $(seq 100); do
        [ ! -e "$BATS_TEST_TMPDIR/port" ] || break
        sleep 0.1
    done
    AT=127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}

teardown() {
    kill "$SERVER"
    common_teardown
}

@test "a registry's own search: names, words and stars" {
    run -0 rctr search "$AT/tool"
    is "$(tr -s ' ' <<<"${lines[0]}")" "NAME DESCRIPTION"
    is "$(tr -s ' ' <<<"${lines[1]}")" "$AT/library/tool A tool of many words, more than a column of ..."
    is "${lines[2]}" "$AT/x/tool"
    is "${#lines[@]}" 4
    has "$(rctr search --no-trunc "$AT/tool")" "has room for"
    is "$(rctr search --format '{{.Stars}} {{.Official}} {{.Automated}}' "$AT/tool")" "12 [OK] 
3  [OK]
0  "
    is "$(rctr search --format json "$AT/tool" | jq -r '.[0]|.Index+" "+.Name')" "$AT $AT/library/tool"
    is "$(rctr search --format '{{.Name}}' "$AT/a b&c" | wc -l)" 3
}

@test "filters and the limit" {
    is "$(rctr search --format '{{.Stars}}' -f stars=3 "$AT/tool" | tr '\n' ' ')" "12 3 "
    is "$(rctr search --format '{{.Stars}}' -f is-official=true "$AT/tool")" 12
    is "$(rctr search --format '{{.Stars}}' -f is-official=false -f is-automated=false "$AT/tool")" 0
    is "$(rctr search --format '{{.Stars}}' --limit 1 "$AT/tool")" 12
    fails_with 125 "did you mean 'stars=…'?" rctr search -f star=3 "$AT/tool"
    fails_with 125 "a number of stars is wanted" rctr search -f stars=many "$AT/tool"
    fails_with 125 "true or false is wanted" rctr search -f is-official=so "$AT/tool"
    fails_with 125 "known: stars=N" rctr search -f zzzzzzzzz=1 "$AT/tool"
    fails_with 125 "--limit: -5 is not a number" rctr search --limit=-5 "$AT/tool"
    fails_with 125 "filters are not applicable" rctr search --list-tags -f stars=3 "$AT/tool"
}

@test "a registry without a search is asked for its list" {
    need_registry
    image_load "$RCTR_TEST_REGISTRY/search/one:1" hello
    rctr tag "$RCTR_TEST_REGISTRY/search/one:1" "$RCTR_TEST_REGISTRY/search/one:2" "$RCTR_TEST_REGISTRY/search/two:1"
    for name in one:1 one:2 two:1; do
        rctr push -q "$RCTR_TEST_REGISTRY/search/$name"
    done
    is "$(rctr search --format '{{.Name}}' "$RCTR_TEST_REGISTRY/search/")" "$RCTR_TEST_REGISTRY/search/one
$RCTR_TEST_REGISTRY/search/two"
    is "$(rctr search --format '{{.Name}}' "$RCTR_TEST_REGISTRY/two")" "$RCTR_TEST_REGISTRY/search/two"
    has "$(rctr search --limit 1000 --format '{{.Name}}' "$RCTR_TEST_REGISTRY/")" "search/one"
    is "$(rctr image list-tags --format '{{.Tag}}' "$RCTR_TEST_REGISTRY/search/one" | sort)" "1
2"
    is "$(rctr search --list-tags --format json "docker://$RCTR_TEST_REGISTRY/search/two" | jq -c '.[0].Tags')" '["1"]'
    is "$(rctr image list-tags "$RCTR_TEST_REGISTRY/search/two" | tail -1 | tr -s ' ')" "$RCTR_TEST_REGISTRY/search/two 1"
}

@test "tags come in pages; a registry that repeats itself or never ends is stopped" {
    is "$(rctr image list-tags --format '{{.Tag}}' "$AT/pages" | tr '\n' ' ')" "a b c d e "
    is "$(rctr image list-tags --limit 3 --format '{{.Tag}}' "$AT/pages" | tr '\n' ' ')" "a b c "
    is "$(rctr image list-tags --format '{{.Tag}}' "$AT/stubborn" | tr '\n' ' ')" "a b c d e "
    is "$(rctr image list-tags --format '{{.Tag}}' "$AT/none")" ""
    fails_with 125 "more than 100000 names" rctr image list-tags "$AT/endless"
}

@test "registries of registries.conf are searched one after the other; one that fails is told" {
    printf 'unqualified-search-registries = ["%s", "127.0.0.1:1"]\n' "$AT" >conf
    CONTAINERS_REGISTRIES_CONF=$PWD/conf run -0 --separate-stderr rctr search --format '{{.Stars}}' tool
    is "${lines[0]}" 12
    has "$stderr" "127.0.0.1:1"
    printf 'unqualified-search-registries = ["127.0.0.1:1"]\n' >conf
    CONTAINERS_REGISTRIES_CONF=$PWD/conf fails_with 125 "cannot search for 'tool'" rctr search tool
    printf '[[registry]]\nprefix = "%s"\nblocked = true\n' "$AT" >conf
    CONTAINERS_REGISTRIES_CONF=$PWD/conf fails_with 125 "is blocked in registries.conf" rctr search "$AT/tool"
    CONTAINERS_REGISTRIES_CONF=$PWD/conf fails_with 125 "is blocked in registries.conf" rctr image list-tags "$AT/pages"
}

@test "what cannot be listed is told" {
    fails_with 125 "cannot list the tags of $AT/nothing: name unknown" rctr image list-tags "$AT/nothing"
    fails_with 125 "has no search and gives no list" rctr search "$AT/broken"
    fails_with 125 "repository name must be lowercase" rctr image list-tags Bad
    fails_with 125 "neither true nor false" rctr search --tls-verify=maybe "$AT/tool"
}

@test "registries that ask for a password are given it" {
    [ -n "${RCTR_TEST_REGISTRY_AUTH:-}" ] || skip "no registry with a password (tests/run.sh starts one)"
    fails_with 125 "unauthorized" rctr search "$RCTR_TEST_REGISTRY_AUTH/x"
    run -0 rctr search --creds tester:secret "$RCTR_TEST_REGISTRY_AUTH/x"
}
