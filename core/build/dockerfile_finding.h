/* dockerfile_finding - what the build checks find in a Dockerfile: the list, and which are wanted.
 *
 * Source of the names: docs.docker.com/reference/build-checks; of the directive
 * "# check=skip=NAME,…;error=true;experimental=NAME,…": Dockerfile reference, "check". */
#ifndef RCTR_DOCKERFILE_FINDING_H
#define RCTR_DOCKERFILE_FINDING_H

#include "core/build/dockerfile.h"

/* name, experimental (only when check=experimental=NAME asks for it) */
#define DOCKERFILE_RULES(X) \
    X(ConsistentInstructionCasing, false) \
    X(CopyIgnoredFile, false) \
    X(DuplicateStageName, false) \
    X(ExposeInvalidFormat, false) \
    X(ExposeProtoCasing, false) \
    X(FromAsCasing, false) \
    X(FromPlatformFlagConstDisallowed, false) \
    X(InvalidDefaultArgInFrom, false) \
    X(InvalidDefinitionDescription, true) \
    X(JSONArgsRecommended, false) \
    X(LegacyKeyValueFormat, false) \
    X(MaintainerDeprecated, false) \
    X(MultipleInstructionsDisallowed, false) \
    X(NoEmptyContinuation, false) \
    X(RedundantTargetPlatform, false) \
    X(ReservedStageName, false) \
    X(SecretsUsedInArgOrEnv, false) \
    X(StageNameCasing, false) \
    X(UndefinedArgInFrom, false) \
    X(UndefinedVar, false) \
    X(WorkdirRelativePath, false)

enum dockerfile_rule {
#define X(name, experimental) DOCKERFILE_RULE_##name,
    DOCKERFILE_RULES(X)
#undef X
        DOCKERFILE_RULE_COUNT
};

struct dockerfile_finding {
    enum dockerfile_rule rule;
    struct dockerfile_place at;
    char *text; /* owned: a sentence without a full stop */
};
enum { DOCKERFILE_FINDINGS_MAX = 1000 };

struct dockerfile_findings {
    struct dockerfile_finding *v; /* owned */
    size_t n;
    size_t more;                     /* those beyond DOCKERFILE_FINDINGS_MAX */
    bool off[DOCKERFILE_RULE_COUNT]; /* what the file does not want to hear */
    bool error;                      /* the file wants findings to fail the build */
    bool failed;                     /* memory was exhausted */
};

/* Begin: reads the directive. -EINVAL: it is wrong. Names that are no rule's are passed over: they
 * may be those of a newer version. */
int dockerfile_finding_begin(struct dockerfile_findings *l, const struct dockerfile *f,
                             struct err *e);
/* Add one, unless its rule is off. */
void dockerfile_finding_add(struct dockerfile_findings *l, enum dockerfile_rule rule,
                            const struct dockerfile_instruction *i, size_t at, size_t width,
                            const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* By line; -ENOMEM when an addition failed. */
int dockerfile_finding_end(struct dockerfile_findings *l, struct err *e);
void dockerfile_finding_free(struct dockerfile_findings *l);

/* "StageNameCasing" */
const char *dockerfile_finding_name(enum dockerfile_rule rule);
/* "NAME:LINE: RULE: words", the line, a caret; for each of them. */
void dockerfile_finding_print(const struct dockerfile *f, const struct dockerfile_findings *l,
                              struct text *to);

#endif
