#include "gvisor_probe/observe/mountinfo.h"

#include <stdio.h>
#include <string.h>

#include "common/num.h"

/* Blanks, line feeds and backslashes in names are escaped as \ and three octal digits. */
static void undo_escapes(char *text)
{
    char *out = text;

    for (const char *in = text; *in != '\0'; out++) {
        if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
            in[3] >= '0' && in[3] <= '7') {
            *out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 4;
        } else {
            *out = *in++;
        }
    }
    *out = '\0';
}

/* The next field; NULL at the end. */
static char *take(char **rest)
{
    char *field = *rest + strspn(*rest, " ");
    if (*field == '\0')
        return NULL;
    char *end = field + strcspn(field, " ");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return field;
}

static bool take_name(char **rest, const char **ret)
{
    char *field = take(rest);
    if (field == NULL)
        return false;
    undo_escapes(field);
    *ret = field;
    return true;
}

bool mount_parse(char *line, struct mount *ret)
{
    const char *id = take(&line), *parent = take(&line), *field;

    if (parent == NULL || !num_u64(id, &ret->id) || !num_u64(parent, &ret->parent) ||
        !take_name(&line, &ret->device) || !take_name(&line, &ret->root) ||
        !take_name(&line, &ret->point) || !take_name(&line, &ret->options))
        return false;
    do { /* optional fields end with a dash */
        if (!take_name(&line, &field))
            return false;
    } while (strcmp(field, "-") != 0);
    if (!take_name(&line, &ret->fstype) || !take_name(&line, &ret->source))
        return false;
    if (!take_name(&line, &ret->super_options))
        ret->super_options = "";
    return true;
}

size_t mounts_parse(char *text, struct mount *mounts, size_t max)
{
    size_t count = 0;

    while (*text != '\0' && count < max) {
        char *end = text + strcspn(text, "\n");
        char *next = *end == '\0' ? end : end + 1;
        *end = '\0';
        if (mount_parse(text, &mounts[count]))
            count++;
        text = next;
    }
    return count;
}

static bool lies_on(const char *path, const char *point, size_t len)
{
    return len == 1 || (strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

const struct mount *mount_of_path(const struct mount *mounts, size_t count, const char *path)
{
    const struct mount *best = NULL;
    size_t best_len = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(mounts[i].point);
        if (lies_on(path, mounts[i].point, len) && len >= best_len) {
            best = &mounts[i];
            best_len = len;
        }
    }
    return best;
}

bool mount_option(const char *options, const char *name, const char **ret_value, size_t *ret_len)
{
    const size_t name_len = strlen(name);

    while (*options != '\0') {
        size_t len = strcspn(options, ",");
        if (len >= name_len && memcmp(options, name, name_len) == 0 &&
            (len == name_len || options[name_len] == '=')) {
            const char *value = len == name_len ? options + len : options + name_len + 1;
            if (ret_value != NULL)
                *ret_value = value;
            if (ret_len != NULL)
                *ret_len = (size_t)(options + len - value);
            return true;
        }
        options += len + (options[len] == ',');
    }
    return false;
}

static bool option_is(const char *options, const char *name, const char *wanted)
{
    const char *value;
    size_t len;
    return mount_option(options, name, &value, &len) && len == strlen(wanted) &&
           memcmp(value, wanted, len) == 0;
}

const char *file_server_name(enum file_server server)
{
    static const char *const names[] = {
        [SERVER_GOFER] = "gofer",
        [SERVER_OVERLAY] = "overlay",
        [SERVER_LINUX] = "linux",
        [SERVER_UNKNOWN] = "unknown",
    };
    return names[server];
}

/* Linux can serve 9p over descriptors too (WSL2's drives), but calls them rfd and wfd. */
static bool is_gofer(const char *options)
{
    return option_is(options, "trans", "fd") && (mount_option(options, "rfdno", NULL, NULL) ||
                                                 mount_option(options, "dcache", NULL, NULL));
}

static enum file_server server_of(const struct mount *mount)
{
    if (mount == NULL)
        return SERVER_UNKNOWN;
    if (strcmp(mount->fstype, "9p") == 0)
        return is_gofer(mount->super_options) ? SERVER_GOFER : SERVER_LINUX;
    if (strcmp(mount->fstype, "overlay") == 0 &&
        !mount_option(mount->super_options, "lowerdir", NULL, NULL) &&
        !mount_option(mount->super_options, "lowerdir+", NULL, NULL))
        return SERVER_OVERLAY;
    return SERVER_LINUX;
}

static enum told is_overlay(const struct mount *mount)
{
    enum file_server server = server_of(mount);
    return server == SERVER_OVERLAY ? TOLD_YES : server == SERVER_GOFER ? TOLD_NO : TOLD_NOTHING;
}

/*
 * `there` if the option is set, else `missing`. Releases of gVisor before 2023 do not show all
 * options, nor dcache: there a missing option tells nothing.
 */
static enum told named(const char *options, const char *name, enum told there, enum told missing)
{
    if (mount_option(options, name, NULL, NULL))
        return there;
    return mount_option(options, "dcache", NULL, NULL) ? missing : TOLD_NOTHING;
}

struct file_policy file_policy_of(const struct mount *path, const struct mount *root)
{
    const struct mount *mount = path != NULL ? path : root;
    struct file_policy policy = {
        .server = server_of(mount),
        .overlay_on_path = is_overlay(path),
        .overlay_on_root = is_overlay(root),
        .exclusive = TOLD_NOTHING,
        .directfs = TOLD_NOTHING,
        .host_fifo = TOLD_NOTHING,
    };
    const char *value;
    size_t len;

    if (policy.server != SERVER_GOFER)
        return policy;
    const char *options = mount->super_options;
    if (mount_option(options, "cache", NULL, NULL))
        policy.exclusive = option_is(options, "cache", "remote_revalidating") ? TOLD_NO : TOLD_YES;
    policy.directfs = named(options, "directfs", TOLD_YES, TOLD_NO);
    policy.host_fifo = named(options, "disable_fifo_open", TOLD_NO, TOLD_YES);
    if (mount_option(options, "char_device_policy", &value, &len))
        (void)snprintf(policy.character_devices, sizeof policy.character_devices, "%.*s",
                       (int)(len < POLICY_TEXT_MAX ? len : POLICY_TEXT_MAX - 1), value);
    return policy;
}
