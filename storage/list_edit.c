#include "storage/list_edit.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "core/base/auto.h"
#include "core/base/file.h"
#include "storage/blob.h"
#include "storage/image.h"
#include "storage/image_index.h"
#include "storage/refs.h"

/* The editors' lock first: who waits for it must not keep prune from its own. */
static int take_locks(struct store *s, struct list_edit *ret, struct err *e)
{
    autofd int folder = -1;
    int r = store_folder(s, "origins", &folder, e);

    *ret = LIST_EDIT_NONE;
    ret->store = s;
    if (r == 0)
        r = file_lock(folder, "lock", LOCK_EX, &ret->lock_fd, e);
    return r < 0 ? r : store_lock_shared(s, e);
}

static int open_list(struct list_edit *edit, const char *word, struct err *e)
{
    autotext struct text bytes = {0};
    int r = image_find_index(edit->store, word, &edit->name, &edit->digest, &bytes, e);

    if (r == 0 && (!edit->name.registry[0] || edit->name.digest.hex[0]))
        r = err_set(e, EINVAL, "%s: say the list's name: its id and digest change with it", word);
    if (r == 0)
        r = err_wrap(e, manifest_list_parse(bytes.s, bytes.n, &edit->list, e), "%s", word);
    return r;
}

int list_edit_begin(struct store *s, const char *word, struct list_edit *ret, struct err *e)
{
    int r = take_locks(s, ret, e);

    if (r == 0)
        r = open_list(ret, word, e);
    if (r < 0)
        list_edit_end(ret);
    return r;
}

int list_edit_new(struct store *s, const struct ref *name, bool amend, struct list_edit *ret,
                  struct err *e)
{
    char text[REF_TEXT_MAX];
    struct digest there;
    int r = take_locks(s, ret, e);

    ref_format(name, text);
    if (r == 0) {
        r = refs_read(s, name, &there, NULL);
        if (r == 0 && amend)
            r = open_list(ret, text, e);
        else if (r == 0)
            r = err_set(e, EEXIST,
                        "image name \"%s\" is already associated with sha256:%.12s: that name is "
                        "already in use (--amend changes a list that is there)",
                        text, there.hex);
        else if (r == -ENOENT)
            r = manifest_list_new(&ret->list, e);
        else
            r = refs_read(s, name, &there, e);
        ret->name = *name;
    }
    if (r < 0)
        list_edit_end(ret);
    return r;
}

int list_edit_save(struct list_edit *edit, struct err *e)
{
    autotext struct text bytes = {0};
    struct digest digest;
    int r = manifest_list_format(&edit->list, 0, &bytes, e);

    if (r == 0 && bytes.n > MANIFEST_MAX)
        r = err_set(e, EFBIG, "the list would have %zu bytes, more than 4 MiB", bytes.n);
    if (r == 0)
        r = blob_put(edit->store, bytes.s, bytes.n, &digest, e);
    if (r == 0 && !hash_equal(&digest, &edit->digest))
        r = image_name_edited(edit->store, &edit->name, &digest, e);
    if (r == 0)
        edit->digest = digest;
    return r;
}

void list_edit_end(struct list_edit *edit)
{
    if (edit->lock_fd >= 0)
        close(edit->lock_fd);
    if (edit->store)
        store_unlock(edit->store);
    manifest_list_free(&edit->list);
    *edit = LIST_EDIT_NONE;
}
