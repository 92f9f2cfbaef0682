/* Cases hold `input`, and `kind` "config" when it is an image config; good ones `output`: a summary
 * of what was understood; bad ones `error`: words of the message. */
#include <errno.h>

#include "storage/manifest.h"
#include "tests/unit/cases.h"

static void chomp(char *s)
{
    s[strcspn(s, "\n")] = 0;
}

static void show_manifest(const struct manifest *m, struct text *t)
{
    static const char *const compressions[] = {"none", "gzip", "zstd"};
    char buf[200];

    text_addf(t, "%s %s\n", m->is_index ? "index" : "manifest", m->media_type);
    if (!m->is_index)
        text_addf(t, "config %.8s %lld\n", m->config.digest.hex, m->config.size);
    for (size_t i = 0; i < m->layer_count; i++) {
        const struct descriptor *d = &m->layers[i];

        text_addf(t, "%.8s %lld %s%s", d->digest.hex, d->size,
                  m->is_index ? manifest_platform_format(&d->platform, buf)
                              : compressions[d->compression],
                  d->foreign ? " foreign" : "");
        text_addf(t, "%s%s\n", d->ref_name[0] ? " " : "", d->ref_name);
    }
}

static void show_list(struct text *t, const char *name, const struct strv *l)
{
    text_addf(t, "%s", name);
    for (size_t i = 0; i < l->n; i++)
        text_addf(t, " [%s]", l->v[i]);
    text_add(t, "\n");
}

static void show_config(const struct image_config *c, struct text *t)
{
    char buf[200];

    text_addf(t, "%s user=%s dir=%s stop=%s created=%s\n",
              manifest_platform_format(&c->platform, buf), c->user, c->working_dir, c->stop_signal,
              c->created);
    show_list(t, "entrypoint", &c->entrypoint);
    show_list(t, "cmd", &c->cmd);
    show_list(t, "env", &c->env);
    show_list(t, "volumes", &c->volumes);
    show_list(t, "ports", &c->exposed_ports);
    show_list(t, "health", &c->health.test);
    text_addf(t, "interval=%lld retries=%d labels=%zu layers=%zu\n", c->health.interval_ns,
              c->health.retries, json_object_size(c->labels), c->diff_id_count);
}

static int parse(const char *folder, struct text *shown, struct err *e)
{
    char *kind = cases_read(folder, "kind", NULL);
    size_t n = 0;
    char *input = cases_read(folder, "input", &n);
    struct image_config c;
    struct manifest m;
    int r;

    assert_non_null(input);
    if (kind) {
        r = manifest_config_parse(input, n, &c, e);
        if (r == 0) {
            show_config(&c, shown);
            manifest_config_free(&c);
        }
    } else {
        r = manifest_parse(input, n, &m, e);
        if (r == 0) {
            show_manifest(&m, shown);
            manifest_free(&m);
        }
    }
    free(kind);
    free(input);
    return r;
}

