#include "gvisor_probe/compare/attribute.h"

#include <string.h>

static const char *const attributions[ATTRIBUTIONS] = {
    [BY_RUNTIME] = "runtime",       [BY_POD_SPEC] = "pod-spec", [OPEN_IN_BOTH] = "open-in-both",
    [BY_RUNTIME_LOOSER] = "looser", [UNDECIDED] = "undecided",
};

const char *attribution_name(enum attribution attribution)
{
    return attributions[attribution];
}

static const char refused_anyway[] = "without seccomp it is refused or missing all the same";
static const char seccomp_not_applied[] =
    "seccomp is not applied to calls in the sandbox, whose kernel answers";
static const char sandbox_answers[] = "the sandbox's kernel answers instead of the host's";

static enum attribution because(enum attribution attribution, const char *why, const char **ret_why)
{
    *ret_why = why;
    return attribution;
}

static bool answered(const struct outcome *outcome)
{
    return outcome->result == RESULT_ALLOWED || outcome->result == RESULT_DENIED ||
           outcome->result == RESULT_ABSENT || outcome->result == RESULT_EMULATED;
}

static bool is_allowed(const struct outcome *outcome)
{
    return outcome != NULL && outcome->result == RESULT_ALLOWED;
}

/*
 * Do the kernels give different values? Decided only if the control, too, gives the baseline's
 * value: otherwise the host's kernel may give another value each time.
 */
static bool answers_otherwise(const struct attribution_case *given)
{
    const char *said = given->baseline->value;

    return said != NULL && given->subject->value != NULL && is_allowed(given->control) &&
           given->control->value != NULL && strcmp(said, given->control->value) == 0 &&
           strcmp(said, given->subject->value) != 0;
}

/* Allowed in the baseline: so seccomp and capabilities, declared equal, do not refuse it. */
static enum attribution from_allowed(const struct attribution_case *given, const char **ret_why)
{
    const struct outcome *subject = given->subject;

    if (subject->result == RESULT_ALLOWED && answers_otherwise(given))
        return because(BY_RUNTIME, "both answer, and the sandbox's kernel says something else",
                       ret_why);
    if (subject->result == RESULT_ALLOWED)
        return because(OPEN_IN_BOTH, "nothing stands in the way on either side", ret_why);
    if (given->loss_if_missing)
        return because(BY_RUNTIME_LOOSER, "something that programs can use is missing there",
                       ret_why);
    if (subject->result == RESULT_EMULATED)
        return because(BY_RUNTIME, sandbox_answers, ret_why);
    if (subject->result == RESULT_ABSENT)
        return because(BY_RUNTIME, "the host's code or data is not behind it", ret_why);
    if (subject->cause == CAUSE_DAC || subject->cause == CAUSE_MOUNT)
        return because(UNDECIDED, "permissions explain the refusal, yet did not stop the baseline",
                       ret_why);
    return because(BY_RUNTIME, "the sandbox refuses what the same settings let through", ret_why);
}

static enum attribution both_refused(const struct attribution_case *given, const char **ret_why)
{
    const struct outcome *baseline = given->baseline, *subject = given->subject;

    if (prediction_explains(baseline->prediction, baseline->errnum) &&
        prediction_explains(subject->prediction, subject->errnum))
        return because(BY_POD_SPEC, "owner, mode or the read-only mount refuse it", ret_why);
    if (baseline->cause == CAUSE_DAC || baseline->cause == CAUSE_MOUNT)
        return because(BY_POD_SPEC, "owner, mode or a read-only mount refuse it", ret_why);
    if (given->control == NULL)
        return because(BY_POD_SPEC,
                       "seccomp or capabilities refuse it already; an Unconfined cell could tell",
                       ret_why);
    if (!is_allowed(given->control))
        return because(BY_POD_SPEC, refused_anyway, ret_why);
    if (given->subject_filtered)
        return because(BY_POD_SPEC, "seccomp refuses it, there too", ret_why);
    return because(BY_RUNTIME,
                   "only seccomp refuses it in the baseline; the sandbox refuses it by itself",
                   ret_why);
}

