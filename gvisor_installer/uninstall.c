/* Taking gVisor out again. */
#include <stdio.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/stop.h"
#include "gvisor_installer/apply/apply.h"
#include "gvisor_installer/apply/dump.h"
#include "gvisor_installer/apply/step.h"
#include "gvisor_installer/command.h"
#include "gvisor_installer/node/lock.h"
#include "gvisor_installer/node/users.h"
#include "gvisor_installer/notes/backup.h"
#include "gvisor_installer/notes/copies.h"
#include "gvisor_installer/notes/prefix.h"

static bool refuse_users(const struct install_options *options, struct err *err)
{
    long user;

    if (options->force)
        return true;
    return users_find(options->prefix, &user, err) &&
           (user == 0 ||
            err_set(err, STATUS_REFUSED,
                    "pods run in gVisor on this node, process %ld for one: end them (the node's "
                    "label keeps new ones away), or say --force",
                    user));
}

/*
 * Whether the notes of the installation are lost: there are none, or they are broken, or the copies
 * that they speak of have gone. What is ours in containerd's files is then known by its contents;
 * what is ours under the prefix cannot be known.
 */
static bool find_lost(const char *prefix, struct survey *survey, struct err *err)
{
    struct state *state = &survey->state;
    char missing[CONFIG_PATH_MAX] = "";

    if (state->phase == PHASE_CHANGING && !copies_complete(prefix, state, missing, err))
        return false;
    if (missing[0] != '\0')
        log_warn("%s, a copy from before an interrupted run, is missing or changed", missing);
    if (state->phase == PHASE_BROKEN || missing[0] != '\0')
        *state = (struct state){.lost = true};
    if (state->phase == PHASE_NONE)
        state->lost |= survey->current != NULL || survey->facts.handler[0].text != NULL ||
                       survey->facts.handler[1].text != NULL;
    return true;
}

/*
 * None of the files that we look at has anything of ours in it. Another file may: then the programs
 * stay, because containerd would still start pods with them.
 */
static bool check_absent(const struct survey *survey, const struct install_options *options,
                         struct err *err)
{
    const struct containerd_config *dump = survey->facts.dump;

    if (dump == NULL)
        return (survey->state.phase == PHASE_NONE && !survey->state.lost) ||
               err_set(err, STATUS_REFUSED, "%s", survey->dump_why);
    return dump_lacks_runtimes(options, dump, err) ||
           err_prefix(err,
                      "nothing was changed, for what defines gVisor's runtimes is in none of the "
                      "files that are known to be the installer's: remove it from those that "
                      "`containerd config dump` lists as imports, and run this again");
}

/* Where nothing in containerd's files was ours, there is nothing to prove either. */
static bool take_out(struct session *session, struct applying *run, struct err *err)
{
    if (!apply_is_needed(run->plan)) {
        if (!check_absent(run->survey, session->options, err))
            return false;
    } else if (!apply_plan(run, &session->source, err) ||
               !node_await_runtimes(session->node, false, err) ||
               !node_smoke(session->node, NULL, err)) {
        return false;
    }
    step_reached("proven");
    return apply_settle(run, err);
}

static bool tell_remains(const struct session *session, const struct survey *survey,
                         struct err *err)
{
    const struct install_options *options = session->options;
    size_t count = 0;
    bool backup = false;

    if (!prefix_tell_remains(options->prefix, &count, err) ||
        (survey->state.lost && !backup_exists(options->config, &backup, err)))
        return err_prefix(err,
                          "gVisor is out of containerd's files, but what is left cannot be told");
    if (backup)
        log_warn("%s.gvisor_installer.orig stays: the configuration before some installation",
                 options->config);
    if (!survey->state.lost || count + backup == 0)
        return true;
    return err_set(err, STATUS_REFUSED,
                   "gVisor is out of containerd's files, but the notes of its installation are "
                   "lost: %zu files stay, as the log lists them, in %s%s%s: look through them and "
                   "remove them by hand",
                   count + backup, options->prefix, backup ? " and beside " : "",
                   backup ? options->config : "");
}

static bool uninstall_planned(struct session *session, struct survey *survey,
                              const struct plan *plan, struct err *err)
{
    struct applying run = {.options = session->options, .survey = survey, .plan = plan};

    if (!stop_shield(err))
        return false;
    if (!take_out(session, &run, err)) {
        if (!run.settled)
            return command_undo(session, &run, err);
        return err_prefix(err, "gVisor is out of containerd's files, but not all of it is gone");
    }
    if (!node_label(session->node, NULL, err))
        return false;
    const bool done = tell_remains(session, survey, err);
    node_event(session->node, !done, "GVisorUninstalled",
               done ? "gVisor was taken out" : err->text);
    if (!done)
        return false;
    prefix_leave(session->options->prefix);
    log_info("uninstalled");
    return true;
}

bool uninstall_main(struct session *session, struct err *err)
{
    const struct install_options *options = session->options;
    OWNED_BUF(text, CONFIG_SIZE_MAX * 2);
    const double started = machine_seconds();
    struct plan_file before;
    struct survey survey;
    struct plan plan;
    bool known;

    if (!lock_take(options->prefix, options->lock_wait_ms, err) ||
        !node_check(session->node, err) || !node_label(session->node, "false", err) ||
        !refuse_users(options, err) || !survey_node(options, &survey, err))
        return false;
    bool done = state_is_of(&survey.state, options->config, err) &&
                find_lost(options->prefix, &survey, err) && apply_sweep(options, &survey, err) &&
                backup_read(options->config, &survey.state, &text, &before, &known, err) &&
                plan_uninstall(&survey.facts, known ? &before : NULL, &plan, err);
    if (done) {
        survey.state.lost |= survey.state.phase == PHASE_NONE && plan.count > 0;
        command_log_plan(&survey, &plan, false);
        done = uninstall_planned(session, &survey, &plan, err) &&
               command_report(session, &survey, &plan, apply_is_needed(&plan), started, err);
        plan_free(&plan);
    }
    survey_free(&survey);
    return done;
}
