#include "gvisor_installer/notes/backup.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "gvisor_installer/node/host.h"

static bool backup_path(const char *config, char out[CONFIG_PATH_MAX], struct err *err)
{
    return snprintf(out, CONFIG_PATH_MAX, "%s.gvisor_installer.orig", config) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "%s: too long a path", config);
}

/* Older installers kept the digest beside it. */
static bool drop_sum(const char *backup, struct err *err)
{
    char sum[CONFIG_PATH_MAX];

    return snprintf(sum, sizeof sum, "%s.sha256", backup) >= CONFIG_PATH_MAX ||
           host_remove(sum, err);
}

bool backup_make(const char *config, struct state *state, struct err *err)
{
    char backup[CONFIG_PATH_MAX];
    char found[SHA256_HEX + 1];

    if (!host_sha256(config, state->config_before, err))
        return false;
    state->config_existed = state->config_before[0] != '\0';
    if (!state->config_existed)
        return true;
    if (!backup_path(config, backup, err) || !host_sha256(backup, found, err))
        return false;
    if (found[0] != '\0' && strcmp(found, state->config_before) != 0) {
        log_warn("%s is of an older installation and stays; uninstalling will take out what is "
                 "ours, and not go back to the byte",
                 backup);
        state->config_before[0] = '\0';
        return true;
    }
    return host_copy(config, backup, err);
}

bool backup_read(const char *config, const struct state *state, struct buf *text,
                 struct plan_file *ret, bool *ret_known, struct err *err)
{
    char backup[CONFIG_PATH_MAX], found[SHA256_HEX + 1];
    bool exists;

    *ret_known = false;
    *ret = (struct plan_file){.path = config};
    if (!state->config_noted || state->config_after[0] == '\0')
        return true;
    if (!host_sha256(config, found, err))
        return false;
    if (strcmp(found, state->config_after) != 0)
        return true;
    *ret_known = true;
    if (!state->config_existed)
        return true;
    if (!backup_path(config, backup, err) || !host_sha256(backup, found, err))
        return false;
    *ret_known = strcmp(found, state->config_before) == 0;
    if (!*ret_known) {
        log_warn("%s is missing or changed: only gVisor's part is taken out", backup);
        return true;
    }
    if (!host_read(backup, text, &exists, err))
        return false;
    ret->text = text->data;
    ret->len = text->len;
    return true;
}

bool backup_drop(const char *config, const struct state *state, struct err *err)
{
    char backup[CONFIG_PATH_MAX];
    char found[SHA256_HEX + 1], is[SHA256_HEX + 1];

    if (!backup_path(config, backup, err) || !host_sha256(config, is, err) ||
        !host_sha256(backup, found, err))
        return false;
    if (found[0] != '\0' && strcmp(found, state->config_before) != 0 && strcmp(found, is) != 0)
        return true;
    return host_remove(backup, err) && drop_sum(backup, err);
}

bool backup_exists(const char *config, bool *ret, struct err *err)
{
    char backup[CONFIG_PATH_MAX];
    return backup_path(config, backup, err) && host_exists(backup, ret, err);
}
