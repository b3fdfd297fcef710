/* The story of a run. Pure. */
#include <inttypes.h>
#include <string.h>

#include "gvisor_probe/render/run_text.h"

static const char *const answering[CONCLUSIONS] = {
    [CONCLUSION_CONFIRMED] = "gVisor's kernel answers me",
    [CONCLUSION_LIKELY] = "probably gVisor's kernel answers me",
    [CONCLUSION_CONFLICTING] = "the evidence of which kernel answers me contradicts itself",
    [CONCLUSION_NOT_GVISOR] = "the host's Linux kernel answers me",
    [CONCLUSION_OWN_LINUX_KERNEL] = "a Linux kernel answers me that is not the host's",
    [CONCLUSION_UNKNOWN] = "which kernel answers me I cannot tell",
};

static const char *const reasons[CAUSES] = {
    [CAUSE_ABSENT] = "the kernel that answers has no such thing",
    [CAUSE_POLICY] = "seccomp, capabilities or the runtime's rules",
    [CAUSE_DAC] = "owner and mode of the directory",
    [CAUSE_MOUNT] = "the mount is read-only",
};

void run_first_line(const struct declared *declared, struct buf *out)
{
    buf_printf(out, "cell %s of run %s: runtime %s", declared->name, declared->run_id,
               declared->runtime == NULL ? "not declared" : declared->runtime);
    if (declared->runtime_class != NULL)
        buf_printf(out, ", class %s", declared->runtime_class);
    buf_add_text(out, "\n");
}

static void add_self(const struct run *run, struct buf *out)
{
    const struct observed *self = &run->observed;
    const uint64_t capabilities = self->status.sets[SET_EFFECTIVE];

    buf_printf(out, "\nWho am I?\n  uid %u, gid %u, ", self->euid, self->egid);
    if (capabilities == 0)
        buf_add_text(out, "no capabilities");
    else
        buf_printf(out, "capabilities %" PRIx64, capabilities);
    buf_printf(out, "; %s\n\n", answering[run->detection.conclusion]);
}

static void add_what_happened(const struct finding *finding, const char *done, struct buf *out)
{
    const char *errname = strerrorname_np(finding->errnum);
    const char *reason = reasons[finding->cause];

    switch (finding->result) {
    case RESULT_ALLOWED:
        buf_printf(out, "%s%s%s\n", done, finding->detail[0] == '\0' ? "" : ": ", finding->detail);
        return;
    case RESULT_SKIPPED:
        buf_printf(out, "not tried: %s\n", finding->detail);
        return;
    case RESULT_DENIED:
    case RESULT_ABSENT:
        buf_printf(out, "refused, %s%s%s\n", errname == NULL ? "?" : errname,
                   reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
        return;
    case RESULT_EMULATED:
    case RESULT_KILLED:
    case RESULT_TIMEOUT:
    case RESULT_UNCLEAR:
    case RESULTS:
        break;
    }
    buf_printf(out, "%s %s\n", result_name(finding->result), finding->value);
}

/* The attempts on the host's path: either those that make something, or the others. */
static void add_attempts(const struct run *run, bool making, struct buf *out)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct answered *answer = &run->answers[i];
        if (!answer->probe->needs_path || (answer->probe->safety == SAFETY_FILE) != making)
            continue;
        buf_printf(out, "  %-44s ", answer->probe->title);
        add_what_happened(&answer->finding, making ? "done" : "reached", out);
    }
}

static void add_path(const struct run *run, struct buf *out)
{
    const struct run_request *request = run->request;
    const char *host = request->declared->host_path;

    if (request->path == NULL)
        return;
    buf_add_text(out, "What did I try to write on the host's path, and what happened?\n");
    buf_printf(out, "  %s is %s%s of the node; I write in open/%s, where all may\n", request->path,
               host == NULL ? "a directory" : host,
               run->observed.path_read_only ? ", read-only," : "", run->label);
    add_attempts(run, true, out);
    buf_add_text(out, "What did I reach of what the host has there?\n");
    add_attempts(run, false, out);
    buf_add_text(out,
                 "So it looks from in here. What of it is on the host, only a witness there can "
                 "say;\n`gvisor_probe compare` puts both together.\n\n");
}

void run_story(const struct run *run, struct buf *out)
{
    run_first_line(run->request->declared, out);
    add_self(run, out);
    add_path(run, out);
    buf_printf(out, "What I asked the kernel, %zu questions in all:\n\n", run->count);
}
