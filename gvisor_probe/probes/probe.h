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
#ifndef GVISOR_PROBE_PROBES_PROBE_H
#define GVISOR_PROBE_PROBES_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gvisor_probe/words/words.h"

enum { FINDING_TEXT_MAX = 480, PROBE_WRITES_MAX = 4, PROBE_NAME_MAX = 136 };

/* Something made on PATH, for the witness to look for. */
struct probe_write {
    char name[PROBE_NAME_MAX]; /* in context->dir, or in PATH/locked */
    bool locked;               /* in PATH/locked */
    const char *kind;          /* a constant: file, fifo, socket, chardev, symlink */
    bool made;                 /* the calls succeeded inside */
};

struct finding {
    enum probe_result result;
    enum probe_cause cause;        /* CAUSES: the errno decides (cause.h) */
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
    int dir_errnum;              /* why it could not; 0: it was */
    const char *label;           /* RUN-CELL: names what is made in PATH/locked */
    const struct observed *self; /* identity, seccomp and capabilities of this process */
    bool network;                /* packets may be sent */
};

/* subject is the row's. *ret comes zeroed, with the cause left to the runner (CAUSES). */
typedef void probe_fn(const struct probe_context *context, const char *subject,
                      struct finding *ret);

struct probe {
    const char *id; /* stable, a-z 0-9 and _; NULL ends a table */
    enum probe_group group;
    enum probe_safety safety;
    bool needs_path;
    const char *title;    /* a line */
    const char *does;     /* the calls it makes */
    const char *evidence; /* what the answer is evidence of, and what it is not */
    const char *source;   /* where that can be read up */
    const char *subject;  /* for rows that share a function: a file, a number; or NULL */
    probe_fn *run;
};

/* The families, in the order of a report; NULL ends. */
extern const struct probe *const probe_families[];

/* The row of that id, or NULL. */
const struct probe *probe_find(const char *id);

/* Helpers of probes (finding.c). */

/* Result and errno of a call that has just returned rc: errno says why where that is negative. */
void found_call(struct finding *ret, long rc);
void found_errno(struct finding *ret, int errnum); /* 0: it succeeded */
void found(struct finding *ret, enum probe_result result);
void found_value(struct finding *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void found_detail(struct finding *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a file made by a probe holds, in full: "LABEL PROBE" and a line end. */
enum { PROBE_TOKEN_MAX = 256 };
void probe_token(char out[PROBE_TOKEN_MAX], const char *label, const char *probe);

#endif
