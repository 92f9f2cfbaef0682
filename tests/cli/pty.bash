# pty.bash - a terminal for tests:   load pty
# shellcheck shell=bash

# in_pty INPUT COMMAND…: run it on a terminal of 80x24 that types INPUT (after a second), and print what it shows.
in_pty() {
    python3 - "$@" <<'END'
import fcntl, os, pty, select, struct, sys, termios, time
keys, command = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.2)
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
out, typed, start = b"", False, time.time()
while time.time() - start < 20:
    ready, _, _ = select.select([fd], [], [], 0.1)
    if ready:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    if not typed and (b"READY" in out or time.time() - start > 3):
        time.sleep(0.2)
        for part in keys.split(b"|"):
            if part == b"RESIZE":
                fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
            else:
                os.write(fd, part)
            time.sleep(0.2)
        typed = True
_, status = os.waitpid(pid, 0)
sys.stdout.write(out.decode(errors="replace").replace("\r", ""))
print("STATUS %d" % os.waitstatus_to_exitcode(status))
END
}
