/* peak - how much memory a command and all that it starts need at once.
 *
 * Usage: peak CGROUP COMMAND [ARG...]      as root; CGROUP is a new folder below a cgroup2 mount
 *
 * The command runs in the cgroup, from which no process of it can escape (monitors and setuid
 * helpers included). Every other millisecond the PSS of its processes is added up: shared pages
 * count once, page cache that nobody maps does not count. Prints the greatest sum, and the sum of
 * each process' own peak (VmHWM: pages shared after a fork count once per process, so it is an
 * upper bound), both in KiB. The command goes on until the cgroup is empty, for at most 60 s. */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES_MAX = 512, SAMPLE_NS = 2000000, SAMPLES_MAX = 30000 };

static struct {
    int pid;
    long hwm_kib;
} seen[PROCESSES_MAX];
static size_t seen_count;

/* The number behind "Key:" in a file of /proc; 0 when the process has gone. */
static long field(int pid, const char *file, const char *key)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (f)
        fclose(f);
    return value;
}

static void note_peak(int pid)
{
    size_t i = 0;
    while (i < seen_count && seen[i].pid != pid)
        i++;
    if (i == PROCESSES_MAX)
        return;
    if (i == seen_count)
        seen[seen_count++].pid = pid;
    long hwm = field(pid, "status", "VmHWM:");
    if (hwm > seen[i].hwm_kib)
        seen[i].hwm_kib = hwm;
}

/* The sum of the members' PSS; -1 when there is none. */
static long sample(const char *procs)
{
    long sum = -1;
    int pid;
    FILE *f = fopen(procs, "re");
    if (!f)
        err(1, "%s", procs);
    while (fscanf(f, "%d", &pid) == 1) {
        sum = (sum < 0 ? 0 : sum) + field(pid, "smaps_rollup", "Pss:");
        note_peak(pid);
    }
    fclose(f);
    return sum;
}

static void join(const char *procs)
{
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        err(1, "%s", procs);
    close(fd);
}

int main(int argc, char **argv)
{
    char procs[512];
    long most = 0, now, sum = 0;
    if (argc < 3)
        errx(2, "Usage: peak CGROUP COMMAND [ARG...]");
    snprintf(procs, sizeof procs, "%s/cgroup.procs", argv[1]);
    if (mkdir(argv[1], 0755))
        err(1, "%s", argv[1]);
    pid_t child = fork();
    if (child == 0) {
        join(procs);
        int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(quiet, STDIN_FILENO);
        dup2(quiet, STDOUT_FILENO);
        execvp(argv[2], argv + 2);
        err(127, "%s", argv[2]);
    }
    const struct timespec pause = {.tv_nsec = SAMPLE_NS};
    int status = -1, reaped = 0;
    for (int i = 0; i < SAMPLES_MAX; i++) {
        now = sample(procs);
        most = now > most ? now : most;
        reaped = reaped || waitpid(child, &status, WNOHANG) == child;
        if (reaped && now < 0)
            break;
        (void)nanosleep(&pause, NULL); /* a signal only makes it shorter */
    }
    for (size_t i = 0; i < seen_count; i++)
        sum += seen[i].hwm_kib;
    printf("%ld %ld %d\n", most, sum, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    if (rmdir(argv[1]))
        warn("%s", argv[1]);
    return 0;
}
