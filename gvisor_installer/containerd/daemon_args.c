#include "gvisor_installer/containerd/daemon_args.h"

#include <string.h>

static const char *next_arg(const char *arg, const char *end)
{
    arg += strlen(arg) + 1;
    return arg < end ? arg : NULL;
}

static bool is_containerd(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, "containerd") == 0;
}

/* `--name VALUE`, `--name=VALUE`, with one dash or two, or by one letter. */
static bool takes(const char *arg, const char *name, char letter, const char **ret_value)
{
    const size_t len = strlen(name);

    *ret_value = NULL;
    if (arg[0] != '-')
        return false;
    arg += 1 + (arg[1] == '-');
    if (arg[0] == letter && (arg[1] == '\0' || arg[1] == '=')) {
        *ret_value = arg[1] == '=' ? arg + 2 : NULL;
        return true;
    }
    if (strncmp(arg, name, len) != 0 || (arg[len] != '\0' && arg[len] != '='))
        return false;
    *ret_value = arg[len] == '=' ? arg + len + 1 : NULL;
    return true;
}

bool daemon_args_read(const char *bytes, size_t len, struct daemon_args *ret)
{
    static const struct {
        const char *name;
        char letter;
    } options[] = {
        {"config", 'c'}, {"address", 'a'}, {"log-level", 'l'}, {"root", '\1'}, {"state", '\1'}};
    const char *values[sizeof options / sizeof *options] = {0};

    *ret = (struct daemon_args){.config = CONTAINERD_DEFAULT_CONFIG};
    if (len == 0 || bytes[len - 1] != '\0')
        return false;
    const char *end = bytes + len, *arg = bytes;
    /* A script is run by a program that is named first. */
    if (!is_containerd(arg) && ((arg = next_arg(arg, end)) == NULL || !is_containerd(arg)))
        return false;
    while ((arg = next_arg(arg, end)) != NULL) {
        if (arg[0] != '-') /* a command of its own: no daemon */
            return false;
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
            const char *value;
            if (!takes(arg, options[i].name, options[i].letter, &value))
                continue;
            if (value == NULL && (value = next_arg(arg, end)) != NULL)
                arg = value;
            values[i] = value;
            break;
        }
    }
    if (values[0] != NULL)
        ret->config = values[0];
    ret->address = values[1];
    return true;
}
