#include "storage/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/base/auto.h"

static const char oci_manifest[] = "application/vnd.oci.image.manifest.v1+json";
static const char oci_index[] = "application/vnd.oci.image.index.v1+json";
static const char docker_manifest[] = "application/vnd.docker.distribution.manifest.v2+json";
static const char docker_list[] = "application/vnd.docker.distribution.manifest.list.v2+json";

static const char *const config_types[] = {
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
};

static const struct layer_type {
    const char *name;
    enum manifest_compression compression;
    bool foreign;
} layer_types[] = {
    {"application/vnd.oci.image.layer.v1.tar", COMPRESSION_NONE, false},
    {"application/vnd.oci.image.layer.v1.tar+gzip", COMPRESSION_GZIP, false},
    {"application/vnd.oci.image.layer.v1.tar+zstd", COMPRESSION_ZSTD, false},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", COMPRESSION_NONE, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", COMPRESSION_GZIP, true},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", COMPRESSION_ZSTD, true},
    {"application/vnd.docker.image.rootfs.diff.tar", COMPRESSION_NONE, false},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", COMPRESSION_GZIP, false},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", COMPRESSION_ZSTD, false},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", COMPRESSION_NONE, true},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", COMPRESSION_GZIP, true},
};

int manifest_platform_parse(const json_t *o, struct platform *ret, struct err *e)
{
    int r = jsonx_copy(o, "os", ret->os, sizeof ret->os, e);

    if (r == 0)
        r = jsonx_copy(o, "architecture", ret->arch, sizeof ret->arch, e);
    if (r == 0)
        r = jsonx_copy(o, "variant", ret->variant, sizeof ret->variant, e);
    if (r == 0)
        r = jsonx_copy(o, "os.version", ret->os_version, sizeof ret->os_version, e);
    return r;
}

static int parse_size_and_digest(const json_t *o, struct descriptor *ret, struct err *e)
{
    const char *digest = NULL;
    json_int_t size = -1;
    int r = jsonx_string(o, "digest", &digest, e);

    if (r == 0)
        r = jsonx_integer(o, "size", &size, e);
    if (r < 0)
        return r;
    if (!digest)
        return err_set(e, EINVAL, "\"digest\" is missing");
    if (size < 0)
        return err_set(e, EINVAL, "\"size\" is missing or negative");
    ret->size = size;
    return hash_parse(digest, &ret->digest, e);
}

static int parse_descriptor(const json_t *o, struct descriptor *ret, struct err *e)
{
    json_t *platform = NULL, *urls = NULL, *annotations = NULL;
    const char *name = NULL;
    int r;

    if (!json_is_object(o))
        return err_set(e, EINVAL, "it is not an object");
    r = jsonx_copy(o, "mediaType", ret->media_type, sizeof ret->media_type, e);
    if (r == 0)
        r = parse_size_and_digest(o, ret, e);
    if (r == 0)
        r = jsonx_object(o, "platform", &platform, e);
    if (r == 0 && platform)
        r = manifest_platform_parse(platform, &ret->platform, e);
    if (r == 0)
        r = jsonx_array(o, "urls", &urls, e);
    if (r == 0)
        r = jsonx_object(o, "annotations", &annotations, e);
    if (r == 0)
        r = jsonx_string(annotations, "org.opencontainers.image.ref.name", &name, e);
    if (r < 0)
        return r;
    ret->foreign = json_array_size(urls) > 0;
    if (name && strlen(name) < sizeof ret->ref_name)
        memcpy(ret->ref_name, name, strlen(name) + 1);
    return 0;
}

static int parse_layer(const json_t *o, bool any, struct descriptor *ret, struct err *e)
{
    int r = parse_descriptor(o, ret, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(layer_types); i++) {
        if (strcmp(ret->media_type, layer_types[i].name) != 0)
            continue;
        ret->compression = layer_types[i].compression;
        ret->foreign |= layer_types[i].foreign;
        return 0;
    }
    if (any)
        return 0;
    if (strstr(ret->media_type, "+encrypted"))
        return err_set(e, EINVAL, "it is encrypted, which rctr cannot read");
    return err_set(e, EINVAL, "unknown media type '%s' (known: tar, tar+gzip, tar+zstd)",
                   ret->media_type);
}

