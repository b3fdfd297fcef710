/*
 * A probe: one question to the kernel that answers, one row in the table of its family
 * (probe_FAMILY.c), one finding in the report.
 *
 * The function runs in a child of its own (runner.h) with a time limit, without core dumps, under
 * the probe's own umask of 077. It makes the calls, looks at errno at once, and fills the finding;
 * it frees nothing and restores nothing but files, because the child ends with it. Raw system calls
 * live in these files only.
 *
 * Rules of safety, which no probe breaks: arguments that must fail after the permission check
 * wherever success could change anything; never a walk over all system call numbers; never reboot,
 * kexec_load with flags 0, acct(NULL), sethostname, settimeofday, vhangup, sync, swapoff or umount
 * or delete_module of anything real, kill(0 or -1), nor a write to core_pattern, sysrq-trigger or
 * release_agent. Files are made only below context->dir, with O_NOFOLLOW and O_EXCL; the one other
 * attempt is a file in PATH/locked, which its mode refuses.
 */
#ifndef GVISOR_PROBE_PROBE_H
#define GVISOR_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gvisor_probe/words.h"

enum { FINDING_TEXT_MAX = 480, PROBE_WRITES_MAX = 4, PROBE_NAME_MAX = 64 };

/* Something made on PATH, for the witness to look for. */
struct probe_write {
    char name[PROBE_NAME_MAX]; /* in context->dir, or in PATH/locked */
    bool locked;               /* in PATH/locked */
    const char *kind;          /* a constant: file, fifo, socket, chardev, symlink */
    bool made;                 /* the calls succeeded inside */
};

struct finding {
    enum probe_result result;
    enum probe_cause cause;
    int errnum;                    /* of the call that decided; 0: none */
    char value[FINDING_TEXT_MAX];  /* short and comparable; "": none */
    char detail[FINDING_TEXT_MAX]; /* for people; "": none */
    uint64_t duration_ns;          /* of the function, set by the runner */
    struct probe_write writes[PROBE_WRITES_MAX];
    size_t write_count;
};

struct observed;

/* All borrowed from the run. */
struct probe_context {
    const char *path;            /* the mount to try; NULL: none was given */
    const char *dir;             /* PATH/open/RUN-CELL; NULL: it could not be made */
    const char *token;           /* what files are filled with: names run and cell */
    const struct observed *self; /* identity, seccomp and capabilities of this process */
};

typedef void probe_fn(const struct probe_context *context, struct finding *ret);

struct probe {
    const char *id; /* stable, a-z 0-9 and _; NULL ends a table */
    enum probe_group group;
    enum probe_safety safety;
    bool needs_path;
    const char *title;    /* a line */
    const char *does;     /* the calls it makes */
    const char *evidence; /* what the answer is evidence of, and what it is not */
    const char *source;   /* where that can be read up */
    probe_fn *run;
};

#endif
