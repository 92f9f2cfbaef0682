/* rctr build: images from Dockerfiles. */
#include "core/build/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/build_args.h"
#include "cmd/build_finish.h"
#include "cmd/build_show.h"
#include "cmd/build_source.h"
#include "cmd/command.h"
#include "cmd/create_args.h"
#include "cmd/platform.h"
#include "cmd/progress.h"
#include "cmd/registry_args.h"
#include "core/base/auto.h"
#include "core/base/file.h"
#include "core/build/dockerfile_args.h"
#include "core/build/dockerfile_check.h"
#include "core/build/graph.h"
#include "storage/event.h"

enum { BUILD_FILE_MAX = 1 << 20 };

struct build_args {
    struct container_request q;
    const char *file, *target, *platform, *os, *arch, *variant, *pull, *format;
    const char *timestamp, *progress;
    struct opt_list allow, secret, ssh;
    struct opt_list build_arg, build_arg_file, build_context, label, annotation, no_cache_filter;
    struct opt_list env, unset_env;
    const char *from;
    long long jobs;
    bool no_cache, quiet, check, graph, squash, squash_all, omit_history, http_proxy, layers, rm;
    bool force_rm, skip_unused;
    struct build_finish_args finish;
    struct registry_args registry;
};

static const struct opt build_opts[] OPT_TABLE = {
    OPT_LIST(0, "add-host", struct build_args, q.add_host, "NAME:IP", "Add a line to /etc/hosts"),
    OPT_LIST(0, "allow", struct build_args, allow, "network.host",
             "Let RUN --network=host use the host's network"),
    OPT_LIST(0, "annotation", struct build_args, annotation, "KEY=VALUE",
             "Add an annotation to the manifest"),
    OPT_TEXT(0, "arch", struct build_args, arch, "ARCH", "Build for this architecture"),
    REGISTRY_AUTHFILE(struct build_args, registry),
    OPT_LIST(0, "build-arg", struct build_args, build_arg, "NAME[=VALUE]",
             "Set an ARG of the Dockerfile"),
    OPT_LIST(0, "build-arg-file", struct build_args, build_arg_file, "FILE",
             "Read lines NAME=VALUE from FILE, as --build-arg", .guess = GUESS_FILE),
    OPT_LIST(0, "build-context", struct build_args, build_context, "NAME=VALUE",
             "Let FROM and --from=NAME mean this folder, archive, address, "
             "docker-image://IMAGE or oci-layout://FOLDER"),
    OPT_LIST(0, "cap-add", struct build_args, q.cap_add, "CAPABILITY", "Add a capability"),
    OPT_LIST(0, "cap-drop", struct build_args, q.cap_drop, "CAPABILITY", "Drop a capability"),
    REGISTRY_CERT_DIR(struct build_args, registry),
    OPT_TEXT(0, "cgroup-parent", struct build_args, q.cgroup.parent, "GROUP",
             "Make the cgroups of RUN below GROUP, a slice of systemd or a folder"),
    OPT_FLAG(0, "check", struct build_args, check,
             "Check the Dockerfile by the documented rules, and build nothing"),
    REGISTRY_CREDS(struct build_args, registry),
    LIMIT_CPU(struct build_args, q.cgroup)
        OPT_LIST(0, "device", struct build_args, q.device, "HOST[:CONTAINER][:rwm]",
                 "Give a device of the host to every RUN"),
    OPT_LIST(0, "dns", struct build_args, q.dns, "IP", "Use this DNS server"),
    OPT_LIST(0, "dns-option", struct build_args, q.dns_option, "OPTION", "Set a resolver option"),
    OPT_LIST(0, "dns-search", struct build_args, q.dns_search, "DOMAIN", "Set a search domain"),
    OPT_LIST(0, "env", struct build_args, env, "NAME[=VALUE]",
             "Begin every stage with ENV NAME=VALUE"),
    OPT_TEXT('f', "file", struct build_args, file, "FILE",
             "Read this Dockerfile (- for standard input)", .guess = GUESS_FILE),
    OPT_FLAG(0, "force-rm", struct build_args, force_rm,
             "Leave no container of a failed step (there is none: false is refused)",
             .preset = "true"),
    OPT_TEXT(0, "format", struct build_args, format, "oci|docker",
             "Choose the format of manifest and configuration", .preset = "oci"),
    OPT_TEXT(0, "from", struct build_args, from, "IMAGE", "Take IMAGE instead of the first FROM's"),
    OPT_FLAG(0, "graph", struct build_args, graph, "Show the stages, and build nothing"),
    OPT_FLAG(0, "http-proxy", struct build_args, http_proxy,
             "Give the caller's proxy variables to every RUN", .preset = "true"),
    OPT_TEXT(0, "iidfile", struct build_args, finish.iidfile, "FILE",
             "Write the image's id to FILE", .guess = GUESS_FILE),
    OPT_TEXT(0, "ipc", struct build_args, q.ipc, "private|host", "Choose the IPC namespace of RUN"),
    OPT_INT(0, "jobs", struct build_args, jobs, "N",
            "Build so many stages at once; 0: as many as there are cores", .preset = "0"),
    OPT_LIST(0, "label", struct build_args, label, "KEY=VALUE", "Set a label of the image"),
    OPT_FLAG(0, "layers", struct build_args, layers,
             "Make a layer of each step (false is refused: see --squash)", .preset = "true"),
    OPT_TEXT(0, "limits", struct build_args, q.cgroup.limits, "strict|best-effort",
             "Choose what happens where limits cannot be had"),
    OPT_FLAG(0, "load", struct build_args, finish.load,
             "Keep the image in the store, too, when --output sends it elsewhere"),
    LIMIT_MEMORY(struct build_args, q.cgroup)
        OPT_TEXT(0, "metadata-file", struct build_args, finish.metadata, "FILE",
                 "Write digests and names of the image to FILE, as JSON", .guess = GUESS_FILE),
    OPT_TEXT(0, "network", struct build_args, q.net, "MODE",
             "Choose the network of RUN: slirp, none or host"),
    OPT_ALIAS(0, "net", "network"),
    OPT_FLAG(0, "no-cache", struct build_args, no_cache, "Do every step anew"),
    OPT_LIST(0, "no-cache-filter", struct build_args, no_cache_filter, "STAGE",
             "Do every step of this stage anew"),
    OPT_FLAG(0, "no-hosts", struct build_args, q.no_hosts, "Leave /etc/hosts as the image has it"),
    OPT_FLAG(0, "omit-history", struct build_args, omit_history, "Leave the image's history empty"),
    OPT_TEXT(0, "os", struct build_args, os, "OS", "Build for this operating system"),
    OPT_LIST(
        'o', "output", struct build_args, finish.output, "type=TYPE,dest=PATH",
        "Write the result somewhere, too: local, tar, oci, docker, image[,push=true]; a folder "
        "alone is type=local"),
    OPT_TEXT(0, "platform", struct build_args, platform, "OS/ARCH[/VARIANT]",
             "Build for this platform instead of the host's"),
    OPT_TEXT(0, "progress", struct build_args, progress, "auto|plain|tty|rawjson|quiet|none",
             "Show STEP lines, a live view, JSON lines or nothing (auto: live on a terminal)",
             .preset = "auto"),
    OPT_TEXT(0, "pull", struct build_args, pull, "always|missing|never|newer",
             "Ask the registry for base images always, or only for what the store lacks",
             .implied = "always", .preset = "missing"),
    OPT_FLAG(0, "push", struct build_args, finish.push,
             "Push the image under its names: --output type=image,push=true"),
    OPT_FLAG('q', "quiet", struct build_args, quiet, "Show nothing but the image's id"),
    REGISTRY_RETRY(struct build_args, registry),
    OPT_LIST(0, "secret", struct build_args, secret, "id=ID[,src=FILE|,env=NAME]",
             "Let RUN --mount=type=secret have a file or a variable"),
    OPT_LIST(0, "security-opt", struct build_args, q.security_opt, "OPTION",
             "Set a security option, as of rctr run"),
    OPT_FLAG(0, "rm", struct build_args, rm,
             "Leave no container of a step (there is none: false is refused)", .preset = "true"),
    OPT_TEXT(0, "shm-size", struct build_args, q.shm_size, "SIZE", "Set the size of /dev/shm"),
    OPT_FLAG(0, "skip-unused-stages", struct build_args, skip_unused,
             "Build only the stages that the target needs", .preset = "true"),
    OPT_FLAG(0, "squash", struct build_args, squash, "Make one layer of those that are new"),
    OPT_FLAG(0, "squash-all", struct build_args, squash_all,
             "Make one layer of all, those of the base image too"),
    OPT_LIST(0, "ssh", struct build_args, ssh, "default|ID[=SOCKET]",
             "Let RUN --mount=type=ssh use an ssh agent"),
    OPT_LIST('t', "tag", struct build_args, finish.tag, "NAME[:TAG]", "Give the image this name"),
    OPT_TEXT(0, "target", struct build_args, target, "STAGE", "Build this stage"),
    OPT_TEXT(0, "timestamp", struct build_args, timestamp, "SECONDS",
             "Set all times of the image and its files to this one (since 1970)"),
    REGISTRY_TLS_VERIFY(struct build_args, registry),
    OPT_LIST(0, "ulimit", struct build_args, q.ulimit, "NAME=SOFT[:HARD]", "Set a limit"),
    OPT_LIST(0, "unsetenv", struct build_args, unset_env, "NAME",
             "Leave a variable out of the image's environment"),
    OPT_TEXT(0, "uts", struct build_args, q.uts, "private|host", "Choose the UTS namespace of RUN"),
    OPT_TEXT(0, "variant", struct build_args, variant, "VARIANT",
             "Build for this variant of the architecture"),
    OPT_LIST('v', "volume", struct build_args, q.volume, "SOURCE:DESTINATION[:OPTIONS]",
             "Mount a folder of the host into every RUN"),
    OPT_DONE,
};