static int parse_config_descriptor(const json_t *o, bool any, struct descriptor *ret, struct err *e)
{
    int r = parse_descriptor(o, ret, e);

    if (r < 0 || any)
        return err_wrap(e, r, "config");
    for (size_t i = 0; i < ARRAY_SIZE(config_types); i++)
        if (strcmp(ret->media_type, config_types[i]) == 0)
            return 0;
    return err_set(e, EINVAL, "this is not a container image: its config has the media type '%s'",
                   ret->media_type);
}

static int parse_list(const json_t *array, bool any, struct manifest *m, struct err *e)
{
    bool is_index = m->is_index;
    size_t n = json_array_size(array);
    int r;

    if (n > MANIFEST_LAYERS_MAX)
        return err_set(e, EINVAL, "it lists %zu %s, more than %d", n,
                       is_index ? "manifests" : "layers", (int)MANIFEST_LAYERS_MAX);
    m->layers = calloc(n ? n : 1, sizeof *m->layers);
    if (!m->layers)
        return err_memory(e);
    for (; m->layer_count < n; m->layer_count++) {
        struct descriptor *d = &m->layers[m->layer_count];
        const json_t *o = json_array_get(array, m->layer_count);

        r = is_index ? parse_descriptor(o, d, e) : parse_layer(o, any, d, e);
        if (r < 0)
            return err_wrap(e, r, "%s %zu", is_index ? "manifest" : "layer", m->layer_count + 1);
    }
    return 0;
}

/* Which of the two it is. Type and content must tell the same: what is an index for one reader and
 * a manifest for another has two meanings under one digest. */
static int parse_kind(const json_t *o, struct manifest *m, struct err *e)
{
    bool lists = json_object_get(o, "manifests") != NULL;
    bool images = json_object_get(o, "layers") || json_object_get(o, "config");
    bool by_type;

    if (json_object_get(o, "fsLayers"))
        return err_set(e, EINVAL, "it is also a schema 1 manifest; rctr does not guess");
    if (lists && images)
        return err_set(e, EINVAL, "it is a manifest and an index at once; rctr does not guess");
    if (!lists && !images)
        return err_set(e, EINVAL, "it has neither \"layers\" nor \"manifests\"");
    m->is_index = lists;
    if (!m->media_type[0]) {
        snprintf(m->media_type, sizeof m->media_type, "%s", lists ? oci_index : oci_manifest);
        return 0;
    }
    by_type = manifest_is_index_type(m->media_type);
    if (!by_type && strcmp(m->media_type, oci_manifest) != 0 &&
        strcmp(m->media_type, docker_manifest) != 0)
        return err_set(e, EINVAL, "unknown media type '%s'", m->media_type);
    if (by_type != lists)
        return err_set(e, EINVAL, "its media type '%s' and its content disagree", m->media_type);
    return 0;
}

static int check_schema(const json_t *o, struct err *e)
{
    json_int_t version = 0;
    int r = jsonx_integer(o, "schemaVersion", &version, e);

    if (r < 0)
        return r;
    if (version == 1)
        return err_set(e, EINVAL,
                       "it is a Docker schema 1 manifest, which is no longer supported: "
                       "push the image again with a present-day tool");
    if (version != 2)
        return err_set(e, EINVAL, "\"schemaVersion\" is not 2");
    return 0;
}

