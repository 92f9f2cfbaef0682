#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/idmap.h"
#include "core/base/userns.h"
#include "storage/registry/auth_file.h"
#include "storage/registry/auth_helper.h"
#include "storage/registry/auth_store.h"
#include "tests/unit/unit.h"

static char folder[64];
static char path[PATH_MAX];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/rctr-test-store.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/auth.json", folder);
    return setenv("PATH", folder, 1);
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "/bin/rm -rf %s", folder);
    return system(command);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char full[PATH_MAX];
    FILE *f;

    snprintf(full, sizeof full, "%s/%s", folder, name);
    f = fopen(full, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(full, mode), 0);
}

static void set(const char *key, const char *user, const char *password)
{
    struct creds c = {.user = strdup(user), .password = strdup(password)};
    char *where = NULL;
    struct err e = {0};

    assert_int_equal(auth_store_set(path, key, &c, &where, &e), 0);
    free(where);
    creds_free(&c);
}

static void expect(const char *name, const char *user)
{
    struct creds c = {0};
    struct err e = {0};

    assert_int_equal(auth_file_find(path, name, &c, &e), user ? 1 : 0);
    if (user)
        assert_string_equal(c.user, user);
    creds_free(&c);
}

static void what_is_set_is_found_and_what_is_erased_is_not(void **state)
{
    struct stat st;

    (void)state;
    set("r.example", "a", "b:c");
    set("r.example/team", "team", "d");
    set("docker.io", "hub", "e");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    expect("r.example/x", "a");
    expect("r.example/team/x", "team");
    expect("docker.io/library/alpine", "hub");
    assert_int_equal(auth_store_erase(path, "r.example/team", NULL), 1);
    assert_int_equal(auth_store_erase(path, "r.example/team", NULL), 0);
    expect("r.example/team/x", "a");
    assert_int_equal(auth_store_erase_all(path, NULL), 0);
    expect("r.example", NULL);
    expect("docker.io", NULL);
}

static void every_spelling_of_a_key_is_erased(void **state)
{
    (void)state;
    write_file("auth.json",
               "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"YTpi\"},"
               "\"docker.io\": {\"auth\": \"YTpi\"}, \"http://x/\": {\"auth\": \"YTpi\"}}}",
               0600);
    assert_int_equal(auth_store_erase(path, "docker.io", NULL), 1);
    expect("docker.io", NULL);
    expect("x", "a");
}

static void a_folder_or_a_link_that_others_can_write_to_is_refused(void **state)
{
    struct creds c = {.user = (char[]){"a"}, .password = (char[]){"b"}};
    char *where = NULL, full[PATH_MAX + 32];
    struct err e = {0};

    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(auth_store_set(path, "r", &c, &where, &e), -EPERM);
    assert_non_null(strstr(e.text, "others can write to the folder"));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(auth_store_set(path, "r", &c, &where, &e), -EINVAL);
    assert_non_null(strstr(e.text, "not a regular file"));
    snprintf(full, sizeof full, "%s/x", path);
    assert_int_equal(symlink("nowhere", full), 0);
    assert_int_equal(auth_store_set(full, "r", &c, &where, &e), -ENOENT);
    assert_non_null(strstr(e.text, "leads nowhere"));
}

/* Only root can make links of others; tests/run.sh runs as somebody else. */
/* As root of our own range: to one of its other users. */
static int give_away(void *arg, struct err *e)
{
    (void)arg;
    return lchown(path, 5, 5) < 0 ? err_sys(e, "lchown") : 0;
}

static void a_link_of_another_user_is_not_followed(void **state)
{
    struct creds c = {.user = (char[]){"a"}, .password = (char[]){"b"}};
    char *where = NULL, real[PATH_MAX + 32];
    struct idmap map;
    struct err e = {0};

    (void)state;
    if (idmap_load(&map, &e) < 0 || map.single) {
        print_message("skipped: without a range of ids there is no other user to give a link to\n");
        skip();
    }
    snprintf(real, sizeof real, "%s/real", folder);
    assert_int_equal(symlink("real", path), 0);
    assert_int_equal(userns_run(&map, give_away, NULL, &e), 0);
    assert_int_equal(auth_store_set(path, "r", &c, &where, &e), -EPERM);
    assert_non_null(strstr(e.text, "a link of another user"));
    assert_int_equal(unlink(path), 0);
    /* and a folder on the way */
    assert_int_equal(mkdir(real, 0777), 0);
    assert_int_equal(symlink(real, path), 0);
    assert_int_equal(userns_run(&map, give_away, NULL, &e), 0);
    snprintf(real, sizeof real, "%s/auth.json", path);
    assert_int_equal(auth_store_set(real, "r", &c, &where, &e), -EPERM);
    assert_non_null(strstr(e.text, "'auth.json' is a link of another user"));
}

