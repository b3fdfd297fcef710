/* What the kernel put into this process: auxiliary vector, vDSO and mappings; processor names. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/probe.h"

enum { AUXV_MINSIGSTKSZ = 51, AUXV_RSEQ_SIZE = 27, MAPS_MAX = 128 * 1024 };

static void run_auxv(const struct probe_context *context, const char *subject, struct finding *ret)
{
    ElfW(auxv_t) entries[64];
    bool platform = false, stack = false, rseq = false, hwcap2 = false;
    unsigned long hwcap = 0;

    /* Read from the file, because glibc's getauxval(AT_HWCAP) may return another value. */
    (void)context;
    int fd = open(subject, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, entries, sizeof entries);
    found_call(ret, got);
    if (got < 0)
        return;
    for (size_t i = 0; i < (size_t)got / sizeof *entries; i++) {
        platform = platform || entries[i].a_type == AT_PLATFORM;
        hwcap2 = hwcap2 || entries[i].a_type == AT_HWCAP2;
        stack = stack || entries[i].a_type == AUXV_MINSIGSTKSZ;
        rseq = rseq || entries[i].a_type == AUXV_RSEQ_SIZE;
        if (entries[i].a_type == AT_HWCAP)
            hwcap = entries[i].a_un.a_val;
    }
    if (!platform)
        found(ret, RESULT_EMULATED);
    found_value(ret, "hwcap %lx%s%s%s%s", hwcap, hwcap2 ? " hwcap2" : "",
                platform ? " platform" : "", stack ? " minsigstksz" : "", rseq ? " rseq" : "");
}

/* The dynamic symbols of the vDSO. */
struct vdso {
    const ElfW(Sym) * symbols;
    const char *names;
    size_t count;
};

static bool vdso_open(uintptr_t base, struct vdso *ret)
{
    const ElfW(Ehdr) *head = (const void *)base;
    const ElfW(Phdr) *segments = (const void *)(base + head->e_phoff);
    uintptr_t shift = 0, dynamic = 0;

    for (int i = 0; i < head->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD)
            shift = base + segments[i].p_offset - segments[i].p_vaddr;
        if (segments[i].p_type == PT_DYNAMIC)
            dynamic = base + segments[i].p_offset;
    }
    if (dynamic == 0)
        return false;
    *ret = (struct vdso){0};
    const ElfW(Sym) *end = NULL;
    for (const ElfW(Dyn) *entry = (const void *)dynamic; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            ret->symbols = (const void *)(shift + entry->d_un.d_ptr);
        if (entry->d_tag == DT_STRTAB)
            ret->names = (const void *)(shift + entry->d_un.d_ptr);
        if (entry->d_tag == DT_HASH)
            ret->count = ((const ElfW(Word) *)(shift + entry->d_un.d_ptr))[1];
    }
    /* Without DT_HASH, the string table marks the end of the symbols. */
    end = (const void *)ret->names;
    if (ret->count == 0 && end > ret->symbols)
        ret->count = (size_t)(end - ret->symbols);
    return ret->symbols != NULL && ret->names != NULL && ret->count < 256;
}

static void run_vdso(const struct probe_context *context, const char *subject, struct finding *ret)
{
    char list[FINDING_TEXT_MAX] = "";
    struct vdso vdso;
    size_t len = 0;

    (void)context, (void)subject;
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0 || !vdso_open(base, &vdso)) {
        found(ret, RESULT_ABSENT);
        return;
    }
    for (size_t i = 0; i < vdso.count && len + 1 < sizeof list; i++) {
        const char *name = vdso.names + vdso.symbols[i].st_name;
        if (strncmp(name, "__", 2) != 0)
            continue; /* an alias of a name with underscores */
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? " " : "", name);
    }
    found_value(ret, "%s", list);
#ifdef __x86_64__
    if (strstr(list, "clock_getres") == NULL)
        found(ret, RESULT_EMULATED);
#endif
}