static int parse_manifest(const json_t *o, bool any, struct manifest *m, struct err *e)
{
    json_t *list = NULL, *config = NULL;
    int r;

    if (!json_is_object(o))
        return err_set(e, EINVAL, "it is not a JSON object");
    r = check_schema(o, e);
    if (r == 0)
        r = jsonx_copy(o, "mediaType", m->media_type, sizeof m->media_type, e);
    if (r == 0)
        r = parse_kind(o, m, e);
    if (r == 0)
        r = jsonx_array(o, m->is_index ? "manifests" : "layers", &list, e);
    if (r == 0 && !m->is_index)
        r = jsonx_object(o, "config", &config, e);
    if (r < 0)
        return r;
    if (!list)
        return err_set(e, EINVAL, "\"%s\" is missing", m->is_index ? "manifests" : "layers");
    if (!m->is_index && !config)
        return err_set(e, EINVAL, "\"config\" is missing");
    if (config)
        r = parse_config_descriptor(config, any, &m->config, e);
    return r < 0 ? r : parse_list(list, any, m, e);
}

static int parse_bytes(const char *bytes, size_t n, bool any, struct manifest *ret, struct err *e)
{
    autojson json_t *o = NULL;
    struct manifest m = {0};
    int r;

    if (n > MANIFEST_MAX)
        return err_set(e, EFBIG, "manifest: %zu bytes are more than the limit of 4 MiB", n);
    r = jsonx_parse(bytes, n, &o, e);
    if (r == 0)
        r = parse_manifest(o, any, &m, e);
    if (r < 0) {
        manifest_free(&m);
        return err_wrap(e, r, "manifest");
    }
    *ret = m;
    return 0;
}

int manifest_parse(const char *bytes, size_t n, struct manifest *ret, struct err *e)
{
    return parse_bytes(bytes, n, false, ret, e);
}

int manifest_parse_any(const char *bytes, size_t n, struct manifest *ret, struct err *e)
{
    return parse_bytes(bytes, n, true, ret, e);
}

void manifest_free(struct manifest *m)
{
    free(m->layers);
    m->layers = NULL;
    m->layer_count = 0;
}

/* ---- platforms ---- */

/* What uname, dpkg and people say, as Go and OCI say it. */
static const struct {
    const char *said, *arch, *variant;
} arch_names[] = {
    {"x86_64", "amd64", ""},
    {"x86-64", "amd64", ""},
    {"aarch64", "arm64", ""},
    {"armv8l", "arm", "v7"},
    {"armv7l", "arm", "v7"},
    {"armhf", "arm", "v7"},
    {"armv6l", "arm", "v6"},
    {"armel", "arm", "v6"},
    {"i386", "386", ""},
    {"i486", "386", ""},
    {"i586", "386", ""},
    {"i686", "386", ""},
    {"loongarch64", "loong64", ""},
    {"ppc64el", "ppc64le", ""},
    {"mips64el", "mips64le", ""},
};

static void set_arch(struct platform *p, const char *said)
{
    for (size_t i = 0; i < ARRAY_SIZE(arch_names); i++) {
        if (strcmp(said, arch_names[i].said) != 0)
            continue;
        snprintf(p->arch, sizeof p->arch, "%s", arch_names[i].arch);
        snprintf(p->variant, sizeof p->variant, "%s", arch_names[i].variant);
        return;
    }
    snprintf(p->arch, sizeof p->arch, "%.31s", said);
    p->variant[0] = 0;
}

/* A variant that says nothing more than the architecture alone. */
static const char *plain_variant(const char *arch, const char *variant)
{
    if ((strcmp(arch, "arm64") == 0 && strcmp(variant, "v8") == 0) ||
        (strcmp(arch, "amd64") == 0 && strcmp(variant, "v1") == 0))
        return "";
    if (strcmp(arch, "arm") == 0 && !*variant)
        return "v7";
    return variant;
}

static bool is_word(const char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
            return false;
    return true;
}

static int bad_platform(struct err *e, const char *text)
{
    return err_set(e, EINVAL, "'%s' is not a platform: OS/ARCH[/VARIANT], such as linux/arm64/v8",
                   text);
}