static enum attribution from_denied(const struct attribution_case *given, const char **ret_why)
{
    switch (given->subject->result) {
    case RESULT_ALLOWED:
        return because(BY_RUNTIME_LOOSER,
                       is_allowed(given->control)
                           ? seccomp_not_applied
                           : "the sandbox's kernel lets it through, to an object of its own",
                       ret_why);
    case RESULT_EMULATED:
        return because(BY_POD_SPEC, "the host's is refused there and invented here", ret_why);
    case RESULT_ABSENT:
        if (given->control == NULL || is_allowed(given->control))
            break;
        return because(BY_POD_SPEC, refused_anyway, ret_why);
    default:
        return both_refused(given, ret_why);
    }
    if (given->baseline->cause == CAUSE_DAC || given->baseline->cause == CAUSE_MOUNT ||
        given->control == NULL)
        return both_refused(given, ret_why);
    return because(BY_RUNTIME,
                   "only seccomp stands before it in the baseline; the sandbox has no such code",
                   ret_why);
}

static enum attribution from_absent(const struct attribution_case *given, const char **ret_why)
{
    if (given->subject->result == RESULT_EMULATED)
        return because(BY_RUNTIME, sandbox_answers, ret_why);
    if (given->subject->result == RESULT_ALLOWED)
        return because(BY_RUNTIME_LOOSER,
                       is_allowed(given->control) ? seccomp_not_applied
                                                  : "the sandbox offers what the baseline does not",
                       ret_why);
    return because(BY_POD_SPEC, "it is not there on either side", ret_why);
}

/* A write is judged by what the witness found on the host. */
static enum attribution of_write(const struct attribution_case *given, const char **ret_why)
{
    const struct outcome *baseline = given->baseline, *subject = given->subject;

    if (baseline->fate == FATE_UNKNOWN || subject->fate == FATE_UNKNOWN)
        return because(UNDECIDED, "no witness could say what the host has of it", ret_why);
    if (baseline->fate == FATE_FORGED || subject->fate == FATE_FORGED)
        return because(UNDECIDED, "the host has something else of that name", ret_why);
    if (subject->fate == FATE_DENIED && baseline->fate == FATE_DENIED)
        return both_refused(given, ret_why);
    if (baseline->fate == FATE_DENIED)
        return because(subject->fate == FATE_LANDED ? BY_RUNTIME_LOOSER : BY_RUNTIME,
                       subject->fate == FATE_LANDED ? "it lands where the baseline refuses it"
                                                    : "allowed inside, and the host has nothing",
                       ret_why);
    if (baseline->fate == FATE_CONTAINED)
        return because(UNDECIDED, "the baseline's write is not on the host: what did it write to?",
                       ret_why);
    if (subject->fate == FATE_LANDED)
        return because(OPEN_IN_BOTH, "it lands on the host from both", ret_why);
    if (subject->fate == FATE_CONTAINED)
        return because(BY_RUNTIME, "made inside, and the host has nothing of it", ret_why);
    if (subject->prediction != PREDICT_ALLOWED)
        return because(UNDECIDED, "permissions explain the refusal, yet did not stop the baseline",
                       ret_why);
    return because(BY_RUNTIME, "the sandbox refuses what permissions allow", ret_why);
}

enum attribution attribute(const struct attribution_case *given, const char **ret_why)
{
    const struct outcome *baseline = given->baseline, *subject = given->subject;

    if (subject->is_write)
        return of_write(given, ret_why);
    if (!answered(baseline) || !answered(subject))
        return because(UNDECIDED, "one side gave no usable answer", ret_why);
    switch (baseline->result) {
    case RESULT_ALLOWED:
        return from_allowed(given, ret_why);
    case RESULT_DENIED:
        return from_denied(given, ret_why);
    case RESULT_ABSENT:
        return from_absent(given, ret_why);
    default:
        return because(UNDECIDED, "the baseline's kernel answers unlike Linux", ret_why);
    }
}
