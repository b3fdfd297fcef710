/* check and status: they read, and print. */
#include <stdio.h>
#include <string.h>

#include "common/report.h"
#include "gvisor_installer/apply/survey.h"
#include "gvisor_installer/install.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/plan/plan_print.h"

enum { PRINTED_MAX = 1 << 20 };

static bool print(const struct buf *out, struct err *err)
{
    if (!buf_ok(out, err))
        return false;
    (void)fputs(out->data, stdout);
    return true;
}

bool check_main(struct session *session, struct err *err)
{
    const bool json = session->options->format == OUTPUT_JSON;
    OWNED_BUF(out, PRINTED_MAX);
    struct json_out printed = {.buf = &out};
    struct survey survey;
    struct plan plan;

    if (!survey_node(session->options, &survey, err))
        return false;
    bool done = state_usable(session->options->prefix, &survey.state, err) &&
                state_is_of(&survey.state, session->options->config, err) &&
                plan_install(&survey.facts, survey.way, &plan, err);
    if (done && json) {
        plan_print_json(&survey.facts, &plan, NULL, &printed);
        done = json_done(&printed, err);
    } else if (done) {
        plan_print_facts(&survey.facts, &plan, &out);
        plan_print_changes(&survey.facts, &plan, &out);
    } else if (plan.lines != NULL) { /* the refusal says where they belong */
        (void)fputs(plan.lines, stdout);
    }
    plan_free(&plan);
    survey_free(&survey);
    return done && print(&out, err);
}

bool status_main(struct session *session, struct err *err)
{
    const struct install_options *options = session->options;
    OWNED_BUF(out, PRINTED_MAX);
    struct json_out printed = {.buf = &out};
    struct state state;

    if (!state_load(options->prefix, &state, err) || !state_usable(options->prefix, &state, err))
        return false;
    bool answers = host_socket_answers(options->socket);
    if (options->ready)
        return (state.phase == PHASE_SETTLED && answers) ||
               err_set(err, STATUS_EXPECTATION, "not ready: %s, containerd %s",
                       state_phase_text(state.phase), answers ? "answers" : "does not answer");
    if (options->format == OUTPUT_TEXT) {
        buf_printf(&out, "%s%s%s, containerd %s\n", state_phase_text(state.phase),
                   state.release[0] != '\0' ? ", gVisor " : "", state.release,
                   answers ? "answers" : "does not answer");
    } else {
        json_open(&printed, NULL, '{');
        json_string(&printed, "phase", state_phase_text(state.phase));
        json_string(&printed, "release", state.release);
        json_bool(&printed, "answers", answers);
        json_string(&printed, "drop_in", state.drop_in);
        json_close(&printed, '}');
        buf_add_text(&out, "\n");
    }
    return print(&out, err);
}
