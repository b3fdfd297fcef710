#include "gvisor_installer/apply.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/machine.h"
#include "gvisor_installer/dump.h"
#include "gvisor_installer/host.h"
#include "gvisor_installer/step.h"

enum { POLL_MS = 200 };

bool apply_is_needed(const struct plan *plan)
{
    return plan->count > 0 || plan->restart;
}

static bool sibling(const char *path, const char *before, const char *after,
                    char out[CONFIG_PATH_MAX], struct err *err)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash == NULL ? 0 : (int)(slash + 1 - path);

    return snprintf(out, CONFIG_PATH_MAX, "%.*s%s%s%s", dir_len, path, before, path + dir_len,
                    after) < CONFIG_PATH_MAX ||
           err_set(err, STATUS_USAGE, "%s: too long a path", path);
}

/* Beside the file, so that a rename brings it back even on a full disk. */
static bool copy_path(const char *path, char out[CONFIG_PATH_MAX], struct err *err)
{
    return sibling(path, ".", ".gvisor_installer.before", out, err);
}

static bool backup_paths(const char *config, char out[CONFIG_PATH_MAX],
                         char out_sum[CONFIG_PATH_MAX], struct err *err)
{
    return sibling(config, "", ".gvisor_installer.orig", out, err) &&
           sibling(config, "", ".gvisor_installer.orig.sha256", out_sum, err);
}

/* --- noting what was --------------------------------------------------------------------- */

static bool note_file(struct state *state, const char *path, struct err *err)
{
    char copy[CONFIG_PATH_MAX];

    if (state->file_count == STATE_FILES_MAX)
        return err_set(err, STATUS_BUG, "more than %d files to note", STATE_FILES_MAX);
    struct state_file *file = &state->file[state->file_count++];
    *file = (struct state_file){0};
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->existed = host_sha256(path, file->sha256);
    if (!file->existed)
        return true;
    return copy_path(path, copy, err) && host_copy(path, copy, err);
}

/* The copies of an interrupted run are those of the last good state: they must still be there. */
static bool keep_copies(const struct state *state, struct err *err)
{
    char copy[CONFIG_PATH_MAX], found[SHA256_HEX + 1];

    for (size_t i = 0; i < state->file_count; i++) {
        const struct state_file *file = &state->file[i];
        if (!file->existed)
            continue;
        if (!copy_path(file->path, copy, err))
            return false;
        if (host_sha256(copy, found) && strcmp(found, file->sha256) == 0)
            continue;
        if (!host_sha256(file->path, found) || strcmp(found, file->sha256) != 0)
            return err_set(err, STATUS_REFUSED,
                           "%s, the copy of %s from before an interrupted run, is missing or "
                           "changed: put the configuration in order by hand, remove "
                           "state.json, run again",
                           copy, file->path);
        if (!host_copy(file->path, copy, err))
            return false;
    }
    return true;
}

/*
 * Once, and never over an older one, whose notes may have been lost: the configuration as it was
 * before there was an installer.
 */
static bool back_up(struct state *state, const char *config, struct err *err)
{
    char backup[CONFIG_PATH_MAX], sum[CONFIG_PATH_MAX], text[SHA256_HEX + CONFIG_PATH_MAX];
    char found[SHA256_HEX + 1];

    state->config_existed = host_sha256(config, state->config_before);
    if (!state->config_existed)
        return true;
    if (!backup_paths(config, backup, sum, err))
        return false;
    if (host_sha256(backup, found) && strcmp(found, state->config_before) != 0) {
        log_warn("%s is of an older installation and stays; uninstalling will take out what is "
                 "ours, and not go back to the byte",
                 backup);
        state->config_before[0] = '\0';
        return true;
    }
    int len =
        snprintf(text, sizeof text, "%s  %s\n", state->config_before, strrchr(backup, '/') + 1);
    return host_copy(config, backup, err) && host_write(sum, text, (size_t)len, err);
}

static void digest(const char *text, size_t len, char out[SHA256_HEX + 1])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, text, len);
    sha256_hex(&hash, out);
}

/*
 * The configuration as this plan leaves it: only from what nobody but us has changed leads a way
 * back to the byte.
 */
static void note_config_after(const struct applying *run, struct state *state)
{
    const struct plan_file *config = &run->survey->facts.config;
    char found[SHA256_HEX + 1] = "";

    if (config->text != NULL)
        digest(config->text, config->len, found);
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_change *change = &run->plan->change[i];
        if (change->kind != PLAN_WRITE || strcmp(change->path, run->options->config) != 0)
            continue;
        bool ours_alone = config->text == NULL || strcmp(found, state->config_before) == 0 ||
                          strcmp(found, state->config_after) == 0;
        if (ours_alone && (!state->config_existed || state->config_before[0] != '\0'))
            digest(change->text, change->len, state->config_after);
        else
            state->config_after[0] = '\0';
    }
}

static bool is_noted(const struct state *state, const char *path)
{
    for (size_t i = 0; i < state->file_count; i++)
        if (strcmp(state->file[i].path, path) == 0)
            return true;
    return false;
}