static void run_memory_map(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    static const char *const names[] = {"[heap]", "[stack]", "[vdso]", "[vvar]", "[usertrap]"};
    static char text[MAPS_MAX];
    char list[128] = "";

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(list);
        if (strstr(text, names[i]) != NULL)
            (void)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? " " : "", names[i]);
    }
    if (strstr(list, "[usertrap]") != NULL)
        found(ret, RESULT_EMULATED);
    found_value(ret, "%s", list);
}

#ifdef __x86_64__
/* The brand string that CPUID returns; "" without one. */
static void brand_of(char out[49])
{
    unsigned leaf[12] = {0};

    if (__get_cpuid_max(0x80000000u, NULL) >= 0x80000004u)
        for (unsigned i = 0; i < 3; i++)
            (void)__get_cpuid(0x80000002u + i, &leaf[4 * i], &leaf[4 * i + 1], &leaf[4 * i + 2],
                              &leaf[4 * i + 3]);
    memcpy(out, leaf, 48);
    out[48] = '\0';
}

static void run_cpuid(const struct probe_context *context, const char *subject, struct finding *ret)
{
    static char text[16 * 1024];
    char brand[49];
    const char *line;

    (void)context;
    brand_of(brand);
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    line = strstr(text, "model name");
    line = line == NULL ? "" : line + strcspn(line, ":\n");
    line += strspn(line, ": \t");
    int len = (int)strcspn(line, "\n");
    const char *own = brand + strspn(brand, " ");
    size_t own_len = strlen(own);
    while (own_len > 0 && own[own_len - 1] == ' ')
        own_len--;
    bool agree = len > 0 && own_len == (size_t)len && memcmp(own, line, own_len) == 0;
    if (!agree)
        found(ret, RESULT_EMULATED);
    found_value(ret, agree ? "agree" : "differ");
    found_detail(ret, "CPUID %.*s, /proc/cpuinfo %.*s", (int)own_len, own, len, line);
}
#else
static void run_cpuid(const struct probe_context *context, const char *subject, struct finding *ret)
{
    (void)context, (void)subject;
    found(ret, RESULT_SKIPPED);
    found_detail(ret, "this processor's name cannot be read without the kernel");
}
#endif

#define ROW .group = GROUP_IDENTITY, .safety = SAFETY_READ

const struct probe probes_image[] = {
    {.id = "auxv",
     ROW,
     .title = "the auxiliary vector",
     .does = "reads /proc/self/auxv",
     .evidence =
         "Linux tells a program its platform; gVisor's loader leaves that out. Hard to fake "
         "without a tracer or a loader of one's own.",
     .source = "gVisor pkg/sentry/loader/elf.go; man 3 getauxval",
     .subject = "/proc/self/auxv",
     .run = run_auxv},
    {.id = "vdso",
     ROW,
     .title = "what the vDSO offers",
     .does = "reads the symbol table of the shared object the kernel mapped",
     .evidence =
         "gVisor maps an object of its own, which lacks clock_getres on x86-64. The code is "
         "in this process, not behind a file that could be mounted over.",
     .source = "gVisor vdso/; man 7 vdso",
     .run = run_vdso},
    {.id = "memory_map",
     ROW,
     .title = "named mappings of this process",
     .does = "reads /proc/self/maps and looks for the kernel's names in it",
     .evidence = "[usertrap] is where gVisor's systrap platform patches system calls. Its absence "
                 "proves nothing: other platforms have none.",
     .source = "gVisor pkg/sentry/platform/systrap/usertrap",
     .subject = "/proc/self/maps",
     .run = run_memory_map},
    {.id = "cpu_names_agree",
     ROW,
     .title = "does the kernel's name for the processor match the processor's own",
     .does = "CPUID leaves 0x80000002 to 4, against the model name in /proc/cpuinfo",
     .evidence =
         "gVisor makes cpuinfo up and lets CPUID through; Linux shows the same name twice. A "
         "platform that masks CPUID, or a file mounted over cpuinfo, changes that.",
     .source = "gVisor pkg/cpuid; Intel SDM volume 2, CPUID",
     .subject = "/proc/cpuinfo",
     .run = run_cpuid},
    {.id = NULL},
};
