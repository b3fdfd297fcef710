#include "gvisor_probe/observe/observed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/machine.h"
#include "gvisor_probe/observe/small_file.h"

enum { STATUS_MAX = 16 * 1024, MOUNTS_TEXT_MAX = 1 << 20 };

static void take_line(const char *path, char out[OBSERVED_TEXT_MAX])
{
    char text[OBSERVED_TEXT_MAX];

    out[0] = '\0';
    if (read_small(path, text, sizeof text) <= 0)
        return;
    err_make_printable(text);
    (void)err_quote(out, OBSERVED_TEXT_MAX, text, strlen(text));
}

static void take_identity(struct observed *ret)
{
    char text[STATUS_MAX];

    ret->uid = getuid();
    ret->euid = geteuid();
    ret->gid = getgid();
    ret->egid = getegid();
    int groups = getgroups(OBSERVED_GROUPS_MAX, ret->groups);
    ret->group_count = groups < 0 ? 0 : (size_t)groups;
    ret->pid = getpid();
    if (read_small("/proc/self/status", text, sizeof text) < 0)
        text[0] = '\0';
    ret->status = proc_status_parse(text);
    if (ret->status.no_new_privs < 0) /* missing in the file of gVisor before 2023 */
        ret->status.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static bool take_mounts(struct observed *ret, struct err *err)
{
    ret->mounts_text = malloc(MOUNTS_TEXT_MAX);
    if (ret->mounts_text == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (read_small("/proc/self/mountinfo", ret->mounts_text, MOUNTS_TEXT_MAX) < 0)
        ret->mounts_text[0] = '\0';
    ret->mount_count = mounts_parse(ret->mounts_text, ret->mounts, OBSERVED_MOUNTS_MAX);
    ret->root_mount = mount_of_path(ret->mounts, ret->mount_count, "/");
    return true;
}

static bool take_path(struct observed *ret, struct err *err)
{
    static const char *const names[SEEN_DIRS] = {".", "open", "locked"};
    char real[PATH_MAX], name[PATH_MAX + 16];
    struct statvfs mount;
    struct statfs file_system;

    if (realpath(ret->path, real) == NULL)
        return err_errno(err, errno, "--path %s", ret->path);
    ret->path_mount = mount_of_path(ret->mounts, ret->mount_count, real);
    for (int i = 0; i < SEEN_DIRS; i++) {
        struct stat st;
        (void)snprintf(name, sizeof name, "%s/%s", real, names[i]);
        ret->dirs[i] = (struct seen_dir){.name = names[i]};
        if (stat(name, &st) != 0)
            continue;
        ret->dirs[i].exists = true;
        ret->dirs[i].mode = st.st_mode;
        ret->dirs[i].uid = st.st_uid;
        ret->dirs[i].gid = st.st_gid;
    }
    if (!ret->dirs[SEEN_SELF].exists)
        return err_set(err, STATUS_REFUSED, "--path %s is not a directory", ret->path);
    if (statfs(real, &file_system) == 0)
        ret->statfs_type = (uint64_t)file_system.f_type & 0xffffffffu;
    if (statvfs(real, &mount) == 0)
        ret->path_read_only = (mount.f_flag & ST_RDONLY) != 0;
    if (ret->path_mount != NULL && mount_option(ret->path_mount->options, "ro", NULL, NULL))
        ret->path_read_only = true;
    return true;
}

bool observed_take(struct observed *ret, const char *path, struct err *err)
{
    *ret = (struct observed){.path = path};
    take_identity(ret);
    (void)uname(&ret->uname);
    take_line("/proc/sys/kernel/random/boot_id", ret->boot_id);
    take_line("/proc/self/attr/current", ret->lsm);
    ret->cpus = machine_cpus();
    ret->memory_bytes = machine_memory();
    return take_mounts(ret, err) && (path == NULL || take_path(ret, err));
}

void observed_release(struct observed *observed)
{
    free(observed->mounts_text);
    observed->mounts_text = NULL;
}

bool observed_privileged(const struct observed *observed)
{
    return observed->euid == 0 || observed->status.sets[SET_EFFECTIVE] != 0;
}

struct identity observed_identity(const struct observed *observed)
{
    return (struct identity){
        .uid = observed->euid,
        .gid = observed->egid,
        .groups = observed->groups,
        .group_count = observed->group_count,
        .capabilities = observed->status.sets[SET_EFFECTIVE],
    };
}
