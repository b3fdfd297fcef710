#include "gvisor_installer/node/users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gvisor_installer/node/path.h"

/* containerd may or may not resolve links such as `current` before it starts a shim. */
static bool is_below(const char *program, const char *prefix)
{
    static const char *const places[] = {"/releases/", "/current/"};
    const size_t len = strlen(prefix);

    if (strncmp(program, prefix, len) != 0)
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strncmp(program + len, places[i], strlen(places[i])) == 0)
            return true;
    return false;
}

/* The first word of a process's command line, "" for one that has none or has gone. */
static bool program_of(const char *process, char out[CONFIG_PATH_MAX], struct err *err)
{
    char path[64];
    ssize_t got = 1;
    size_t len = 0;

    (void)snprintf(path, sizeof path, "/proc/%.20s/cmdline", process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got != 0 && len < CONFIG_PATH_MAX - 1) {
        got = TEMP_FAILURE_RETRY(read(fd, out + len, CONFIG_PATH_MAX - 1 - len));
        if (got < 0)
            break;
        len += (size_t)got;
    }
    const int failed = fd < 0 || got < 0 ? errno : 0;
    out[len] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return failed == 0 || failed == ENOENT || failed == ESRCH ||
           err_errno(err, failed, "cannot see which programs run: %s", path);
}

bool users_find(const char *prefix, long *ret, struct err *err)
{
    char real[CONFIG_PATH_MAX], program[CONFIG_PATH_MAX];

    *ret = 0;
    if (!path_resolve(prefix, real, err))
        return false;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return err_errno(err, errno, "cannot see which programs run: /proc");
    bool done = true;
    for (struct dirent *entry; done && *ret == 0 && (entry = readdir(processes)) != NULL;) {
        if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
            continue;
        done = program_of(entry->d_name, program, err);
        if (done && (is_below(program, prefix) || is_below(program, real)))
            *ret = strtol(entry->d_name, NULL, 10);
    }
    (void)closedir(processes);
    return done;
}
