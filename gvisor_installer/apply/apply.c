#include "gvisor_installer/apply/apply.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/pause.h"
#include "gvisor_installer/apply/dump.h"
#include "gvisor_installer/apply/step.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/notes/backup.h"
#include "gvisor_installer/notes/copies.h"
#include "gvisor_installer/notes/prefix.h"

enum { POLL_MS = 200 };

bool apply_is_needed(const struct plan *plan)
{
    return plan->count > 0 || plan->restart;
}

static void digest(const char *text, size_t len, char out[SHA256_HEX + 1])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, text, len);
    sha256_hex(&hash, out);
}

/*
 * The configuration as this plan leaves it. An uninstall can restore the original bytes only where
 * nobody else has changed the file.
 */
static void note_config_after(const struct applying *run, struct state *state)
{
    const struct plan_file *config = &run->survey->facts.config;
    char found[SHA256_HEX + 1] = "";

    if (config->text != NULL)
        digest(config->text, config->len, found);
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_change *change = &run->plan->change[i];
        if (change->kind != PLAN_WRITE || strcmp(change->path, config->file) != 0)
            continue;
        bool ours_alone = config->text == NULL || strcmp(found, state->config_before) == 0 ||
                          strcmp(found, state->config_after) == 0;
        if (ours_alone && (!state->config_existed || state->config_before[0] != '\0'))
            digest(change->text, change->len, state->config_after);
        else
            state->config_after[0] = '\0';
    }
}

static bool note_files(const struct applying *run, struct state *state, struct err *err)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        const struct plan_change *change = &run->plan->change[i];
        if ((change->kind == PLAN_WRITE || change->kind == PLAN_REMOVE) &&
            !copies_note(run->options->prefix, state, change->path, err))
            return false;
    }
    return true;
}

/* Notes that this run does not continue come back when it is undone. */
static bool keep_notes(const struct applying *run, const struct state *state, struct err *err)
{
    char notes[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];
    bool exists;

    if (!state_path(run->options->prefix, notes, err) ||
        !copies_path(run->options->prefix, notes, copy, err) || !host_exists(notes, &exists, err))
        return false;
    return exists && (state->phase == PHASE_SETTLED || state->lost) ? host_copy(notes, copy, err)
                                                                    : host_remove(copy, err);
}

/* The notes of the last good state. After an interrupted run they stay as they are. */
static bool begin_afresh(const struct applying *run, struct state *state, struct err *err)
{
    if (!keep_notes(run, state, err))
        return false;
    if (state->phase == PHASE_REMOVED) {
        state->config_noted = false;
        state->config_before[0] = state->config_after[0] = '\0';
    }
    state->file_count = 0;
    (void)snprintf(state->current, sizeof state->current, "%s",
                   run->survey->current == NULL ? "" : run->survey->current);
    return true;
}

static bool continue_interrupted(const char *prefix, const struct state *state, struct err *err)
{
    char missing[CONFIG_PATH_MAX];

    return copies_complete(prefix, state, missing, err) &&
           (missing[0] == '\0' ||
            err_set(err, STATUS_REFUSED,
                    "%s, a copy from before an interrupted run, is missing or changed: "
                    "`gvisor_installer uninstall` takes gVisor out of containerd's files all the "
                    "same; look through them then, and run again",
                    missing));
}

static bool same_directory(const char *path, const char *other)
{
    const char *slash = strrchr(path, '/'), *other_slash = strrchr(other, '/');
    return slash != NULL && other_slash != NULL && slash - path == other_slash - other &&
           memcmp(path, other, (size_t)(slash - path)) == 0;
}

/* Notes where the drop-in is, where it was, and which of their directories we made. */
static bool note_drop_in(const char *path, struct state *state, struct err *err)
{
    bool has_parent = true;

    if (strcmp(state->drop_in, path) != 0) {
        const bool made = strcmp(state->left, path) == 0
                              ? state->made_left_directory
                              : same_directory(state->drop_in, path) && state->made_directory;
        (void)snprintf(state->left, sizeof state->left, "%s", state->drop_in);
        state->made_left_directory = state->made_directory;
        state->made_directory = made;
        (void)snprintf(state->drop_in, sizeof state->drop_in, "%s", path);
    }
    if (path[0] != '\0' && !host_has_parent(path, &has_parent, err))
        return false;
    state->made_directory |= !has_parent;
    return true;
}

/* What an installation notes about the node besides the files that it changes. */
static bool note_node(const struct applying *run, struct state *state, struct err *err)
{
    const struct install_options *options = run->options;

    state->lost = false;
    if (!state->config_noted && !backup_make(options->config, state, err))
        return false;
    state->config_noted = true;
    note_config_after(run, state);
    (void)snprintf(state->release, sizeof state->release, "%s", options->release);
    state_add_release(state, options->release);
    (void)snprintf(state->config, sizeof state->config, "%s", options->config);
    return note_drop_in(run->survey->drop_in_path, state, err);
}

