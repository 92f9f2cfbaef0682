#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "storage/transport.h"
#include "tests/unit/unit.h"

static void transports_are_told_from_names(void **state)
{
    static const struct {
        const char *text;
        enum transport_kind kind;
        const char *path, *name;
    } cases[] = {
        {"alpine", TRANSPORT_NONE, "", ""},
        {"localhost:5000/oci:v1", TRANSPORT_NONE, "", ""},
        {"dir:v1", TRANSPORT_DIR, "v1", ""},
        {"dir:/srv/a:b", TRANSPORT_DIR, "/srv/a:b", ""},
        {"docker://quay.io/x/y:1", TRANSPORT_DOCKER, "", "quay.io/x/y:1"},
        {"oci:folder", TRANSPORT_OCI, "folder", ""},
        {"oci:/a/b:latest", TRANSPORT_OCI, "/a/b", "latest"},
        {"oci-archive:a.tar:quay.io/x/y:1", TRANSPORT_OCI_ARCHIVE, "a.tar", "quay.io/x/y:1"},
        {"docker-archive:./a.tar", TRANSPORT_DOCKER_ARCHIVE, "./a.tar", ""},
        {"docker-archive:a.tar:", TRANSPORT_DOCKER_ARCHIVE, "a.tar", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct transport t;
        struct err e = {0};

        if (transport_parse(cases[i].text, &t, &e) < 0)
            fail_msg("%s: %s", cases[i].text, e.text);
        assert_int_equal(t.kind, cases[i].kind);
        assert_string_equal(t.path, cases[i].path);
        assert_string_equal(t.name, cases[i].name);
    }
}

static void others_are_refused_in_words(void **state)
{
    static const struct {
        const char *text, *words;
        int code;
    } cases[] = {
        {"containers-storage:x", "does not know the transport 'containers-storage'", -ENOTSUP},
        {"docker-daemon:x:1", "does not know the transport 'docker-daemon'", -ENOTSUP},
        {"dir:", "'dir:' names no file", -EINVAL},
        {"oci:", "'oci:' names no file", -EINVAL},
        {"oci-archive::name", "names no file", -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct transport t;
        struct err e = {0};

        assert_int_equal(transport_parse(cases[i].text, &t, &e), cases[i].code);
        assert_non_null(strstr(e.text, cases[i].words));
    }
}

static void a_name_without_end_is_refused(void **state)
{
    char text[PATH_MAX + 100] = "oci:";
    struct transport t;
    struct err e = {0};

    (void)state;
    memset(text + 4, 'a', sizeof text - 5);
    text[sizeof text - 1] = 0;
    assert_int_equal(transport_parse(text, &t, &e), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transports_are_told_from_names),
        cmocka_unit_test(others_are_refused_in_words),
        cmocka_unit_test(a_name_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
