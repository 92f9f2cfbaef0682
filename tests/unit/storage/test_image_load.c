#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "storage/gc.h"
#include "storage/image_load.h"
#include "storage/layer.h"
#include "storage/refs.h"
#include "tests/unit/storage/open_store.h"
#include "tests/unit/unit.h"

/* Run a shell script in a new folder $T; it leaves $T/out.tar, which is opened. `fault` is put into
 * $FAULT. */
static int archive(const char *fault)
{
    static const char script[] =
        "set -eu; cd $T; mkdir -p root/bin oci/blobs/sha256; echo hello >root/bin/file;"
        "blob() { s=$(stat -c %s $1); d=$(sha256sum $1 | cut -d' ' -f1);"
        " mv $1 oci/blobs/sha256/$d; };"
        "tar -C root --owner=0 --group=0 --mode=go-w --mtime=@1000 -cf layer.tar .;"
        "diff=$(sha256sum layer.tar | cut -d' ' -f1);"
        "case $FAULT in diff) diff=$(echo x | sha256sum | cut -d' ' -f1);; esac;"
        "gzip -n layer.tar; blob layer.tar.gz; layer=$d; layer_size=$s;"
        "printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":"
        "\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' $diff >config; blob config; config=$d;"
        "printf '{\"schemaVersion\":2,\"mediaType\":"
        "\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
        "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:%s\",\"size\":%s},"
        "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":"
        "\"sha256:%s\",\"size\":%s}]}' $config $s $layer $layer_size >manifest; blob manifest;"
        "case $FAULT in name) n=my/tool:v1;; *) n=quay.io/x/tool:v1;; esac;"
        "printf '{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
        "\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:%s\",\"size\":%s,"
        "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}]}' $d $s $n "
        ">oci/index.json;"
        "printf '{\"imageLayoutVersion\":\"1.0.0\"}' >oci/oci-layout;"
        "case $FAULT in"
        " flip) printf X | dd of=oci/blobs/sha256/$layer bs=1 seek=30 conv=notrunc status=none;;"
        " missing) rm oci/blobs/sha256/$layer;;"
        " layout) rm oci/oci-layout;;"
        " esac; tar -C oci -cf out.tar .;"
        "case $FAULT in gzip) gzip out.tar; mv out.tar.gz out.tar;;"
        " cut) truncate -s 3000 out.tar;; esac";
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/archive", store_dir_path);
    assert_int_equal(mkdir(path, 0700), 0);
    setenv("T", path, 1);
    setenv("FAULT", fault, 1);
    assert_int_equal(system(script), 0);
    snprintf(path, sizeof path, "%s/archive/out.tar", store_dir_path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void check_file(const struct image *i)
{
    autofd int tree = -1;
    autotext struct text t = {0};
    struct layer_meta meta;

    assert_int_equal(layer_open(&store, &i->config.diff_ids[0], &tree, NULL), 0);
    assert_int_equal(file_read(tree, "bin/file", 100, &t, NULL), 0);
    assert_string_equal(t.s, "hello\n");
    assert_int_equal(layer_meta(&store, &i->config.diff_ids[0], &meta, NULL), 0);
}

static void an_archive_is_loaded_under_its_own_name(void **state)
{
    autoimage struct image i = {0}, found = {0};
    autofd int fd = archive("none");
    struct err e = {0};

    (void)state;
    if (image_load_oci(&store, fd, NULL, &i, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(i.name, "quay.io/x/tool:v1");
    assert_int_equal(image_find(&store, "quay.io/x/tool:v1", NULL, &found, &e), 0);
    check_file(&found);
}

static void a_compressed_archive_gets_the_name_it_is_asked_for(void **state)
{
    autoimage struct image i = {0}, found = {0};
    autofd int fd = archive("gzip");
    struct ref as;
    struct err e = {0};

    (void)state;
    assert_int_equal(ref_parse("localhost/mine", &as, NULL), 0);
    if (image_load_oci(&store, fd, &as, &i, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(i.name, "localhost/mine:latest");
    assert_int_equal(image_find(&store, "quay.io/x/tool:v1", NULL, &found, &e), -ENOENT);
    /* Once more: nothing is unpacked twice. */
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(image_load_oci(&store, fd, &as, NULL, &e), 0);
}

static void a_short_name_of_its_own_is_a_local_one(void **state)
{
    autoimage struct image i = {0};
    autofd int fd = archive("name");

    (void)state;
    assert_int_equal(image_load_oci(&store, fd, NULL, &i, NULL), 0);
    assert_string_equal(i.name, "localhost/my/tool:v1");
}

static void damaged_archives_are_refused_and_name_nothing(void **state)
{
    static const struct {
        const char *fault, *words;
    } cases[] = {
        {"flip", "is not what arrived"},
        {"missing", "the archive has no blob sha256:"},
        {"layout", "it is not an OCI archive"},
        {"cut", "OCI archive: "},
        {"diff", "layer 1 of 1: "},
    };

    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        autoimage struct image i = {0};
        autofd int fd = archive(cases[c].fault);
        struct gc_result res;
        struct err e = {0};

        assert_true(image_load_oci(&store, fd, NULL, &i, &e) < 0);
        if (!strstr(e.text, cases[c].words))
            fail_msg("%s is told as: %s", cases[c].fault, e.text);
        assert_int_equal(image_find(&store, "quay.io/x/tool:v1", NULL, &i, &e), -ENOENT);
        assert_int_equal(gc_run(&store, true, &res, &e), 0);
        assert_int_equal(open_store_teardown(state), 0);
        assert_int_equal(open_store_setup(state), 0);
    }
}

static void a_default_image_comes_from_the_data_folder(void **state)
{
    autoimage struct image i = {0}, again = {0};
    autofd int fd = archive("none");
    char path[160], to[200];
    struct ref name;
    struct err e = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/archive", store_dir_path);
    setenv("RCTR_DATADIR", path, 1);
    snprintf(to, sizeof to, "%s/images", path);
    assert_int_equal(mkdir(to, 0700), 0);
    snprintf(path, sizeof path, "%s/archive/out.tar", store_dir_path);
    snprintf(to, sizeof to, "%s/archive/images/tiny.tar", store_dir_path);
    assert_int_equal(rename(path, to), 0);
    assert_int_equal(ref_parse("localhost/tiny", &name, NULL), 0);
    if (image_load_default(&store, &name, NULL, &i, &e) < 0)
        fail_msg("%s", e.text);
    check_file(&i);
    assert_int_equal(image_find(&store, "tiny", NULL, &again, &e), 0);
    assert_int_equal(ref_parse("localhost/other", &name, NULL), 0);
    assert_int_equal(image_load_default(&store, &name, NULL, &i, &e), -ENOENT);
    assert_string_equal(e.text, "localhost/other:latest: image not known");
    assert_int_equal(ref_parse("docker.io/library/tiny", &name, NULL), 0);
    assert_int_equal(image_load_default(&store, &name, NULL, &i, &e), -ENOENT);
}

static void several_may_load_the_same_at_once(void **state)
{
    autofd int fd = archive("none");
    autoimage struct image i = {0};
    char path[160];
    pid_t pids[6];

    (void)state;
    snprintf(path, sizeof path, "%s/archive/out.tar", store_dir_path);
    for (size_t n = 0; n < ARRAY_SIZE(pids); n++) {
        pids[n] = fork();
        if (pids[n] == 0) {
            struct store s = STORE_CLOSED;
            int own = open(path, O_RDONLY), r = store_open(&s, NULL);

            if (r == 0)
                r = image_load_oci(&s, own, NULL, NULL, NULL);
            store_close(&s);
            _exit(r < 0);
        }
    }
    for (size_t n = 0; n < ARRAY_SIZE(pids); n++) {
        int status = -1;

        assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(image_find(&store, "quay.io/x/tool:v1", NULL, &i, NULL), 0);
    check_file(&i);
}

/* A child loads the archive until it is killed. */
static void kill_at_any_moment_leaves_a_whole_image_or_none(void **state)
{
    autofd int fd = archive("none");
    struct gc_result res;
    size_t whole = 0;

    (void)state;
    for (int n = 0; n < 30; n++) {
        autoimage struct image i = {0};
        struct ref name;
        pid_t pid = fork();

        if (pid == 0) {
            struct store s = STORE_CLOSED;

            if (store_open(&s, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0)
                (void)image_load_oci(&s, fd, NULL, NULL, NULL);
            _exit(0);
        }
        usleep((unsigned)(n * 1500));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        if (image_find(&store, "quay.io/x/tool:v1", NULL, &i, NULL) == 0) {
            check_file(&i);
            whole++;
            assert_int_equal(ref_parse("quay.io/x/tool:v1", &name, NULL), 0);
            assert_int_equal(image_unname(&store, &name, NULL), 0);
        }
        assert_int_equal(gc_run(&store, true, &res, NULL), 0);
    }
    assert_true(whole < 30);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_store_setup, open_store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_archive_is_loaded_under_its_own_name),
        T(a_compressed_archive_gets_the_name_it_is_asked_for),
        T(a_short_name_of_its_own_is_a_local_one),
        T(damaged_archives_are_refused_and_name_nothing),
        T(a_default_image_comes_from_the_data_folder),
        T(several_may_load_the_same_at_once),
        T(kill_at_any_moment_leaves_a_whole_image_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