/* "os/arch/variant" in lower case, cut into its 1 to 3 words; -EINVAL when it is anything else. */
static int split_platform(const char *text, char words[3][32], struct err *e)
{
    const char *p = text;
    size_t n = 0;

    for (;; p++) {
        size_t len = strcspn(p, "/");

        if (n == 3 || len == 0 || len >= sizeof words[0])
            return bad_platform(e, text);
        for (size_t i = 0; i < len; i++)
            words[n][i] = (char)tolower((unsigned char)p[i]);
        words[n][len] = 0;
        if (!is_word(words[n]))
            return bad_platform(e, text);
        n++;
        p += len;
        if (!*p)
            return (int)n;
    }
}

int manifest_platform(const char *text, struct platform *ret, struct err *e)
{
    struct platform p = {.os = "linux"};
    struct utsname host = {0};
    char words[3][32];
    int n = 0;

    uname(&host);
    set_arch(&p, host.machine);
    if (text)
        n = split_platform(text, words, e);
    if (n < 0)
        return n;
    if (n == 1 && strcmp(words[0], "linux") != 0 && strcmp(words[0], "windows") != 0)
        set_arch(&p, words[0]);
    else if (n > 0)
        memcpy(p.os, words[0], sizeof p.os);
    if (n > 1)
        set_arch(&p, words[1]);
    if (n > 2)
        memcpy(p.variant, words[2], sizeof p.variant);
    *ret = p;
    return 0;
}

const char *manifest_platform_format(const struct platform *p, char buf[200])
{
    snprintf(buf, 200, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
    return buf;
}

static bool is_image_type(const char *type)
{
    return strcmp(type, oci_manifest) == 0 || strcmp(type, docker_manifest) == 0 ||
           strcmp(type, oci_index) == 0 || strcmp(type, docker_list) == 0;
}

bool manifest_is_index_type(const char *media_type)
{
    return strcmp(media_type, oci_index) == 0 || strcmp(media_type, docker_list) == 0;
}

bool manifest_is_image(const struct descriptor *d)
{
    return is_image_type(d->media_type) && strcmp(d->platform.os, "unknown") != 0;
}

/* 0: does not fit; more is better. A 32-bit ARM runs the code of older ones. */
static int fitness(const struct descriptor *d, const struct platform *want)
{
    const struct platform *have = &d->platform;
    const char *a = plain_variant(want->arch, want->variant);
    const char *b = plain_variant(have->arch, have->variant);

    if (!is_image_type(d->media_type))
        return 0;
    if (!have->os[0] && !have->arch[0])
        return 1;
    if (strcmp(have->os, want->os) != 0 || strcmp(have->arch, want->arch) != 0)
        return 0;
    if (want->os_version[0] && strcmp(have->os_version, want->os_version) != 0)
        return 0;
    if (strcmp(a, b) == 0)
        return 100;
    if (strcmp(want->arch, "arm") == 0 && a[0] == 'v' && b[0] == 'v' && b[1] < a[1])
        return 10 + (b[1] - '0');
    return 0;
}

int manifest_choose(const struct manifest *index, const struct platform *want,
                    const struct descriptor **ret, struct err *e)
{
    autotext struct text have = {0};
    char buf[200];
    int best = 0, r;

    for (size_t i = 0; i < index->layer_count; i++) {
        const struct descriptor *d = &index->layers[i];
        int fit = fitness(d, want);

        if (fit > best) {
            best = fit;
            *ret = d;
        }
        if (manifest_is_image(d) && d->platform.os[0] && have.n < 500)
            text_addf(&have, "%s%s", have.n ? ", " : "",
                      manifest_platform_format(&d->platform, buf));
    }
    if (best > 0)
        return 0;
    r = text_check(&have, e);
    if (r < 0)
        return r;
    return err_set(e, ENOENT, "no image found in the index for %s; it has: %s",
                   manifest_platform_format(want, buf), have.n ? have.s : "none");
}
