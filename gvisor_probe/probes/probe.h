/*
 * A probe asks the kernel one question. It is a row in the table of its family (one file each), and
 * one finding in the report.
 *
 * A probe's function runs in a child process (runner.h) with a time limit, without core dumps and
 * with umask 077. It makes the calls, reads errno at once and fills the finding. It frees nothing,
 * because the child then exits, but removes files that it need not leave. Only these files make raw
 * system calls.
 *
 * Rules of safety for all probes:
 * - Where success could change anything, the arguments make the call fail after the permission
 *   check.
 * - Never try all system call numbers.
 * - Never call reboot, kexec_load with flags 0, acct(NULL), sethostname, settimeofday, vhangup,
 *   sync, kill(0 or -1), nor swapoff, umount or delete_module with something that exists.
 * - Never write to core_pattern, sysrq-trigger or release_agent.
 * - Make files only in context->dir, with O_NOFOLLOW and O_EXCL. The one exception is a file in
 *   PATH/locked, which the mode of that directory forbids.
 */
#ifndef GVISOR_PROBE_PROBES_PROBE_H
#define GVISOR_PROBE_PROBES_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gvisor_probe/words/words.h"

enum { FINDING_TEXT_MAX = 480, PROBE_WRITES_MAX = 4, PROBE_NAME_MAX = 136 };

/* Something that a probe made, or tried to make, on PATH. */
struct probe_write {
    char name[PROBE_NAME_MAX]; /* in context->dir, or in PATH/locked */
    bool locked;               /* in PATH/locked */
    const char *kind;          /* constant: file, fifo, socket, chardev or symlink */
    bool made;                 /* the calls succeeded */
};

struct finding {
    enum probe_result result;
    enum probe_cause cause;        /* CAUSES: derived from errnum (cause.h) */
    int errnum;                    /* of the decisive call; 0: none */
    char value[FINDING_TEXT_MAX];  /* short and comparable; "": none */
    char detail[FINDING_TEXT_MAX]; /* for people; "": none */
    uint64_t duration_ns;          /* of the whole function; set by the runner */
    struct probe_write writes[PROBE_WRITES_MAX];
    size_t write_count;
};

struct observed;

/* Everything is borrowed from the run. */
struct probe_context {
    const char *path;            /* the mount to try; NULL: none was given */
    const char *dir;             /* PATH/open/RUN-CELL; NULL: it could not be made */
    int dir_errnum;              /* why not; 0 if it was made */
    const char *label;           /* RUN-CELL; the name of the file in PATH/locked */
    const struct observed *self; /* identity, seccomp and capabilities of this process */
    bool network;                /* packets may be sent */
};

/* subject is the row's. *ret is zeroed but for the cause, which is CAUSES. */
typedef void probe_fn(const struct probe_context *context, const char *subject,
                      struct finding *ret);

struct probe {
    const char *id; /* never changes; of a-z, 0-9 and _; NULL ends a table */
    enum probe_group group;
    enum probe_safety safety;
    bool needs_path;
    const char *title;    /* one line */
    const char *does;     /* the calls it makes */
    const char *evidence; /* what the answer is evidence of, and what it is not */
    const char *source;   /* where to read about it */
    const char *subject;  /* argument for rows that share a function, such as a file; or NULL */
    probe_fn *run;
};

/* The tables of all families, in the order of a report, ended by NULL. */
extern const struct probe *const probe_families[];

/* The probe of that id, or NULL. */
const struct probe *probe_find(const char *id);

/* Result and errno of a call that has just returned rc; a negative rc means that errno is set. */
void found_call(struct finding *ret, long rc);
void found_errno(struct finding *ret, int errnum); /* 0: success */
void found(struct finding *ret, enum probe_result result);
void found_value(struct finding *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void found_detail(struct finding *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Defines run_NAME(), the function of a probe that makes one call. */
#define PROBE_CALL(name, call)                                                                     \
    static void run_##name(const struct probe_context *context, const char *subject,               \
                           struct finding *ret)                                                    \
    {                                                                                              \
        (void)context, (void)subject;                                                              \
        found_call(ret, call);                                                                     \
    }

/* The whole content of a file that a probe makes: "LABEL PROBE" and a line feed. */
enum { PROBE_TOKEN_MAX = 256 };
void probe_token(char out[PROBE_TOKEN_MAX], const char *label, const char *probe);

#endif
