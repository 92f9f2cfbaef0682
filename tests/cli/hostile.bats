#!/usr/bin/env bats
# Images that mean harm, through the whole way: archive, store, root file system, mounts, program.
bats_require_minimum_version 1.5.0
load common

@test "hostile images beside a canary, with each driver" {
    need_command python3
    for driver in overlay fuse-overlayfs copy; do
        python3 "$BATS_TEST_DIRNAME/../tools/hostile-images.py" "$BATS_TEST_TMPDIR/$driver" $driver
    done
}