static bool note_files(const struct applying *run, struct state *state, struct err *err)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_change *change = &run->plan->change[i];
        if ((change->kind == PLAN_WRITE || change->kind == PLAN_REMOVE) &&
            !is_noted(state, change->path) && !note_file(state, change->path, err))
            return false;
    }
    return true;
}

/* The notes of the last good state: of an interrupted run they stay as they are. */
static bool begin_afresh(const struct applying *run, struct state *state, struct err *err)
{
    char notes[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];

    if (snprintf(notes, sizeof notes, "%s/state.json", run->options->prefix) >= CONFIG_PATH_MAX ||
        !copy_path(notes, copy, err))
        return err_set(err, STATUS_USAGE, "--prefix is too long");
    if (state->phase == PHASE_SETTLED ? !host_copy(notes, copy, err) : !host_remove(copy, err))
        return false;
    if (state->phase == PHASE_REMOVED)
        *state = (struct state){.made_directory = state->made_directory};
    state->file_count = 0;
    (void)snprintf(state->current, sizeof state->current, "%s",
                   run->survey->current == NULL ? "" : run->survey->current);
    return true;
}

static bool drop_copies(const struct state *state, struct err *err)
{
    char copy[CONFIG_PATH_MAX];

    for (size_t i = 0; i < state->file_count; i++)
        if (!copy_path(state->file[i].path, copy, err) || !host_remove(copy, err))
            return false;
    return true;
}

static bool begin(struct applying *run, struct err *err)
{
    struct state *state = &run->survey->state;

    if (!(state->phase == PHASE_CHANGING ? keep_copies(state, err)
                                         : begin_afresh(run, state, err)) ||
        !note_files(run, state, err))
        return false;
    step_reached("copies");
    if (run->installing) {
        if (!state->config_noted && !back_up(state, run->options->config, err))
            return false;
        state->config_noted = true;
        note_config_after(run, state);
        (void)snprintf(state->release, sizeof state->release, "%s", run->options->release);
        (void)snprintf(state->drop_in, sizeof state->drop_in, "%s", run->survey->drop_in_path);
        if (state->drop_in[0] != '\0' && !host_has_parent(state->drop_in))
            state->made_directory = true;
    }
    state->phase = PHASE_CHANGING;
    step_reached("backup");
    return state_save(run->options->prefix, state, err);
}

/* --- changing ---------------------------------------------------------------------------- */

static bool change_one(const struct applying *run, const struct plan_change *change,
                       const struct release_source *source, struct err *err)
{
    switch (change->kind) {
    case PLAN_UNPACK:
        return release_unpack(source, change->path, run->options->release, err);
    case PLAN_WRITE:
        return host_write(change->path, change->text, change->len, err);
    case PLAN_LINK:
        return host_link(change->path, change->text, err);
    case PLAN_REMOVE:
        return host_remove(change->path, err);
    }
    return err_set(err, STATUS_BUG, "a change of no kind");
}

static bool restart(struct applying *run, struct err *err)
{
    const struct install_options *options = run->options;
    OWNED_BUF(said, 1 << 22);
    const char *const systemd[] = {"systemctl", "restart", options->service, NULL};
    const char *const shell[] = {"/bin/sh", "-c", options->restart_command, NULL};

    run->restarted = true;
    log_info("restarting containerd");
    if (!host_run(options->restart_command == NULL ? systemd : shell, options->timeout_ms, &said,
                  err))
        return err_prefix(err, "containerd was not restarted");
    step_reached("restarted");
    const double deadline = machine_seconds() + (double)options->timeout_ms / 1e3;
    while (!host_socket_answers(options->socket)) {
        if (machine_seconds() > deadline)
            return err_set(err, STATUS_EXPECTATION,
                           "containerd does not answer on %s after its restart", options->socket);
        host_sleep(POLL_MS);
    }
    return true;
}

static bool change_files(struct applying *run, const struct release_source *source, struct err *err)
{
    char step[32];

    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_change *change = &run->plan->change[i];
        if (change->kind != PLAN_UNPACK && !run->begun) {
            if (!begin(run, err)) {
                struct err ignored = {0};
                (void)drop_copies(&run->survey->state, &ignored);
                return false;
            }
            run->begun = true;
            step_reached("begun");
        }
        if (!change_one(run, change, source, err))
            return false;
        (void)snprintf(step, sizeof step, "change %zu", i);
        step_reached(step);
    }
    return true;
}

static void close_config(struct containerd_config *config)
{
    containerd_config_free(config);
}

/* containerd sees our runtimes, or none of ours any more, and apart from them what it saw before.
 */
static bool is_seen(const struct applying *run, struct containerd_config *before, struct err *err)
{
    __attribute__((cleanup(close_config))) struct containerd_config after = {0};

    return dump_read(run->options, &after, err) &&
           (run->installing ? dump_has_runtimes(run->options, &after, err)
                            : dump_lacks_runtimes(run->options, &after, err)) &&
           (before->doc == NULL || dump_same_otherwise(run->options, before, &after, err));
}

