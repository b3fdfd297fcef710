#include "gvisor_probe/observe/detect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t second_ns = 1000000000u;
enum {
    SLOW_CALL_NS = 2000,  /* Linux answers getppid in hundreds of nanoseconds */
    MISSING_CALLS_MIN = 3 /* one or two may be configured out of a Linux kernel */
};

const char detect_statement[] = "Evidence from inside can never prove more than that a sandbox is "
                                "consistent with gVisor; only the node knows its runtime.";

static const struct {
    const char *letter, *name;
} classes[CLASSES] = {
    [CLASS_SELF_REPORT] = {"R", "self-report"},
    [CLASS_PROC] = {"P", "proc"},
    [CLASS_MOUNTS] = {"M", "mounts"},
    [CLASS_IMAGE] = {"V", "process-image"},
    [CLASS_ERRNO] = {"E", "errno"},
    [CLASS_CLOCKS] = {"C", "clocks"},
    [CLASS_TIMING] = {"T", "timing"},
    [CLASS_CROSS_LAYER] = {"X", "cross-layer"},
};

const char *class_letter(enum evidence_class class)
{
    return classes[class].letter;
}

const char *class_name(enum evidence_class class)
{
    return classes[class].name;
}

static const struct evidence *find(const struct detect_input *input, const char *probe)
{
    for (size_t i = 0; i < input->count; i++)
        if (strcmp(input->items[i].probe, probe) == 0)
            return &input->items[i];
    return NULL;
}

__attribute__((format(printf, 4, 5))) static void add(struct class_verdict *class, const char *name,
                                                      enum verdict says, const char *fmt, ...)
{
    va_list args;

    if (class->count == SIGNALS_MAX)
        return;
    struct detect_signal *signal = &class->signals[class->count++];
    signal->name = name;
    signal->says = says;
    va_start(args, fmt);
    (void)vsnprintf(signal->value, sizeof signal->value, fmt, args);
    va_end(args);
}

/* A probe whose result EMULATED means gVisor; `allowed` is what ALLOWED means. */
static void add_probe(struct class_verdict *class, const struct detect_input *input,
                      const char *probe, enum verdict allowed)
{
    const struct evidence *item = find(input, probe);

    if (item != NULL && item->result == RESULT_EMULATED)
        add(class, probe, VERDICT_GVISOR, "%s", item->value);
    else if (item != NULL && item->result == RESULT_ALLOWED)
        add(class, probe, allowed, "%s", item->value);
}

static void judge_self_report(const struct detect_input *input, struct class_verdict *ret)
{
    const struct evidence *cmdline = find(input, "kernel_cmdline");

    add_probe(ret, input, "uname", VERDICT_LINUX);
    add_probe(ret, input, "proc_version", VERDICT_LINUX);
    add_probe(ret, input, "kernel_cmdline",
              cmdline != NULL && strcmp(cmdline->value, "names Kata") == 0 ? VERDICT_OWN_KERNEL
                                                                           : VERDICT_UNKNOWN);
    add_probe(ret, input, "kernel_log", VERDICT_UNKNOWN);
}

static void judge_proc(const struct detect_input *input, struct class_verdict *ret)
{
    static const char *const leaks[] = {"leak_kallsyms", "leak_interrupts", "leak_vmstat"};

    add_probe(ret, input, "ns_inodes", VERDICT_LINUX);
    add_probe(ret, input, "gvisor_files", VERDICT_UNKNOWN);
    for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
        const struct evidence *item = find(input, leaks[i]);
        if (item != NULL && item->result == RESULT_ALLOWED && strcmp(item->value, "data") == 0)
            add(ret, leaks[i], VERDICT_LINUX, "readable");
    }
}

/*
 * The root file system only: if the node itself is a virtual machine, a hostPath may be one of the
 * node's own shares.
 */
static bool root_is_shared(const char *mounts)
{
    return strncmp(mounts, "/ virtiofs", strlen("/ virtiofs")) == 0 ||
           strncmp(mounts, "/ 9p trans=virtio", strlen("/ 9p trans=virtio")) == 0;
}

static void judge_mounts(const struct detect_input *input, struct class_verdict *ret)
{
    const struct evidence *item = find(input, "mounts");
    bool micro = item != NULL && root_is_shared(item->value);

    add_probe(ret, input, "mounts", micro ? VERDICT_OWN_KERNEL : VERDICT_LINUX);
}

