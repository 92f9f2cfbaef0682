/* A layer's way from a pipe into the store: real processes, a real namespace, a real cage. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/file.h"
#include "tests/unit/storage/layer_bench.h"

static void gzip(const struct text *plain, struct text *ret)
{
    size_t room = plain->n + plain->n / 100 + 1024;
    autofree unsigned char *to = malloc(room);
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)plain->s;
    z.avail_in = (unsigned)plain->n;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    text_add_n(ret, (char *)to, room - z.avail_out);
    deflateEnd(&z);
}

static bool tmp_is_empty(const struct bench *b)
{
    char command[400];

    snprintf(command, sizeof command, "test -z \"$(ls -A %s/tmp/%s)\"", b->store.path,
             b->store.tmp_name);
    return system(command) == 0;
}

static void small_tar(struct text *tar)
{
    tar_make(tar, (struct tar_member){.type = '5', .name = "./", .mode = 0711});
    tar_make(tar, (struct tar_member){.type = '5', .name = "etc/"});
    tar_make(tar, (struct tar_member){.type = '0', .name = "etc/hello", .data = "hello\n"});
    tar_make(tar, (struct tar_member){.type = '0', .name = "etc/.wh.gone"});
    tar_make(tar, (struct tar_member){.type = '3', .name = "etc/null", .major = 1, .minor = 3});
    tar_make_end(tar);
}

static void a_gzip_layer_gets_its_name_when_it_is_whole(void **state)
{
    struct bench b;
    autotext struct text tar = {0}, blob = {0};
    struct layer_meta meta, again;
    struct digest diff_id;
    struct err e = {0};
    struct stat st;
    autofd int tree = -1;

    (void)state;
    open_bench(&b);
    small_tar(&tar);
    gzip(&tar, &blob);
    hash_bytes(tar.s, tar.n, &diff_id, NULL);
    assert_false(layer_exists(&b.store, &diff_id));
    if (unpack(&b, &blob, &diff_id, &meta, &e) < 0)
        fail_msg("%s", e.text);
    assert_true(layer_exists(&b.store, &diff_id));
    assert_true(tmp_is_empty(&b));
    assert_int_equal(meta.tar_bytes, tar.n);
    assert_int_equal(meta.devices_skipped, 1);
    assert_int_equal(layer_meta(&b.store, &diff_id, &again, NULL), 0);
    assert_memory_equal(&again, &meta, sizeof meta);
    assert_int_equal(layer_open(&b.store, &diff_id, &tree, NULL), 0);
    assert_int_equal(fstatat(tree, "", &st, AT_EMPTY_PATH), 0);
    assert_int_equal(st.st_mode & 07777, 0711);
    assert_int_equal(fstatat(tree, "etc/hello", &st, 0), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(st.st_mtime, 1000);
    assert_int_equal(fstatat(tree, "etc/gone", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    /* A second time, as if another process had been faster. */
    assert_int_equal(unpack(&b, &blob, &diff_id, &meta, &e), 0);
    assert_true(tmp_is_empty(&b));
    assert_int_equal(layer_remove(&b.store, &diff_id, NULL), 0);
    assert_false(layer_exists(&b.store, &diff_id));
    assert_int_equal(layer_remove(&b.store, &diff_id, NULL), 0);
    close_bench(&b);
}

static void another_diff_id_is_refused_and_nothing_stays(void **state)
{
    struct bench b;
    autotext struct text tar = {0};
    struct digest wrong;
    struct err e = {0};

    (void)state;
    open_bench(&b);
    small_tar(&tar);
    hash_bytes("x", 1, &wrong, NULL);
    assert_int_equal(unpack(&b, &tar, &wrong, NULL, &e), -EBADMSG);
    assert_non_null(strstr(e.text, "but the image's config says sha256:2d711642"));
    assert_false(layer_exists(&b.store, &wrong));
    assert_true(tmp_is_empty(&b));
    close_bench(&b);
}

static void a_worker_that_fails_tells_why_and_the_next_one_works(void **state)
{
    struct bench b;
    autotext struct text tar = {0}, bad = {0};
    struct digest diff_id;
    struct err e = {0};

    (void)state;
    open_bench(&b);
    tar_make(&bad, (struct tar_member){.type = '0', .name = "a/../../x", .data = "x"});
    hash_bytes(bad.s, bad.n, &diff_id, NULL);
    assert_int_equal(unpack(&b, &bad, &diff_id, NULL, &e), -EINVAL);
    assert_non_null(strstr(e.text, "entry 'a/../../x': '..' in a name may leave the layer"));
    assert_true(tmp_is_empty(&b));
    small_tar(&tar);
    hash_bytes(tar.s, tar.n, &diff_id, NULL);
    assert_int_equal(unpack(&b, &tar, &diff_id, NULL, &e), 0);
    close_bench(&b);
}

static void an_abandoned_layer_leaves_nothing(void **state)
{
    struct bench b;
    struct layer_job job;
    struct digest diff_id;
    autotext struct text tar = {0};

    (void)state;
    open_bench(&b);
    tar_make(&tar, (struct tar_member){.type = '0', .name = "other"});
    small_tar(&tar);
    hash_bytes(tar.s, tar.n, &diff_id, NULL);
    assert_int_equal(layer_unpack_start(b.unpacker, &diff_id, COMPRESSION_GZIP, -1, &job, NULL), 0);
    assert_int_equal(write(job.in_fd, tar.s, 2048), 2048);
    layer_unpack_abandon(&b.store, b.unpacker, &job);
    assert_true(tmp_is_empty(&b));
    assert_false(layer_exists(&b.store, &diff_id));
    close_bench(&b);
}

