/*
 * Parses /proc/self/mountinfo (proc_pid_mountinfo(5)), and reads from it how gVisor's runsc serves
 * files. Pure.
 *
 * A mount served by the gofer is a 9p mount with trans=fd. Its options name the descriptors
 * (rfdno), the caches, the rules for FIFOs and devices, and directfs. A mount whose writes stay in
 * the sandbox (overlay2=all:...) is an overlay without a lowerdir. Source: gVisor's
 * pkg/sentry/fsimpl/gofer and runsc/config/flags.go.
 */
#ifndef GVISOR_PROBE_OBSERVE_MOUNTINFO_H
#define GVISOR_PROBE_OBSERVE_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount {
    uint64_t id, parent;
    /* Texts are borrowed from the line, with octal escapes decoded. */
    const char *device, *root, *point, *options, *fstype, *source, *super_options;
};

/* Splits the line in place. Returns false if it is malformed; *ret is then undefined. */
bool mount_parse(char *line, struct mount *ret);

/* Splits a whole file in place; skips malformed lines. Returns the number of mounts. */
size_t mounts_parse(char *text, struct mount *mounts, size_t max);

/* The mount of an absolute path without "." and "..": of the deepest ones, the last. Or NULL. */
const struct mount *mount_of_path(const struct mount *mounts, size_t count, const char *path);

/*
 * Finds an option, with or without a value, in a comma-separated list. The value is borrowed and
 * not terminated; ret_value and ret_len may be NULL.
 */
bool mount_option(const char *options, const char *name, const char **ret_value, size_t *ret_len);

enum { POLICY_TEXT_MAX = 32 };

enum file_server { SERVER_GOFER, SERVER_OVERLAY, SERVER_LINUX, SERVER_UNKNOWN };
const char *file_server_name(enum file_server server);

/* What mount options tell of a setting of runsc. */
enum told { TOLD_NO, TOLD_YES, TOLD_NOTHING };

struct file_policy {
    enum file_server server; /* of the path, or of the root if no path is mounted */
    enum told overlay_on_path, overlay_on_root;
    enum told exclusive; /* cached without looking for the host's changes */
    enum told directfs;
    enum told host_fifo; /* FIFOs of the host may be opened */
    char character_devices[POLICY_TEXT_MAX];
};

/* Either mount may be NULL. */
struct file_policy file_policy_of(const struct mount *path, const struct mount *root);

#endif
