/* fake_image - a stored image made by hand: manifest, config and layer folders, all well-formed. */
#ifndef RCTR_TEST_FAKE_IMAGE_H
#define RCTR_TEST_FAKE_IMAGE_H

#include <string.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "storage/image.h"

static const char fake_meta[] =
    "{\"tar_bytes\":1024,\"disk_bytes\":512,\"files\":1,\"owners_lost\":0}";

/* An image whose only layer has the diff-id and blob made of `seed`; *ret is its manifest. */
static void fake_image_for(struct store *s, const char *seed, const char *arch, struct digest *ret)
{
    autofree char *config = NULL, *manifest = NULL, *folder = NULL;
    struct digest layer, config_digest;
    autofd int tree = -1, dir = -1;
    struct err e = {0};

    assert_int_equal(blob_put(s, seed, strlen(seed), &layer, &e), 0);
    config = text_format("{\"architecture\":\"%s\",\"os\":\"linux\",\"created\":"
                         "\"2024-05-06T07:08:09Z\",\"config\":{\"Env\":[\"SEED=%s\"],"
                         "\"Labels\":{\"seed\":\"%s\"}},\"rootfs\":{\"type\":"
                         "\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
                         arch, seed, seed, layer.hex);
    assert_int_equal(blob_put(s, config, strlen(config), &config_digest, &e), 0);
    manifest = text_format(
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":"
        "\"sha256:%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
        "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:%s\",\"size\":%zu}]}",
        config_digest.hex, strlen(config), layer.hex, strlen(seed));
    assert_int_equal(blob_put(s, manifest, strlen(manifest), ret, &e), 0);
    folder = text_format("layers/%s", layer.hex);
    assert_int_equal(store_folder(s, folder, &dir, &e), 0);
    assert_int_equal(file_folder(dir, "tree", 0755, &tree, &e), 0);
    assert_int_equal(file_replace(dir, "meta.json", fake_meta, strlen(fake_meta), 0600, false, &e),
                     0);
}

static void fake_image(struct store *s, const char *seed, struct digest *ret)
{
    fake_image_for(s, seed, "amd64", ret);
}

/* An index of two architectures and an attestation; *ret is its digest. */
static inline void fake_index(struct store *s, const struct digest *amd64,
                              const struct digest *arm64, struct digest *ret)
{
    static const char entry[] =
        "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:%s\","
        "\"size\":1,\"platform\":{\"os\":\"%s\",\"architecture\":\"%s\"}}";
    autotext struct text t = {0};

    text_add(&t, "{\"schemaVersion\":2,\"mediaType\":"
                 "\"application/vnd.oci.image.index.v1+json\",\"manifests\":[");
    text_addf(&t, entry, amd64->hex, "linux", "amd64");
    text_add(&t, ",");
    text_addf(&t, entry, arm64->hex, "linux", "arm64");
    text_add(&t, ",");
    text_addf(&t, entry, "9999999999999999999999999999999999999999999999999999999999999999",
              "unknown", "unknown");
    text_add(&t, "]}");
    assert_int_equal(blob_put(s, t.s, t.n, ret, NULL), 0);
}

static void fake_name(struct store *s, const char *name, const struct digest *manifest)
{
    struct err e = {0};
    struct ref r;

    assert_int_equal(ref_parse(name, &r, &e), 0);
    if (image_name(s, &r, manifest, &e) < 0)
        fail_msg("%s", e.text);
}

#endif