static void owners_and_capabilities_are_those_of_the_range(void **state)
{
    static const char capability[20] = "\1\0\0\2\0\4"; /* revision 2, effective, net_bind_service */
    struct bench b;
    autotext struct text tar = {0};
    struct digest diff_id;
    struct layer_meta meta;
    struct err e = {0};
    struct stat st;
    autofd int tree = -1, file = -1;
    char value[64];
    unsigned outside = 0;

    (void)state;
    open_bench(&b);
    tar_make_pax(&tar, "SCHILY.xattr.security.capability", capability, sizeof capability);
    tar_make(&tar, (struct tar_member){.type = '0', .name = "ping", .mode = 0755});
    tar_make(&tar,
             (struct tar_member){.type = '0', .name = "spool", .uid = 8, .gid = 12, .mode = 04755});
    tar_make_end(&tar);
    hash_bytes(tar.s, tar.n, &diff_id, NULL);
    if (unpack(&b, &tar, &diff_id, &meta, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(layer_open(&b.store, &diff_id, &tree, NULL), 0);
    assert_int_equal(fstatat(tree, "spool", &st, 0), 0);
    if (b.map.single) {
        assert_int_equal(meta.owners_lost, 1);
        assert_int_equal(st.st_uid, geteuid());
        assert_int_equal(st.st_mode & 07777, 0755);
    } else {
        assert_int_equal(meta.owners_lost, 0);
        assert_int_equal(idmap_outside(&b.map.uid, 8, &outside), 0);
        assert_int_equal(st.st_uid, outside);
        assert_int_equal(st.st_mode & 07777, 04755);
    }
    assert_int_equal(meta.xattrs_skipped, 0);
    file = openat(tree, "ping", O_RDONLY);
    assert_true(fgetxattr(file, "security.capability", value, sizeof value) >= 20);
    close_bench(&b);
}

static void a_bomb_ends_early_and_leaves_nothing(void **state)
{
    struct bench b;
    autotext struct text tar = {0}, blob = {0};
    size_t n = 100 << 20;
    autofree char *zeros = calloc(1, n);
    struct digest diff_id;
    struct err e = {0};

    (void)state;
    open_bench(&b);
    /* A header, then zeros: the data of the file, and denser than any real one. */
    tar_make(&tar, (struct tar_member){.type = '0', .name = "zeros", .data = zeros, .data_n = n});
    gzip(&tar, &blob);
    hash_bytes(tar.s, tar.n, &diff_id, NULL);
    assert_int_equal(unpack(&b, &blob, &diff_id, NULL, &e), -EFBIG);
    assert_non_null(strstr(e.text, "entry 'zeros': a decompression bomb: "));
    assert_true(tmp_is_empty(&b));
    close_bench(&b);
}

/* The only child of process `pid`, or 0. */
static pid_t child_of(pid_t pid)
{
    char path[80];
    autotext struct text t = {0};

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    return file_read(AT_FDCWD, path, 4096, &t, NULL) < 0 ? 0 : (pid_t)strtol(t.s, NULL, 10);
}

static void a_worker_that_is_killed_is_an_error_in_words(void **state)
{
    struct bench b;
    struct layer_job job;
    struct digest diff_id;
    struct err e = {0};
    pid_t worker = 0;

    (void)state;
    open_bench(&b);
    hash_bytes("killed", 6, &diff_id, NULL);
    assert_int_equal(layer_unpack_start(b.unpacker, &diff_id, COMPRESSION_NONE, -1, &job, NULL), 0);
    while (worker == 0)
        worker = child_of(child_of(getpid()));
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(layer_unpack_finish(&b.store, b.unpacker, &job, NULL, &e), -EPIPE);
    assert_non_null(strstr(e.text, "the unpacking process was killed by signal 9 (Killed)"));
    assert_true(tmp_is_empty(&b));
    close_bench(&b);
}

static void several_layers_may_be_on_their_way_at_once(void **state)
{
    enum { N = 5 };
    struct bench b;
    struct layer_job job[N];
    struct digest diff_id[N];
    struct text tar[N] = {0};
    struct err e = {0};

    (void)state;
    open_bench(&b);
    for (int i = 0; i < N; i++) {
        char name[16];

        snprintf(name, sizeof name, "only-%d", i);
        tar_make(&tar[i], (struct tar_member){.type = '0', .name = name, .data = "x"});
        hash_bytes(tar[i].s, tar[i].n, &diff_id[i], NULL);
        assert_int_equal(
            layer_unpack_start(b.unpacker, &diff_id[i], COMPRESSION_NONE, -1, &job[i], NULL), 0);
    }
    for (int i = N; i-- > 0;) {
        assert_int_equal(write(job[i].in_fd, tar[i].s, tar[i].n), (ssize_t)tar[i].n);
        close(take_fd(&job[i].in_fd));
        text_free(&tar[i]);
    }
    for (int i = 0; i < N; i++) {
        if (layer_unpack_finish(&b.store, b.unpacker, &job[i], NULL, &e) < 0)
            fail_msg("%s", e.text);
        assert_true(layer_exists(&b.store, &diff_id[i]));
    }
    assert_int_equal(layer_settle(&b.store, NULL), 0);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gzip_layer_gets_its_name_when_it_is_whole),
        cmocka_unit_test(another_diff_id_is_refused_and_nothing_stays),
        cmocka_unit_test(a_worker_that_fails_tells_why_and_the_next_one_works),
        cmocka_unit_test(an_abandoned_layer_leaves_nothing),
        cmocka_unit_test(owners_and_capabilities_are_those_of_the_range),
        cmocka_unit_test(a_bomb_ends_early_and_leaves_nothing),
        cmocka_unit_test(a_worker_that_is_killed_is_an_error_in_words),
        cmocka_unit_test(several_layers_may_be_on_their_way_at_once),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, store_dir_setup, store_dir_teardown);
}
