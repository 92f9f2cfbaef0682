/* masks - what a container must not see or change below /proc and /sys.
 *
 * Source: the lists that podman and containerd use (OCI runtime-spec maskedPaths, readonlyPaths).
 * Paths that a kernel does not have are passed over. --privileged leaves both lists out. */
#ifndef RCTR_MASKS_H
#define RCTR_MASKS_H

/* A folder gets an empty read-only tmpfs, a file gets the container's /dev/null. */
static const char *const masks_hidden[] = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/sys/dev/block",    "/sys/devices/virtual/powercap",
    "/sys/firmware",    "/sys/fs/selinux",
};

/* Bound onto themselves, read-only. */
static const char *const masks_readonly[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

#endif
