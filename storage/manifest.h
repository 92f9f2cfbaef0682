/* manifest - OCI and Docker v2s2 manifests, indexes and image configs as structs.
 *
 * Source: OCI image-spec manifest.md, image-index.md, config.md; Docker Image Manifest V2 Schema 2.
 * Parsing is strict where two readers could differ: duplicate keys, a document that is both a
 * manifest and an index, digests in another grammar, negative sizes, unknown media types. */
#ifndef RCTR_MANIFEST_H
#define RCTR_MANIFEST_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/jsonx.h"
#include "core/base/text.h"

enum { MANIFEST_MAX = 4 << 20, MANIFEST_LAYERS_MAX = 500 };

struct platform {
    char os[32], arch[32], variant[32], os_version[64];
};

enum manifest_compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct descriptor {
    char media_type[128];
    struct digest digest;
    long long size;
    struct platform platform;              /* of an index's entries; empty strings when absent */
    enum manifest_compression compression; /* of a layer, from its media type */
    bool foreign;       /* carries urls or a foreign media type: not fetched elsewhere */
    char ref_name[256]; /* annotation org.opencontainers.image.ref.name, or "" */
};

struct manifest {
    char media_type[128];
    bool is_index;
    struct descriptor config; /* of a manifest */
    struct descriptor
        *layers; /* owned; of a manifest: layers, bottom first; of an index: manifests */
    size_t layer_count;
};

int manifest_parse(const char *bytes, size_t n, struct manifest *ret, struct err *e);
/* The same of what is no image: configs and layers may have any media type (charts, signatures). */
int manifest_parse_any(const char *bytes, size_t n, struct manifest *ret, struct err *e);
void manifest_free(struct manifest *m);

/* A type of index; an entry that is an image (or an index), not an attestation or the like, whose
 * platform is "unknown". */
bool manifest_is_index_type(const char *media_type);
bool manifest_is_image(const struct descriptor *d);

/* "os", "architecture", "variant" and "os.version" of an object. */
int manifest_platform_parse(const json_t *o, struct platform *ret, struct err *e);
/* linux, this machine's architecture and variant; `text` is "linux/arm64/v8", "arm64" or NULL. */
int manifest_platform(const char *text, struct platform *ret, struct err *e);
/* The entry of an index that fits best; -ENOENT lists what there is. */
int manifest_choose(const struct manifest *index, const struct platform *want,
                    const struct descriptor **ret, struct err *e);
const char *manifest_platform_format(const struct platform *p, char buf[200]);

struct healthcheck {
    struct strv test; /* empty: none given */
    long long interval_ns, timeout_ns, start_period_ns, start_interval_ns;
    int retries;
};

/* The image config: what run needs of it, and the document itself for inspect. */
struct image_config {
    struct platform platform;
    char created[64];
    struct digest *diff_ids; /* owned, bottom first */
    size_t diff_id_count;
    struct strv env, entrypoint, cmd, volumes, exposed_ports, onbuild, shell;
    char *user, *working_dir, *stop_signal; /* owned, never NULL ("" when absent) */
    json_t *labels;                         /* owned object, never NULL */
    struct healthcheck health;
    json_t *document; /* owned: the whole config */
};
int manifest_config_parse(const char *bytes, size_t n, struct image_config *ret, struct err *e);
void manifest_config_free(struct image_config *c);

#endif
