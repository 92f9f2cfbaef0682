/* Hostile and odd layers onto a real folder, beside a canary that must not change. All as root of a
 * namespace with a single user, as in the worker. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/base/userns.h"
#include "storage/unpack.h"
#include "tests/unit/storage/tar_make.h"
#include "tests/unit/unit.h"

static char top[64]; /* holds canary/, canary.file and layer/ */
static int layer = -1;
static struct unpack_count count;

static void shell(const char *script)
{
    char command[1024];

    snprintf(command, sizeof command, "cd %s && { %s; }", top, script);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    char path[80];

    (void)state;
    umask(022);
    strcpy(top, "/tmp/rctr-unpack.XXXXXX");
    if (!mkdtemp(top))
        return -1;
    shell("mkdir canary layer && echo bird >canary/file && echo bird >canary.file && chmod 640 "
          "canary/file canary.file && touch -d @5 canary/file canary.file canary");
    snprintf(path, sizeof path, "%s/layer", top);
    layer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return layer < 0 ? -1 : 0;
}

/* The canary is as it was, and nothing new lies beside it. */
static int teardown(void **state)
{
    (void)state;
    close(layer);
    shell("test \"$(stat -c '%a %Y %s' canary/file)\" = '640 5 5' && "
          "test \"$(stat -c '%a %Y %s %h' canary.file)\" = '640 5 5 1' && "
          "test \"$(stat -c %Y canary)\" = 5 && test \"$(ls -A | tr '\\n' ' ')\" = "
          "'canary canary.file layer '");
    shell("chmod -R u+rwx layer; cd / && rm -rf \"$OLDPWD\"");
    return 0;
}

struct bytes {
    const struct text *tar;
    size_t at;
};

static int next(void *arg, const void **ret, size_t *ret_n, struct err *e)
{
    struct bytes *b = arg;

    (void)e;
    *ret = b->tar->s + b->at;
    *ret_n = b->tar->n - b->at < 256 << 10 ? b->tar->n - b->at : 256 << 10;
    b->at += *ret_n;
    return 0;
}

static int unpack_with(struct text *tar, const struct unpack_rules *rules, struct err *e)
{
    struct bytes bytes = {.tar = tar};
    struct tar_source source = {next, &bytes};
    struct tar *t;
    int r;

    assert_int_equal(tar_new(&source, &t, NULL), 0);
    r = unpack_tar(t, layer, rules, &count, e);
    tar_free(t);
    text_free(tar);
    return r;
}

static const struct unpack_rules mine = {.uids = 1, .gids = 1, .single = true};

static void unpacks(struct text *tar)
{
    struct err e = {0};

    if (unpack_with(tar, &mine, &e) < 0)
        fail_msg("%s", e.text);
}

static void fails(struct text *tar, const char *words)
{
    struct err e = {0};

    assert_true(unpack_with(tar, &mine, &e) < 0);
    if (!strstr(e.text, words))
        fail_msg("got: %s", e.text);
}

#define ADD(t, ...) tar_make(t, (struct tar_member){__VA_ARGS__})

static bool file_is(const char *name, const char *text)
{
    autotext struct text t = {0};

    return file_read(layer, name, 1000, &t, NULL) == 0 && strcmp(t.s, text) == 0;
}

static struct stat look(const char *name)
{
    struct stat st = {0};

    (void)fstatat(layer, name, &st, AT_SYMLINK_NOFOLLOW); /* nothing there: mode 0 */
    return st;
}

