/*
 * What the manifest declares of a cell: its name, and the settings of its pod. They are given as
 * options, because a process cannot see all of them, and what it sees differs between runtimes.
 */
#ifndef GVISOR_PROBE_RUN_DECLARED_H
#define GVISOR_PROBE_RUN_DECLARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/options.h"

enum { NAME_MAX_LEN = 64 };

struct maybe_u64 {
    bool known;
    uint64_t value;
};

struct maybe_bool {
    bool known, value;
};

/* Texts are borrowed; NULL: not declared. */
struct declared {
    const char *run_id, *name, *runtime, *runtime_class;
    const char *node, *image, *gids, *host_path, *capabilities, *seccomp;
    struct maybe_u64 uid;
    struct maybe_bool mount_read_only, root_read_only, privileged;
};

option_parse option_name;      /* const char *: 1 to 64 of A-Z a-z 0-9 . _ -, first no . _ - */
option_parse option_maybe_u64; /* struct maybe_u64, min..max */
option_parse option_maybe_bool;
option_parse option_ids; /* const char *: numbers with commas or blanks between */

/* The options, for a table of options; `member` of `config` is the struct declared. */
#define DECLARED_TEXT(config, member, field, option, parser, placeholder, text)                    \
    {                                                                                              \
        .name = option, .arg = placeholder, .parse = parser,                                       \
        .offset = offsetof(config, member) + offsetof(struct declared, field), .help = text,       \
        .max = UINT32_MAX                                                                          \
    }

#define DECLARED_OPTIONS(config, member)                                                           \
    DECLARED_TEXT(config, member, run_id, "run-id", option_name, "ID",                             \
                  "names the experiment, the same in all its cells [drawn]"),                      \
        DECLARED_TEXT(config, member, name, "cell", option_name, "NAME",                           \
                      "names this side of it, such as runc or gvisor [here]"),                     \
        DECLARED_TEXT(config, member, runtime, "runtime", option_text, "NAME",                     \
                      "the runtime that the manifest asks for: runc, gvisor, kata..."),            \
        DECLARED_TEXT(config, member, runtime_class, "runtime-class", option_text, "NAME",         \
                      "runtimeClassName of the pod"),                                              \
        DECLARED_TEXT(config, member, node, "pod-node", option_text, "NAME",                       \
                      "what the manifest declares: spec.nodeName"),                                \
        DECLARED_TEXT(config, member, image, "pod-image", option_text, "REF", "the image"),        \
        DECLARED_TEXT(config, member, uid, "pod-uid", option_maybe_u64, "UID", "runAsUser"),       \
        DECLARED_TEXT(config, member, gids, "pod-gids", option_ids, "LIST",                        \
                      "runAsGroup, fsGroup and supplementalGroups, with commas"),                  \
        DECLARED_TEXT(config, member, host_path, "pod-host-path", option_text, "PATH",             \
                      "what of the node is mounted at --path"),                                    \
        DECLARED_TEXT(config, member, mount_read_only, "pod-mount-read-only", option_maybe_bool,   \
                      "BOOL", "is that mount read-only"),                                          \
        DECLARED_TEXT(config, member, root_read_only, "pod-root-read-only", option_maybe_bool,     \
                      "BOOL", "readOnlyRootFilesystem"),                                           \
        DECLARED_TEXT(config, member, capabilities, "pod-capabilities", option_text, "TEXT",       \
                      "capabilities that are left, such as none"),                                 \
        DECLARED_TEXT(config, member, seccomp, "pod-seccomp", option_text, "TYPE",                 \
                      "seccompProfile: RuntimeDefault, Unconfined..."),                            \
        DECLARED_TEXT(config, member, privileged, "pod-privileged", option_maybe_bool, "BOOL",     \
                      "privileged")

enum { DRAWN_ID_MAX = 17 };

/* Draws a run id where there is none, into room that must outlive *declared; the name becomes
 * "here" where there is none. */
bool declared_complete(struct declared *declared, char room[DRAWN_ID_MAX], struct err *err);

#endif