static void a_missing_folder_is_made_for_the_owner_alone(void **state)
{
    struct stat st;

    (void)state;
    snprintf(path, sizeof path, "%s/one/two/auth.json", folder);
    set("r", "a", "b");
    snprintf(path, sizeof path, "%s/one/two", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_helper_is_bounded_in_time_and_words(void **state)
{
    static const struct {
        const char *script, *words;
        int code;
    } rows[] = {
        {"#!/bin/sh\nexec /bin/sleep 5\n", "does not answer", -ETIMEDOUT},
        {"#!/bin/sh\nexec >&-\nexec /bin/sleep 5\n", "does not end", -ETIMEDOUT},
        {"#!/bin/sh\n/bin/sleep 5 &\nexit 0\n", "does not answer", -ETIMEDOUT},
        {"#!/bin/sh\nexec /bin/cat /dev/zero\n", "more than 1024 KiB", -EFBIG},
        {"#!/bin/sh\necho 'it is locked'; exit 3\n", "it is locked (status 3)", -EIO},
        {"#!/bin/sh\nexit 1\n", "without a word (status 1)", -EIO},
        {"#!/bin/sh\necho no JSON of secret\n", "cannot be understood", -EPROTO},
        {"#!/bin/sh\nkill -9 $$\n", "(status 137)", -EIO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct creds c = {0};
        struct err e = {0};

        write_file("docker-credential-odd", rows[i].script, 0755);
        assert_int_equal(auth_helper_get("odd", "r", i < 3 ? 300 : 20000, &c, &e), rows[i].code);
        assert_non_null(strstr(e.text, rows[i].words));
        assert_null(strstr(e.text, "secret"));
        assert_null(c.user);
    }
}

static void a_helper_may_know_nothing_or_a_token(void **state)
{
    struct creds c = {0};

    (void)state;
    write_file("docker-credential-odd",
               "#!/bin/sh\necho credentials not found in native keychain; exit 1\n", 0755);
    assert_int_equal(auth_helper_get("odd", "r", 20000, &c, NULL), 0);
    write_file("docker-credential-odd",
               "#!/bin/sh\necho '{\"Username\": \"<token>\", \"Secret\": \"tok\"}'\n", 0755);
    assert_int_equal(auth_helper_get("odd", "r", 20000, &c, NULL), 1);
    assert_string_equal(c.identity, "tok");
    assert_null(c.user);
    creds_free(&c);
}

static void a_helper_that_does_not_read_is_no_harm(void **state)
{
    struct creds c = {.user = (char[]){"a"}, .password = malloc(20001)};
    struct err e = {0};

    (void)state;
    memset(c.password, 'x', 20000);
    c.password[20000] = 0;
    write_file("docker-credential-odd", "#!/bin/sh\nexit 0\n", 0755);
    assert_int_equal(auth_helper_store("odd", "r", &c, 20000, &e), 0);
    free(c.password);
}

static void helpers_of_others_and_odd_names_are_not_run(void **state)
{
    struct creds c = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(auth_helper_get("none", "r", 1000, &c, &e), -ENOENT);
    assert_non_null(strstr(e.text, "'docker-credential-none' is not on PATH"));
    assert_int_equal(auth_helper_get("../x", "r", 1000, &c, &e), -EINVAL);
    assert_int_equal(auth_helper_get("", "r", 1000, &c, &e), -EINVAL);
    write_file("docker-credential-odd", "#!/bin/sh\nexit 0\n", 0775);
    assert_int_equal(auth_helper_get("odd", "r", 1000, &c, &e), -EPERM);
    assert_non_null(strstr(e.text, "others may write"));
    write_file("docker-credential-odd", "#!/bin/sh\nexit 0\n", 0755);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(auth_helper_get("odd", "r", 1000, &c, &e), -EPERM);
    assert_int_equal(setenv("PATH", ".:", 1), 0);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(auth_helper_get("odd", "r", 1000, &c, &e), -ENOENT);
    assert_int_equal(chdir("/"), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_set_is_found_and_what_is_erased_is_not),
        IN_FOLDER(every_spelling_of_a_key_is_erased),
        IN_FOLDER(a_folder_or_a_link_that_others_can_write_to_is_refused),
        IN_FOLDER(a_link_of_another_user_is_not_followed),
        IN_FOLDER(a_missing_folder_is_made_for_the_owner_alone),
        IN_FOLDER(a_helper_is_bounded_in_time_and_words),
        IN_FOLDER(a_helper_may_know_nothing_or_a_token),
        IN_FOLDER(a_helper_that_does_not_read_is_no_harm),
        IN_FOLDER(helpers_of_others_and_odd_names_are_not_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
