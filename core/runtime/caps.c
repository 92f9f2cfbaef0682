#include "core/runtime/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/near.h"

#define NAME(n) [CAP_##n] = "CAP_" #n
static const char *const names[] = {
    NAME(CHOWN),
    NAME(DAC_OVERRIDE),
    NAME(DAC_READ_SEARCH),
    NAME(FOWNER),
    NAME(FSETID),
    NAME(KILL),
    NAME(SETGID),
    NAME(SETUID),
    NAME(SETPCAP),
    NAME(LINUX_IMMUTABLE),
    NAME(NET_BIND_SERVICE),
    NAME(NET_BROADCAST),
    NAME(NET_ADMIN),
    NAME(NET_RAW),
    NAME(IPC_LOCK),
    NAME(IPC_OWNER),
    NAME(SYS_MODULE),
    NAME(SYS_RAWIO),
    NAME(SYS_CHROOT),
    NAME(SYS_PTRACE),
    NAME(SYS_PACCT),
    NAME(SYS_ADMIN),
    NAME(SYS_BOOT),
    NAME(SYS_NICE),
    NAME(SYS_RESOURCE),
    NAME(SYS_TIME),
    NAME(SYS_TTY_CONFIG),
    NAME(MKNOD),
    NAME(LEASE),
    NAME(AUDIT_WRITE),
    NAME(AUDIT_CONTROL),
    NAME(SETFCAP),
    NAME(MAC_OVERRIDE),
    NAME(MAC_ADMIN),
    NAME(SYSLOG),
    NAME(WAKE_ALARM),
    NAME(BLOCK_SUSPEND),
    NAME(AUDIT_READ),
    NAME(PERFMON),
    NAME(BPF),
    NAME(CHECKPOINT_RESTORE),
};
_Static_assert(ARRAY_SIZE(names) == CAPS_COUNT, "a capability without a name");

#define BIT(n) CAPS_BIT(CAP_##n)
_Static_assert(CAPS_DEFAULT == (BIT(CHOWN) | BIT(DAC_OVERRIDE) | BIT(FOWNER) | BIT(FSETID) |
                                BIT(KILL) | BIT(SETGID) | BIT(SETUID) | BIT(SETPCAP) |
                                BIT(NET_BIND_SERVICE) | BIT(SYS_CHROOT) | BIT(SETFCAP)),
               "the default set is podman's 11");

const char *caps_name(unsigned number)
{
    return number < CAPS_COUNT ? names[number] : NULL;
}

int caps_parse(const char *name, unsigned *ret, struct err *e)
{
    const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;
    char upper[NEAR_WORD_MAX + 1] = "";
    struct near n = {.word = upper};

    for (size_t i = 0; i < sizeof upper - 1 && bare[i]; i++)
        upper[i] = bare[i] >= 'a' && bare[i] <= 'z' ? (char)(bare[i] - 32) : bare[i];
    for (unsigned i = 0; i < CAPS_COUNT; i++) {
        if (strcasecmp(bare, names[i] + 4) == 0) {
            *ret = i;
            return 0;
        }
        near_offer(&n, names[i] + 4);
    }
    if (n.best)
        return err_set(e, EINVAL, "unknown capability '%.60s': did you mean CAP_%s?", name, n.best);
    return err_set(e, EINVAL, "unknown capability '%.60s': see capabilities(7) for their names",
                   name);
}

int caps_names(uint64_t set, struct strv *ret, struct err *e)
{
    int r = 0;

    for (unsigned i = 0; i < CAPS_COUNT && r >= 0; i++)
        if (set & CAPS_BIT(i))
            r = strv_add(ret, names[i], e);
    return r;
}

unsigned caps_last(void)
{
    autofd int fd = open("/proc/sys/kernel/cap_last_cap", O_RDONLY | O_CLOEXEC);
    char text[16];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    unsigned long long v;

    if (n <= 0)
        return CAPS_COUNT - 1;
    text[n] = 0;
    text[strcspn(text, "\n")] = 0;
    return text_number(text, 63, &v, NULL) < 0 ? CAPS_COUNT - 1 : (unsigned)v;
}

/* A list of names as a set; ALL is told apart, because it gives way to the other list. */
static int read_list(const struct strv *l, uint64_t *ret_set, bool *ret_all, struct err *e)
{
    unsigned number;
    int r;

    for (size_t i = 0; l && i < l->n; i++) {
        if (strcasecmp(l->v[i], "ALL") == 0 || strcasecmp(l->v[i], "CAP_ALL") == 0) {
            *ret_all = true;
            continue;
        }
        r = caps_parse(l->v[i], &number, e);
        if (r < 0)
            return r;
        *ret_set |= CAPS_BIT(number);
    }
    return 0;
}

int caps_compute(const struct strv *add, const struct strv *drop, bool privileged,
                 uint64_t *ret_set, struct err *e)
{
    unsigned last = caps_last();
    uint64_t known = last >= 63 ? UINT64_MAX : CAPS_BIT(last + 1) - 1;
    uint64_t added = 0, dropped = 0, set;
    bool add_all = false, drop_all = false;
    int r;

    r = read_list(add, &added, &add_all, e);
    if (r >= 0)
        r = read_list(drop, &dropped, &drop_all, e);
    if (r < 0)
        return r;
    if (add_all && drop_all)
        return err_set(e, EINVAL, "cannot add ALL capabilities and drop ALL capabilities: choose");
    for (unsigned i = 0; i < CAPS_COUNT; i++) {
        if (added & dropped & CAPS_BIT(i))
            return err_set(e, EINVAL, "capability \"%s\" cannot be dropped and added", names[i]);
        if (added & ~known & CAPS_BIT(i))
            return err_set(e, EINVAL, "capability %s is not known to this kernel", names[i]);
    }
    set = privileged || add_all ? known : drop_all ? 0 : CAPS_DEFAULT;
    if (privileged && drop_all)
        set = 0;
    *ret_set = ((set | added) & ~dropped) & known;
    return 0;
}
