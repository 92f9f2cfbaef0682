/* Folders packed and laid out again: what comes along, what stays, what is not followed. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "storage/tree_tar.h"
#include "storage/tree_untar.h"
#include "tests/tar_bytes.h"
#include "tests/unit/base/folder.h"
#include "tests/unit/storage/tar_make.h"

static int put(void *arg, const void *bytes, size_t n, struct err *e)
{
    text_add_n(arg, bytes, n);
    return text_check(arg, e);
}

static int sub(const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void pack(const char *name, const struct tree_tar_rules *rules, struct text *to)
{
    const struct tar_sink sink = {put, to};
    struct tar_write *w = NULL;
    struct err e = {0};
    int fd = sub(name);

    assert_int_equal(tar_write_new(&sink, &w, NULL), 0);
    if (tree_tar_folder(fd, rules, w, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(tar_write_end(w, NULL), 0);
    tar_write_free(w);
    close(fd);
}

static int lay(const struct text *archive, const char *name, const struct tree_untar_rules *rules,
               struct err *e)
{
    struct tar_bytes b = {archive->s, archive->n, 3000};
    struct tar_source source = {tar_bytes_next, &b};
    struct tar *t = NULL;
    int fd = sub(name), r;

    assert_int_equal(tar_new(&source, &t, NULL), 0);
    r = tree_untar(t, fd, rules, NULL, e);
    tar_free(t);
    close(fd);
    return r;
}

/* "name type mode ns data-or-link\n" of each entry. */
static void list(const struct text *archive, struct text *to)
{
    struct tar_bytes b = {archive->s, archive->n, 3000};
    struct tar_source source = {tar_bytes_next, &b};
    struct tar_entry x;
    struct tar *t = NULL;
    struct err e = {0};

    assert_int_equal(tar_new(&source, &t, NULL), 0);
    while (tar_next(t, &x, &e) == 1)
        text_addf(to, "%s%s%s ", x.name, *x.link ? ">" : x.type == TAR_FOLDER ? "/" : "", x.link);
    tar_free(t);
    assert_int_equal(text_check(to, NULL), 0);
}

