/* Dockerfile lines, what they make of a configuration, and what is said of wrong ones. */
#include <errno.h>
#include <string.h>

#include "core/base/auto.h"
#include "core/engine/change.h"
#include "tests/unit/unit.h"

static void lines_change_what_they_name(void **state)
{
    static const struct {
        const char *line, *before, *after;
    } cases[] = {
        {"CMD [\"a\", \"b c\"]", "{}", "{\"Cmd\":[\"a\",\"b c\"]}"},
        {"cmd a b", "{\"Cmd\":[\"x\"]}", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]}"},
        {"CMD=/bin/sh", "{}", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"/bin/sh\"]}"},
        {"CMD a", "{\"Shell\":[\"/sh\",\"-x\"]}",
         "{\"Cmd\":[\"/sh\",\"-x\",\"a\"],\"Shell\":[\"/sh\",\"-x\"]}"},
        {"CMD [broken", "{}", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[broken\"]}"},
        {"ENTRYPOINT []", "{\"Entrypoint\":[\"x\"]}", "{\"Entrypoint\":[]}"},
        {"ENV A=1 B=\"x y\" C='$z' D=a\\ b", "{}",
         "{\"Env\":[\"A=1\",\"B=x y\",\"C=$z\",\"D=a b\"]}"},
        {"ENV A=2", "{\"Env\":[\"A=1\",\"AB=3\"]}", "{\"Env\":[\"A=2\",\"AB=3\"]}"},
        {"ENV A one two", "{}", "{\"Env\":[\"A=one two\"]}"},
        {"ENV A=", "{}", "{\"Env\":[\"A=\"]}"},
        {"EXPOSE 80 53/udp", "{\"ExposedPorts\":{\"1/tcp\":{}}}",
         "{\"ExposedPorts\":{\"1/tcp\":{},\"53/udp\":{},\"80/tcp\":{}}}"},
        {"LABEL a=b \"c\"=\"d e\"", "{\"Labels\":{\"a\":\"x\"}}",
         "{\"Labels\":{\"a\":\"b\",\"c\":\"d e\"}}"},
        {"ONBUILD RUN x", "{\"OnBuild\":[\"y\"]}", "{\"OnBuild\":[\"y\",\"RUN x\"]}"},
        {"STOPSIGNAL 9", "{}", "{\"StopSignal\":\"9\"}"},
        {"USER a:b", "{}", "{\"User\":\"a:b\"}"},
        {"VOLUME /a /b", "{}", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}"},
        {"VOLUME [\"/a b\"]", "{\"Volumes\":null}", "{\"Volumes\":{\"/a b\":{}}}"},
        {"WORKDIR /a", "{}", "{\"WorkingDir\":\"/a\"}"},
        {"  WORKDIR b", "{\"WorkingDir\":\"/a/\"}", "{\"WorkingDir\":\"/a/b\"}"},
        {"HEALTHCHECK NONE", "{}", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}"},
        {"HEALTHCHECK --interval=1m --retries=3 CMD [\"a\",\"b\"]", "{}",
         "{\"Healthcheck\":{\"Interval\":60000000000,\"Retries\":3,\"Test\":[\"CMD\",\"a\",\"b\"]}"
         "}"},
        {"HEALTHCHECK CMD a || b", "{}", "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a || b\"]}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autojson json_t *config = json_loads(cases[i].before, 0, NULL);
        autofree char *got = NULL;
        struct err e = {0};

        assert_non_null(config);
        if (change_apply(cases[i].line, config, &e) < 0)
            fail_msg("%s: %s", cases[i].line, e.text);
        got = jsonx_dump(config, 0);
        assert_string_equal(got, cases[i].after);
    }
}

static void wrong_lines_are_refused_by_name(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"", "is no instruction"},
        {"RUN x", "invalid change \"RUN x\": RUN is no instruction"},
        {"LABLE a=b", "did you mean LABEL?"},
        {"CMD", "CMD needs a value"},
        {"ENV", "ENV needs a value"},
        {"ENV A", "'A' has no value"},
        {"ENV A=1 B", "'B' is not NAME=VALUE"},
        {"ENV =x", "is not NAME=VALUE"},
        {"LABEL a=\"b", "a quotation mark \" is not closed"},
        {"EXPOSE 0", "'0' is no port"},
        {"EXPOSE 65536", "'65536' is no port"},
        {"EXPOSE 80/icmp", "'80/icmp' is no port"},
        {"STOPSIGNAL SIGNONE", "SIGNONE"},
        {"HEALTHCHECK x", "followed by CMD and a command"},
        {"HEALTHCHECK --intervall=1s CMD x", "'--intervall=1s' is none of"},
        {"HEALTHCHECK --interval=x CMD x", "x"},
        {"VOLUME [\"\"]", "a volume's path is empty"},
        {"USER \xff", "not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autojson json_t *config = json_object();
        struct err e = {0};
        int r = change_apply(cases[i].line, config, &e);

        assert_int_equal(r, -EINVAL);
        if (!strstr(e.text, cases[i].words))
            fail_msg("%s: wanted '%s' in '%s'", cases[i].line, cases[i].words, e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_change_what_they_name),
        cmocka_unit_test(wrong_lines_are_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
