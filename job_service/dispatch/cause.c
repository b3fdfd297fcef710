#include "job_service/dispatch/cause.h"

#include <stdio.h>
#include <string.h>

enum { RUNNER_STATUS = 20, KILLED = 128 + 9 };

const char *cause_name(enum cause cause)
{
    static const char *const names[CAUSES] = {
        [CAUSE_BUILD] = "build",
        [CAUSE_SCAN] = "scan",
        [CAUSE_REFUSED] = "refused",
        [CAUSE_IMAGE] = "image",
        [CAUSE_OOM] = "oom",
        [CAUSE_DEADLINE] = "deadline",
        [CAUSE_DISK] = "disk",
        [CAUSE_EVICTED] = "evicted",
        [CAUSE_EXIT] = "exit",
        [CAUSE_NO_RESULT] = "no-result",
        [CAUSE_BAD_RESULT] = "bad-result",
        [CAUSE_LOG_LIMIT] = "log-limit",
        [CAUSE_LOST] = "lost",
        [CAUSE_ENGINE] = "engine",
        [CAUSE_CONFLICT] = "conflict",
    };

    return names[cause];
}

enum cause cause_of_record(enum run_cause cause)
{
    switch (cause) {
    case RUN_DEADLINE:
        return CAUSE_DEADLINE;
    case RUN_NO_RESULT:
        return CAUSE_NO_RESULT;
    case RUN_BAD_RESULT:
        return CAUSE_BAD_RESULT;
    case RUN_LOG_LIMIT:
        return CAUSE_LOG_LIMIT;
    case RUN_IMAGE:
        return CAUSE_IMAGE;
    case RUN_DONE:
    case RUN_EXIT:
    default:
        return CAUSE_EXIT;
    }
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(text, list) is_one_of((text), (list), sizeof(list) / sizeof *(list))

bool cause_waits_for_image(const struct pod *pod)
{
    static const char *const reasons[] = {"ErrImagePull",
                                          "ImagePullBackOff",
                                          "InvalidImageName",
                                          "ErrImageNeverPull",
                                          "ImageInspectError",
                                          "RegistryUnavailable",
                                          "SignatureValidationFailed",
                                          "CreateContainerConfigError",
                                          "CreateContainerError"};

    return IS_ONE_OF(pod->waits, reasons);
}

static bool is_broken(const struct pod *pod)
{
    return pod->state == POD_BROKEN || pod->evicted || pod->oom;
}

const struct pod *cause_find(const struct pod *pods, size_t count)
{
    const struct pod *found = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct pod *pod = &pods[i];
        if (!is_broken(pod))
            continue;
        if (found == NULL || (found->of_argo && !pod->of_argo) ||
            (found->of_argo == pod->of_argo && pod->ended >= found->ended))
            found = pod;
    }
    return found;
}

/* What the kubelet calls a pod that wrote more than it may; a node short of disk is another case.
 */
static bool wrote_too_much(const char *message)
{
    return strstr(message, "node was low") == NULL &&
           (strstr(message, "exceeds the limit") != NULL ||
            strstr(message, "exceeds the total limit") != NULL ||
            strstr(message, "exceeded its local ephemeral storage limit") != NULL);
}

static bool is_image_fault(const struct pod *pod)
{
    static const char *const reasons[] = {"StartError", "ContainerCannotRun"};

    return cause_waits_for_image(pod) || IS_ONE_OF(pod->reason, reasons);
}

static enum cause by_status(const struct pod *pod)
{
    if (!pod->of_argo && strcmp(pod->step, "build") == 0)
        return CAUSE_BUILD;
    if (!pod->of_argo && strcmp(pod->step, "scan") == 0)
        return CAUSE_SCAN;
    if (!pod->of_argo && pod->status >= RUNNER_STATUS + RUN_EXIT &&
        pod->status < RUNNER_STATUS + RUN_CAUSES)
        return cause_of_record((enum run_cause)(pod->status - RUNNER_STATUS));
    return CAUSE_EXIT;
}

static void say(char reason[REASON_TEXT], const struct pod *pod, const char *what,
                const char *message)
{
    bool step = pod->step[0] != '\0', more = message[0] != '\0';

    (void)snprintf(reason, REASON_TEXT, "%s%s%s%s%s", step ? pod->step : "", step ? ": " : "", what,
                   more ? ": " : "", message);
}

enum cause cause_of_pod(const struct pod *pod, char reason[REASON_TEXT])
{
    char what[OBJECT_TEXT];

    if (pod->evicted && wrote_too_much(pod->message)) {
        say(reason, pod, "wrote more than it may", pod->message);
        return CAUSE_DISK;
    }
    if (pod->evicted) {
        say(reason, pod, "its pod was evicted", pod->message);
        return CAUSE_EVICTED;
    }
    if (pod->oom) {
        say(reason, pod, "needed more memory than it may have", "");
        return CAUSE_OOM;
    }
    if (pod->deadline) {
        say(reason, pod, "took longer than it may", "");
        return CAUSE_DEADLINE;
    }
    if (is_image_fault(pod)) {
        say(reason, pod, pod->waits[0] != '\0' ? pod->waits : pod->reason, pod->message);
        return CAUSE_IMAGE;
    }
    if (!pod->broke) {
        say(reason, pod, "its pod failed", pod->message);
        return CAUSE_LOST;
    }
    if (pod->status == KILLED && !pod->leaving && !pod->of_argo) {
        /* The sandbox's own end does not always say OOMKilled. */
        say(reason, pod, "was killed, as for a lack of memory", "");
        return CAUSE_OOM;
    }
    (void)snprintf(what, sizeof what, "ended with status %d", pod->status);
    say(reason, pod, what, pod->message);
    return by_status(pod);
}

enum cause cause_of_workflow(const struct workflow *workflow, char reason[REASON_TEXT])
{
    static const struct {
        const char *word;
        enum cause cause;
    } words[] = {
        {"OOMKilled", CAUSE_OOM},
        {"exceeded its deadline", CAUSE_DEADLINE},
        {"DeadlineExceeded", CAUSE_DEADLINE},
        {"Evicted", CAUSE_EVICTED},
        {"pod deleted", CAUSE_LOST},
        {"exit code", CAUSE_EXIT},
    };

    (void)snprintf(reason, REASON_TEXT, "the workflow failed: %s",
                   workflow->message[0] == '\0' ? "it does not say why" : workflow->message);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(workflow->message, words[i].word) != NULL)
            return words[i].cause;
    return CAUSE_ENGINE;
}