/* ---- without building ---- */

static int show_graph(const struct dockerfile *f, const struct build_args *a, struct err *e)
{
    autotext struct text t = {0};
    struct platform here;
    struct graph graph = {0};
    struct scope scope = {0};
    int r = manifest_platform(NULL, &here, e);

    if (r == 0)
        r = scope_init(&scope, a->build_arg.v, a->build_arg.n, &here, &here, a->target, e);
    if (r == 0)
        r = build_globals(f, &scope, e);
    if (r == 0)
        r = graph_make(f, &scope, a->target, false, &graph, e);
    if (r == 0) {
        graph_print(&graph, &t);
        r = text_check(&t, e);
    }
    if (r == 0)
        fputs(t.s, stdout);
    graph_free(&graph);
    scope_free(&scope);
    return r;
}

static int check(const struct dockerfile *f, struct context *context, struct err *e)
{
    const struct dockerfile_check_context c = {.ignore = &context->ignore};
    struct dockerfile_findings found = {0};
    autotext struct text t = {0};
    int r = dockerfile_check(f, &c, &found, e);

    if (r == 0) {
        dockerfile_finding_print(f, &found, &t);
        r = text_check(&t, e);
    }
    if (r == 0 && found.n)
        printf("%sCheck complete, %zu warning%s found.\n", t.s, found.n, found.n == 1 ? "" : "s");
    else if (r == 0)
        puts("Check complete, no warnings found.");
    r = r == 0 && found.n ? 1 : r;
    dockerfile_finding_free(&found);
    return r;
}

