/* A run of probes: what was asked, what this process is, what was found. */
#ifndef GVISOR_PROBE_RUN_RUN_H
#define GVISOR_PROBE_RUN_RUN_H

#include "common/buf.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/observe/detect.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/report/cell.h"

enum { RUN_PROBES_MAX = 160, RUN_LABEL_MAX = 2 * NAME_MAX_LEN + 2, RUN_PATH_MAX = 4096 };

struct run_request {
    const char *path;        /* of the mount to try, or NULL */
    const char *only;        /* ids and groups with commas between, or NULL: all */
    bool keep;               /* leave what probes made */
    bool privileged_too;     /* kernel calls even where this process may do harm */
    bool network;            /* packets may be sent */
    const struct cell *cell; /* complete */
    uint64_t boottime_ns;    /* the kernel's age at main() */
};

struct answered {
    const struct probe *probe;
    struct finding finding;
};

struct run {
    const struct run_request *request;
    char label[RUN_LABEL_MAX]; /* RUN-CELL */
    char dir[RUN_PATH_MAX];    /* PATH/open/RUN-CELL; "": not made */
    struct observed observed;
    struct answered *answers; /* in the table's order */
    size_t count;
    struct detection detection;
};

/* Fails USAGE for an unknown name in `only`, REFUSED for a path, CANCELLED. *ret may be released.
 */
bool run_probes(const struct run_request *request, struct run *ret, struct err *err);
void run_release(struct run *run);

/* The first line of a cell's log: which cell it is, of which run, in which runtime. Pure. */
bool cell_line(const struct cell *cell, struct buf *out, struct err *err);

/*
 * The run as a story for people: which cell this is, who it is, what it tried on the host's path
 * and what happened. Pure.
 */
bool run_story(const struct run *run, struct buf *out, struct err *err);

/* All answers as a table for people, coloured or not. Pure. */
bool run_table(const struct run *run, bool colour, struct buf *out, struct err *err);

#endif
