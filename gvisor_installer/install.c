#include "gvisor_installer/install.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/report.h"
#include "common/stop.h"
#include "gvisor_installer/apply/apply.h"
#include "gvisor_installer/apply/dump.h"
#include "gvisor_installer/apply/step.h"
#include "gvisor_installer/command.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/lock.h"
#include "gvisor_installer/plan/plan_print.h"

enum { PRINTED_MAX = 1 << 20 };

void command_log_plan(const struct survey *survey, const struct plan *plan, bool installing)
{
    OWNED_BUF(text, PRINTED_MAX);
    struct err ignored = {0};

    if (installing)
        plan_print_facts(&survey->facts, plan, &text);
    plan_print_changes(&survey->facts, plan, &text);
    if (!buf_ok(&text, &ignored))
        return;
    char *rest = text.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0';)
        log_info("%s", line);
}

bool command_report(const struct session *session, const struct survey *survey,
                    const struct plan *plan, bool changed, double started, struct err *err)
{
    const struct install_options *options = session->options;
    struct report written;

    if (options->common.report == NULL)
        return true;
    report_open(&written, "gvisor_installer");
    plan_print_json(&survey->facts, plan, "plan", &written.json);
    json_bool(&written.json, "changed", changed);
    json_string(&written.json, "node", options->node);
    json_fixed(&written.json, "seconds", 6, machine_seconds() - started);
    report_usage(&written);
    bool done = report_write(&written, options->common.report, err);
    report_release(&written);
    return done;
}

/* --- proof, and what follows when there is none ---------------------------------------------- */

static bool prove_installed(struct session *session, struct err *err)
{
    return node_await_runtimes(session->node, true, err) &&
           node_smoke(session->node, session->options->handler, err) &&
           node_smoke(session->node, session->options->sealed_handler, err);
}

bool command_undo(struct session *session, struct applying *run, struct err *err)
{
    char message[ERR_TEXT_MAX];
    struct err undoing = {0};

    if (!run->begun) {
        node_event(session->node, true, "GVisorNotInstalled", err->text);
        return false;
    }
    log_error("%s: putting everything back", err->text);
    bool back = apply_undo(run, &undoing), done = back;
    /* With no runtime to look for, a pod of runc shows that the node still works. */
    if (done && run->restarted)
        done = node_smoke(session->node, NULL, &undoing);
    (void)snprintf(message, sizeof message, "%s", err->text);
    if (done)
        (void)err_set(err, err->status, "%s; the node is as it was before", message);
    else if (back)
        (void)err_set(err, err->status,
                      "%.900s; all was put back, but the node does not work: %.900s", message,
                      undoing.text);
    else /* what is left to do is what the status tells of */
        (void)err_set(
            err, undoing.status,
            "%.900s; and it could not be put back: %.900s; the next run goes on from here", message,
            undoing.text);
    node_event(session->node, true, done ? "GVisorRolledBack" : "GVisorRollBackFailed", err->text);
    return false;
}

static bool label(struct session *session, const char *value)
{
    struct err err = {0};
    if (node_label(session->node, value, &err))
        return true;
    log_warn("the node's label was not set: %s", err.text);
    return false;
}

/* --- install ---------------------------------------------------------------------------------- */

static bool install_planned(struct session *session, struct survey *survey, const struct plan *plan,
                            struct err *err)
{
    struct applying run = {
        .options = session->options, .survey = survey, .plan = plan, .installing = true};

    if (!apply_is_needed(plan)) {
        if (!prove_installed(session, err)) {
            (void)label(session, "false");
            node_event(session->node, true, "GVisorNotWorking", err->text);
            return false;
        }
        return node_label(session->node, "true", err);
    }
    /* First whether a pod can run at all: without its image nothing could be proven. */
    if (!node_check_runtime(session->node, &survey->facts.containerd, err) ||
        !node_smoke(session->node, NULL, err)) {
        (void)err_prefix(err, "nothing was changed");
        node_event(session->node, true, "GVisorNotInstalled", err->text);
        return false;
    }
    /* Nothing is scheduled to the new runtimes before they are proven. */
    if (!node_label(session->node, "false", err) || !stop_shield(err))
        return false;
    if (!apply_plan(&run, &session->source, err) || !prove_installed(session, err))
        return command_undo(session, &run, err);
    step_reached("proven");
    if (!apply_settle(&run, err))
        return command_undo(session, &run, err);
    if (!node_label(session->node, "true", err))
        return false;
    node_event(session->node, false, "GVisorInstalled", "gVisor is installed and was tried");
    log_info("installed");
    return true;
}

bool install_main(struct session *session, struct err *err)
{
    const double started = machine_seconds();
    struct survey survey;
    struct plan plan;

    if (!lock_take(session->options->prefix, session->options->lock_wait_ms, err) ||
        !node_check(session->node, err) || !survey_node(session->options, &survey, err))
        return false;
    bool done = state_usable(session->options->prefix, &survey.state, err) &&
                state_is_of(&survey.state, session->options->config, err) &&
                apply_sweep(session->options, &survey, err) &&
                plan_install(&survey.facts, survey.way, &plan, err);
    if (!done) {
        (void)label(session, "false");
        node_event(session->node, true, "GVisorNotInstalled", err->text);
        plan_free(&plan);
    } else {
        command_log_plan(&survey, &plan, true);
        done = install_planned(session, &survey, &plan, err) &&
               command_report(session, &survey, &plan, apply_is_needed(&plan), started, err);
        plan_free(&plan);
    }
    survey_free(&survey);
    return done;
}

/* --- verify ----------------------------------------------------------------------------------- */

static bool verify_files(const struct install_options *options, struct err *err)
{
    struct containerd_config dump;
    struct survey survey;
    struct plan plan;

    if (!survey_node(options, &survey, err))
        return false;
    bool done = state_usable(options->prefix, &survey.state, err) &&
                state_is_of(&survey.state, options->config, err) &&
                plan_install(&survey.facts, survey.way, &plan, err);
    if (done) {
        if (apply_is_needed(&plan))
            done =
                err_set(err, STATUS_EXPECTATION, "not as it was installed: %s %s",
                        plan.count > 0 ? plan.change[0].path : "containerd",
                        plan.count > 0 ? "has changed or is missing" : "was not restarted since");
    }
    plan_free(&plan);
    survey_free(&survey);
    if (!done || !dump_read(options, &dump, err))
        return false;
    done = dump_has_runtimes(options, &dump, err);
    containerd_config_free(&dump);
    if (done && !host_socket_answers(options->socket))
        done =
            err_set(err, STATUS_EXPECTATION, "containerd does not answer on %s", options->socket);
    return done;
}

static bool verify_once(struct session *session, struct err *err)
{
    if (verify_files(session->options, err) && prove_installed(session, err))
        return node_label(session->node, "true", err);
    (void)label(session, "false");
    node_event(session->node, true, "GVisorNotWorking", err->text);
    return false;
}

bool verify_main(struct session *session, struct err *err)
{
    const uint64_t every = session->options->every_ms;

    if (!node_check(session->node, err))
        return false;
    if (every == 0)
        return verify_once(session, err);
    for (bool good = true;;) {
        if (stop_wait(-1, 0, (int)every, err) < 0)
            break;
        struct err why = {0};
        bool was = good;
        good = verify_once(session, &why);
        if (!good)
            log_error("%s", why.text);
        else if (!was)
            log_info("all is well again");
    }
    /* A request to stop is the normal end of this loop. */
    return err->status == STATUS_CANCELLED;
}