static void make_tree(void)
{
    assert_int_equal(mkdirat(folder, "from", 0755), 0);
    assert_int_equal(mkdirat(folder, "from/b", 0700), 0);
    assert_int_equal(mkdirat(folder, "from/b/empty", 0555), 0);
    folder_put("from/z", "last");
    folder_put("from/b/f", "bytes");
    assert_int_equal(fchmodat(folder, "from/b/f", 0640, 0), 0);
    assert_int_equal(linkat(folder, "from/b/f", folder, "from/c", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", folder, "from/l"), 0);
    assert_int_equal(mkfifoat(folder, "from/p", 0600), 0);
    assert_int_equal(mkdirat(folder, "to", 0755), 0);
}

static void a_tree_comes_back_as_it_was(void **state)
{
    const struct tree_tar_rules rules = {.as = "", .nanoseconds = true};
    const struct tree_untar_rules lay_rules = {0};
    autotext struct text once = {0}, twice = {0}, names = {0};
    struct err e = {0};

    (void)state;
    make_tree();
    pack("from", &rules, &once);
    list(&once, &names);
    assert_string_equal(names.s, "b/ b/empty/ b/f c>b/f l>/etc/passwd p z ");
    if (lay(&once, "to", &lay_rules, &e) < 0)
        fail_msg("%s", e.text);
    pack("to", &rules, &twice);
    assert_int_equal(once.n, twice.n);
    assert_memory_equal(once.s, twice.s, once.n);
    /* Over what is there already, too. */
    assert_int_equal(lay(&once, "to", &lay_rules, &e), 0);
    text_free(&twice);
    pack("to", &rules, &twice);
    assert_memory_equal(once.s, twice.s, once.n);
}

static void attributes_of_users_come_along_those_of_overlayfs_do_not(void **state)
{
    const struct tree_tar_rules rules = {.as = "x", .top = true};
    const struct tree_untar_rules lay_rules = {.rename = "y"};
    autotext struct text archive = {0};
    char value[16], path[128];
    struct err e = {0};

    (void)state;
    make_tree();
    snprintf(path, sizeof path, "%s/from/z", folder_path);
    if (setxattr(path, "user.mine", "yes", 3, 0) < 0)
        skip(); /* not on this file system */
    assert_int_equal(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
    pack("from", &rules, &archive);
    assert_int_equal(lay(&archive, "to", &lay_rules, &e), 0);
    snprintf(path, sizeof path, "%s/to/y/z", folder_path);
    assert_int_equal(getxattr(path, "user.mine", value, sizeof value), 3);
    assert_int_equal(getxattr(path, "user.overlay.opaque", value, sizeof value), -1);
}

static bool not_b(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "b") != 0;
}

static void what_is_not_wanted_and_whiteouts_are_left_out(void **state)
{
    const struct tree_tar_rules rules = {.as = "", .layer = true, .wanted = not_b};
    autotext struct text archive = {0}, names = {0};

    (void)state;
    make_tree();
    folder_put("from/.wh.gone", "");
    (void)!mknodat(folder, "from/white", S_IFCHR, 0); /* before Linux 5.8 it cannot be */
    pack("from", &rules, &archive);
    list(&archive, &names);
    assert_string_equal(names.s, "c l>/etc/passwd p z ");
}

static void files_and_folders_do_not_replace_each_other_unless_told(void **state)
{
    const struct tree_tar_rules rules = {.as = ""};
    struct tree_untar_rules lay_rules = {0};
    autotext struct text archive = {0};
    struct stat st;
    struct err e = {0};

    (void)state;
    make_tree();
    pack("from", &rules, &archive);
    folder_put("to/b", "a file");
    assert_int_equal(lay(&archive, "to", &lay_rules, &e), -ENOTDIR);
    assert_string_equal(e.text, "'b': something that is no folder is in its place (--overwrite "
                                "replaces it)");
    assert_int_equal(unlinkat(folder, "to/b", 0), 0);
    assert_int_equal(mkdirat(folder, "to/z", 0755), 0);
    folder_put("to/z/in", "x");
    assert_int_equal(lay(&archive, "to", &lay_rules, &e), -EISDIR);
    assert_string_equal(e.text, "'z': a folder is in its place (--overwrite replaces it)");
    lay_rules.overwrite = true;
    assert_int_equal(lay(&archive, "to", &lay_rules, &e), 0);
    assert_int_equal(fstatat(folder, "to/z", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void no_link_is_followed(void **state)
{
    const struct tree_tar_rules rules = {.as = ""};
    const struct tree_untar_rules lay_rules = {0}, over = {.overwrite = true};
    autotext struct text archive = {0};
    struct stat st;
    struct err e = {0};
    int fd;

    (void)state;
    make_tree();
    pack("from", &rules, &archive);
    assert_int_equal(mkdirat(folder, "outside", 0755), 0);
    folder_put("outside/z", "untouched");
    assert_int_equal(symlinkat("../outside", folder, "to/b"), 0);
    assert_int_equal(symlinkat("../outside/z", folder, "to/z"), 0);
    assert_int_equal(lay(&archive, "to", &lay_rules, &e), -ENOTDIR);
    assert_int_equal(lay(&archive, "to", &over, &e), 0);
    fd = sub("outside");
    assert_int_equal(folder_count(fd), 1);
    close(fd);
    assert_int_equal(fstatat(folder, "outside/z", &st, 0), 0);
    assert_int_equal(st.st_size, 9);
    assert_int_equal(fstatat(folder, "to/z", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void archives_that_lead_out_are_refused(void **state)
{
    static const struct {
        struct tar_member m[2];
        const char *words;
    } cases[] = {
        {{{.type = '0', .name = "../x", .data = "x"}}, ".."},
        {{{.type = '0', .name = "/x", .data = "x"}}, "absolute"},
        {{{.type = '2', .name = "l", .link = "../outside"},
          {.type = '0', .name = "l/x", .data = "x"}},
         "'l' is not a folder"},
        {{{.type = '1', .name = "h", .link = "../outside/z"}}, ".."},
        {{{.type = '2', .name = "l", .link = "../outside"},
          {.type = '1', .name = "h", .link = "l/z"}},
         "a hard link to 'l/z', which is not there"},
        {{{.type = '1', .name = "h", .link = "nosuch"}}, "a hard link to 'nosuch'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tree_untar_rules rules = {.overwrite = true};
        autotext struct text archive = {0};
        struct err e = {0};
        int fd;

        folder_setup(NULL);
        assert_int_equal(mkdirat(folder, "to", 0755), 0);
        assert_int_equal(mkdirat(folder, "outside", 0755), 0);
        folder_put("outside/z", "secret");
        for (size_t k = 0; k < 2 && cases[i].m[k].name; k++)
            tar_make(&archive, cases[i].m[k]);
        tar_make_end(&archive);
        assert_true(lay(&archive, "to", &rules, &e) < 0);
        if (!strstr(e.text, cases[i].words))
            fail_msg("wanted '%s' in '%s'", cases[i].words, e.text);
        fd = sub("outside");
        assert_int_equal(folder_count(fd), 1);
        close(fd);
        folder_teardown(NULL);
    }
}

static void set_user_id_bits_of_strangers_are_dropped(void **state)
{
    const struct tree_untar_rules rules = {0};
    autotext struct text archive = {0};
    struct stat st;
    struct err e = {0};

    (void)state;
    assert_int_equal(mkdirat(folder, "to", 0755), 0);
    tar_make(&archive,
             (struct tar_member){.type = '0', .name = "s", .data = "x", .mode = 06755, .uid = 1});
    tar_make_end(&archive);
    assert_int_equal(lay(&archive, "to", &rules, &e), 0);
    assert_int_equal(fstatat(folder, "to/s", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_uid, getuid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(a_tree_comes_back_as_it_was),
        folder_test(attributes_of_users_come_along_those_of_overlayfs_do_not),
        folder_test(what_is_not_wanted_and_whiteouts_are_left_out),
        folder_test(files_and_folders_do_not_replace_each_other_unless_told),
        folder_test(no_link_is_followed),
        cmocka_unit_test(archives_that_lead_out_are_refused),
        folder_test(set_user_id_bits_of_strangers_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