static bool is_whiteout(const char *name)
{
    struct stat st = look(name);

    return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

static bool is_opaque(const char *name)
{
    autofd int fd = openat(layer, name, O_RDONLY | O_DIRECTORY);
    char y[4];

    return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", y, sizeof y) == 1 && *y == 'y';
}

static void modes_times_and_types_are_kept(void **state)
{
    struct text t = {0};
    static const mode_t masks[] = {0, 077};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
        mode_t before = umask(masks[i]);

        umask(0); /* as the worker does, whatever the caller's was */
        ADD(&t, .type = '5', .name = "./", .mode = 0711);
        ADD(&t, .type = '5', .name = "d/", .mode = 01777);
        ADD(&t, .type = '0', .name = "d/su", .data = "x", .mode = 06755);
        ADD(&t, .type = '0', .name = "d/closed", .data = "y", .mode = 0400);
        ADD(&t, .type = '5', .name = "shut/", .mode = 0500);
        ADD(&t, .type = '6', .name = "pipe", .mode = 0622);
        ADD(&t, .type = '2', .name = "link", .link = "d/su");
        unpacks(&t);
        umask(before);
        assert_int_equal(look(".").st_mode & 07777, 0711);
        assert_int_equal(look("d").st_mode & 07777, 01777);
        assert_int_equal(look("d").st_mtime, 1000);
        assert_int_equal(look("d/su").st_mode & 07777, 06755);
        assert_int_equal(look("d/su").st_mtime, 1000);
        assert_int_equal(look("d/closed").st_mode & 07777, 0400);
        assert_int_equal(look("shut").st_mode & 07777, 0500);
        assert_int_equal(look("pipe").st_mode, S_IFIFO | 0622);
        assert_true(S_ISLNK(look("link").st_mode));
        assert_int_equal(look("link").st_mtime, 1000);
    }
    assert_int_equal(count.files, 7);
}

static void missing_folders_are_made(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '0', .name = "a/b/c/file", .data = "x");
    unpacks(&t);
    assert_true(file_is("a/b/c/file", "x"));
    assert_int_equal(look("a/b").st_mode & 07777, 0755);
}

static void the_last_entry_of_a_name_wins(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '0', .name = "x", .data = "first");
    ADD(&t, .type = '5', .name = "x/", .mode = 0700);
    ADD(&t, .type = '0', .name = "x/in", .data = "in");
    ADD(&t, .type = '0', .name = "x", .data = "last");
    ADD(&t, .type = '5', .name = "d/", .mode = 0700);
    ADD(&t, .type = '0', .name = "d/stays", .data = "s");
    ADD(&t, .type = '5', .name = "d/", .mode = 0750);
    ADD(&t, .type = '0', .name = "f", .data = "longer text");
    ADD(&t, .type = '0', .name = "f", .data = "short");
    ADD(&t, .type = '2', .name = "f2", .link = "f");
    ADD(&t, .type = '0', .name = "f2", .data = "own");
    unpacks(&t);
    assert_true(file_is("x", "last"));
    assert_true(file_is("d/stays", "s"));
    assert_int_equal(look("d").st_mode & 07777, 0750);
    assert_true(file_is("f", "short")); /* f2 did not write through the link */
    assert_true(file_is("f2", "own"));
}

static void links_of_the_layer_lead_nowhere_outside(void **state)
{
    struct text t = {0};
    char outside[100];

    (void)state;
    snprintf(outside, sizeof outside, "%s/canary", top);
    ADD(&t, .type = '2', .name = "up", .link = "../canary");
    ADD(&t, .type = '5', .name = "canary/");
    ADD(&t, .type = '0', .name = "up/file", .data = "in the layer");
    unpacks(&t); /* as after a chroot, ../canary is /canary */
    assert_true(file_is("canary/file", "in the layer"));
    ADD(&t, .type = '2', .name = "abs", .link = outside);
    ADD(&t, .type = '0', .name = "abs/file", .data = "no");
    fails(&t, "entry 'abs/file': 'abs' is a link that leads nowhere");
    ADD(&t, .type = '2', .name = "pr", .link = "/proc/self/cwd");
    ADD(&t, .type = '0', .name = "pr/file", .data = "no");
    fails(&t, "leads nowhere");
    ADD(&t, .type = '2', .name = "loop", .link = "loop");
    ADD(&t, .type = '0', .name = "loop/file", .data = "no");
    fails(&t, "Too many levels of symbolic links");
    ADD(&t, .type = '0', .name = "plain", .data = "x");
    ADD(&t, .type = '0', .name = "plain/file", .data = "no");
    fails(&t, "cannot enter the folder 'plain': Not a directory");
}

