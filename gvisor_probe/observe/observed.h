/* What a process observes of itself: identity, capabilities, seccomp, kernel and mounts. */
#ifndef GVISOR_PROBE_OBSERVE_OBSERVED_H
#define GVISOR_PROBE_OBSERVE_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/utsname.h>

#include "common/err.h"
#include "gvisor_probe/observe/mountinfo.h"
#include "gvisor_probe/observe/proc_status.h"
#include "gvisor_probe/words/permission.h"

enum { OBSERVED_GROUPS_MAX = 1024, OBSERVED_MOUNTS_MAX = 512, OBSERVED_TEXT_MAX = 128 };

/* What main() must read first, because later calls change it. */
struct birth {
    mode_t umask;         /* inherited */
    uint64_t boottime_ns; /* CLOCK_BOOTTIME: the age of the kernel that answers */
};

/* A directory as this process sees it. */
struct seen_dir {
    const char *name; /* constant: ".", "open" or "locked" */
    bool exists;
    uint32_t mode; /* with the file type bits */
    uint64_t uid, gid;
};

enum { SEEN_SELF, SEEN_OPEN, SEEN_LOCKED, SEEN_DIRS };

struct observed {
    uid_t uid, euid;
    gid_t gid, egid;
    gid_t groups[OBSERVED_GROUPS_MAX];
    size_t group_count;
    struct proc_status status;
    struct utsname uname;
    char boot_id[OBSERVED_TEXT_MAX], lsm[OBSERVED_TEXT_MAX]; /* "": unknown */
    pid_t pid;
    unsigned cpus;
    uint64_t memory_bytes; /* 0: unknown */

    char *mounts_text; /* owned; the mounts borrow from it */
    struct mount mounts[OBSERVED_MOUNTS_MAX];
    size_t mount_count;
    const struct mount *root_mount, *path_mount; /* or NULL */

    const char *path; /* borrowed; NULL: none */
    struct seen_dir dirs[SEEN_DIRS];
    uint64_t statfs_type; /* 0: unknown */
    bool path_read_only;
};

/* path is NULL or a directory. Fails REFUSED if it cannot be read, TRANSIENT without memory. */
bool observed_take(struct observed *ret, const char *path, struct err *err);
void observed_release(struct observed *observed);

/* Is this process root, or has it any effective capability? */
bool observed_privileged(const struct observed *observed);

/* The groups are borrowed from observed. */
struct identity observed_identity(const struct observed *observed);

#endif
