/* small_root - a root folder with one static program, and the spec of a container in it. */
#ifndef RCTR_TESTS_SMALL_ROOT_H
#define RCTR_TESTS_SMALL_ROOT_H

#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/runtime/caps.h"
#include "core/runtime/spec.h"
#include "tests/unit/base/folder.h"
#include "tests/unit/busybox.h"

static char root[80];

static void put(const char *name, const char *text, mode_t mode)
{
    folder_put(name, text);
    assert_int_equal(fchmodat(folder, name, mode, 0), 0);
}

static int make_root(void **state)
{
    static const char *const folders[] = {"root", "root/bin", "root/etc", "root/tmp",
                                          "root/bin/folder"};
    autofd int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC), to = -1;
    char buf[65536];
    ssize_t n;

    if (folder_setup(state) < 0 || fchmod(folder, 0755) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (mkdirat(folder, folders[i], 0755) < 0)
            return -1;
    to = openat(folder, "root/bin/busybox", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    while (to >= 0 && (n = read(from, buf, sizeof buf)) > 0)
        if (write(to, buf, (size_t)n) != n)
            return -1;
    snprintf(root, sizeof root, "%s/root", folder_path);
    put("root/bin/data", "no program", 0755);
    put("root/bin/closed", "#!/bin/busybox sh\n", 0644);
    put("root/bin/noint", "#!/bin/none\n", 0755);
    put("root/bin/badint", "#!/bin/closed\n", 0755);
    return to < 0 ? -1 : symlinkat("busybox", folder, "root/bin/sh");
}

static struct spec spec;

/* A container that runs "program -c script"; free with spec_free. */
static void set_up(const char *program, const char *script)
{
    struct err e;

    spec = (struct spec){.caps = CAPS_DEFAULT,
                         .no_new_privs = true,
                         .shm_bytes = 1 << 20,
                         .net = SPEC_NET_NONE,
                         .stdin_open = true};
    assert_int_equal(idmap_load(&spec.map, &e), 0);
    spec.cwd = strdup("/");
    spec.user = strdup("");
    spec.hostname = strdup("box");
    assert_int_equal(strv_add(&spec.args, program, NULL), 0);
    if (script) {
        assert_int_equal(strv_add(&spec.args, "-c", NULL), 0);
        assert_int_equal(strv_add(&spec.args, script, NULL), 0);
    }
    assert_int_equal(strv_add(&spec.env, "PATH=/sbin:/bin", NULL), 0);
}

#endif