static void a_folder_over_a_link_takes_its_place(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '5', .name = "real/");
    ADD(&t, .type = '2', .name = "d", .link = "real");
    ADD(&t, .type = '5', .name = "d/", .mode = 0700);
    ADD(&t, .type = '0', .name = "d/f", .data = "x");
    unpacks(&t);
    assert_true(S_ISDIR(look("d").st_mode));
    assert_int_equal(look("real/f").st_mode, 0);
}

static void times_and_modes_do_not_follow_a_swapped_link(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '5', .name = "d/", .mode = 0700);
    ADD(&t, .type = '2', .name = "d", .link = "../canary");
    ADD(&t, .type = '5', .name = "e/");
    ADD(&t, .type = '5', .name = "e/sub/");
    ADD(&t, .type = '2', .name = "e", .link = "..");
    unpacks(&t);
    assert_true(S_ISLNK(look("d").st_mode));
    assert_true(S_ISLNK(look("e").st_mode));
}

static void hard_links_stay_in_the_layer(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '0', .name = "a", .data = "x");
    ADD(&t, .type = '1', .name = "b", .link = "./a");
    ADD(&t, .type = '1', .name = "a", .link = "a");
    unpacks(&t);
    assert_int_equal(look("a").st_nlink, 2);
    assert_int_equal(look("a").st_ino, look("b").st_ino);
    ADD(&t, .type = '1', .name = "h", .link = "../canary.file");
    fails(&t, "'..' in a name may leave the layer");
    ADD(&t, .type = '1', .name = "h", .link = "/etc/passwd");
    fails(&t, "entry 'h': its target: entry '/etc/passwd': an absolute name");
    ADD(&t, .type = '1', .name = "h", .link = "etc/passwd");
    fails(&t, "entry 'h': a hard link to 'etc/passwd', which is not in this layer");
    ADD(&t, .type = '0', .name = "/etc/x", .data = "x");
    fails(&t, "entry '/etc/x': an absolute name; a layer's names are relative to its root");
    ADD(&t, .type = '2', .name = "up", .link = "..");
    ADD(&t, .type = '1', .name = "h", .link = "up/canary.file");
    fails(&t, "a hard link to 'up/canary.file', which is not in this layer");
    ADD(&t, .type = '5', .name = "d/");
    ADD(&t, .type = '1', .name = "h", .link = "d");
    fails(&t, "a hard link to 'd', which is no file");
    ADD(&t, .type = '1', .name = "h", .link = "");
    fails(&t, "a hard link to nothing");
    ADD(&t, .type = '0', .name = ".wh.w");
    ADD(&t, .type = '1', .name = "h", .link = "w");
    fails(&t, "which is no file");
}

static void a_hard_link_to_a_link_that_is_rewritten_writes_nothing_outside(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '2', .name = "s", .link = "../canary.file");
    ADD(&t, .type = '1', .name = "h", .link = "s");
    ADD(&t, .type = '0', .name = "h", .data = "no");
    ADD(&t, .type = '0', .name = "s", .data = "no");
    unpacks(&t);
    assert_true(file_is("h", "no"));
}

static void whiteouts_become_what_overlayfs_reads(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '5', .name = "d/");
    ADD(&t, .type = '0', .name = "d/.wh.gone");
    ADD(&t, .type = '5', .name = "o/");
    ADD(&t, .type = '0', .name = "o/.wh..wh..opq");
    ADD(&t, .type = '0', .name = ".wh..wh.plnk");
    /* A whiteout is of lower layers: a file of this one stays, a folder becomes opaque. */
    ADD(&t, .type = '0', .name = "kept", .data = "x");
    ADD(&t, .type = '0', .name = ".wh.kept");
    ADD(&t, .type = '5', .name = "both/");
    ADD(&t, .type = '0', .name = "both/in", .data = "x");
    ADD(&t, .type = '0', .name = ".wh.both");
    ADD(&t, .type = '0', .name = ".wh.after");
    ADD(&t, .type = '5', .name = "after/");
    ADD(&t, .type = '0', .name = ".wh.again");
    ADD(&t, .type = '0', .name = "again", .data = "y");
    unpacks(&t);
    assert_true(is_whiteout("d/gone"));
    assert_true(is_opaque("o"));
    assert_false(is_opaque("d"));
    assert_int_equal(look(".wh..wh.plnk").st_mode, 0);
    assert_true(file_is("kept", "x"));
    assert_true(file_is("both/in", "x"));
    assert_true(is_opaque("both"));
    assert_true(is_opaque("after"));
    assert_true(file_is("again", "y"));
}