/* ---- building ---- */

static int read_times(const struct build_args *a, struct build_request *q, struct err *e)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    const char *text = a->timestamp ? a->timestamp : epoch && *epoch ? epoch : NULL;
    unsigned long long seconds;
    int r;

    q->created_ns = -1;
    if (!text)
        return 0;
    r = text_number(text, 253402300799ULL, &seconds, e);
    if (r < 0)
        return err_wrap(e, r, a->timestamp ? "--timestamp" : "SOURCE_DATE_EPOCH");
    q->times.which = a->timestamp ? SEAL_ALL : SEAL_LATER_ONES;
    q->times.seconds = (long long)seconds;
    q->created_ns = (long long)seconds * 1000000000LL;
    return 0;
}

static int check_names(const struct build_args *a, struct err *e)
{
    struct ref name;
    int r = 0;

    for (size_t i = 0; i < a->finish.tag.n && r == 0; i++)
        r = err_wrap(e, ref_parse_own(a->finish.tag.v[i], &name, e), "--tag");
    if (r == 0 && strcmp(a->format, "oci") != 0 && strcmp(a->format, "docker") != 0)
        r = err_set(e, EINVAL, "--format: unrecognized image format \"%s\" (oci, docker)",
                    a->format);
    return r;
}

/* --build-arg over the lines of --build-arg-file. */
static int read_build_args(const struct build_args *a, struct strv *ret, struct err *e)
{
    int r = 0;

    for (size_t i = 0; i < a->build_arg_file.n && r == 0; i++) {
        autotext struct text t = {0};
        char *save = NULL;

        r = err_wrap(e, file_read(AT_FDCWD, a->build_arg_file.v[i], BUILD_FILE_MAX, &t, e),
                     "--build-arg-file");
        for (char *line = t.s ? strtok_r(t.s, "\n", &save) : NULL; line && r == 0;
             line = strtok_r(NULL, "\n", &save))
            if (*line && *line != '#')
                r = strv_add(ret, line, e);
    }
    for (size_t i = 0; i < a->build_arg.n && r == 0; i++)
        r = strv_add(ret, a->build_arg.v[i], e);
    return r;
}

static int fill_request(const struct build_args *a, struct build_request *q,
                        struct pull_options *pull, struct err *e)
{
    const struct platform_args platform = {a->platform, a->os, a->arch, a->variant};
    int r = platform_read(&platform, &q->platform, &q->platform_given, e);

