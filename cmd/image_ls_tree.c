#include "cmd/image_ls_tree.h"

#include <stdio.h>
#include <string.h>

#include "cmd/human.h"
#include "cmd/table.h"
#include "core/base/auto.h"
#include "storage/blob.h"
#include "storage/image_member.h"

struct printing {
    const struct store *s;
    struct table table;
    bool no_trunc;
    size_t left; /* members that are not printed yet: the last one has another branch */
};

static const char *id_text(const struct printing *p, const struct digest *id,
                           char buf[DIGEST_TEXT_MAX])
{
    if (p->no_trunc)
        return hash_format(id, buf);
    snprintf(buf, DIGEST_TEXT_MAX, "%.12s", id->hex);
    return buf;
}

/* What it takes to send the image: its documents and its layers as they are sent. */
static long long content_size(const struct image *i)
{
    long long sum = i->manifest.config.size;

    for (size_t n = 0; n < i->manifest.layer_count; n++)
        sum += i->manifest.layers[n].size;
    return sum;
}

static int add_platform(struct printing *p, const struct platform *platform,
                        const struct digest *manifest, struct err *e)
{
    const char *branch = --p->left ? "├─" : "└─";
    autoimage struct image i = {0};
    char name[200], id[DIGEST_TEXT_MAX], disk[HUMAN_MAX] = "", content[HUMAN_MAX] = "";
    bool here = manifest && image_open(p->s, manifest, &i, NULL) == 0;
    autofree char *line = NULL;

    manifest_platform_format(here ? &i.config.platform : platform, name);
    if (here) {
        human_size(image_list_size(p->s, &i), disk);
        human_size(content_size(&i), content);
    }
    line =
        here ? text_format("%s %s\t%s\t%s\t%s", branch, name, id_text(p, &i.id, id), disk, content)
             : text_format("%s %s\tnot in the store", branch, name);
    return line ? table_add(&p->table, line, e) : err_memory(e);
}

static int count_member(void *arg, const struct image_member *m, struct err *e)
{
    struct printing *p = arg;

    (void)e;
    p->left += m->is_image;
    return 0;
}

static int add_member(void *arg, const struct image_member *m, struct err *e)
{
    if (!m->is_image) /* an attestation, or an index whose own members follow */
        return 0;
    return add_platform(arg, &m->descriptor->platform, m->here ? &m->descriptor->digest : NULL, e);
}

static int add_entry(struct printing *p, const struct image_entry *i, struct err *e)
{
    char id[DIGEST_TEXT_MAX], size[HUMAN_MAX];
    autofree char *line = text_format("%s\t%s\t%s\t", i->names.n ? i->names.v[0] : "<untagged>",
                                      id_text(p, &i->id, id), human_size(i->size_bytes, size));
    int r = line ? table_add(&p->table, line, e) : err_memory(e);

    for (size_t n = 1; n < i->names.n && r == 0; n++)
        r = table_add(&p->table, i->names.v[n], e);
    p->left = 0;
    if (r == 0 && i->is_index) {
        r = image_member_each(p->s, &i->manifest, count_member, p, e);
        return r < 0 ? r : image_member_each(p->s, &i->manifest, add_member, p, e);
    }
    p->left = 1;
    return r < 0 ? r : add_platform(p, &i->platform, &i->manifest, e);
}

int image_ls_tree_print(const struct store *s, const struct image_entry *const *v, size_t n,
                        bool no_trunc, bool no_heading, struct err *e)
{
    struct printing p = {.s = s, .no_trunc = no_trunc};
    int r = no_heading ? 0 : table_add(&p.table, "IMAGE\tID\tDISK USAGE\tCONTENT SIZE", e);

    for (size_t i = 0; i < n && r == 0; i++)
        r = add_entry(&p, v[i], e);
    if (r == 0)
        table_print(&p.table, stdout);
    table_free(&p.table);
    return r;
}