static void whiteouts_of_nothing_or_of_the_outside_are_refused(void **state)
{
    static const char *const names[] = {".wh.", ".wh..", ".wh...", "d/.wh.."};
    struct text t = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        ADD(&t, .type = '0', .name = names[i]);
        fails(&t, "a whiteout of nothing");
    }
    ADD(&t, .type = '2', .name = "up", .link = "..");
    ADD(&t, .type = '0', .name = "up/.wh.canary.file");
    ADD(&t, .type = '0', .name = "up/.wh..wh..opq");
    unpacks(&t);
    assert_true(is_whiteout("canary.file")); /* ".." of the root is the root */
}

static void devices_are_left_out_but_a_false_whiteout_is_refused(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '3', .name = "null", .major = 1, .minor = 3);
    ADD(&t, .type = '4', .name = "disk", .major = 0, .minor = 0);
    unpacks(&t);
    assert_int_equal(count.devices_skipped, 2);
    assert_int_equal(look("null").st_mode, 0);
    ADD(&t, .type = '3', .name = "fake");
    fails(&t, "entry 'fake': a character device 0:0 is overlayfs' own mark");
}

static void the_root_must_be_a_folder(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '2', .name = ".", .link = "/");
    fails(&t, "the root of a layer must be a folder");
    ADD(&t, .type = '2', .name = "/", .link = "/");
    fails(&t, "the root of a layer must be a folder");
    ADD(&t, .type = '0', .name = "./");
    unpacks(&t); /* a file with a slash at its end is a folder */
}

static void owners_beyond_the_map_are_named_with_the_cure(void **state)
{
    struct unpack_rules range = {.uids = 65536, .gids = 65536};
    struct text t = {0};
    struct err e = {0};

    (void)state;
    ADD(&t, .type = '0', .name = "f", .uid = 4294967294, .gid = 5);
    assert_int_equal(unpack_with(&t, &range, &e), -EINVAL);
    assert_non_null(strstr(e.text, "entry 'f': its owner 4294967294:5 is beyond the 65536 users of "
                                   "this store's map (cure, as root: a larger range"));
    ADD(&t, .type = '0', .name = "g", .uid = 33, .mode = 06755);
    ADD(&t, .type = '2', .name = "l", .link = "g", .gid = 33);
    unpacks(&t);
    assert_int_equal(count.owners_lost, 2);
    assert_int_equal(look("g").st_mode & 07777, 02755); /* set-user-id of whom? */
}

static void add_xattr(struct text *t, const char *name, const char *value, size_t n)
{
    char key[200];

    snprintf(key, sizeof key, "SCHILY.xattr.%s", name);
    tar_make_pax(t, key, value, n);
}

static void only_harmless_xattrs_are_set(void **state)
{
    static const char *const refused[] = {
        "user.overlay.opaque",           "user.overlay.redirect",  "user.fuseoverlayfs.opaque",
        "user.containers.override_stat", "trusted.overlay.opaque", "security.selinux",
        "system.posix_acl_access"};
    struct text t = {0};
    char names[1000];
    autofd int f = -1;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        char name[8];

        snprintf(name, sizeof name, "d%zu/", i);
        add_xattr(&t, refused[i], "y", 1);
        ADD(&t, .type = '5', .name = name);
    }
    add_xattr(&t, "user.mine", "a\0b", 3);
    ADD(&t, .type = '0', .name = "f");
    unpacks(&t);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        char name[8];
        autofd int fd = -1;

        snprintf(name, sizeof name, "d%zu", i);
        fd = openat(layer, name, O_RDONLY);
        assert_int_equal(flistxattr(fd, names, sizeof names), 0);
    }
    f = openat(layer, "f", O_RDONLY);
    assert_int_equal(fgetxattr(f, "user.mine", names, sizeof names), 3);
}

