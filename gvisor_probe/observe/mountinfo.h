/*
 * /proc/self/mountinfo (proc_pid_mountinfo(5)), and the file policy of gVisor's runsc, which shows
 * in it: a mount served by the gofer is a 9p mount with trans=fd whose options name its descriptors
 * (rfdno), the caches, the rules for FIFOs and devices, and directfs; a mount whose writes stay in
 * the sandbox (overlay2=all:...) is an overlay without a lowerdir. Pure. Source: gVisor's
 * pkg/sentry/fsimpl/gofer and runsc/config/flags.go.
 */
#ifndef GVISOR_PROBE_OBSERVE_MOUNTINFO_H
#define GVISOR_PROBE_OBSERVE_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount {
    uint64_t id, parent;
    /* Texts borrowed from the line; octal escapes are undone. */
    const char *device, *root, *point, *options, *fstype, *source, *super_options;
};

/* Cuts the line up in place. false: not of that form, and *ret is then undefined. */
bool mount_parse(char *line, struct mount *ret);

/* The lines of a whole file, cut up in place; broken ones are passed over. Returns how many. */
size_t mounts_parse(char *text, struct mount *mounts, size_t max);

/* The mount that an absolute path without "." and ".." lies on: the last of the deepest; or NULL.
 */
const struct mount *mount_of_path(const struct mount *mounts, size_t count, const char *path);

/* Is `name` among comma-separated options, bare or with a value? *ret_value borrows, may be NULL.
 */
bool mount_option(const char *options, const char *name, const char **ret_value, size_t *ret_len);

enum { POLICY_TEXT_MAX = 32 };

enum file_server { SERVER_GOFER, SERVER_OVERLAY, SERVER_LINUX, SERVER_UNKNOWN };
const char *file_server_name(enum file_server server);

enum told { TOLD_NO, TOLD_YES, TOLD_NOTHING };

struct file_policy {
    enum file_server server; /* of the path; of the root where there is no path */
    enum told overlay_on_path, overlay_on_root;
    enum told exclusive; /* the host's changes are not looked for */
    enum told directfs;
    enum told host_fifo; /* FIFOs of the host may be opened */
    char character_devices[POLICY_TEXT_MAX];
};

/* Of two mounts, either of which may be NULL. */
struct file_policy file_policy_of(const struct mount *path, const struct mount *root);

#endif
