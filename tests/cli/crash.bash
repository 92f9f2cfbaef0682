# crash.bash - commands that are killed at any moment, and a look at what is left.   load crash
# shellcheck shell=bash

# The process and all below it.
family() {
    local kids
    echo "$1"
    kids=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || return 0
    for kid in $kids; do
        family "$kid"
    done
}

# Processes that run on behalf of this test's store; not those that only wait to be reaped.
ours() {
    local p
    for p in /proc/[0-9]*; do
        [ "${p#/proc/}" != $$ ] && [ "${p#/proc/}" != "$BASHPID" ] || continue
        { tr '\0' '\n' <"$p/environ" | grep -qxF "RCTR_STATE=$RCTR_STATE" ||
            grep -qF "$RCTR_STATE" "$p/mountinfo"; } 2>/dev/null || continue
        case $(tr -d '\0' <"$p/cmdline" 2>/dev/null) in *'monitor of a container'* | rctr* | sleep* | sh-c*) echo "$p" ;; esac
    done
}

# The monitor looks for the remains of others after its own work, not more often than each 20 s.
sweep() {
    rm -f "$RCTR_STATE/cache/swept"
    rctr run --rm --network none localhost/busybox true
    for _ in $(seq 100); do
        [ -z "$(ls "$RCTR_STATE/tmp" "$RCTR_STATE/containers" | grep -v ':$')" ] && return
        sleep 0.05
    done
    echo "left: $(ls "$RCTR_STATE/tmp" "$RCTR_STATE/containers")"
    return 1
}

# No process, and nothing in the store that a command does not take away.
nothing_left() {
    sweep
    for _ in $(seq 60); do
        [ -z "$(ours)" ] && break
        sleep 0.05
    done
    is "$(ours)" ""
    rctr system check --repair >/dev/null
    rctr system check
}

# killed ROUNDS MILLISECONDS WHOM COMMAND...: run it, kill -9 at random times, and look.
killed() {
    local rounds=$1 span=$2 whom=$3 pid victims
    shift 3
    RANDOM=4711 # the same moments each time
    for round in $(seq "$rounds"); do
        "$@" </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$(printf '0.%03d' $((RANDOM % span)))"
        victims=$(family $pid)
        [ "$whom" = all ] || victims=$(echo "$victims" | sed -n "$((RANDOM % $(echo "$victims" | wc -l) + 1))p")
        # shellcheck disable=SC2086 # a list of numbers
        kill -9 $victims 2>/dev/null || true
        timeout 10 tail -s 0.02 --pid=$pid -f /dev/null || { echo "round $round: the client hangs"; return 1; }
        wait $pid || true
    done
    nothing_left
}

# unknown: processes of ours that no record names, as "PID COMMAND LINE": monitors, and first
# processes of containers. What is just about to end is given two seconds.
unknown() {
    python3 - "$RCTR_STATE" <<'END'
import glob, json, sys, time
state = sys.argv[1].encode()
def look():
    named, found = set(), []
    for file in glob.glob(sys.argv[1] + "/containers/*/record.json"):
        try:
            record = json.load(open(file))
        except (OSError, ValueError):
            continue
        named |= {(record[who] or {}).get("pid") for who in ("monitor", "init")}
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            line = open(folder + "/cmdline", "rb").read()
            pids = next(l for l in open(folder + "/status") if l.startswith("NSpid")).split()[1:]
            if not line or not (line.startswith(b"rctr: monitor") or pids[-1] == "1"):
                continue
            where = open(folder + "/mountinfo", "rb").read()
            try:
                where += open(folder + "/environ", "rb").read()
            except OSError:
                pass
        except (OSError, StopIteration):
            continue
        if state in where and int(pids[0]) not in named and int(folder[6:]) not in named:
            found.append("%s %s" % (folder[6:], line.replace(b"\0", b" ").decode()))
    return found
end = time.time() + 2
while (found := look()) and time.time() < end:
    time.sleep(0.05)
print("\n".join(found), end="")
END
}