static void a_tree_deepened_by_links_has_an_end(void **state)
{
    struct text t = {0};
    char deep[100] = "", name[120], link[120];

    (void)state;
    for (int i = 0; i < 20; i++)
        strcat(deep, "d/");
    snprintf(name, sizeof name, "%sf", deep);
    ADD(&t, .type = '0', .name = name);
    ADD(&t, .type = '2', .name = "l0", .link = deep);
    for (int i = 1; i < 15; i++) { /* each link leads 20 folders deeper than the one before */
        snprintf(name, sizeof name, "l%d/%sf", i - 1, deep);
        snprintf(link, sizeof link, "l%d/%s", i - 1, deep);
        ADD(&t, .type = '0', .name = name);
        snprintf(name, sizeof name, "l%d", i);
        ADD(&t, .type = '2', .name = name, .link = link);
    }
    fails(&t, "more than 256 folders deep");
}

static void a_sparse_file_takes_no_room(void **state)
{
    struct text t = {0};

    (void)state;
    tar_make(&t, (struct tar_member){.type = 'x',
                                     .name = "pax",
                                     .data = "29 GNU.sparse.size=100000000\n"
                                             "32 GNU.sparse.map=4096,3,9000,2\n"});
    ADD(&t, .type = '0', .name = "s", .data = "abcde");
    unpacks(&t);
    assert_int_equal(look("s").st_size, 100000000);
    assert_true(look("s").st_blocks < 100);
    shell("test \"$(tail -c +4097 layer/s | head -c 3)\" = abc && "
          "test \"$(tail -c +9001 layer/s | head -c 2)\" = de");
}

static void names_are_bytes(void **state)
{
    struct text t = {0};

    (void)state;
    ADD(&t, .type = '0', .name = "\xff\x1b[31m tab\t", .data = "x");
    unpacks(&t);
    assert_true(file_is("\xff\x1b[31m tab\t", "x"));
}

static void a_disk_that_gets_full_is_told_before_it_is(void **state)
{
    size_t n = 30 << 20;
    autofree char *bytes = calloc(1, n);
    struct text t = {0};
    char path[80];
    int before = layer;

    (void)state;
    snprintf(path, sizeof path, "%s/layer", top);
    assert_int_equal(mount("tmpfs", path, "tmpfs", 0, "size=80m"), 0);
    layer = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ADD(&t, .type = '0', .name = "small", .data = "x");
    unpacks(&t);
    ADD(&t, .type = '0', .name = "big", .data = bytes, .data_n = n);
    fails(&t, "entry 'big': only ");
    close(layer);
    layer = before;
    assert_int_equal(umount2(path, MNT_DETACH), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int all_tests(void *arg, struct err *e)
{
    (void)arg;
    (void)e;

    const struct CMUnitTest tests[] = {
        CASE(modes_times_and_types_are_kept),
        CASE(missing_folders_are_made),
        CASE(the_last_entry_of_a_name_wins),
        CASE(links_of_the_layer_lead_nowhere_outside),
        CASE(a_folder_over_a_link_takes_its_place),
        CASE(times_and_modes_do_not_follow_a_swapped_link),
        CASE(hard_links_stay_in_the_layer),
        CASE(a_hard_link_to_a_link_that_is_rewritten_writes_nothing_outside),
        CASE(whiteouts_become_what_overlayfs_reads),
        CASE(whiteouts_of_nothing_or_of_the_outside_are_refused),
        CASE(devices_are_left_out_but_a_false_whiteout_is_refused),
        CASE(the_root_must_be_a_folder),
        CASE(owners_beyond_the_map_are_named_with_the_cure),
        CASE(only_harmless_xattrs_are_set),
        CASE(a_tree_deepened_by_links_has_an_end),
        CASE(a_sparse_file_takes_no_room),
        CASE(names_are_bytes),
        CASE(a_disk_that_gets_full_is_told_before_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) ? -EIO : 0;
}

int main(void)
{
    struct idmap map;
    struct err e = {0};

    setenv("RCTR_SINGLE_UID", "1", 1);
    if (idmap_load(&map, &e) == 0 && userns_run(&map, all_tests, NULL, &e) == 0)
        return 0;
    fprintf(stderr, "%s\n", e.text);
    return 1;
}