    if (r == 0)
        r = pull_policy_parse(a->pull, &q->pull_policy, e);
    if (r == 0)
        r = registry_args_read(&a->registry, &pull->tls_verify, &pull->retries, e);
    if (r == 0)
        r = registry_args_creds(&a->registry, &pull->creds, e);
    if (r == 0)
        r = read_times(a, q, e);
    if (r == 0)
        r = build_args_allow(&a->allow, a->q.net, &q->host_network_allowed, e);
    pull->authfile = a->registry.authfile;
    pull->cert_dir = a->registry.cert_dir;
    q->pull = pull;
    q->target = a->target;
    if (r == 0 && (a->jobs < 0 || a->jobs > 1000))
        r = err_set(e, EINVAL, "--jobs: it is a number from 0 to 1000");
    if (r == 0 && (!a->layers || !a->rm || !a->force_rm))
        r = err_set(e, ENOTSUP,
                    "%s=false: rctr keeps no containers of steps, and makes a layer of each step "
                    "(--squash makes one of all)",
                    !a->layers ? "--layers"
                    : !a->rm   ? "--rm"
                               : "--force-rm");
    q->squash = a->squash;
    q->squash_all = a->squash_all;
    q->all_stages = !a->skip_unused;
    q->omit_history = a->omit_history;
    q->http_proxy = a->http_proxy;
    q->jobs = (unsigned)a->jobs;
    q->from = a->from;
    q->env = &a->env;
    q->unset_env = &a->unset_env;
    q->annotations = a->annotation.v;
    q->annotation_count = a->annotation.n;
    q->labels = a->label.v;
    q->label_count = a->label.n;
    q->run = &a->q;
    q->no_cache = a->no_cache;
    q->no_cache_stages = a->no_cache_filter.v;
    q->no_cache_count = a->no_cache_filter.n;
    q->format = strcmp(a->format, "docker") == 0 ? DRAFT_DOCKER : DRAFT_OCI;
    return r;
}

static int build(const struct build_args *a, struct store *s, struct build_source *source,
                 struct err *e)
{
    struct progress progress;
    struct build_show show = {0};
    bool to_stderr = false;
    struct pull_options pull = {.progress = build_show_pull, .arg = &show};
    struct build_request q = {
        .store = s, .file = &source->file, .context = &source->context, .contexts = &source->named};
    autostrv struct strv words = {0};
    struct build_result made = {0};
    autobuildsecrets struct build_secrets secrets = {0};
    int r = check_names(a, e);

    q.secrets = &secrets;
    if (r == 0)
        r = build_args_secrets(&a->secret, &a->ssh, &secrets, e);

    if (r == 0)
        r = read_build_args(a, &words, e);
    q.args = (const char *const *)words.v;
    q.arg_count = words.n;

    if (r == 0)
        r = fill_request(a, &q, &pull, e);
    if (r == 0)
        r = build_finish_check(&a->finish, &to_stderr, e);
    if (r == 0)
        r = build_show_open(&show, a->progress, a->quiet, to_stderr, &progress, e);
    if (r == 0 && s->fd < 0)
        r = store_open(s, e);
    if (r < 0)
        return r;
    q.event = build_show_event;
    q.arg = &show;
    r = build_run(&q, &made, e);
    progress_end(&progress);
    build_show_end(&show);
    if (r == 0)
        r = build_finish_run(s, &a->finish, &a->registry, show.mode >= BUILD_SHOW_JSON, &made, e);
    build_free(&made);
    return r;
}

static int build_main(const void *args, int argc, const char **argv, struct err *e)
{
    const struct build_args *a = args;
    autostore struct store s = STORE_CLOSED;
    autobuildsource struct build_source source = BUILD_SOURCE_CLOSED;
    const struct build_source_ask ask = {.store = &s,
                                         .context = argc ? argv[0] : ".",
                                         .file = a->file && *a->file ? a->file : NULL,
                                         .named = &a->build_context,
                                         .build_arg = &a->build_arg,
                                         .registry = &a->registry};
    int r = build_source_open(&ask, &source, e);

    if (r == 0)
        r = dockerfile_args_check(&source.file, e);
    if (r < 0)
        return r;
    if (a->check)
        return check(&source.file, &source.context, e);
    return a->graph ? show_graph(&source.file, a, e) : build(a, &s, &source, e);
}

const struct command command_build OPT_TABLE = {
    .name = "build",
    .aliases = "image build|buildx build|builder build",
    .operand = "[CONTEXT]",
    .summary = "Build an image from a Dockerfile",
    .mixed = true,
    .opts = build_opts,
    .args_size = sizeof(struct build_args),
    .operands_max = 1,
    .guess = GUESS_FOLDER,
    .main = build_main,
};
