/*
 * The configuration as it would be without gVisor's part, and what follows from it for that part:
 * whose names its tables bear, its version, who manages control groups. Pure.
 */
#ifndef GVISOR_INSTALLER_PLAN_PLAN_BASE_H
#define GVISOR_INSTALLER_PLAN_PLAN_BASE_H

#include "common/buf.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/plan/plan.h"

enum { PLAN_TEXT_MAX = CONFIG_SIZE_MAX * 2 };

struct base {
    struct buf text;                 /* an import of our drop-in stays in it */
    struct containerd_config config; /* of text */
    struct containerd_config imported[PLAN_IMPORTED_MAX];
    size_t imported_count;
    bool empty;       /* no file, or nothing in it but comments */
    bool no_runtimes; /* it names none: containerd 1.x then has runc by itself */
    int64_t version;  /* of what we write */
    int64_t names;    /* of the tables that we write: the version that names them so */
};

/* base_release() whatever comes back. Refuses only what cannot be read or taken apart. */
bool base_read(const struct plan_facts *facts, struct base *ret, struct err *err);
void base_release(struct base *base);

/* Refuses a containerd that could not run gVisor with these files, or at all. */
bool base_check_containerd(const struct plan_facts *facts, const struct base *base,
                           struct err *err);

/* Refuses what must not be there, or does not fit, in any of the files; then answers. */
bool base_check(const struct plan_facts *facts, const struct base *base, enum plan_way way,
                bool *ret_systemd_cgroup, struct err *err);

#endif
