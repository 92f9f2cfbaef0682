#include "storage/tar_out.h"

int tar_out_folder(struct tar_write *w, const char *name, struct err *e)
{
    const struct tar_entry entry = {.type = TAR_FOLDER, .name = name, .link = "", .mode = 0755};

    return tar_write_entry(w, &entry, e);
}

int tar_out_file(struct tar_write *w, const char *name, long long size, struct err *e)
{
    const struct tar_entry entry = {
        .type = TAR_FILE, .name = name, .link = "", .mode = 0644, .size = size};

    return tar_write_entry(w, &entry, e);
}

int tar_out_text(struct tar_write *w, const char *name, const char *text, size_t n, struct err *e)
{
    int r = tar_out_file(w, name, (long long)n, e);

    return r < 0 ? r : tar_write_data(w, text, n, e);
}

int tar_out_part(struct tar_write *w, const char *name, const struct part *p, struct err *e)
{
    int r = tar_out_file(w, name, p->size, e);

    for (long long at = 0; r == 0 && at < p->size;) {
        size_t room;
        void *to;
        long n;

        r = tar_write_room(w, &to, &room, e);
        if (r < 0)
            break;
        n = part_read(p, at, to, room, e);
        if (n <= 0)
            return n < 0 ? (int)n : 0;
        r = tar_write_filled(w, (size_t)n, e);
        at += n;
    }
    return r;
}
