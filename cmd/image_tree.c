/* rctr image tree: the layers of an image, how big they are, and who else has them; or, the other
 * way round, the layers that images have put on top of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/human.h"
#include "core/base/auto.h"
#include "storage/image_list.h"
#include "storage/layer.h"

struct image_tree_args {
    bool what_requires;
};

static const struct opt image_tree_opts[] OPT_TABLE = {
    OPT_FLAG(0, "whatrequires", struct image_tree_args, what_requires,
             "Show the layers that other images have on top of this one"),
    OPT_DONE,
};

/* All images of the store, with their layers; those of an index by the names of the index. */
struct tree {
    const struct store *s;
    struct image_list list;
    struct tree_image {
        struct image image;               /* owned */
        const struct image_entry *listed; /* borrowed */
    } * v;                                /* owned */
    size_t n;
};

struct growing {
    struct tree *tree;
    const struct image_entry *listed;
};

static int add_image(void *arg, const struct image *i, struct err *e)
{
    const struct growing *g = arg;
    struct tree *t = g->tree;
    struct tree_image *v = reallocarray(t->v, t->n + 1, sizeof *v);
    int r;

    if (!v)
        return err_memory(e);
    t->v = v;
    v += t->n;
    *v = (struct tree_image){.listed = g->listed};
    r = image_open(t->s, &i->manifest_digest, &v->image, e);
    t->n += r == 0;
    return r;
}

static int tree_load(const struct store *s, struct tree *ret, struct err *e)
{
    int r;

    ret->s = s;
    r = image_list_load(s, &ret->list, e);
    for (size_t i = 0; r == 0 && i < ret->list.n; i++) {
        struct growing g = {ret, &ret->list.v[i]};

        r = image_list_each_image(s, g.listed, add_image, &g, e);
    }
    return r;
}

static void tree_free(struct tree *t)
{
    for (size_t i = 0; i < t->n; i++)
        image_free(&t->v[i].image);
    free(t->v);
    image_list_free(&t->list);
}

static void print_names(const char *before, const struct image_entry *i)
{
    printf("%s[", before);
    for (size_t n = 0; n < i->names.n; n++)
        printf("%s%s", n ? " " : "", i->names.v[n]);
    if (i->names.n == 0)
        printf("%.12s", i->id.hex);
    putchar(']');
}

static void print_layer(const struct tree *t, const struct digest *d)
{
    struct layer_meta meta = {0};
    char size[HUMAN_MAX];

    printf("ID: %.12s Size: %s", d->hex,
           layer_meta(t->s, d, &meta, NULL) == 0 ? human_size(meta.disk_bytes, size) : "missing");
}

static bool has_layer(const struct image *i, const struct digest *d)
{
    for (size_t n = 0; n < i->config.diff_id_count; n++)
        if (hash_equal(&i->config.diff_ids[n], d))
            return true;
    return false;
}

/* Layer `n` is the last one of these images; and these others have it somewhere. */
static void print_owners(const struct tree *t, const struct image *of, size_t n)
{
    const struct digest *d = &of->config.diff_ids[n];
    const char *before = " Shared with: ";

    if (n + 1 == of->config.diff_id_count)
        for (size_t i = 0; i < t->n; i++)
            if (hash_equal(&t->v[i].image.id, &of->id))
                print_names(" Top Layer of: ", t->v[i].listed);
    for (size_t i = 0; i < t->n; i++)
        if (!hash_equal(&t->v[i].image.id, &of->id) && has_layer(&t->v[i].image, d)) {
            print_names(before, t->v[i].listed);
            before = " ";
        }
}

/* Does `i` begin with the first `n` layers of `of`? */
static bool begins_with(const struct image *i, const struct image *of, size_t n)
{
    if (i->config.diff_id_count < n)
        return false;
    for (size_t k = 0; k < n; k++)
        if (!hash_equal(&i->config.diff_ids[k], &of->config.diff_ids[k]))
            return false;
    return true;
}

/* Another image before `i` goes on from the first `n` layers of `of` with the same layer as it. */
static bool seen_before(const struct tree *t, const struct image *of, size_t n, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (begins_with(&t->v[k].image, &t->v[i].image, n + 1) &&
            begins_with(&t->v[k].image, of, n))
            return true;
    return false;
}

/* The next image after `from` that puts a layer of its own on the first `n` layers of `of`. */
static size_t next_child(const struct tree *t, const struct image *of, size_t n, size_t from)
{
    for (; from < t->n; from++)
        if (t->v[from].image.config.diff_id_count > n && begins_with(&t->v[from].image, of, n) &&
            !seen_before(t, of, n, from))
            break;
    return from;
}

/* At most MANIFEST_LAYERS_MAX deep. */
static void print_children(const struct tree *t, const struct image *of, size_t n,
                           struct text *line)
{
    size_t i = next_child(t, of, n, 0), used = line->n;

    while (i < t->n) {
        const struct image *child = &t->v[i].image;
        size_t after = next_child(t, of, n, i + 1);

        printf("%s%s", line->s ? line->s : "", after < t->n ? "├── " : "└── ");
        print_layer(t, &child->config.diff_ids[n]);
        for (size_t k = 0; k < t->n; k++)
            if (t->v[k].image.config.diff_id_count == n + 1 &&
                begins_with(&t->v[k].image, child, n + 1))
                print_names(" Top Layer of: ", t->v[k].listed);
        putchar('\n');
        text_add(line, after < t->n ? "│   " : "    ");
        print_children(t, child, n + 1, line);
        line->n = used;
        if (line->s)
            line->s[used] = 0;
        i = after;
    }
}

static void print_tree(const struct tree *t, const struct image *image)
{
    size_t count = image->config.diff_id_count;

    for (size_t n = 0; n < count; n++) {
        printf("%s", n + 1 < count ? "├── " : "└── ");
        print_layer(t, &image->config.diff_ids[n]);
        print_owners(t, image, n);
        putchar('\n');
    }
}

static int image_tree_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct image_tree_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autoimage struct image image = {0};
    autotext struct text line = {0};
    struct tree tree = {0};
    const char *before = "Tags:     ";
    char size[HUMAN_MAX];
    int r = store_open(&s, e);

    (void)argc;
    if (r == 0)
        r = image_find(&s, argv[0], NULL, &image, e);
    if (r == 0)
        r = tree_load(&s, &tree, e);
    if (r == 0) {
        printf("Image ID: %.12s\n", image.id.hex);
        for (size_t i = 0; i < tree.n; i++)
            if (hash_equal(&tree.v[i].image.id, &image.id)) {
                print_names(before, tree.v[i].listed);
                before = " ";
            }
        printf("\nSize:     %s\nImage Layers\n", human_size(image_list_size(&s, &image), size));
        if (a->what_requires)
            print_children(&tree, &image, image.config.diff_id_count, &line);
        else
            print_tree(&tree, &image);
        r = line.failed ? err_memory(e) : 0;
    }
    tree_free(&tree);
    return r;
}

const struct command command_image_tree OPT_TABLE = {
    .name = "image tree",
    .operand = "IMAGE",
    .summary = "Show the layers of an image and which images share them",
    .mixed = true,
    .opts = image_tree_opts,
    .args_size = sizeof(struct image_tree_args),
    .operands_min = 1,
    .operands_max = 1,
    .guess = GUESS_IMAGE,
    .main = image_tree_main,
};