static void judge_image(const struct detect_input *input, struct class_verdict *ret)
{
    add_probe(ret, input, "auxv", VERDICT_LINUX);
    add_probe(ret, input, "vdso", VERDICT_LINUX);
    add_probe(ret, input, "memory_map", VERDICT_UNKNOWN);
}

/* Calls that Linux has had for years, and that default seccomp profiles allow. */
static const char *const old_calls[] = {"vmsplice",      "setfsuid", "remap_file_pages",
                                        "io_pgetevents", "rseq",     "pkey_alloc"};

static void judge_calls(const struct detect_input *input, struct class_verdict *ret)
{
    char missing[SIGNAL_TEXT_MAX] = "";
    size_t absent = 0, there = 0;

    for (size_t i = 0; i < sizeof old_calls / sizeof *old_calls; i++) {
        const struct evidence *item = find(input, old_calls[i]);
        if (item == NULL)
            continue;
        there += item->result == RESULT_ALLOWED;
        if (item->result == RESULT_ABSENT && item->errnum == ENOSYS) {
            size_t len = strlen(missing);
            (void)snprintf(missing + len, sizeof missing - len, "%s%s", absent++ > 0 ? " " : "",
                           old_calls[i]);
        }
    }
    if (absent > 0 && input->seccomp != 0)
        add(ret, "missing_calls", VERDICT_UNKNOWN, "%s, but a filter may say so", missing);
    else if (absent >= MISSING_CALLS_MIN)
        add(ret, "missing_calls", VERDICT_GVISOR, "%s", missing);
    else if (there > 0 && absent == 0)
        add(ret, "missing_calls", VERDICT_LINUX, "none");
    else if (absent > 0)
        add(ret, "missing_calls", VERDICT_UNKNOWN, "%s", missing);
}

/* Is the number in the list, which is separated by blanks? */
static bool lists(const char *list, const char *number)
{
    const size_t len = strlen(number);

    for (; *list != '\0'; list += strcspn(list, " "), list += *list == ' ')
        if (strcspn(list, " ") == len && memcmp(list, number, len) == 0)
            return true;
    return false;
}

static void judge_errno(const struct detect_input *input, struct class_verdict *ret)
{
    const struct evidence *census = find(input, "netlink_census");

    judge_calls(input, ret);
    if (census == NULL || census->result != RESULT_ALLOWED)
        return;
    /* Every Linux with networking has generic netlink, 16; gVisor has only 0 and 15. */
    add(ret, "netlink_census",
        lists(census->value, "16")           ? VERDICT_LINUX
        : strcmp(census->value, "0 15") == 0 ? VERDICT_GVISOR
                                             : VERDICT_UNKNOWN,
        "%s", census->value);
}

/* Decides nothing: a node may have booted just now, and a time namespace may add an offset. */
static void judge_clocks(const struct detect_input *input, struct class_verdict *ret)
{
    add(ret, "kernel_age", VERDICT_UNKNOWN, "%.3f s at main()",
        (double)input->boottime_at_main_ns / (double)second_ns);
}

static void judge_timing(const struct detect_input *input, struct class_verdict *ret)
{
    const struct evidence *item = find(input, "getppid_time");

    if (item != NULL && item->result == RESULT_ALLOWED)
        add(ret, "getppid_time",
            strtod(item->value, NULL) >= SLOW_CALL_NS ? VERDICT_GVISOR : VERDICT_UNKNOWN, "%s",
            item->value);
}

static void judge_cross_layer(const struct detect_input *input, struct class_verdict *ret)
{
    add_probe(ret, input, "cpu_names_agree", VERDICT_LINUX);
}

__attribute__((format(printf, 2, 3))) static void conflict(struct detection *detection,
                                                           const char *fmt, ...)
{
    va_list args;

    if (detection->conflict_count == CONFLICTS_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(detection->conflicts[detection->conflict_count++], CONFLICT_TEXT_MAX, fmt,
                    args);
    va_end(args);
}

/* "linux" and "own kernel" do not contradict each other: a virtual machine's kernel is Linux. */
static bool agree(enum verdict a, enum verdict b)
{
    return a == b || (a != VERDICT_GVISOR && b != VERDICT_GVISOR);
}

/* Sets the verdict of a class from its signals. Returns true if they contradict each other. */
static bool settle(struct detection *detection, enum evidence_class class)
{
    struct class_verdict *verdict = &detection->classes[class];
    const struct detect_signal *first = NULL;

    verdict->verdict = VERDICT_UNKNOWN;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct detect_signal *signal = &verdict->signals[i];
        if (signal->says == VERDICT_UNKNOWN)
            continue;
        if (first != NULL && !agree(first->says, signal->says)) {
            verdict->verdict = VERDICT_UNKNOWN;
            conflict(detection, "within %s: %s says %s, %s says %s", classes[class].letter,
                     first->name, verdict_name(first->says), signal->name,
                     verdict_name(signal->says));
            return true;
        }
        first = signal;
        if (verdict->verdict != VERDICT_OWN_KERNEL)
            verdict->verdict = signal->says;
    }
    return false;
}