static bool begin(struct applying *run, struct err *err)
{
    struct state *state = &run->survey->state;

    if (!(state->phase == PHASE_CHANGING ? continue_interrupted(run->options->prefix, state, err)
                                         : begin_afresh(run, state, err)) ||
        !note_files(run, state, err))
        return false;
    step_reached("copies");
    if (run->installing && !note_node(run, state, err))
        return false;
    state->phase = PHASE_CHANGING;
    step_reached("backup");
    run->noted = state_save(run->options->prefix, state, err);
    return run->noted;
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
    return err_set(err, STATUS_BUG, "unknown kind of change");
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
        pause_for(POLL_MS);
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
                (void)copies_drop_all(run->options->prefix, &run->survey->state, &ignored);
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

/* containerd sees our runtimes (none of them after an uninstall) and everything else as before.
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

    if (run->installing && !prefix_mark(run->options->prefix, err))
        return false;
    step_reached("marked");
    /* After an interrupted run the files may have been broken: then there is nothing to compare
     * with. */
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

bool apply_sweep(const struct install_options *options, const struct survey *survey,
                 struct err *err)
{
    char notes[CONFIG_PATH_MAX];
    /* The configuration's own name too, which may be a link: older installers did not follow it. */
    const char *const paths[] = {options->config,
                                 survey->facts.config.file,
                                 survey->drop_in_path,
                                 survey->facts.drop_in.file,
                                 survey->left_path,
                                 survey->facts.left.file,
                                 survey->handler_path[0],
                                 survey->handler_path[1],
                                 notes};

    if (!state_path(options->prefix, notes, err))
        return false;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i] == NULL || paths[i][0] == '\0')
            continue;
        host_sweep(paths[i]);
        if (survey->state.phase != PHASE_CHANGING && !copies_drop(options->prefix, paths[i], err))
            return false;
    }
    return true;
}

static bool put_back_link(const struct applying *run, struct err *err)
{
    const char *was = run->survey->state.current;
    char path[CONFIG_PATH_MAX];

    if (snprintf(path, sizeof path, "%s/current", run->options->prefix) >= CONFIG_PATH_MAX)
        return err_set(err, STATUS_USAGE, "--prefix is too long");
    return was[0] == '\0' ? host_remove(path, err) : host_link(path, was, err);
}

bool apply_undo(struct applying *run, struct err *err)
{
    const struct state *state = &run->survey->state;
    char notes[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];
    struct err link = {0};
    bool exists;

    /* A file that cannot be restored does not keep the others from it. */
    bool done = copies_put_back(run->options->prefix, state, err);
    if (!put_back_link(run, &link))
        done = done ? err_set(err, link.status, "%s", link.text)
                    : err_set(err, err->status, "%.1000s; %.900s", err->text, link.text);
    if (!done)
        return false;
    step_reached("put back");
    if ((run->restarted || run->survey->facts.unsettled) && !restart(run, err))
        return false;
    step_reached("restarted again");
    if (!copies_drop_all(run->options->prefix, state, err))
        return false;
    if (!state_path(run->options->prefix, notes, err) ||
        !copies_path(run->options->prefix, notes, copy, err) || !host_exists(copy, &exists, err))
        return false;
    if (state->made_directory && !host_remove_parent(state->drop_in, err))
        return false;
    if (exists)
        return host_rename(copy, notes, err);
    return backup_drop(run->options->config, state, err) && host_remove(notes, err);
}

static bool settle_installed(struct applying *run, struct err *err)
{
    struct state *state = &run->survey->state;
    char notes[CONFIG_PATH_MAX];
    struct state settled = *state;
    struct err why = {0};

    settled.phase = PHASE_SETTLED;
    settled.file_count = 0;
    settled.left[0] = '\0';
    settled.made_left_directory = false;
    /* Failing here is safe: an undo makes the directory again. */
    if ((state->made_left_directory && !host_remove_parent(state->left, err)) ||
        !state_save(run->options->prefix, &settled, err))
        return false;
    run->settled = true;
    step_reached("settled");
    /* The next run sweeps what cannot be removed here. */
    if (!copies_drop_all(run->options->prefix, state, &why) ||
        !state_path(run->options->prefix, notes, &why) ||
        !copies_drop(run->options->prefix, notes, &why))
        log_warn("%s", why.text);
    *state = settled;
    return true;
}

/* Of an installation whose notes are lost: nothing under the prefix is touched, its notes neither.
 */
static bool settle_lost(struct applying *run, struct err *err)
{
    const struct state *state = &run->survey->state;
    char notes[CONFIG_PATH_MAX], copy[CONFIG_PATH_MAX];
    bool exists;

    run->settled = true;
    if (!copies_drop_all(run->options->prefix, state, err) ||
        !backup_drop(run->options->config, state, err) ||
        !state_path(run->options->prefix, notes, err) ||
        !copies_path(run->options->prefix, notes, copy, err) || !host_exists(copy, &exists, err))
        return false;
    return !run->noted || (exists ? host_rename(copy, notes, err) : host_remove(notes, err));
}

static bool settle_uninstalled(struct applying *run, struct err *err)
{
    struct state *state = &run->survey->state;

    if (state->phase != PHASE_NONE) {
        state->phase = PHASE_REMOVED;
        if (!state_save(run->options->prefix, state, err))
            return false;
    }
    run->settled = true;
    step_reached("removed");
    if (!copies_drop_all(run->options->prefix, state, err))
        return false;
    if ((state->made_left_directory && !host_remove_parent(state->left, err)) ||
        (state->made_directory && !host_remove_parent(state->drop_in, err)))
        return false;
    step_reached("directory");
    return backup_drop(run->options->config, state, err) && prefix_clear(run->options, state, err);
}

bool apply_settle(struct applying *run, struct err *err)
{
    if (run->installing)
        return !run->begun || settle_installed(run, err);
    return run->survey->state.lost ? settle_lost(run, err) : settle_uninstalled(run, err);
}