static void is_understood(const char *folder)
{
    char *output = cases_read(folder, "output", NULL);
    autotext struct text shown = {0};
    struct err e = {0};

    assert_non_null(output);
    if (parse(folder, &shown, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(shown.s, output);
    free(output);
}

static void is_refused(const char *folder)
{
    char *why = cases_read(folder, "error", NULL);
    autotext struct text shown = {0};
    struct err e = {0};

    assert_non_null(why);
    chomp(why);
    assert_true(parse(folder, &shown, &e) < 0);
    if (!strstr(e.text, why))
        fail_msg("'%s' is not in '%s'", why, e.text);
    free(why);
}

static void good_documents_are_understood(void **state)
{
    (void)state;
    cases_each("manifest", "good", is_understood);
}

static void bad_documents_are_refused_with_the_reason(void **state)
{
    (void)state;
    cases_each("manifest", "bad", is_refused);
}

static void a_document_nested_ten_thousand_deep_is_refused(void **state)
{
    autotext struct text t = {0};
    struct manifest m;
    struct err e = {0};

    (void)state;
    text_add(&t, "{\"schemaVersion\":2,\"layers\":");
    for (int i = 0; i < 10000; i++)
        text_add(&t, "[");
    assert_int_equal(manifest_parse(t.s, t.n, &m, &e), -EINVAL);
    assert_non_null(strstr(e.text, "depth"));
}

static void more_than_four_mebibytes_are_refused(void **state)
{
    char *big = malloc(MANIFEST_MAX + 1);
    struct manifest m;
    struct err e = {0};

    (void)state;
    memset(big, ' ', MANIFEST_MAX + 1);
    assert_int_equal(manifest_parse(big, MANIFEST_MAX + 1, &m, &e), -EFBIG);
    assert_non_null(strstr(e.text, "limit of 4 MiB"));
    free(big);
}

static void platforms_are_read_as_people_write_them(void **state)
{
    static const char *const rows[][2] = {
        {"linux/arm64/v8", "linux/arm64/v8"}, {"arm64", "linux/arm64"},
        {"Linux/AMD64", "linux/amd64"},       {"linux/x86_64", "linux/amd64"},
        {"aarch64", "linux/arm64"},           {"linux/armhf", "linux/arm/v7"},
        {"linux/arm/v6", "linux/arm/v6"},     {"windows/amd64", "windows/amd64"},
    };
    static const char *const bad[] = {
        "", "/", "linux/", "a/b/c/d", "linux/amd64/", "lin ux/amd64", "linux//v8"};
    struct platform p;
    struct err e = {0};
    char buf[200];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(manifest_platform(rows[i][0], &p, &e), 0);
        assert_string_equal(manifest_platform_format(&p, buf), rows[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(manifest_platform(bad[i], &p, &e), -EINVAL);
        assert_non_null(strstr(e.text, "is not a platform"));
    }
    assert_int_equal(manifest_platform(NULL, &p, &e), 0);
    assert_string_equal(p.os, "linux");
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define ENTRY(last, platform) \
    "{\"mediaType\":\"application/" \
    "vnd.oci.image.manifest.v1+json\",\"size\":1,\"digest\":\"sha256:" HEX last "\"" platform "}"
#define ON(a, v) ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" a "\",\"variant\":\"" v "\"}"

static const char index_json[] =
    "{\"schemaVersion\":2,\"manifests\":[" ENTRY("0", ON("amd64", "v3")) "," ENTRY(
        "1",
        ON("amd64",
           "")) "," ENTRY("2",
                          ON("arm",
                             "v6")) "," ENTRY("3",
                                              ON("arm",
                                                 "v7")) "," ENTRY("4",
                                                                  ON("arm64",
                                                                     "v8")) "," ENTRY("5",
                                                                                      ON("unknown",
                                                                                         "")) "]}";

static void the_best_entry_of_an_index_is_chosen(void **state)
{
    static const char *const rows[][2] = {
        {"amd64", "1"},     {"linux/amd64/v1", "1"}, {"linux/amd64/v3", "0"},
        {"linux/arm", "3"}, {"linux/arm/v8", "3"},   {"linux/arm/v6", "2"},
        {"arm64", "4"},     {"linux/arm64/v8", "4"},
    };
    const struct descriptor *d = NULL;
    struct manifest m;
    struct platform want;
    struct err e = {0};

    (void)state;
    assert_int_equal(manifest_parse(index_json, sizeof index_json - 1, &m, &e), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(manifest_platform(rows[i][0], &want, &e), 0);
        assert_int_equal(manifest_choose(&m, &want, &d, &e), 0);
        assert_string_equal(d->digest.hex + 63, rows[i][1]);
    }
    assert_int_equal(manifest_platform("linux/s390x", &want, &e), 0);
    assert_int_equal(manifest_choose(&m, &want, &d, &e), -ENOENT);
    assert_non_null(strstr(e.text, "for linux/s390x; it has: linux/amd64/v3, linux/amd64, "));
    assert_int_equal(manifest_platform("linux/arm/v5", &want, &e), 0);
    assert_int_equal(manifest_choose(&m, &want, &d, &e), -ENOENT);
    manifest_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_are_understood),
        cmocka_unit_test(bad_documents_are_refused_with_the_reason),
        cmocka_unit_test(a_document_nested_ten_thousand_deep_is_refused),
        cmocka_unit_test(more_than_four_mebibytes_are_refused),
        cmocka_unit_test(platforms_are_read_as_people_write_them),
        cmocka_unit_test(the_best_entry_of_an_index_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
