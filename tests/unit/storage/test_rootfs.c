/* One image of two layers, looked at through each driver: real mounts in real namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/file.h"
#include "core/base/userns.h"
#include "storage/rootfs.h"
#include "storage/tree.h"
#include "tests/unit/storage/layer_bench.h"

/* What both layers say together. `sum` is the view in one text. */
static char view_command[] =
    "cd \"$1\" && find . -printf '%P %y %m %U:%G %T@ %l\\n' | grep -v '^ d' | sort && "
    "cat both/new low/keep && stat -c %h low/keep && stat -c %a .";

static const char view_wanted[] = "a-link l 777 0:0 1000.0000000000 low/keep\n"
                                  "both d 755 0:0 1000.0000000000 \n"
                                  "both/new f 644 0:0 1000.0000000000 \n"
                                  "low d 755 0:0 1000.0000000000 \n"
                                  "low/again f 600 0:0 1000.0000000000 \n"
                                  "low/keep f 600 0:0 1000.0000000000 \n"
                                  "was-folder f 644 0:0 1000.0000000000 \n"
                                  "new\nkeep\n2\n711\n";

static void lower_layer(struct text *t)
{
    tar_make(t, (struct tar_member){.type = '5', .name = "low/"});
    tar_make(t,
             (struct tar_member){.type = '0', .name = "low/keep", .data = "keep\n", .mode = 0600});
    tar_make(t, (struct tar_member){.type = '1', .name = "low/again", .link = "low/keep"});
    tar_make(t, (struct tar_member){.type = '0', .name = "low/gone", .data = "x"});
    tar_make(t, (struct tar_member){.type = '5', .name = "both/"});
    tar_make(t, (struct tar_member){.type = '0', .name = "both/old", .data = "x"});
    tar_make(t, (struct tar_member){.type = '5', .name = "was-folder/"});
    tar_make(t, (struct tar_member){.type = '0', .name = "was-folder/in", .data = "x"});
    tar_make_end(t);
}

static void upper_layer(struct text *t)
{
    tar_make(t, (struct tar_member){.type = '5', .name = "./", .mode = 0711});
    tar_make(t, (struct tar_member){.type = '5', .name = "low/"});
    tar_make(t, (struct tar_member){.type = '0', .name = "low/.wh.gone"});
    tar_make(t, (struct tar_member){.type = '5', .name = "both/"});
    tar_make(t, (struct tar_member){.type = '0', .name = "both/.wh..wh..opq"});
    tar_make(t, (struct tar_member){.type = '0', .name = "both/new", .data = "new\n"});
    tar_make(t, (struct tar_member){.type = '0', .name = "was-folder", .data = ""});
    tar_make(t, (struct tar_member){.type = '2', .name = "a-link", .link = "low/keep"});
    tar_make_end(t);
}

struct scene {
    struct bench b;
    struct image image;
    struct digest layers[3];
    int dir; /* the container's folder */
    char path[128];
};

static void add_layer(struct scene *s, void (*make)(struct text *))
{
    autotext struct text tar = {0};
    struct digest *d = &s->layers[s->image.config.diff_id_count++];
    struct err e = {0};

    make(&tar);
    hash_bytes(tar.s, tar.n, d, NULL);
    if (unpack(&s->b, &tar, d, NULL, &e) < 0)
        fail_msg("%s", e.text);
}

static void open_scene(struct scene *s, const char *container)
{
    autofd int containers = -1;

    memset(s, 0, sizeof *s);
    open_bench(&s->b);
    s->image.config.diff_ids = s->layers;
    add_layer(s, lower_layer);
    add_layer(s, upper_layer);
    assert_int_equal(store_folder(&s->b.store, "containers", &containers, NULL), 0);
    assert_int_equal(file_folder(containers, container, 0700, &s->dir, NULL), 0);
    snprintf(s->path, sizeof s->path, "%s/containers/%s", s->b.store.path, container);
}

static void close_scene(struct scene *s)
{
    close(s->dir);
    close_bench(&s->b);
    unsetenv("RCTR_STORAGE_DRIVER");
}

static void plan(struct scene *s, const char *driver, const struct idmap *map, struct rootfs *ret)
{
    struct err e = {0};

    setenv("RCTR_STORAGE_DRIVER", driver, 1);
    if (rootfs_plan(&s->b.store, &s->image, s->dir, s->path, &s->b.map, map, NULL, true, ret, &e) <
        0)
        fail_msg("%s", e.text);
}

struct look {
    const struct rootfs *plan;
    const char *folder;
    struct text seen;
};