/* Notes each pair of classes that contradict each other. Returns true if one is not timing. */
static bool contradict(struct detection *detection)
{
    bool serious = false;

    for (int a = 0; a < CLASSES; a++) {
        for (int b = 0; b < CLASSES; b++) {
            if (detection->classes[a].verdict != VERDICT_GVISOR ||
                detection->classes[b].verdict != VERDICT_LINUX)
                continue;
            conflict(detection, "%s says gvisor, %s says linux", classes[a].letter,
                     classes[b].letter);
            serious = serious || a != CLASS_TIMING;
        }
    }
    return serious;
}

static enum conclusion conclude(const struct detection *detection)
{
    const struct class_verdict *class = detection->classes;
    bool structural = false, own = false;
    int gvisor = 0;

    for (int i = 0; i < CLASSES; i++) {
        gvisor += class[i].verdict == VERDICT_GVISOR && i != CLASS_TIMING;
        own = own || class[i].verdict == VERDICT_OWN_KERNEL;
        structural = structural || (class[i].verdict == VERDICT_GVISOR &&
                                    (i == CLASS_PROC || i == CLASS_IMAGE || i == CLASS_ERRNO));
    }
    if (gvisor > 0 && class[CLASS_TIMING].verdict == VERDICT_GVISOR)
        gvisor++;
    if (gvisor >= 4 && structural)
        return CONCLUSION_CONFIRMED;
    if (gvisor >= 2)
        return CONCLUSION_LIKELY;
    /* Linux must be shown too: missing signs of gVisor are not enough. */
    if (gvisor == 0 && class[CLASS_PROC].verdict == VERDICT_LINUX &&
        (class[CLASS_IMAGE].verdict == VERDICT_LINUX ||
         class[CLASS_ERRNO].verdict == VERDICT_LINUX))
        return own ? CONCLUSION_OWN_LINUX_KERNEL : CONCLUSION_NOT_GVISOR;
    return CONCLUSION_UNKNOWN;
}

void detect(const struct detect_input *input, struct detection *ret)
{
    static void (*const judges[CLASSES])(const struct detect_input *, struct class_verdict *) = {
        [CLASS_SELF_REPORT] = judge_self_report,
        [CLASS_PROC] = judge_proc,
        [CLASS_MOUNTS] = judge_mounts,
        [CLASS_IMAGE] = judge_image,
        [CLASS_ERRNO] = judge_errno,
        [CLASS_CLOCKS] = judge_clocks,
        [CLASS_TIMING] = judge_timing,
        [CLASS_CROSS_LAYER] = judge_cross_layer,
    };
    bool conflicting = false;

    *ret = (struct detection){0};
    for (int i = 0; i < CLASSES; i++) {
        judges[i](input, &ret->classes[i]);
        conflicting = settle(ret, (enum evidence_class)i) || conflicting;
    }
    conflicting = contradict(ret) || conflicting;
    ret->conclusion = conflicting ? CONCLUSION_CONFLICTING : conclude(ret);
}

bool detect_matches(const char *runtime, enum conclusion conclusion, bool *ret)
{
    const bool gvisor = strstr(runtime, "gvisor") != NULL || strstr(runtime, "runsc") != NULL;
    const bool kata = strstr(runtime, "kata") != NULL || strstr(runtime, "firecracker") != NULL;
    const bool host = strncmp(runtime, "runc", 4) == 0 || strncmp(runtime, "crun", 4) == 0 ||
                      strncmp(runtime, "youki", 5) == 0;

    if (conclusion == CONCLUSION_UNKNOWN || !(gvisor || kata || host))
        return false;
    if (gvisor)
        *ret = conclusion == CONCLUSION_CONFIRMED || conclusion == CONCLUSION_LIKELY;
    else
        *ret = conclusion == (kata ? CONCLUSION_OWN_LINUX_KERNEL : CONCLUSION_NOT_GVISOR);
    return true;
}
