#include "storage/registry/certs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/auto.h"
#include "core/base/file.h"

enum { CERT_MAX = 1 << 20 };

static int take_entry(int fd, const char *folder, const char *name, struct certs *c, struct err *e)
{
    if (text_ends(name, ".crt")) {
        int r = file_read(fd, name, CERT_MAX, &c->authorities, e);

        text_add(&c->authorities, "\n");
        return r;
    }
    if (text_ends(name, ".cert") && !c->cert) {
        c->cert = text_format("%s/%s", folder, name);
        c->key = text_format("%s/%.*s.key", folder, (int)(strlen(name) - strlen(".cert")), name);
        if (!c->cert || !c->key)
            return err_memory(e);
        if (access(c->key, R_OK) < 0)
            return err_sys(e, "'%s' has no readable key '%s' beside it", c->cert, c->key);
    }
    return 0;
}

int certs_load(const char *folder, struct certs *ret, struct err *e)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    struct certs c = {0};
    const struct dirent *d;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        r = err_sys(e, "cannot open the certificate folder '%s'", folder);
        if (fd >= 0)
            close(fd);
        return r;
    }
    while (r == 0 && (d = readdir(dir)))
        r = take_entry(fd, folder, d->d_name, &c, e);
    closedir(dir);
    if (r == 0 && c.authorities.n)
        r = text_check(&c.authorities, e);
    if (r < 0) {
        certs_free(&c);
        return err_wrap(e, r, "certificates in '%s'", folder);
    }
    *ret = c;
    return 0;
}

void certs_free(struct certs *c)
{
    text_free(&c->authorities);
    free(c->cert);
    free(c->key);
    c->cert = c->key = NULL;
}

/* Below the user's configuration. */
static char *user_folder(const char *tool, const char *registry)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (config && *config)
        return text_format("%s/%s/certs.d/%s", config, tool, registry);
    return home && *home ? text_format("%s/.config/%s/certs.d/%s", home, tool, registry) : NULL;
}

char *certs_home(const char *registry)
{
    return user_folder("containers", registry);
}

char *certs_find(const char *registry)
{
    char *places[] = {
        user_folder("containers", registry),
        user_folder("docker", registry), /* of docker without root */
        text_format("/etc/containers/certs.d/%s", registry),
        text_format("/etc/docker/certs.d/%s", registry),
    };
    char *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (!found && places[i] && access(places[i], R_OK | X_OK) == 0)
            found = places[i];
        else
            free(places[i]);
    }
    return found;
}