static int command(char *const argv[], struct text *ret, struct err *e)
{
    int out[2], status;
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        execv(argv[0], argv);
        _exit(127);
    }
    close(out[1]);
    (void)file_read_fd(out[0], 1 << 20, ret, e);
    close(out[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
        return err_set(e, EIO, "%s: status %d", argv[0], status);
    return 0;
}

static int see(char *path, struct err *e)
{
    autotext struct text seen = {0};
    int r = command((char *const[]){(char[]){"/bin/sh"}, (char[]){"-c"}, view_command,
                                    (char[]){"sh"}, path, NULL},
                    &seen, e);

    if (r == 0 && strcmp(seen.s, view_wanted) != 0)
        r = err_set(e, EBADMSG, "it looks like this:\n%s", seen.s);
    return r;
}

static void options(const struct rootfs *p, const char *prefix, struct text *ret)
{
    text_addf(ret, "%supperdir=%s,workdir=%s,lowerdir=", prefix, p->upper, p->work);
    for (size_t i = 0; i < p->lower_count; i++)
        text_addf(ret, "%s%s", i ? ":" : "", p->lowers[i]);
}

static int through_overlay(void *arg, struct err *e)
{
    const struct rootfs *p = arg;
    autotext struct text o = {0};

    options(p, "userxattr,", &o);
    if (mount("overlay", "/mnt", "overlay", 0, o.s) < 0)
        return err_sys(e, "cannot mount %s", o.s);
    return see((char[]){"/mnt"}, e);
}

static int through_fuse(void *arg, struct err *e)
{
    const struct rootfs *p = arg;
    autotext struct text o = {0}, out = {0};
    int r;

    options(p, "", &o);
    r = command((char *const[]){p->fuse_program, (char[]){"-o"}, o.s, (char[]){"/mnt"}, NULL}, &out,
                e);
    if (r == 0)
        r = see((char[]){"/mnt"}, e);
    (void)umount2("/mnt", MNT_DETACH); /* fuse-overlayfs ends with it */
    return r;
}

static int through_copy(void *arg, struct err *e)
{
    return see(((const struct rootfs *)arg)->path, e);
}

static void look_through(const char *driver, int (*fn)(void *, struct err *))
{
    struct scene s;
    struct rootfs p;
    struct err e = {0};

    open_scene(&s, driver);
    plan(&s, driver, &s.b.map, &p);
    assert_string_equal(rootfs_driver_name(p.driver), driver);
    if (userns_run(&s.b.map, fn, &p, &e) < 0)
        fail_msg("%s", e.text);
    rootfs_free(&p);
    close_scene(&s);
}

static void native_overlay_shows_both_layers(void **state)
{
    (void)state;
    look_through("overlay", through_overlay);
}

static void fuse_overlayfs_shows_the_same(void **state)
{
    (void)state;
    look_through("fuse-overlayfs", through_fuse);
}

static void a_copy_shows_the_same(void **state)
{
    (void)state;
    look_through("copy", through_copy);
}

static void a_layer_named_twice_is_taken_once_at_the_top(void **state)
{
    struct scene s;
    struct rootfs p;

    (void)state;
    open_scene(&s, "twice");
    s.layers[2] = s.layers[0];
    s.image.config.diff_id_count = 3;
    plan(&s, "overlay", &s.b.map, &p);
    assert_int_equal(p.lower_count, 2);
    assert_non_null(strstr(p.lowers[0], s.layers[0].hex));
    assert_non_null(strstr(p.lowers[1], s.layers[1].hex));
    rootfs_free(&p);
    close_scene(&s);
}

static void a_new_root_has_the_mode_of_the_top_layer_and_an_old_one_keeps_its_own(void **state)
{
    struct scene s;
    struct rootfs p;
    struct stat st;

    (void)state;
    open_scene(&s, "mode");
    umask(077);
    plan(&s, "overlay", &s.b.map, &p);
    umask(022);
    assert_int_equal(fstat(p.upper_fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(fchmodat(s.dir, "upper", 0700, 0), 0);
    rootfs_free(&p);
    plan(&s, "overlay", &s.b.map, &p);
    assert_int_equal(fstat(p.upper_fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    rootfs_free(&p);
    close_scene(&s);
}

static void another_map_gets_copies_with_the_same_meaning(void **state)
{
    struct scene s;
    struct idmap map;
    struct rootfs p;
    struct stat st;
    unsigned root;

    (void)state;
    open_scene(&s, "keep");
    if (s.b.map.single || s.b.map.uid.n < 2) {
        close_scene(&s);
        print_message("skipped: this user has no range\n");
        skip();
    }
    assert_int_equal(idmap_keep_id(&s.b.map, 1000, 1000, &map, NULL), 0);
    assert_int_equal(idmap_outside(&map.uid, 0, &root), 0);
    for (int i = 0; i < 2; i++) { /* made, then found */
        plan(&s, "overlay", &map, &p);
        assert_non_null(strstr(p.lowers[1], "/tree@"));
        assert_int_equal(fstatat(p.lower_fds[1], "low/keep", &st, 0), 0);
        assert_int_equal(st.st_uid, root);
        assert_int_equal(fstatat(p.lower_fds[0], "low/gone", &st, 0), 0);
        assert_true(S_ISCHR(st.st_mode));
        assert_int_equal(fstat(p.upper_fd, &st), 0);
        assert_int_equal(st.st_uid, root);
        rootfs_free(&p);
    }
    close_scene(&s);
}

static void a_forced_driver_that_is_none_is_an_error(void **state)
{
    struct bench b;
    enum rootfs_driver d;
    struct err e = {0};

    (void)state;
    open_bench(&b);
    setenv("RCTR_STORAGE_DRIVER", "vfs", 1);
    assert_int_equal(rootfs_choose(&b.store, &d, NULL, 0, &e), -EINVAL);
    assert_string_equal(e.text, "RCTR_STORAGE_DRIVER=vfs: no such driver (overlay, fuse-overlayfs, "
                                "copy)");
    unsetenv("RCTR_STORAGE_DRIVER");
    close_bench(&b);
}

static void the_probe_is_asked_once(void **state)
{
    struct bench b;
    enum rootfs_driver d;
    char why[200], command_text[300];
    struct err e = {0};

    (void)state;
    open_bench(&b);
    assert_int_equal(rootfs_choose(&b.store, &d, why, sizeof why, &e), 0);
    /* Change the kept answer: that it is believed shows that no second probe was made. */
    snprintf(command_text, sizeof command_text,
             "sed -i '$s/.*/an invented reason/' %s/cache/overlay", b.store.path);
    assert_int_equal(system(command_text), 0);
    assert_int_equal(rootfs_choose(&b.store, &d, why, sizeof why, &e), 0);
    assert_int_equal(d, ROOTFS_FUSE);
    assert_string_equal(why, "no native overlay: an invented reason");
    setenv("RCTR_STORAGE_DRIVER", "overlay", 1);
    assert_int_equal(rootfs_choose(&b.store, &d, why, sizeof why, &e), -ENOTSUP);
    assert_non_null(strstr(e.text, "RCTR_STORAGE_DRIVER=overlay: an invented reason"));
    unsetenv("RCTR_STORAGE_DRIVER");
    close_bench(&b);
}

static void layers_with_whiteout_files_are_not_given_to_native_overlay(void **state)
{
    struct scene s;
    struct rootfs p;
    autofd int mark = -1;
    char path[300];
    struct err e = {0};

    (void)state;
    open_scene(&s, "dotted");
    snprintf(path, sizeof path, "layers/%s/dot-whiteouts", s.layers[1].hex);
    mark = openat(s.b.store.fd, path, O_CREAT | O_WRONLY, 0600);
    setenv("RCTR_STORAGE_DRIVER", "overlay", 1);
    assert_int_equal(
        rootfs_plan(&s.b.store, &s.image, s.dir, s.path, &s.b.map, &s.b.map, NULL, false, &p, &e),
        -ENOTSUP);
    assert_non_null(strstr(e.text, "was unpacked on an older kernel"));
    assert_int_equal(unlinkat(s.b.store.fd, path, 0), 0);
    close_scene(&s);
}

static void a_folder_is_used_as_it_is(void **state)
{
    struct rootfs p;
    struct err e = {0};

    (void)state;
    assert_int_equal(rootfs_plan_folder("/usr/../usr", &p, &e), 0);
    assert_string_equal(p.path, "/usr");
    rootfs_free(&p);
    assert_int_equal(rootfs_plan_folder("/nowhere", &p, &e), -ENOENT);
    assert_non_null(strstr(e.text, "--rootfs '/nowhere': cannot open the folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_overlay_shows_both_layers),
        cmocka_unit_test(fuse_overlayfs_shows_the_same),
        cmocka_unit_test(a_copy_shows_the_same),
        cmocka_unit_test(a_layer_named_twice_is_taken_once_at_the_top),
        cmocka_unit_test(a_new_root_has_the_mode_of_the_top_layer_and_an_old_one_keeps_its_own),
        cmocka_unit_test(another_map_gets_copies_with_the_same_meaning),
        cmocka_unit_test(a_forced_driver_that_is_none_is_an_error),
        cmocka_unit_test(layers_with_whiteout_files_are_not_given_to_native_overlay),
        cmocka_unit_test(the_probe_is_asked_once),
        cmocka_unit_test(a_folder_is_used_as_it_is),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, store_dir_setup, store_dir_teardown);
}