bool apply_plan(struct applying *run, const struct release_source *source, struct err *err)
{
    __attribute__((cleanup(close_config))) struct containerd_config before = {0};

    /* An interrupted run leaves what may be broken; then there is nothing to compare with. */
    if (run->survey->state.phase != PHASE_CHANGING && !dump_read(run->options, &before, err))
        return false;
    run->begun = run->survey->state.phase == PHASE_CHANGING && begin(run, err);
    if (run->survey->state.phase == PHASE_CHANGING && !run->begun)
        return false;
    step_reached("start");
    if (!change_files(run, source, err) || (!run->plan->late && !is_seen(run, &before, err)))
        return false;
    step_reached("validated");
    /* A program that writes the configuration when it starts may have undone the change by now. */
    if (run->plan->restart &&
        !(restart(run, err) && (is_seen(run, &before, err) || err_prefix(err, "after its start"))))
        return false;
    step_reached("answers");
    return true;
}

/* --- undoing, settling ---------------------------------------------------------------------- */

static bool put_back(const struct state_file *file, struct err *err)
{
    char copy[CONFIG_PATH_MAX], found[SHA256_HEX + 1];

    if (!file->existed)
        return host_remove(file->path, err);
    /* Perhaps it was never changed, or has been put back by a run that was then killed. */
    if (host_sha256(file->path, found) && strcmp(found, file->sha256) == 0)
        return true;
    if (!copy_path(file->path, copy, err))
        return false;
    if (host_sha256(copy, found) && strcmp(found, file->sha256) == 0)
        return host_rename(copy, file->path, err);
    return err_set(err, STATUS_BUG, "%s cannot be put back: its copy has gone", file->path);
}

/* Ours alone: one of an older installation stays, until it says no more than the configuration. */
static bool drop_backup(const struct state *state, const char *config, struct err *err)
{
    char backup[CONFIG_PATH_MAX], sum[CONFIG_PATH_MAX], found[SHA256_HEX + 1];
    char now[SHA256_HEX + 1] = "";

    if (!backup_paths(config, backup, sum, err))
        return false;
    (void)host_sha256(config, now);
    if (host_sha256(backup, found) && strcmp(found, state->config_before) != 0 &&
        strcmp(found, now) != 0)
        return true;
    return host_remove(backup, err) && host_remove(sum, err);
}

bool apply_sweep(const struct install_options *options, const struct survey *survey,
                 struct err *err)
{
    char notes[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];
    const char *const paths[] = {options->config, survey->drop_in_path, survey->handler_path[0],
                                 survey->handler_path[1], notes};

    (void)snprintf(notes, sizeof notes, "%s/state.json", options->prefix);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i][0] == '\0')
            continue;
        host_sweep(paths[i]);
        if (survey->state.phase != PHASE_CHANGING &&
            !(copy_path(paths[i], copy, err) && host_remove(copy, err)))
            return false;
    }
    return true;
}

bool apply_undo(struct applying *run, struct err *err)
{
    const struct state *state = &run->survey->state;
    const char *prefix = run->options->prefix;
    char path[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];
    struct stat st;

    for (size_t i = state->file_count; i-- > 0;)
        if (!put_back(&state->file[i], err))
            return false;
    if (snprintf(path, sizeof path, "%s/current", prefix) >= CONFIG_PATH_MAX ||
        !(state->current[0] == '\0' ? host_remove(path, err)
                                    : host_link(path, state->current, err)))
        return false;
    step_reached("put back");
    if ((run->restarted || run->survey->facts.unsettled) && !restart(run, err))
        return false;
    step_reached("restarted again");
    if (!drop_copies(state, err) ||
        snprintf(path, sizeof path, "%s/state.json", prefix) >= CONFIG_PATH_MAX ||
        !copy_path(path, copy, err))
        return false;
    if (stat(copy, &st) == 0)
        return host_rename(copy, path, err);
    if (state->made_directory)
        host_remove_parent(state->drop_in);
    return drop_backup(state, run->options->config, err) && host_remove(path, err);
}

bool apply_settle(struct applying *run, struct err *err)
{
    struct state *state = &run->survey->state;
    const char *prefix = run->options->prefix;
    char path[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];

    if (!run->begun)
        return true;
    if (run->installing) {
        struct state settled = *state;
        settled.phase = PHASE_SETTLED;
        settled.file_count = 0;
        if (!state_save(prefix, &settled, err))
            return false;
        step_reached("settled");
        if (!drop_copies(state, err))
            return false;
        *state = settled;
        return snprintf(path, sizeof path, "%s/state.json", prefix) < CONFIG_PATH_MAX &&
               copy_path(path, copy, err) && host_remove(copy, err);
    }
    state->phase = PHASE_REMOVED;
    if (!state_save(prefix, state, err))
        return false;
    step_reached("removed");
    if (!drop_copies(state, err))
        return false;
    if (state->made_directory)
        host_remove_parent(state->drop_in);
    step_reached("directory");
    return drop_backup(state, run->options->config, err) && host_remove_tree(prefix, err);
}
