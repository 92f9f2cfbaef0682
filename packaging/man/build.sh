#!/bin/sh
# build.sh RCTR PROSE OUT - write all man pages into the folder OUT: rows joined with their prose.
# Other spellings of a command get a page that only points to it.
set -eu
rctr=$1 prose=$2 out=$3
rm -rf "$out.part" && mkdir -p "$out.part"
"$rctr" __man "$prose/rctr.1.in" >"$out.part/rctr.1"
"$rctr" __man >"$out.part/.list"
while IFS='	' read -r page words aliases; do
    if [ ! -f "$prose/$page.1.in" ]; then
        echo "note: no prose $prose/$page.1.in, so no page $page.1"
        continue
    fi
    # shellcheck disable=SC2086 # a command may be two words
    "$rctr" __man $words "$prose/$page.1.in" >"$out.part/$page.1"
    for alias in $aliases; do
        echo ".so man1/$page.1" >"$out.part/$alias.1"
    done
done <"$out.part/.list"
rm -rf "$out.part/.list" "$out"
mv "$out.part" "$out"
